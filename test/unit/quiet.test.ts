import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { type QuietHours, quietUntil } from '../../src/policy/quiet.ts';

const HOME_ZONE = process.env.TZ;
afterAll(() => useZone(HOME_ZONE));

/** Node reads the zone again whenever the variable is assigned. */
function useZone(zone: string | undefined): void {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
}

/** What `quietUntil` says of an instant, in UTC. */
function endFor(quiet: QuietHours, now: string): string | undefined {
  const end = quietUntil(quiet, Date.parse(now));
  return end === undefined ? undefined : new Date(end).toISOString().slice(0, 16);
}

const NIGHT = { from: 22 * 60, to: 7 * 60 };
const LUNCH = { from: 12 * 60, to: 13 * 60 + 30 };

describe('quiet hours in an ordinary week in Berlin', () => {
  beforeEach(() => useZone('Europe/Berlin'));

  it('quiet hours begin with their first minute', () => {
    expect(endFor(LUNCH, '2026-01-14T10:59:59.999Z')).toBeUndefined();
    expect(endFor(LUNCH, '2026-01-14T11:00:00Z')).toBe('2026-01-14T12:30');
  });

  it('quiet hours end at the given minute, which is not quiet any more', () => {
    expect(endFor(LUNCH, '2026-01-14T12:29:59.999Z')).toBe('2026-01-14T12:30');
    expect(endFor(LUNCH, '2026-01-14T12:30:00Z')).toBeUndefined();
  });

  it('quiet hours may cross midnight', () => {
    expect(endFor(NIGHT, '2026-01-14T21:00:00Z')).toBe('2026-01-15T06:00');
    expect(endFor(NIGHT, '2026-01-14T23:30:00Z')).toBe('2026-01-15T06:00');
    expect(endFor(NIGHT, '2026-01-15T06:00:00Z')).toBeUndefined();
  });

  it('quiet hours may end at midnight', () => {
    expect(endFor({ from: 20 * 60, to: 0 }, '2026-01-14T22:59:00Z')).toBe('2026-01-14T23:00');
  });
});

describe('quiet hours in the night when summer time begins', () => {
  it('quiet hours are an hour shorter in Berlin when summer time begins', () => {
    useZone('Europe/Berlin');
    expect(endFor(NIGHT, '2026-03-28T21:00:00Z')).toBe('2026-03-29T05:00');
  });

  it('quiet hours are an hour shorter in New York when summer time begins', () => {
    useZone('America/New_York');
    expect(endFor(NIGHT, '2026-03-08T03:00:00Z')).toBe('2026-03-08T11:00');
  });

  it('quiet hours end at the change when their end is in the hour that does not exist', () => {
    useZone('Europe/Berlin');
    expect(endFor({ from: 22 * 60, to: 150 }, '2026-03-29T00:10:00Z')).toBe('2026-03-29T01:00');
  });
});

describe('quiet hours in the night when summer time ends', () => {
  it('quiet hours are an hour longer in Berlin when summer time ends', () => {
    useZone('Europe/Berlin');
    expect(endFor(NIGHT, '2026-10-24T20:00:00Z')).toBe('2026-10-25T06:00');
  });

  it('quiet hours are an hour longer in New York when summer time ends', () => {
    useZone('America/New_York');
    expect(endFor(NIGHT, '2026-11-01T02:00:00Z')).toBe('2026-11-01T12:00');
  });

  it('quiet hours include the hour both times when it occurs twice', () => {
    useZone('Europe/Berlin');
    const quiet = { from: 130, to: 150 };
    expect(endFor(quiet, '2026-10-25T00:15:00Z')).toBe('2026-10-25T00:30');
    expect(endFor(quiet, '2026-10-25T01:15:00Z')).toBe('2026-10-25T01:30');
  });
});

it('quiet hours always end later, within a day and the hour of a change', () => {
  const minute = fc.integer({ min: 0, max: 1439 });
  const zone = fc.constantFrom('Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'UTC');
  const instant = fc.date({ min: new Date('2025-01-01'), max: new Date('2028-01-01'), noInvalidDate: true });
  fc.assert(
    fc.property(zone, minute, minute, instant, (where, from, to, date) => {
      fc.pre(from !== to);
      useZone(where);
      const now = date.getTime();
      const end = quietUntil({ from, to }, now);
      if (end === undefined) return;
      expect(end).toBeGreaterThan(now);
      expect(end - now).toBeLessThanOrEqual(25 * 3_600_000);
      expect(quietUntil({ from, to }, end)).toBeUndefined();
      expect(quietUntil({ from, to }, end - 1)).toBe(end);
    }),
  );
});
