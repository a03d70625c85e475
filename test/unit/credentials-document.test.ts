import { describe, expect, test } from 'vitest';
import { parseConfig, parseCredentials } from '../../src/credentials/document.ts';
import { withSession, withSessions } from '../../src/credentials/edit.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { refusal } from '../refusal.ts';

const session: MfaSession = {
  accessKeyId: 'ASIANEW',
  secretAccessKey: 'new/secret+',
  sessionToken: 'IQoJnew==',
  expiration: Date.UTC(2030, 0, 2, 3, 4, 5),
};

function edited(text: string, profile = 'mfa', options?: { force?: boolean }): string {
  const once = withSession(Buffer.from(text), profile, session, options);
  expect(withSession(once, profile, session, options).toString('latin1'), 'written again').toBe(
    once.toString('latin1'),
  );
  return once.toString();
}

const lines = (...texts: string[]) => texts.map((text) => `${text}\n`).join('');
const KEYS = ['aws_access_key_id = ASIANEW', 'aws_secret_access_key = new/secret+', 'aws_session_token = IQoJnew=='];
const EXPIRATION = 'expiration = 2030-01-02T03:04:05Z';
const OLD = ['aws_access_key_id = ASIAOLD', 'aws_secret_access_key = old', 'aws_session_token = old=='];

describe('a new profile', () => {
  test('a new profile is the only content of an empty file', () => {
    expect(edited('')).toBe(lines('[mfa]', ...KEYS, EXPIRATION));
  });

  test('a new profile is added at the end, after a blank line', () => {
    expect(edited(lines('[default]', 'region = x'))).toBe(
      lines('[default]', 'region = x', '', '[mfa]', ...KEYS, EXPIRATION),
    );
  });

  test('a new profile gets no blank line when the file has none between its profiles', () => {
    const before = lines('[a]', 'region = x', '[b]', 'region = y');
    expect(edited(before)).toBe(before + lines('[mfa]', ...KEYS, EXPIRATION));
  });

  test.each(['\n', ' \t\n', '\r\n', '\r'])(
    'a new profile gets no second blank line when the file ends with %j',
    (blank) => {
      const end = blank.trimStart() || blank.replace(/[ \t]/g, '');
      const added = ['[mfa]', ...KEYS, EXPIRATION].map((line) => line + end).join('');
      const before = `[a]${end}region = x${end}${blank}`;
      expect(edited(before)).toBe(before + added);
      expect(edited(blank)).toBe(blank + added);
    },
  );

  test('a new profile gets a blank line when the file has one above the comment of its last profile', () => {
    const before = lines('[a]', 'region = x', '', '# mine', '[b]', 'region = y');
    expect(edited(before)).toBe(before + lines('', '[mfa]', ...KEYS, EXPIRATION));
  });

  test('a new profile begins directly after a byte order mark', () => {
    expect(edited('\ufeff')).toBe(`\ufeff${lines('[mfa]', ...KEYS, EXPIRATION)}`);
  });

  test('a new profile begins on its own line, with the line ends of the file, when the last line has no end', () => {
    expect(edited('[a]\r\nregion = x')).toBe(
      `[a]\r\nregion = x\r\n\r\n${['[mfa]', ...KEYS, EXPIRATION].map((line) => `${line}\r\n`).join('')}`,
    );
  });

  test.each(['\r', '\r\n', '\n'])('a new profile has the line ends of a file whose lines end with %j', (end) => {
    const added = ['[mfa]', ...KEYS, EXPIRATION].map((line) => line + end).join('');
    expect(edited(`[a]${end}region = x${end}`)).toBe(`[a]${end}region = x${end}${end}${added}`);
    expect(edited(`[a]${end}region = x`)).toBe(`[a]${end}region = x${end}${end}${added}`);
  });

  test('a new profile has the line end of the last line when a file has several kinds', () => {
    const added = (end: string) => ['', '[mfa]', ...KEYS, EXPIRATION].map((line) => line + end).join('');
    for (const before of ['[a]\nregion = x\r', '[a]\rregion = x\n', '[a]\nregion = x\r\n']) {
      expect(edited(before)).toBe(before + added(/[\r\n]*$/.exec(before)?.[0] ?? ''));
    }
  });

  test('a new profile is added when another profile has a similar name', () => {
    const before = lines(
      '[MFA]',
      'a = 1',
      '',
      '[ mfa ]',
      'a = 2',
      '',
      '[profile mfa]',
      'a = 3',
      '',
      '[mfa.x]',
      'a = 4',
    );
    expect(edited(before)).toBe(before + lines('', '[mfa]', ...KEYS, EXPIRATION));
  });
});

