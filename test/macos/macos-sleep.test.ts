import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { schedule } from '../../src/agent/schedule.ts';
import { Clock } from '../../src/time/clock.ts';

const MINUTE = 60_000;
const BEGIN = Date.UTC(2030, 0, 31, 12, 0, 30);

/** On macOS, Node's own clock runs while the machine sleeps, and its timers do not: they are late by the sleep. */
describe('a machine whose clocks all run in its sleep', () => {
  let asleep: number;
  let stepped: number;
  let clock: Clock;
  beforeEach(() => {
    vi.useFakeTimers({ now: BEGIN });
    asleep = 0;
    stepped = 0;
    clock = new Clock({
      wall: () => Date.now() + asleep + stepped,
      sinceBoot: () => Date.now() + asleep,
      awake: () => Date.now() + asleep,
      runsInSleep: true,
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('a sleep is noticed by the timer of the next check, once', async () => {
    const looks: ReturnType<Clock['look']>[] = [];
    const times = async () => [BEGIN + MINUTE, BEGIN + 2 * MINUTE, BEGIN + 3 * MINUTE];
    const checks = schedule('* * * * *', times, {
      call: () => looks.push(clock.look()),
      known: () => {},
      failed: (error) => {
        throw error;
      },
      after: (delay, call) => clock.after(delay, call),
    });
    await vi.advanceTimersByTimeAsync(MINUTE);
    asleep = 90 * MINUTE;
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    checks.stop();
    expect(looks.map(({ slept }) => slept)).toEqual([0, 90 * MINUTE, 0]);
    expect(looks.map(({ stepped }) => stepped)).toEqual([0, 0, 0]);
  });

  it('a clock that was set is not mistaken for a sleep', async () => {
    clock.after(MINUTE, () => {});
    stepped = 90 * MINUTE;
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(clock.look()).toMatchObject({ slept: 0, stepped: 90 * MINUTE });
  });

  it('a timer that is some seconds late on a busy machine is not mistaken for a sleep', async () => {
    clock.after(MINUTE, () => {});
    asleep = 10_000;
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(clock.look()).toMatchObject({ slept: 0 });
  });
});
