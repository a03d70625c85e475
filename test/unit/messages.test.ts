import { beforeAll, describe, expect, it } from 'vitest';
import { askBody, askCountdown, askDevice, askTitle } from '../../src/ask/texts.ts';
import type { AwsFailure, RefreshOutcome } from '../../src/policy/outcome.ts';
import { codeResult } from '../../src/refresh/outcome.ts';
import { codeAlreadyUsed, refreshed, stsFailure, triesAgain } from '../../src/refresh/texts.ts';
import { localTime } from '../../src/time/local-time.ts';
import { expiredRequest, request } from '../desktop/asking.ts';

beforeAll(() => {
  process.env.TZ = 'UTC';
});

describe('the texts of a prompt', () => {
  it('a prompt names the profile and the end, and counts down only where that is updated', () => {
    expect(askTitle(request())).toBe('AWS session [mfa] ends at 14:35');
    expect(askCountdown(request())).toBe('AWS session [mfa] ends in 15m, at 14:35');
    for (const title of [askTitle, askCountdown]) {
      expect(title(expiredRequest())).toBe('AWS session [mfa] ended at 14:35');
      expect(title(request({ expiration: undefined }))).toBe('AWS session [mfa] needs a code');
    }
  });

  it('a prompt names the device and its account, or the serial number of a hardware token', () => {
    expect(askDevice(request())).toBe('MFA code of alice in account 123456789012');
    const serialNumber = 'arn:aws-cn:iam::123456789012:mfa/team/bob';
    expect(askDevice(request({ serialNumber }))).toBe('MFA code of team/bob in account 123456789012');
    expect(askDevice(request({ serialNumber: 'GAHT12345678' }))).toBe('MFA code of the device GAHT12345678');
  });

  it('a prompt begins with why the last code was not accepted', () => {
    expect(askBody(request({ problem: codeAlreadyUsed(Date.parse('2030-01-31T14:20:30Z')) }))).toEqual([
      'That code was already used; the next one comes at 14:20:30.',
      'MFA code of alice in account 123456789012',
    ]);
  });

  it('a prompt contains nothing that moves the cursor or reverses the text, whatever the name of the profile', () => {
    expect(askTitle(request({ profile: 'a\n\x1b[2J\u202eb' }))).toBe('AWS session [a [2J b] ends at 14:35');
  });

  it('a prompt names the day of a time that is not today', () => {
    const now = Date.parse('2030-01-31T14:20:00Z');
    expect(localTime(now, now)).toBe('14:20');
    expect(localTime(now + 12 * 3_600_000, now)).toBe('Fri 02:20');
    expect(localTime(now + 30 * 86_400_000, now)).toBe('2030-03-02 14:20');
  });
});

