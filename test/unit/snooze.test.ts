import { describe, expect, it, vi } from 'vitest';
import { aging, asOf } from '../../src/ask/aging.ts';
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

  it('the Snooze button whose label is the end of the session postpones the prompt by 15 minutes after the end', () => {
    const end = NINE + 90 * SECOND;
    const until = buttonSnoozeUntil(NINE, end);
    expect(until).toBe(end);
    expect(pressedSnoozeUntil(until, end - SECOND, end)).toBe(end);
    for (const late of [0, 40 * SECOND]) {
      expect(pressedSnoozeUntil(until, end + late, end)).toBe(buttonSnoozeUntil(end + late, undefined));
    }
  });

  it('the Snooze button of an open prompt has a new label when the time on it has nearly come', () => {
    const target = { profile: 'mfa', sourceProfile: 'default', serialNumber: 'phone', durationSeconds: 43_200 };
    const [maxAge, awsEnd] = [60 * MINUTE, NINE + 30 * MINUTE];
    for (const ends of [{ expiration: undefined }, { expiration: NINE }, { expiration: NINE, awsEnd, maxAge }]) {
      const request = askRequest({ ...target, ...ends }, NINE, { reminder: 0 });
      expect(request.snooze.until).toBe(NINE + 15 * MINUTE);
      expect(asOf(request, NINE + 14 * MINUTE)).toEqual({ ...request, now: NINE + 14 * MINUTE });
      const late = NINE + 14 * MINUTE + SECOND;
      const until = NINE + ('awsEnd' in ends ? 22 : 29) * MINUTE;
      expect(asOf(request, late)).toEqual({
        ...request,
        now: late,
        snooze: { until, label: `Snooze until ${localTime(until, NINE)}` },
      });
      expect(until).toBe(pressedSnoozeUntil(request.snooze.until, late, 'awsEnd' in ends ? awsEnd : NINE));
    }
  });

  it('a prompt that is shown again later has the label of that time', () => {
    const target = { profile: 'mfa', sourceProfile: 'default', serialNumber: 'phone', durationSeconds: 43_200 };
    vi.useFakeTimers();
    try {
      const later = aging(askRequest({ ...target, expiration: undefined }, NINE, { reminder: 0 }));
      vi.advanceTimersByTime(19 * MINUTE);
      expect(later()).toMatchObject({ now: NINE + 19 * MINUTE, snooze: { until: NINE + 34 * MINUTE } });
    } finally {
      vi.useRealTimers();
    }
  });
});
