import { describe, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { refusal } from '../refusal.ts';

/** Each was found by test/integration/formats.test.ts, and is here in few lines. */
const session: MfaSession = {
  accessKeyId: 'ASIANEW',
  secretAccessKey: 'new',
  sessionToken: 'new==',
  expiration: Date.UTC(2030, 0, 2, 3, 4, 5),
};

function edited(text: string, options?: { force?: boolean }): string {
  return withSession(Buffer.from(text), 'mfa', session, options).toString();
}

const KEYS = 'aws_access_key_id = ASIANEW\naws_secret_access_key = new\naws_session_token = new==\n';
const EXPIRATION = 'expiration = 2030-01-02T03:04:05Z\n';

describe('white space from a web page', () => {
  test.each([' ', '\t', '\v', '\f', '\u00a0', '\u3000', '\u2003', '\u202f'])(
    '%j at the start of a line is read as white space',
    (blank) => {
      const indented = `[mfa]\n${KEYS}${EXPIRATION}`.replace(/^/gm, blank).slice(0, -1);
      expect(edited(indented.replace('ASIANEW', 'ASIAOLD'))).toBe(indented);
      const other = `${blank}[other]\naws_session_token = other\n`;
      expect(edited(`[mfa]\n${other}`)).toContain(other);
      expect(parseCredentials(Buffer.from(`[mfa]\n${other}`)).profileNames()).toEqual(['mfa', 'other']);
    },
  );

  test.each([' ', '\t', '\v', '\f', '\u00a0'])('%j before a line makes it continue the setting above', (blank) => {
    const text = `[mfa]\nregion = x\n${blank}more\n`;
    expect(parseCredentials(Buffer.from(text)).profile('mfa')?.values.get('region')).toBe('x\nmore');
  });

  test('an indentation is measured in characters, not in bytes', () => {
    const text = `[mfa]\n\u00a0region = x\n  continued\n\u00a0output = json\n`;
    expect(parseCredentials(Buffer.from(text)).profile('mfa')?.values.get('region')).toBe('x\ncontinued');
  });
});

describe('a key that is indented below another setting', () => {
  test('an indented key does not become a second one, which would make botocore reject the file', () => {
    expect(edited(`[mfa]\nregion = x\n  aws_session_token = old\n${KEYS}${EXPIRATION}`)).toBe(
      `[mfa]\nregion = x\n${KEYS}${EXPIRATION}`,
    );
    expect(edited('[mfa]\nregion = x\n  aws_session_token = old\n  aws_session_token = older\n')).toBe(
      `[mfa]\nregion = x\naws_session_token = new==\naws_access_key_id = ASIANEW\naws_secret_access_key = new\n${EXPIRATION}`,
    );
  });
});

describe('a line that tools read differently', () => {
  test.each([
    ['a header that is indented below a key', `[mfa]\n${KEYS}  [other]\naws_session_token = other\n`, '[other]'],
    ['a header that is indented above a key', '[mfa]\nregion = x\n  [other]\naws_session_token = other\n', '[other]'],
    ['a setting that would stand twice', `[mfa]\nregion = x\n${KEYS}  region = y\n`, 'region'],
    ['nested settings below a key', `[mfa]\n${KEYS}  s3 =\n    max = 5\n`, 's3'],
    ['nested settings below a key, without a blank', `[mfa]\n${KEYS}  s3=\n    max = 5\n`, 's3'],
    ['nested settings below a nested key', `[mfa]\nregion = x\n  aws_session_token = t\n  s3=\n    max = 5\n`, 's3'],
  ])('%s is refused, with what to do, since tools read it differently', (_what, text, named) => {
    expect(() => edited(text)).toThrow(refusal);
    expect(() => edited(text)).toThrow(`${named} in or below [mfa] is indented, so some tools`);
    expect(() => edited(text)).toThrow(/remove the spaces in front of it$/);
  });

  test('a header with a note directly after it is refused, since the SDK for JavaScript does not see a header', () => {
    expect(() => edited(`[a]\n${KEYS}[mfa]#note\n`)).toThrow(
      'some tools do not accept the text after the header [mfa]',
    );
    expect(() => edited(`[a]\n${KEYS}[mfa]#note\n`)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^line 5: /), code: 'target-profile' }),
    );
    expect(edited('[mfa]#note\n')).toBe(`[mfa]#note\n${KEYS}${EXPIRATION}`);
  });

  test('a line that tools read differently is named by its number in the file', () => {
    expect(() => edited(`[a]\nx = 1\n[mfa]\nregion = x\n  [other]\n${KEYS}`)).toThrow(/^line 5: \[other\] in or below/);
  });

  test('a list in an indented line below a key is not taken for a header', () => {
    expect(edited(`[mfa]\n${KEYS}${EXPIRATION}  list = [a]\n`)).toBe(`[mfa]\n${KEYS}${EXPIRATION}list = [a]\n`);
  });

  test.each([
    's3 =\n  max =\n    5\n',
    's3=\n  max=\n    deep = 5\n',
    'region = x\n  region = y\n',
    'list =\n  a = 1\n  a = 2\n',
    'list =\n  [other]\n  a = 1\n',
  ])('an indented line stays when there is no key of the session: %j', (other) => {
    expect(edited(`[mfa]\n${KEYS.replace('ASIANEW', 'ASIAOLD')}${EXPIRATION}${other}`)).toBe(
      `[mfa]\n${KEYS}${EXPIRATION}${other}`,
    );
  });

  test.each([
    ['  c2Vzc2lvbg\n  YWdhaW4=\n', 'region = x\n'],
    ['  c2Vzc2lvbg\n  YWdhaW4=\n  bW9yZQ==\n', 'region = x\n'],
    ['  YWdhaW4=\n', ''],
    ['  c2Vz+YWdhaW4=\n  ', 'region = x\n'],
  ])('a token that is split into several lines is replaced: %j before %j', (rest, below) => {
    expect(edited(`[mfa]\n${KEYS}${rest}${below}`)).toBe(`[mfa]\n${KEYS}${EXPIRATION}${below}`);
  });
});

