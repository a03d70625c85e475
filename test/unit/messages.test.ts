import { beforeAll, describe, expect, it } from 'vitest';
import { askBody, askCountdown, askDevice, askTitle } from '../../src/ask/texts.ts';
import { codeAlreadyUsed } from '../../src/refresh/texts.ts';
import { localTime } from '../../src/time/local-time.ts';
import { expiredRequest, request } from '../desktop/asking.ts';

describe('the texts of a prompt', () => {
  beforeAll(() => {
    process.env.TZ = 'UTC';
  });

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
