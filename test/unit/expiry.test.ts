import { afterEach, describe, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { ExpiryError, formatExpiry, readExpiry } from '../../src/session/expiry.ts';

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const SESSION = 'aws_access_key_id = ASIAX\naws_secret_access_key = s\naws_session_token = t\n';
const NOON = Date.UTC(2026, 2, 1, 12, 0, 0);
const LATER = Date.UTC(2026, 6, 1, 23, 30, 15);

function profile(body: string) {
  const section = parseCredentials(Buffer.from(`[mfa]\n${SESSION}${body}`)).profile('mfa');
  if (!section) throw new Error('no profile');
  return section;
}

/** Returns the text below the session's three keys after another session has been written. */
function rewritten(body: string): string {
  const session = { accessKeyId: 'ASIAY', secretAccessKey: 's', sessionToken: 't', expiration: LATER + 999 };
  const bytes = withSession(Buffer.from(`[mfa]\n${SESSION}${body}`), 'mfa', session);
  const section = parseCredentials(bytes).profile('mfa');
  expect(section && readExpiry(section), 'read back').toBe(LATER);
  return bytes.toString().split('aws_session_token = t\n')[1] ?? '';
}

describe.each(['UTC', 'America/New_York', 'Asia/Kolkata'])('the expiry in time zone %s', (TZ) => {
  test.each([
    ['RFC 3339 in UTC', 'expiration = 2026-03-01T12:00:00Z\n', 'expiration = 2026-07-01T23:30:15Z\n'],
    ['RFC 3339 with an offset', 'Expiration=2026-03-01T14:00:00.250+02:00\n', 'Expiration=2026-07-01T23:30:15Z\n'],
    [
      'broamski/aws-mfa',
      'assumed_role = False\nexpiration = 2026-03-01 12:00:00\n',
      'assumed_role = False\nexpiration = 2026-07-01 23:30:15\n',
    ],
    [
      'saml2aws',
      'x_security_token_expires = 2026-03-01T13:00:00+01:00\n',
      'x_security_token_expires = 2026-07-02T00:30:15+01:00\n',
    ],
    [
      '+0000',
      'aws_session_expiration = 2026-03-01T12:00:00+0000\n',
      'aws_session_expiration = 2026-07-01T23:30:15+0000\n',
    ],
    [
      '+0530',
      'aws_session_expiration = 2026-03-01T17:30:00+0530\n',
      'aws_session_expiration = 2026-07-02T05:00:15+0530\n',
    ],
    [
      '-0330',
      'aws_session_expiration = 2026-03-01T08:30:00-0330\n',
      'aws_session_expiration = 2026-07-01T20:00:15-0330\n',
    ],
    ['+02', 'aws_session_expiration = 2026-03-01 14:00:00+02\n', 'aws_session_expiration = 2026-07-02 01:30:15+02\n'],
    [
      'a fraction',
      'aws_session_expiration = 2026-03-01T12:00:00.000Z\n',
      'aws_session_expiration = 2026-07-01T23:30:15.000Z\n',
    ],
    [
      '+00:00',
      'aws_credential_expiration=2026-03-01 12:00:00+00:00\n',
      'aws_credential_expiration=2026-07-01 23:30:15+00:00\n',
    ],
    ['Z', 'aws_expiration = 2026-03-01T12:00:00Z\n', 'aws_expiration = 2026-07-01T23:30:15Z\n'],
    [
      'the comment of mfa-login',
      '#expiration = # Credentials expire at: 2026-03-01 12:00:00 UTC\n',
      '#expiration = # Credentials expire at: 2026-07-01 23:30:15 UTC\n',
    ],
  ])('the expiry is read and kept in the form of %s', (_what, before, after) => {
    process.env.TZ = TZ;
    expect(Math.floor((readExpiry(profile(before)) ?? 0) / 1000) * 1000).toBe(NOON);
    expect(rewritten(before)).toBe(after);
  });
});

describe.each(['manager = awsume', 'autoawsume = true'])('the local time of awsume, marked by `%s`', (mark) => {
  test.each([
    ['UTC', '12:00:00', '2026-07-01 23:30:15'],
    ['America/New_York', '07:00:00', '2026-07-01 19:30:15'],
    ['Asia/Kolkata', '17:30:00', '2026-07-02 05:00:15'],
  ])('the local time of awsume is read and kept in time zone %s', (TZ, noon, later) => {
    process.env.TZ = TZ;
    const before = `${mark}\nexpiration = 2026-03-01 ${noon}\n`;
    expect(readExpiry(profile(before))).toBe(NOON);
    expect(rewritten(before)).toBe(`${mark}\nexpiration = ${later}\n`);
  });
});

test.each([
  ['America/New_York', NOON],
  ['Asia/Kolkata', NOON - 5.5 * 3_600_000],
])('an expiry without a zone and a mark is read as the earlier of both possible times in %s', (TZ, expected) => {
  process.env.TZ = TZ;
  expect(readExpiry(profile('expiration = 2026-03-01 12:00:00\n'))).toBe(expected);
  expect(rewritten('expiration = 2026-03-01 12:00:00\n')).toBe('expiration = 2026-07-01T23:30:15Z\n');
});

test('an expiry in the hour that occurs twice is read as the earlier time', () => {
  process.env.TZ = 'America/New_York';
  expect(readExpiry(profile('manager = awsume\nexpiration = 2026-11-01 01:30:00\n'))).toBe(
    Date.UTC(2026, 10, 1, 5, 30),
  );
});

test('an expiry in several dialects is updated in each', () => {
  expect(
    rewritten(
      'expiration = 2026-01-01T00:00:00Z\n#expiration = # Credentials expire at: 2026-01-01 00:00:00 UTC\naws_expiration = 2026-01-01T00:00:00+0000\n',
    ),
  ).toBe(
    'expiration = 2026-07-01T23:30:15Z\n#expiration = # Credentials expire at: 2026-07-01 23:30:15 UTC\naws_expiration = 2026-07-01T23:30:15+0000\n',
  );
});

test.each([
  ['expiration = 2026-03-01T12:00:00.250Z', NOON + 250],
  ['expiration = 2026-03-01 12:00:00,75', NOON + 750],
  ['aws_expiration = 2026-03-01T14:00:00.250999+02:00', NOON + 250],
])('the expiry in `%s` is read to the millisecond', (line, expected) => {
  process.env.TZ = 'UTC';
  expect(readExpiry(profile(`${line}\n`))).toBe(expected);
});

test('only awsume’s own key holds local time in a profile of awsume: another one counts as the earlier of both', () => {
  process.env.TZ = 'America/New_York';
  expect(readExpiry(profile('manager = awsume\naws_expiration = 2026-03-01 12:00:00\n'))).toBe(NOON);
});

test('the earliest expiry counts when several dialects disagree', () => {
  expect(readExpiry(profile('expiration = 2026-03-01T13:00:00Z\naws_expiration = 2026-03-01T12:00:00Z\n'))).toBe(NOON);
});

test('a note after the date is not part of the expiry', () => {
  expect(readExpiry(profile('expiration = 2026-03-01T12:00:00Z # soon\n'))).toBe(NOON);
});

test('a profile has no expiry without a dialect, or with an empty one', () => {
  expect(readExpiry(profile('region = x\nexpiration =\n'))).toBeUndefined();
});

test('a date without a zone, in whatever key, is replaced by RFC 3339 in UTC', () => {
  expect(rewritten('aws_expiration = 2026-03-01 12:00:00\n')).toBe('aws_expiration = 2026-07-01T23:30:15Z\n');
});

test.each(['soon', '2026-02-31T00:00:00Z', '2026-13-01T00:00:00Z', '2026-03-01T25:00:00Z', '1772366400', '2026-03-01'])(
  'expiration = %s is not accepted as a date',
  (text) => {
    expect(() => readExpiry(profile(`expiration = ${text}\n`))).toThrow(ExpiryError);
    expect(rewritten(`expiration = ${text}\n`)).toBe('expiration = 2026-07-01T23:30:15Z\n');
  },
);

test('a profile without a dialect gets an RFC 3339 expiry in UTC, to the second', () => {
  expect([...formatExpiry(profile(''), LATER + 999)]).toEqual([['expiration', '2026-07-01T23:30:15Z']]);
});
