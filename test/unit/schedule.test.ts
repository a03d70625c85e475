import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Schedule, schedule } from '../../src/agent/schedule.ts';
import { upcomingChecks } from '../../src/agent/upcoming.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('the schedule of checks', () => {
  let calls: number[];
  let asked: number;
  let standing: Schedule | undefined;

  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2026, 2, 1, 8, 0, 30) });
    calls = [];
    asked = 0;
  });
  afterEach(() => {
    standing?.stop();
    vi.useRealTimers();
  });

  async function start(expression: string, most = 1_500): Promise<void> {
    const upcoming = async () => {
      asked += 1;
      return upcomingChecks(expression).slice(0, most);
    };
    const failed = (error: unknown) => {
      throw error;
    };
    standing = schedule(expression, upcoming, { call: () => calls.push(Date.now()), known: () => {}, failed });
    await vi.advanceTimersByTimeAsync(0);
  }

  it('the schedule calls once at each time', async () => {
    await start('*/5 * * * *');
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(calls).toEqual(Array.from({ length: 12 }, (_, index) => Date.UTC(2026, 2, 1, 8, 5 * (index + 1))));
    expect(standing?.next()).toBe(Date.UTC(2026, 2, 1, 9, 5));
  });

  it('the schedule fetches more times when its list is used up', async () => {
    await start('* * * * *', 10);
    await vi.advanceTimersByTimeAsync(25 * MINUTE);
    expect(calls).toHaveLength(25);
    expect(asked).toBe(3);
  });

  it('the schedule calls once for all times during a sleep', async () => {
    await start('* * * * *');
    // Timers stand still in a sleep, the clock does not.
    vi.setSystemTime(Date.now() + 8 * HOUR);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(calls).toHaveLength(2);
  });

  it('the schedule is not late when the clock is set back', async () => {
    await start('* * * * *');
    vi.setSystemTime(Date.now() - HOUR);
    await vi.advanceTimersByTimeAsync(30_000);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(calls).toHaveLength(11);
  });

  it('the schedule can wait longer than a timer', async () => {
    await start('0 9 1 6 *');
    await vi.advanceTimersByTimeAsync(91 * 24 * HOUR);
    expect(calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * 24 * HOUR);
    expect(calls).toHaveLength(1);
    expect(new Date(calls[0] ?? 0).toString()).toMatch(/^Mon Jun 01 2026 09:00:00/);
  });

  it('a schedule that is stopped before its times are known never calls', async () => {
    let give = (_: number[]) => {};
    const known: number[] = [];
    const upcoming = () =>
      new Promise<number[]>((resolve) => {
        give = resolve;
      });
    const listener = { call: () => calls.push(Date.now()), known: () => known.push(Date.now()), failed: () => {} };
    const stopped = schedule('* * * * *', upcoming, listener);
    stopped.stop();
    give([Date.now() + MINUTE, Date.now() + 2 * MINUTE]);
    await vi.advanceTimersByTimeAsync(HOUR);
    expect({ calls, known, timers: vi.getTimerCount() }).toEqual({ calls: [], known: [], timers: 0 });
  });

  it('a schedule that is stopped by a call, as when that takes new settings, never calls again', async () => {
    const times = [1, 2, 3].map((minute) => Date.now() + minute * MINUTE);
    const call = () => {
      calls.push(Date.now());
      standing?.stop();
    };
    standing = schedule('* * * * *', async () => times, { call, known: () => {}, failed: () => {} });
    await vi.advanceTimersByTimeAsync(HOUR);
    expect({ calls, timers: vi.getTimerCount() }).toEqual({ calls: times.slice(0, 1), timers: 0 });
  });

  it('the schedule does not call after it was ended', async () => {
    await start('* * * * *');
    standing?.stop();
    await vi.advanceTimersByTimeAsync(HOUR);
    expect(calls).toEqual([]);
  });
});