describe('the message of a refresh that AWS did not answer with a session', () => {
  const DEVICE = 'GAHT12345678';
  const target = { profile: 'mfa', sourceProfile: 'default', serialNumber: DEVICE };
  const role = { arn: 'arn:aws:iam::123456789012:role/x', isChained: false, keysProfile: 'default' };
  const answer = { endpoint: 'sts.eu-west-1.amazonaws.com', clockOffset: 3_600_000 };
  const said = (failure: AwsFailure, changes = {}, more = {}) =>
    stsFailure({ ...target, ...changes }, { ...answer, failure, ...more }).message;

  it.each<[AwsFailure, RegExp]>([
    [{ kind: 'wrong-code' }, /^AWS refused the code for GAHT12345678 .*: enter the next one$/],
    [{ kind: 'wrong-serial' }, /MFA device GAHT12345678 for the user of \[default\]: correct mfa_serial; or/],
    [{ kind: 'session-keys' }, /^\[default\] holds a session: source_profile must name/],
    [{ kind: 'forbidden', detail: 'no sts:X' }, /^AWS refused: no sts:X$/],
    [
      { kind: 'bad-keys', code: 'SignatureDoesNotMatch' },
      /^the aws_secret_access_key of \[default\] is wrong: correct/,
    ],
    [{ kind: 'bad-keys', code: 'InvalidClientTokenId' }, /^AWS does not know the access key of \[default\] .*: put a/],
    [{ kind: 'expired' }, /^the keys of \[default\] are a session that has expired: name the profile with/],
    [{ kind: 'clock' }, /^this machine's clock is 1h 00m slow: set it \(/],
    [{ kind: 'invalid-request', detail: 'x' }, /^AWS refused the request: x \(duration_seconds: 900 to 129600\)$/],
    [{ kind: 'busy', detail: 'HTTP 503' }, /^AWS is busy \(HTTP 503\): try again in a minute, with a new code$/],
    [{ kind: 'unreachable', detail: 'x', sent: false }, /^no answer from sts\.eu.* \(x\): try again when the network/],
    [
      { kind: 'unreachable', detail: 'self-signed certificate', sent: false, untrusted: true },
      /^the certificate of sts\.eu.* is not trusted \(self-signed certificate\): a proxy on .* AWS_CA_BUNDLE=FILE$/,
    ],
    [
      { kind: 'unreachable', detail: 'certificate is not yet valid', sent: false, untrusted: true },
      /: check this machine's clock \(.*\); if it is right, a proxy on .* AWS_CA_BUNDLE=FILE$/,
    ],
    [{ kind: 'unreachable', detail: 'x', sent: true, answered: true }, /sts\.eu.* is not AWS \(x\): check the proxy/],
    [{ kind: 'refused', code: 'Other', detail: 'No.' }, /^AWS refused: Other, No$/],
    [{ kind: 'refused', code: 'Other', detail: '' }, /^AWS refused: Other$/],
    [{ kind: 'refused', code: 'OptInRequired', detail: '' }, /OptInRequired: eu-west-1: set another region for this/],
    [{ kind: 'not-sts', detail: 'x' }, /^sts\.eu.* did not answer as AWS does \(x\): check AWS_ENDPOINT_URL/],
  ])('the message says what failed and what to do: %o', (failure, text) => {
    const message = said(failure);
    expect(message).toMatch(/^cannot refresh \[mfa\]: /);
    expect(message.replace('cannot refresh [mfa]: ', '')).toMatch(text);
  });

  it('the message names the clock, the region and the limits only as far as they are known and apply', () => {
    expect(said({ kind: 'clock' }, {}, { clockOffset: -60_000 })).toContain("this machine's clock is 1m fast");
    expect(said({ kind: 'clock' }, {}, { clockOffset: undefined })).toContain("this machine's clock is wrong");
    const global = { endpoint: 'sts.amazonaws.com' };
    expect(said({ kind: 'refused', code: 'OptInRequired', detail: '' }, {}, global)).toContain(': set another region');
    expect(said({ kind: 'invalid-request', detail: 'x' }, { role })).toMatch(/AWS refused the request: x$/);
  });

  it.each<[AwsFailure, RegExp]>([
    [{ kind: 'expired' }, /the session of \[a b\] any more: aws-mfa-agent refresh 'a b' --force$/],
    [{ kind: 'bad-keys', code: 'InvalidClientTokenId' }, /the session of \[a b\] any more: aws-mfa-agent refresh/],
    [{ kind: 'busy', detail: 'x' }, /^cannot refresh \[mfa\]: AWS is busy \(x\): try again in a minute$/],
    [{ kind: 'forbidden', detail: 'x' }, /^cannot refresh \[mfa\]: AWS refused: x$/],
  ])('the message of a role names the session of its source, and no code: %o', (failure, text) => {
    expect(said(failure, { sourceProfile: 'a b', role: { ...role, isChained: true } })).toMatch(text);
  });
});

it.each([
  [{ durationSeconds: 3600 }, '[mfa] is fresh until 15:20 (1h 00m)'],
  [{ durationSeconds: 3660 }, '[mfa] is fresh until 15:20 (1h 00m)'],
  [{ durationSeconds: 7200 }, '[mfa] is fresh until 15:20 (1h 00m; AWS gave less than the 2h 00m asked for)'],
  [{ durationSeconds: 3600, maxAge: 1_800_000 }, '[mfa] is fresh until 14:50 (30m)'],
])('the message of a new session says how long it can be used: %o', (asked, text) => {
  const now = Date.parse('2030-01-31T14:20:00Z');
  expect(refreshed('mfa', now + 3_600_000, now, asked)).toBe(text);
});

it.each<[RefreshOutcome, string, string]>([
  [{ kind: 'snoozed', until: 1 }, 'over', '[mfa] was not refreshed: no code was entered'],
  [{ kind: 'dismissed' }, 'over', '[mfa] was not refreshed: no code was entered'],
  [{ kind: 'withdrawn' }, 'over', '[mfa] was not refreshed: no code was entered'],
  [
    { kind: 'unaskable', reason: 'no desktop' },
    'failed',
    'cannot ask for the code of [mfa]: no desktop (aws-mfa-agent refresh mfa --token-code CODE does not ask)',
  ],
  [{ kind: 'unwritable', reason: 'full' }, 'failed', 'cannot refresh [mfa]: full'],
  [{ kind: 'no-keys', reason: 'none' }, 'failed', 'cannot refresh [mfa]: none'],
])('the result of a code is one line: %o', (outcome, kind, text) => {
  expect(codeResult({ profile: 'mfa', durationSeconds: 3600, maxAge: undefined }, outcome, 0)).toEqual({ kind, text });
});

it('the message about a lost connection names the endpoint, without control characters', () => {
  expect(triesAgain('sts.x', 'no\nroute')).toBe(
    'No connection to sts.x yet (no route): trying until the code expires…',
  );
});
