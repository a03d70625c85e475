import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import type { ProfileSection } from '../../src/credentials/section.ts';
import { type MfaSession, sessionIn } from '../../src/session/session.ts';

const zone = process.env.TZ;
beforeEach(() => {
  // Where the fixtures were made; only awsume's dates depend on it.
  process.env.TZ = 'America/New_York';
});
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const FOLDER = new URL('../fixtures/dialects/', import.meta.url);
const fixture = (name: string) => readFileSync(new URL(name, FOLDER));

const OLD_END = Date.UTC(2026, 2, 1, 12);
/** In summer time, unlike the old one. */
const NEW_END = Date.UTC(2026, 6, 2, 1, 2, 3);
const session: MfaSession = {
  accessKeyId: 'ASIAEXAMPLENEW',
  secretAccessKey: 'EXAMPLE/secret+new',
  sessionToken: 'EXAMPLE/token+new==',
  expiration: NEW_END + 999,
};

/** When a tool believes that the session ends; it throws where the tool would. */
type OwnReading = (profile: ProfileSection) => number;

type Parts = [year: number, month: number, day: number, hour: number, minute: number, second: number];

/** Python's strptime takes nothing else than its format. */
function strptime(text: string | undefined, format: RegExp): Parts {
  const parts = format
    .exec(text ?? '')
    ?.slice(1)
    .map(Number);
  if (!parts) throw new Error(`time data ${JSON.stringify(text)} does not match format`);
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  return [year, month - 1, day, hour, minute, second];
}
const PLAIN = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)$/;

/** All that aws-mfa wants to find, or else it asks for a new code. */
const broamski: OwnReading = ({ values }) => {
  for (const key of [
    'assumed_role',
    'aws_access_key_id',
    'aws_secret_access_key',
    'aws_session_token',
    'aws_security_token',
    'expiration',
  ]) {
    if (!values.has(key)) throw new Error(`No option ${key}`);
  }
  return Date.UTC(...strptime(values.get('expiration'), PLAIN));
};
/** With datetime.now(). */
const awsume: OwnReading = ({ values }) => new Date(...strptime(values.get('expiration'), PLAIN)).getTime();
/** Go's time.Parse(time.RFC3339, …). */
const rfc3339 =
  (key: string): OwnReading =>
  ({ values }) => {
    const text = values.get(key) ?? '';
    if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text))
      throw new Error(`no time: ${text}`);
    return Date.parse(text);
  };
const yawsso: OwnReading = ({ values }) =>
  Date.UTC(...strptime(values.get('aws_session_expiration'), /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\+0000$/));
const gsts: OwnReading = ({ values }) => new Date(values.get('aws_session_expiration') ?? '').getTime();

interface Dialect {
  profile: string;
  /** Nothing in the file says when the session ends. */
  unknown?: true;
  /** How the tool reads its own file, where it does. */
  own?: OwnReading;
  /** The lines that differ after the session is written, and what comes instead, beside the keys' own values. */
  dates: [before: string, after: string][];
}

const DIALECTS: Record<string, Dialect> = {
  'aws-mfa-agent': {
    profile: 'mfa',
    own: rfc3339('expiration'),
    dates: [['expiration = 2026-03-01T12:00:00Z', 'expiration = 2026-07-02T01:02:03Z']],
  },
  'broamski-aws-mfa': {
    profile: 'mfa',
    own: broamski,
    dates: [['expiration = 2026-03-01 12:00:00', 'expiration = 2026-07-02 01:02:03']],
  },
  awsume: {
    profile: 'mfa',
    own: awsume,
    dates: [['expiration = 2026-03-01 07:00:00', 'expiration = 2026-07-01 21:02:03']],
  },
  autoawsume: {
    profile: 'autoawsume-default',
    own: awsume,
    dates: [['expiration = 2026-03-01 07:00:00', 'expiration = 2026-07-01 21:02:03']],
  },
  saml2aws: {
    profile: 'saml',
    own: rfc3339('x_security_token_expires'),
    dates: [
      ['x_security_token_expires = 2026-03-01T07:00:00-05:00', 'x_security_token_expires = 2026-07-01T20:02:03-05:00'],
    ],
  },
  'okta-awscli': {
    profile: 'okta',
    dates: [
      ['aws_session_expiration = 2026-03-01 12:00:00+00:00', 'aws_session_expiration = 2026-07-02 01:02:03+00:00'],
    ],
  },
  'yawsso-1.1.0': {
    profile: 'sso',
    own: yawsso,
    dates: [['aws_session_expiration = 2026-03-01T12:00:00+0000', 'aws_session_expiration = 2026-07-02T01:02:03+0000']],
  },
  // It cannot read that itself.
  'yawsso-1.4.0': {
    profile: 'sso',
    dates: [
      [
        'aws_session_expiration = 2026-03-01T12:00:00+00:00+0000',
        'aws_session_expiration = 2026-07-02T01:02:03+00:00+0000',
      ],
    ],
  },
  gsts: {
    profile: 'sts',
    own: gsts,
    dates: [
      ['aws_session_expiration=2026-03-01T12:00:00.000Z', 'aws_session_expiration=2026-07-02T01:02:03.000Z'],
      // In quotes it would be right for gsts, but wrong for every SDK.
      ['aws_session_token="EXAMPLE/token+old=="', 'aws_session_token=EXAMPLE/token+new=='],
    ],
  },
  'aws-configure-mfa-login-draft-1': {
    profile: '123456789012-alice',
    dates: [
      [
        '#expiration = # Credentials expire at: 2026-03-01 12:00:00 UTC',
        '#expiration = # Credentials expire at: 2026-07-02 01:02:03 UTC',
      ],
    ],
  },
  'aws-configure-mfa-login-draft-2': {
    profile: '123456789012-alice',
    dates: [
      ['#Credentials expire at:  = 2026-03-01 00:00:00 UTC', '#Credentials expire at:  = 2026-07-02 01:02:03 UTC'],
      ['#Credentials expire at:  = 2026-03-01 12:00:00 UTC', '#Credentials expire at:  = 2026-07-02 01:02:03 UTC'],
    ],
  },
  'aws-configure-mfa-login': {
    profile: '123456789012-alice',
    unknown: true,
    dates: [
      [
        'aws_session_token = EXAMPLE/token+old==',
        'aws_session_token = EXAMPLE/token+new==\nexpiration = 2026-07-02T01:02:03Z',
      ],
    ],
  },
};