test.each([
  ['in a line that continues another', '[mfa]\nexpiration =\n  aws_access_key_id : AKIAEXAMPLE\n'],
  [
    'behind a blank in another encoding',
    Buffer.from('[mfa]\naws_access_key_id =\xa0AKIAEXAMPLE\naws_session_token = t\n', 'latin1'),
  ],
])('a long-term key is not overwritten %s', (_where, text) => {
  expect(() => withSession(Buffer.from(text), 'mfa', session)).toThrow(/holds long-term keys/);
});

test.each(['assumed_role = x', 'manager = awsume'])(
  '%s in [DEFAULT] does not change the form of the expiry',
  (mark) => {
    expect(edited(`[DEFAULT]\n${mark}\n[mfa]\n`)).toBe(`[DEFAULT]\n${mark}\n[mfa]\n${KEYS}${EXPIRATION}`);
  },
);

test('a security token in [DEFAULT], which botocore adds to every profile, is overridden in the profile', () => {
  const shared = '[DEFAULT]\naws_security_token = old\n';
  expect(edited(`${shared}[mfa]\n`)).toBe(`${shared}[mfa]\n${KEYS}aws_security_token = new==\n${EXPIRATION}`);
  expect(edited(shared)).toContain('aws_security_token = new==\n');
});

test('a note needs white space in front of it, also directly after the equals sign', () => {
  const read = (line: string) =>
    parseCredentials(Buffer.from(`[mfa]\n${line}\n`))
      .profile('mfa')
      ?.values.get('manager');
  expect(read('manager =#a')).toBe('#a');
  expect(read('manager = #a')).toBe('');
  expect(read('manager = a#b #c')).toBe('a#b');
});

test.each([
  ['a\n\n  b\n  # note\n  c\n\n', 'a\n\nb\nc'],
  ['a\n\n  # note\n  b\n  c\n', 'a\n\nb\nc'],
])('a value of several lines includes the blank ones between them, like in botocore: %j', (written, value) => {
  const text = `[mfa]\ncredential_process = ${written}`;
  expect(parseCredentials(Buffer.from(text)).profile('mfa')?.values.get('credential_process')).toBe(value);
});
