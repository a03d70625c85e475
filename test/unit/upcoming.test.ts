import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { upcomingChecks } from '../../src/agent/upcoming.ts';

const MINUTE = 60_000;

describe('the next checks', () => {
  const zone = process.env.TZ;
  beforeEach(() => {
    process.env.TZ = 'Europe/Berlin';
    vi.useFakeTimers({ toFake: ['Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });

  it.each([
    ['ends', '2026-10-24T21:30:00Z'],
    ['begins', '2027-03-27T22:30:00Z'],
  ])('the next checks include every minute of the night when summer time %s', (_, now) => {
    vi.setSystemTime(now);
    const times = upcomingChecks('* * * * *');
    expect(times.length).toBe(1440);
    expect(times).toEqual(times.map((_, index) => Date.parse(now) + (index + 1) * MINUTE));
    expect(upcomingChecks('0 */5 * * * *').slice(0, 40)).toEqual(
      Array.from({ length: 40 }, (_, index) => Date.parse(now) + (index + 1) * 5 * MINUTE),
    );
  });

  it('the next checks are at the local time of the expression', () => {
    vi.setSystemTime('2026-10-24T10:00:00Z');
    expect(upcomingChecks('0 9 * * *').slice(0, 2)).toEqual(
      ['2026-10-25T08:00:00Z', '2026-10-26T08:00:00Z'].map((time) => Date.parse(time)),
    );
  });
});