test('every fixture is used by a test', () => {
  expect(readdirSync(FOLDER).sort()).toEqual([...Object.keys(DIALECTS), 'README.md'].sort());
});

function profileIn(bytes: Buffer, name: string): ProfileSection {
  const section = parseCredentials(bytes).profile(name);
  if (!section) throw new Error(`no [${name}]`);
  return section;
}

describe.each(Object.entries(DIALECTS))('a profile of %s', (name, { profile, unknown, own, dates }) => {
  const before = fixture(name);
  const rewritten = () => withSession(before, profile, session);

  test('a profile of another tool is read', () => {
    const { kind, expiration } = { expiration: undefined, ...sessionIn(profileIn(before, profile)) };
    expect({ kind, expiration }).toEqual({ kind: 'session', expiration: unknown ? undefined : OLD_END });
    if (own) expect(own(profileIn(before, profile))).toBe(OLD_END);
  });

  test('a profile of another tool keeps its dialect, and every other byte of the file', () => {
    let expected = before.toString();
    for (const [line, now] of dates) {
      expect(expected).toContain(line);
      expected = expected.replace(line, now);
    }
    expected = expected
      .replaceAll('ASIAEXAMPLEOLD', session.accessKeyId)
      .replaceAll('EXAMPLE/secret+old', session.secretAccessKey)
      .replaceAll('EXAMPLE/token+old==', session.sessionToken);
    expect(rewritten().toString()).toBe(expected);
    expect(withSession(rewritten(), profile, session).equals(rewritten())).toBe(true);
  });

  test('a profile of another tool is read again by this program and by the tool after a refresh', () => {
    const section = profileIn(rewritten(), profile);
    expect(sessionIn(section)).toEqual({ kind: 'session', ...session, expiration: NEW_END });
    if (own) expect(own(section)).toBe(NEW_END);
  });
});

describe('aws configure mfa-login', () => {
  const profile = '123456789012-alice';

  test('our expiration beside new keys of aws configure mfa-login does not count for them', () => {
    const ours = withSession(fixture('aws-configure-mfa-login'), profile, session).toString();
    const theirs = ours.replace('ASIAEXAMPLENEW', 'ASIAEXAMPLETHEIRS').replace('token+new', 'token+theirs');
    const remembered = { accessKeyId: session.accessKeyId, expiration: NEW_END };
    expect(sessionIn(profileIn(Buffer.from(theirs), profile), remembered)).toEqual({
      kind: 'session',
      ...session,
      accessKeyId: 'ASIAEXAMPLETHEIRS',
      sessionToken: session.sessionToken.replace('token+new', 'token+theirs'),
      expiration: undefined,
    });
  });

  test.each(['aws-configure-mfa-login-draft-1', 'aws-configure-mfa-login-draft-2'])(
    'the comment of %s is updated beside our key',
    (name) => {
      const both = `${fixture(name).toString()}expiration = 2026-03-01T12:00:00Z\n`;
      const after = withSession(Buffer.from(both), profile, session).toString();
      expect(after).not.toContain('2026-03');
      expect(after).toContain('expiration = 2026-07-02T01:02:03Z\n');
      expect(after).toMatch(/^#.*2026-07-02 01:02:03 UTC$/m);
    },
  );
});