describe('an existing key', () => {
  test('an existing key keeps its place, spelling, spacing and line end', () => {
    const before = 'AWS_Session_Token=old==\r\n  region = x\n';
    expect(edited(`[mfa]\naws_secret_access_key   =\told\nAWS_ACCESS_KEY_ID : ASIAOLD\n${before}`)).toContain(
      '[mfa]\naws_secret_access_key   =\tnew/secret+\nAWS_ACCESS_KEY_ID : ASIANEW\nAWS_Session_Token=IQoJnew==\r\n',
    );
  });

  test('an existing key loses the note after its value, which is part of the value for botocore', () => {
    expect(edited(lines('[mfa]', 'aws_access_key_id = ASIAOLD # mine', ...OLD.slice(1), EXPIRATION))).toBe(
      lines('[mfa]', ...KEYS, EXPIRATION),
    );
  });

  test('an existing key loses the lines that continue its value, but not the comments between them', () => {
    expect(edited(lines('[mfa]', ...OLD, '  c2Vzc2lvbg==', '  # wrapped', '  more', EXPIRATION))).toBe(
      lines('[mfa]', ...KEYS, '  # wrapped', EXPIRATION),
    );
  });

  test('an existing key gets a value when it is empty', () => {
    expect(edited('[mfa]\naws_access_key_id =\naws_secret_access_key=\naws_session_token = \nexpiration =')).toBe(
      '[mfa]\naws_access_key_id = ASIANEW\naws_secret_access_key=new/secret+\naws_session_token = IQoJnew==\nexpiration = 2030-01-02T03:04:05Z',
    );
  });

  test('an existing key keeps several blanks before the equals sign when it is empty', () => {
    expect(edited(lines('[mfa]', 'aws_access_key_id  =', ...OLD.slice(1), EXPIRATION))).toBe(
      lines('[mfa]', 'aws_access_key_id  = ASIANEW', ...KEYS.slice(1), EXPIRATION),
    );
  });

  test('an existing key gets the same value everywhere when it occurs twice', () => {
    expect(edited(lines('[mfa]', ...OLD, 'AWS_SESSION_TOKEN = older', EXPIRATION))).toBe(
      lines('[mfa]', ...KEYS, 'AWS_SESSION_TOKEN = IQoJnew==', EXPIRATION),
    );
  });

  test('aws_security_token gets the new token if it exists, and is not added otherwise', () => {
    expect(edited(lines('[mfa]', ...OLD, 'aws_security_token = old=='))).toBe(
      lines('[mfa]', ...KEYS, 'aws_security_token = IQoJnew==', EXPIRATION),
    );
    expect(edited(lines('[mfa]', ...OLD))).not.toContain('aws_security_token');
  });
});

