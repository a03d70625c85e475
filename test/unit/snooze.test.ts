import { describe, expect, it } from 'vitest';
import { buttonSnoozeUntil, pressedSnoozeUntil } from '../../src/policy/snooze.ts';
import { askRequest } from '../../src/refresh/ask-request.ts';
import { localTime } from '../../src/time/local-time.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const NINE = Date.UTC(2026, 2, 2, 9);

describe('the Snooze button', () => {
  it.each([
    ['15 minutes at most', 60 * MINUTE, 15 * MINUTE],
    ['half of what is left, to a full minute', 25 * MINUTE, 12 * MINUTE],
    ['half of what is left', 10 * MINUTE, 5 * MINUTE],
    ['two minutes at least', 3 * MINUTE, 2 * MINUTE],
    ['until the end in the last two minutes', 90 * SECOND, 90 * SECOND],
    ['15 minutes after the end', 0, 15 * MINUTE],
    ['15 minutes long after the end', -60 * MINUTE, 15 * MINUTE],
  ])('the Snooze button postpones a prompt by %s', (_, left, length) => {
    expect(buttonSnoozeUntil(NINE, NINE + left) - NINE).toBe(length);
  });

  it('the Snooze button postpones a prompt by 15 minutes when the end of the session is not known', () => {
    expect(buttonSnoozeUntil(NINE, undefined)).toBe(NINE + 15 * MINUTE);
  });

  it('the Snooze button never reaches past the end of the session, nor asks again at once, whenever it is shown', () => {
    for (let now = NINE; now < NINE + MINUTE; now += 7 * SECOND) {
      for (let left = SECOND; left < 40 * MINUTE; left += 13 * SECOND) {
        const until = buttonSnoozeUntil(now, now + left);
        expect(until).toBeLessThanOrEqual(now + left);
        expect(until - now).toBeGreaterThanOrEqual(Math.min(left, 2 * MINUTE));
      }
    }
  });

  it('the Snooze button has a label that says until when, which stays true when it is pressed later', () => {
    const target = { profile: 'mfa', sourceProfile: 'default', serialNumber: 'phone', durationSeconds: 43_200 };
    const end = NINE + 25 * MINUTE;
    const { snooze } = askRequest({ ...target, expiration: end }, NINE + 20 * SECOND, { reminder: 0 });
    expect(snooze).toEqual({ until: NINE + 12 * MINUTE, label: `Snooze until ${localTime(NINE + 12 * MINUTE, NINE)}` });
    expect(pressedSnoozeUntil(snooze.until, NINE + 10 * MINUTE, end)).toBe(snooze.until);
    // Nearly over: as if the button were shown only now.
    expect(pressedSnoozeUntil(snooze.until, NINE + 11.5 * MINUTE, end)).toBe(
      buttonSnoozeUntil(NINE + 11.5 * MINUTE, end),
    );
    expect(pressedSnoozeUntil(snooze.until, NINE + 15 * MINUTE, end)).toBe(NINE + 20 * MINUTE);
  });
});
