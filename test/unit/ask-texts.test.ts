import { describe, expect, it } from 'vitest';
import { NO_DISPLAY, NO_GJS, NO_SERVICE, NOT_INSTALLED, summaryOf } from '../../src/ask/reasons.ts';
import { askTitle } from '../../src/ask/texts.ts';
import { endAhead } from '../../src/policy/snooze.ts';
import { askRequest } from '../../src/refresh/ask-request.ts';

const HOUR = 3_600_000;
const NOON = new Date(2030, 0, 31, 12).getTime();
const TARGET = { profile: 'x', sourceProfile: 'default', serialNumber: 'GAHT12345678', durationSeconds: 43_200 };

describe('the first line of a prompt', () => {
  it.each([
    [NOON - 5 * 60_000, 'AWS session [x] ends at 12:00'],
    [NOON + 60_000, 'AWS session [x] ended at 12:00'],
  ])('the first line of a prompt says at %i when the session ends', (now, title) => {
    expect(askTitle(askRequest({ ...TARGET, expiration: NOON }, now, { reminder: 0 }))).toBe(title);
  });

  it.each([
    ['before it is reached', NOON - 10 * 60_000, 'AWS session [x] reaches max_age (1h) at 12:00'],
    ['when it is reached', NOON, 'AWS session [x] is older than max_age (1h)'],
    ['hours later', NOON + 9 * HOUR, 'AWS session [x] is older than max_age (1h)'],
    ['shortly before AWS ends the session', NOON + 11 * HOUR - 120_000, 'AWS session [x] ends at 23:00'],
    ['when AWS has ended the session', NOON + 11 * HOUR, 'AWS session [x] ended at 23:00'],
  ])('the first line of a prompt describes max_age correctly: %s', (_, now, title) => {
    const target = { ...TARGET, maxAge: HOUR, expiration: NOON, awsEnd: NOON + 11 * HOUR };
    expect(askTitle(askRequest(target, now, { reminder: 0 }))).toBe(title);
  });

  it.each([
    [HOUR, '1h'],
    [90 * 60_000, '90m'],
    [24 * HOUR, '24h'],
    [45_000, '45s'],
  ])('the first line of a prompt writes a max_age of %i like the settings', (maxAge, text) => {
    const target = { ...TARGET, maxAge, expiration: NOON, awsEnd: NOON + 11 * HOUR };
    expect(askTitle(askRequest(target, NOON, { reminder: 0 }))).toContain(`max_age (${text})`);
  });
});

describe('the summary of why nothing can ask', () => {
  const notification = { name: 'notification', reason: NO_SERVICE };
  it.each([
    [
      'what to install where there is a display',
      [notification, { name: 'window', reason: NO_GJS }, { name: 'zenity', reason: NOT_INSTALLED }],
      // There is nothing to install on macOS.
      `${process.platform === 'darwin' ? `notification: ${NO_SERVICE}` : 'install gjs or zenity'}; run \`aws-mfa-agent doctor\``,
    ],
    [
      'a missing display, not what is installed anyway',
      [notification, { name: 'zenity', reason: NO_DISPLAY }, { name: 'pinentry', reason: NOT_INSTALLED }],
      'no display; run `aws-mfa-agent doctor`',
    ],
    [
      'why the only way of the settings does not work',
      [notification],
      'notification: no notification service is running; run `aws-mfa-agent doctor`',
    ],
  ])('the summary of why nothing can ask names %s', (_, failed, summary) => {
    expect(summaryOf(failed)).toBe(summary);
  });
});

it.each<[string, Parameters<typeof endAhead>[0], number | undefined]>([
  ['the end of the session', { expiration: NOON + 1 }, NOON + 1],
  ['that of max_age first', { expiration: NOON + 1, awsEnd: NOON + HOUR }, NOON + 1],
  ['that of AWS after that of max_age', { expiration: NOON, awsEnd: NOON + HOUR }, NOON + HOUR],
  ['the past one when there is no other', { expiration: NOON }, NOON],
  ['none without a session', { expiration: undefined }, undefined],
])('the end that a user must not miss is %s', (_, ends, expected) => {
  expect(endAhead(ends, NOON)).toBe(expected);
});

it.each([
  ['only the end when max_age is not set', { awsEnd: NOON + HOUR }, { expiration: NOON }],
  ['only the end when AWS ends the session then', { maxAge: HOUR }, { expiration: NOON }],
  [
    'max_age when AWS ends the session later',
    { awsEnd: NOON + HOUR, maxAge: HOUR },
    { expiration: NOON, maxAge: HOUR },
  ],
])('a prompt shows %s', (_, ends, shown) => {
  const { expiration, maxAge } = askRequest({ ...TARGET, expiration: NOON, ...ends }, NOON, { reminder: 0 });
  expect({ expiration, ...(maxAge !== undefined && { maxAge }) }).toEqual(shown);
});