describe('a missing key', () => {
  test('a missing key is added after the last key of the session', () => {
    expect(edited(lines('[mfa]', 'aws_access_key_id = ASIAOLD', 'region = x', '', '# end'))).toBe(
      lines('[mfa]', ...KEYS, EXPIRATION, 'region = x', '', '# end'),
    );
  });

  test('a missing key is added after the header, in the style of the section, when there is no key of the session', () => {
    expect(edited('[mfa]\n\tregion=x\n\toutput=json\n')).toBe(
      '[mfa]\n\taws_access_key_id=ASIANEW\n\taws_secret_access_key=new/secret+\n\taws_session_token=IQoJnew==\n\texpiration=2030-01-02T03:04:05Z\n\tregion=x\n\toutput=json\n',
    );
  });

  test('a missing key is aligned with keys that are padded to a column', () => {
    expect(edited(lines('[mfa]', 'aws_access_key_id     = ASIAOLD', 'aws_secret_access_key = old'))).toBe(
      lines(
        '[mfa]',
        'aws_access_key_id     = ASIANEW',
        'aws_secret_access_key = new/secret+',
        'aws_session_token = IQoJnew==',
        EXPIRATION,
      ),
    );
    expect(edited(lines('[mfa]', 'aws_access_key_id     = ASIAOLD'))).toContain('aws_session_token     = IQoJnew==\n');
  });

  test('a missing key is aligned with keys that have several blanks after the equals sign', () => {
    expect(edited(lines('[mfa]', 'aws_access_key_id     =  ASIAOLD'))).toContain(
      'aws_session_token     =  IQoJnew==\n',
    );
  });

  test.each([
    ['', '  [mfa]\n', 'region = x\n'],
    ['', '[mfa]\n', '    # note\nregion = x\n'],
    ['  ', '[mfa]\n', '  stray\nregion = x\n'],
    ['   ', '[mfa]\n', '   stray\n  region = x\n'],
  ])('a missing key is indented with %j, so that no line continues it, between %j and %j', (indent, header, below) => {
    const added = [...KEYS, EXPIRATION].map((line) => `${indent}${line}\n`).join('');
    expect(edited(header + below)).toBe(header + added + below);
  });

  test('a missing key is indented like the key of the session above it, not like another setting', () => {
    expect(edited(lines('[mfa]', '  region = x', 'aws_access_key_id = ASIAOLD'))).toBe(
      lines('[mfa]', '  region = x', ...KEYS, EXPIRATION),
    );
  });

  test('a missing key is added without a final line end when the file has none', () => {
    expect(edited('[mfa]')).toBe(lines('[mfa]', ...KEYS, EXPIRATION).slice(0, -1));
    expect(edited('[mfa]\naws_access_key_id = ASIAOLD')).toBe(lines('[mfa]', ...KEYS, EXPIRATION).slice(0, -1));
  });

  test.each(['  [mfa]\n', '[mfa]\n', '[mfa]\n stray\n'])(
    'a missing key does not make the next, indented header its continuation: after %j',
    (before) => {
      const after = '  [other]\n  region = y\n';
      expect(edited(before + after)).toContain(`\n  aws_access_key_id = ASIANEW\n`);
      expect(edited(before + after).endsWith(after)).toBe(true);
      expect(parseCredentials(Buffer.from(edited(before + after))).profileNames()).toEqual(['mfa', 'other']);
    },
  );
});

describe('the rest of the file', () => {
  test('comments, blank lines, nested settings and other profiles stay', () => {
    const before = lines('# top', '[default]', 'aws_access_key_id = AKIA', 's3 =', '  aws_session_token = no', '');
    const after = lines('', '; between', 's3 =', '    max = 5', '    aws_access_key_id = nested', '[z]', 'x=y==');
    expect(edited(before + lines('[mfa]', ...OLD, EXPIRATION) + after)).toBe(
      before + lines('[mfa]', ...KEYS, EXPIRATION) + after,
    );
  });

  test('keys that are commented out stay', () => {
    const before = lines('[mfa]', '#aws_access_key_id = AKIAKEEP', '; aws_session_token = keep');
    expect(edited(before)).toBe(lines('[mfa]', ...KEYS, EXPIRATION) + before.slice('[mfa]\n'.length));
  });

  test('bytes that are not UTF-8 stay', () => {
    const before = Buffer.from('[caf\xe9]\nregion = \xff\n\n', 'latin1');
    const after = withSession(before, 'mfa', session);
    expect(after.subarray(0, before.length).equals(before)).toBe(true);
    expect(parseCredentials(after).profileNames()).toContain('mfa');
  });

  test('a byte order mark, and lines that end with CR alone, stay', () => {
    expect(edited('\ufeff[mfa]\rregion = x\r')).toBe(`\ufeff[mfa]\r${[...KEYS, EXPIRATION].join('\r')}\rregion = x\r`);
  });

  test('every byte stays when the same session is written again', () => {
    const before = lines('[mfa]', ...KEYS, EXPIRATION);
    expect(edited(before)).toBe(before);
  });
});

describe('sections of the same name', () => {
  test('sections of the same name all get the whole session, so that the first and the last agree', () => {
    expect(edited(lines('[mfa]', 'region = x', '[other]', 'a = b', '[mfa]', ...OLD))).toBe(
      lines('[mfa]', ...KEYS, EXPIRATION, 'region = x', '[other]', 'a = b', '[mfa]', ...KEYS, EXPIRATION),
    );
  });

  test('sections of the same name are read as one profile, whose later key counts', () => {
    const profile = parseCredentials(Buffer.from('[a]\nx = 1\ny = 2\n[b]\n[a]\nx = 3\n')).profile('a');
    expect([...(profile?.values ?? [])]).toEqual([
      ['x', '3'],
      ['y', '2'],
    ]);
  });
});

