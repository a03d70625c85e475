import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseKnownFiles } from '@smithy/shared-ini-file-loader';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { type MfaSession, sessionIn } from '../../src/session/session.ts';
import { needs } from '../needs.ts';

const session: MfaSession = {
  accessKeyId: 'ASIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY',
  sessionToken: 'IQoJb3JpZ2luX2VjEXAMPLE/////token+with=signs==',
  expiration: Date.UTC(2030, 0, 2, 3, 4, 5),
};

const LONG_TERM = 'aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalr/K7MDENG+bPxRfi=\n';
const OLD = 'aws_access_key_id = ASIAOLD\naws_secret_access_key = old/secret=\naws_session_token = FwoGold==\n';

/** A reader that cannot read such a file, before as well as after, is named with the reason. */
interface Sample {
  text: string | Buffer;
  profile?: string;
  botocore?: string;
  javascript?: string;
}

const SAMPLES: Record<string, Sample> = {
  'an empty file': { text: '' },
  'only comments': { text: '# my keys\n; do not touch\n' },
  'only blank lines': { text: '\n\n\n' },
  'as the AWS CLI writes it': { text: `[default]\n${LONG_TERM}[mfa]\n${OLD}` },
  'no session in the profile yet': { text: `[default]\n${LONG_TERM}\n[mfa]\nregion = eu-west-1\n\n[z]\n${LONG_TERM}` },
  'comments everywhere': {
    text: `# top\n[default] # mine\n# in\n${LONG_TERM}# out\n\n; above\n[mfa]\n# first\n${OLD}# last\n\n[z]\na = b\n`,
  },
  'CRLF line ends': { text: `[default]\n${LONG_TERM}\n[mfa]\n${OLD}\n[z]\na = b\n`.replaceAll('\n', '\r\n') },
  'mixed line ends': { text: `[default]\r\n${LONG_TERM}\n[mfa]\r\n${OLD}[z]\na = b` },
  'a byte order mark': { text: `\ufeff[default]\n${LONG_TERM}[mfa]\n${OLD}`, botocore: 'no section header on line 1' },
  'names with dots': { text: `[my.team]\n${LONG_TERM}[my.team.mfa]\n${OLD}[my]\na = b\n`, profile: 'my.team.mfa' },
  'a name with a slash and an at sign': { text: `[a/b@c]\n${OLD}`, profile: 'a/b@c' },
  'a name with a blank': { text: `[my team]\n${OLD}`, profile: 'my team', javascript: 'passes over names with blanks' },
  'a name in another script': { text: `[équipe-部門]\nnote = voilà\n${OLD}`, profile: 'équipe-部門' },
  'a name in quotes': { text: `["mfa"]\n${OLD}`, profile: '"mfa"' },
  'equals signs at the ends of values': { text: `[a]\nx = ==\n[mfa]\n${OLD}y = z==\n` },
  'nested settings': {
    text: `[default]\n${LONG_TERM}s3 =\n  max_concurrent_requests = 20\n  aws_session_token = nested\n\n[mfa]\n${OLD}s3 =\n    addressing_style = path\n[z]\na = b\n`,
  },
  'nested settings above the keys': { text: `[mfa]\ns3 =\n  addressing_style = path\n${OLD}` },
  'an indented section': {
    text: `[default]\n${LONG_TERM}\n[mfa]\n${OLD.replace(/^/gm, '    ').trimEnd()}\n    region = x\n[z]\n`,
  },
  'indented headers': { text: `  [default]\n  a = b\n  [mfa]\n  region = x\n  [z]\n  a = b\n` },
  'no line end at the end, inside the profile': { text: `[default]\n${LONG_TERM}\n[mfa]\n${OLD.trimEnd()}` },
  'no line end at the end, before a new profile': { text: `[default]\n${LONG_TERM.trimEnd()}` },
  'a header at the very end': { text: `[default]\n${LONG_TERM}\n[mfa]` },
  'no blanks around the equals signs': {
    text: `[default]\n${LONG_TERM}[mfa]\n${OLD.replaceAll(' = ', '=')}`.trimEnd(),
  },
  'many blanks and tabs around the equals signs': { text: `[mfa]\n${OLD.replaceAll(' = ', '\t  =   ')}` },
  'blanks behind the values': { text: `[mfa]\n${OLD.replaceAll('\n', '  \t\n')}` },
  'colons for equals signs': { text: `[mfa]\n${OLD.replaceAll(' = ', ': ')}`, javascript: 'knows no colon' },
  'keys in capitals': {
    text: `[mfa]\n${OLD.replace(/^[a-z_]+/gm, (key) => key.toUpperCase())}`,
    javascript: 'minds the case',
  },
  'empty values to be filled in': {
    text: '[mfa]\naws_access_key_id =\naws_secret_access_key =\naws_session_token =\n',
  },
  'notes behind values': { text: `[mfa]\n${OLD.replaceAll('\n', ' # note\n')}` },
  'an old aws_security_token': { text: `[mfa]\n${OLD}aws_security_token = FwoGolder==\nassumed_role = False\n` },
  'a token that is broken into lines': { text: `[mfa]\n${OLD.trimEnd()}\n  c2Vzc2lvbg==\n\tYWdhaW4=\nregion = x\n` },
  'keys indented below another setting': {
    text: `[mfa]\nregion = x\n${OLD.replace(/^(?=.)/gm, '  ')}  output = json\n`,
  },
  'a profile twice': { text: `[mfa]\n${OLD}[a]\nb = c\n[mfa]\nregion = x\n`, botocore: 'section already exists' },
  'a key twice': { text: `[mfa]\n${OLD}aws_session_token = FwoGolder==\n`, botocore: 'option already exists' },
  'a stray line': { text: `[mfa]\n${OLD}stray\n[z]\na = b\n`, botocore: 'parsing errors' },
  'settings before the first header': { text: `a = b\n[mfa]\n${OLD}`, botocore: 'no section header' },
  'blanks pasted from a web page': { text: `[mfa]\n${OLD.replaceAll(' = ', '\u00a0=\u00a0')}` },
  'bytes that are not UTF-8': {
    text: Buffer.from(`[caf\xe9]\na = \xff\n[mfa]\n${OLD}`, 'latin1'),
    botocore: 'invalid UTF-8',
  },
  'lines that end with CR alone': { text: `[mfa]\r${OLD.replaceAll('\n', '\r')}`, javascript: 'knows no lone CR' },
  '5,000 profiles': {
    text: Array.from({ length: 5000 }, (_, index) => `[profile-${index}]\n${index === 2500 ? OLD : LONG_TERM}\n`).join(
      '',
    ),
    profile: 'profile-2500',
  },
};

const folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-readers-'));
afterAll(() => rmSync(folder, { recursive: true }));

const samples = Object.entries(SAMPLES).map(([name, sample], index) => {
  const before = Buffer.from(sample.text as string);
  const profile = sample.profile ?? 'mfa';
  return {
    name,
    profile,
    before,
    after: withSession(before, profile, session),
    file: join(folder, `${index}`),
    ...sample,
  };
});

const EXPECTED = {
  aws_access_key_id: session.accessKeyId,
  aws_secret_access_key: session.secretAccessKey,
  aws_session_token: session.sessionToken,
};

/** One Python process for all: what botocore's own provider finds, or why it does not. */
const BOTOCORE = `
import json, sys
from botocore.credentials import SharedCredentialProvider
for line in sys.stdin:
    file, profile = json.loads(line)
    try:
        found = SharedCredentialProvider(file, profile).load()
        print(json.dumps(found and [found.access_key, found.secret_key, found.token]))
    except Exception as error:
        print(json.dumps(str(error)))
`;

beforeAll(() => {
  for (const { file, after } of samples) writeFileSync(file, after);
});

describe('botocore, on a rewritten file', needs('python3:botocore'), () => {
  let found: unknown[] = [];
  beforeAll(() => {
    const input = samples.map(({ file, profile }) => JSON.stringify([file, profile])).join('\n');
    const output = execFileSync('python3', ['-X', 'utf8', '-c', BOTOCORE], { input, encoding: 'utf8' });
    found = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  });

  for (const [index, { name, botocore }] of samples.entries()) {
    const does = botocore ? `rejects, as before (${botocore}),` : 'finds the session in';
    test(`botocore ${does} a file with ${name}`, () => {
      if (botocore) expect(found[index]).toMatch(/^Unable to parse config file/);
      else expect(found[index]).toEqual(Object.values(EXPECTED));
    });
  }
});

describe('the loader of the SDK for JavaScript, on a rewritten file', () => {
  test.each(samples)(
    'the loader of the SDK for JavaScript finds the session in a file with $name',
    async ({ file, profile, javascript }) => {
      const profiles = await parseKnownFiles({
        filepath: file,
        configFilepath: join(folder, 'none'),
        ignoreCache: true,
      });
      if (javascript) expect(profiles[profile], javascript).not.toMatchObject(EXPECTED);
      else expect(profiles[profile]).toMatchObject(EXPECTED);
    },
  );
});

describe('the bytes outside the profile', () => {
  test.each(samples)('every byte outside the profile stays in a file with $name', ({ before, after, profile }) => {
    const header = Buffer.from(`[${profile}]`);
    const outside = (bytes: Buffer) => {
      // From a header of the profile up to the next header at the same indentation.
      const texts = bytes.toString('latin1').split(/(?<=^|[\r\n])(?=[ \t]*\[)/);
      return texts.filter((text) => !text.trimStart().startsWith(header.toString('latin1')));
    };
    const [was, is] = [outside(before), outside(after)];
    // Before a new profile, the last line may get its end, and a blank line may follow.
    const gap = is.join('').slice(was.join('').length);
    expect(is.join('').startsWith(was.join(''))).toBe(true);
    expect(gap).toMatch(before.includes(header) ? /^$/ : /^(?:\r?\n){0,2}$/);
  });
});

test.each(samples)('this program finds the session in a file with $name', ({ after, profile }) => {
  expect(sessionIn(parseCredentials(after).profile(profile))).toEqual({
    kind: 'session',
    ...session,
  });
  expect(withSession(after, profile, session).equals(after)).toBe(true);
});