describe('keys of the session that are indented below another setting', () => {
  test('indented keys of the session are moved to where every reader sees them', () => {
    expect(edited(lines('[mfa]', 'region = x', ...OLD.map((line) => `  ${line}`), '  output = json', EXPIRATION))).toBe(
      lines('[mfa]', 'region = x', ...KEYS, 'output = json', EXPIRATION),
    );
  });

  test('indented keys of the session are moved also when they are below each other', () => {
    expect(edited(lines('[mfa]', OLD[0] ?? '', `  ${OLD[1]}`, `  ${OLD[2]}`))).toBe(
      lines('[mfa]', ...KEYS, EXPIRATION),
    );
  });
});

describe('what must not be overwritten', () => {
  const longTerm = {
    'a long-term key': lines('[mfa]', 'aws_access_key_id = AKIAX', 'aws_secret_access_key = s'),
    'a long-term key beside a token': lines('[mfa]', 'aws_access_key_id = AKIAX', 'aws_session_token = t'),
    'a key without a session token': lines('[mfa]', 'aws_access_key_id = X', 'aws_secret_access_key = s'),
    'a secret without a key id': lines('[mfa]', 'aws_secret_access_key = s', 'aws_session_token ='),
    'a long-term key in the first of two sections': lines('[mfa]', 'aws_access_key_id = AKIAX', '[mfa]', ...OLD),
    'a long-term key above another in the same section': lines('[mfa]', 'aws_access_key_id = AKIAX', ...OLD),
    'a long-term key that is indented below another setting': lines(
      '[mfa]',
      'a = b',
      ' aws_access_key_id = AKIAX',
      ...OLD,
    ),
  };
  test.each(Object.entries(longTerm))('%s is not overwritten without force', (_what, text) => {
    expect(() => edited(text)).toThrow(refusal);
    expect(() => edited(text)).toThrow(/^\[mfa\] holds long-term keys/);
    expect(edited(text, 'mfa', { force: true })).toContain('ASIANEW');
  });

  test('a long-term key beside a token is not overwritten with a session whose id looks like one either', () => {
    const before = Buffer.from(lines('[mfa]', 'aws_access_key_id = AKIAX', 'aws_session_token = t'));
    const next = { ...session, accessKeyId: 'AKIANEW' };
    expect(() => withSession(before, 'mfa', next)).toThrow(refusal);
    expect(() => withSession(before, 'mfa', next, { own: 'AKIAY' })).toThrow(refusal);
    expect(withSession(before, 'mfa', next, { own: 'AKIAX' }).toString()).toContain('AKIANEW');
  });

  test('a long-term key is not overwritten with a session whose id begins like it', () => {
    const before = Buffer.from(lines('[mfa]', 'aws_access_key_id = AKIAOLD', 'aws_session_token = t'));
    const next = { ...session, accessKeyId: 'AKIAOTHER' };
    expect(() => withSession(before, 'mfa', next)).toThrow(refusal);
    expect(withSession(before, 'mfa', next, { own: 'AKIAOLD' }).toString()).toContain('AKIAOTHER');
  });

  test('a long-term key is not overwritten with one of several sessions without force', () => {
    const before = Buffer.from(lines('[mfa]', 'aws_access_key_id = AKIAX', 'aws_session_token = t'));
    const write = (...options: Parameters<typeof withSessions>[2][]) =>
      withSessions(
        before,
        [
          ['other', session],
          ['mfa', session],
        ],
        ...options,
      ).toString();
    expect(() => write()).toThrow(refusal);
    expect(() => write({ own: () => 'AKIAY' })).toThrow(refusal);
    for (const options of [{ own: () => 'AKIAX' }, { force: true }]) expect(write(options)).not.toContain('AKIAX');
  });

  test.each([
    ['NUL bytes', Buffer.from('[mfa]\n\0\n')],
    ['an archive', Buffer.from('1f8b0800e3c5', 'hex')],
    ['UTF-16', Buffer.from('\ufeff[mfa]\n', 'utf16le')],
    ['a file of 16 MiB', Buffer.alloc(16 * 1024 * 1024 + 1, '#')],
  ])('%s is refused as a credentials file', (_what, bytes) => {
    expect(() => withSession(bytes, 'mfa', session)).toThrow(refusal);
    expect(() => parseCredentials(bytes)).toThrow(refusal);
  });

  test.each(['utf16le', 'utf16be'])('a file in %s is refused with the encoding to use', (encoding) => {
    const bytes = Buffer.from('\ufeff[mfa]\n', 'utf16le');
    expect(() => parseCredentials(encoding === 'utf16le' ? bytes : bytes.swap16())).toThrow(
      /UTF-16.*save it as UTF-8$/,
    );
  });

  test.each(['', ' mfa', 'a]b', 'a\nb', 'DEFAULT', '__proto__', 'constructor', 'services x', 'a #b', '#a'])(
    'the name %j is refused for a profile',
    (name) => {
      expect(() => withSession(Buffer.alloc(0), name, session)).toThrow(
        expect.objectContaining({
          message: expect.stringContaining('cannot be the name of a profile'),
          code: 'target-profile',
        }),
      );
    },
  );

  test('a malformed session is refused', () => {
    const forged = { ...session, sessionToken: 'x\n[default]\naws_access_key_id = evil' };
    expect(() => withSession(Buffer.alloc(0), 'mfa', forged)).toThrow(/is malformed, so it is not from AWS/);
    expect(() => withSession(Buffer.alloc(0), 'mfa', { ...session, expiration: Number.NaN })).toThrow(refusal);
  });
});

describe('the reader of a profile', () => {
  const read = (text: string, name = 'mfa') => parseCredentials(Buffer.from(text)).profile(name);

  test('the reader gives values by lower-case key, and lines with comments', () => {
    const profile = read('[mfa]\n# note\nRegion = eu \r\ns3 =\n  max = 5\n\nempty =\nurl: a=b\n[z]\n');
    expect(Object.fromEntries(profile?.values ?? [])).toEqual({ region: 'eu', s3: '\nmax = 5', empty: '', url: 'a=b' });
    expect(profile?.lines).toEqual(['# note', 'Region = eu ', 's3 =', '  max = 5', '', 'empty =', 'url: a=b']);
  });

  test('the reader gives keys without a note, and commands with everything that looks like one', () => {
    const profile = read('[mfa]\naws_access_key_id = ASIA ; x\ncredential_process = sh -c "a ; b" # c\n');
    expect(profile?.values.get('aws_access_key_id')).toBe('ASIA');
    expect(profile?.values.get('credential_process')).toBe('sh -c "a ; b" # c');
  });

  test.each(['a.b', 'my team', "it's", '"q"', 'profile x', 'équipe à', '部門', 'a]b', 'x@y:z/1'])(
    'the reader finds [%s]',
    (name) => {
      expect(read(`[${name}]\nregion = voilà\n`, name)?.values.get('region')).toBe('voilà');
    },
  );

  test('the reader ignores text after a header', () => {
    expect(read('[mfa] # see [1]\na = b\n')?.values.get('a')).toBe('b');
  });

  test('the reader reads a bracket that is indented below a setting as part of it, like botocore', () => {
    const text = '[mfa]\nlist =\n  [nested]\n  a = b\n [x]\n[z]\n';
    expect(parseCredentials(Buffer.from(text)).profileNames()).toEqual(['mfa', 'z']);
    expect(edited(text)).toContain('\nlist =\n  [nested]\n  a = b\n [x]\n[z]\n');
    expect(edited(text, 'nested')).toContain('[z]\n[nested]\naws_access_key_id = ASIANEW\n');
  });

  test.each(['list = [a, b]', '[]', '[bc'])('the reader does not take %j for a header', (line) => {
    const text = `[mfa]\n${line}\nregion = x\n`;
    expect(parseCredentials(Buffer.from(text)).profileNames()).toEqual(['mfa']);
    expect(read(text)?.values.get('region')).toBe('x');
    expect(read(text)?.values.get('list')).toBe(line.startsWith('list') ? '[a, b]' : undefined);
    expect(edited(text)).toBe(text.replace('\n', `\n${lines(...KEYS, EXPIRATION)}`));
  });

  test('the reader prefers a setting of its own line to one that is indented below another', () => {
    expect(read('[mfa]\noutput = json\nregion = x\n  output = text\n')?.values.get('output')).toBe('json');
  });

  test('the reader joins the lines of a command with single blanks', () => {
    const { entries } = parseConfig(Buffer.from('[default]\ncredential_process = a\n\n  b\n  c\n'));
    expect(entries('default').get('credential_process')?.value).toBe('a b c');
  });

  test.each(['\n', '\r\n', '\r'])('the reader counts lines that end with %j', (end) => {
    const text = ['', '[a]', 'x = 1', '[b]', '', 'y = 2'].join(end);
    expect(parseConfig(Buffer.from(text)).entries('b').get('y')?.line).toBe(6);
  });

  test('the reader gives the names in the order of the file', () => {
    expect(parseCredentials(Buffer.from('[b]\n[a]\n[b]\n')).profileNames()).toEqual(['b', 'a']);
    expect(parseCredentials(Buffer.alloc(0)).profileNames()).toEqual([]);
  });
});
