import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { Clock } from '../../src/time/clock.ts';

const HOUR = 3_600_000;
const BEGIN = Date.parse('2030-01-31T12:00:00Z');

/** A machine whose three clocks a test moves. */
function machine() {
  const clocks = { wall: BEGIN, sinceBoot: 1_000_000, awake: 900_000 };
  const clock = new Clock({ wall: () => clocks.wall, sinceBoot: () => clocks.sinceBoot, awake: () => clocks.awake });
  const move = (wall: number, sinceBoot: number, awake: number) => {
    clocks.wall += wall;
    clocks.sinceBoot += sinceBoot;
    clocks.awake += awake;
    return clock.look();
  };
  return { clock, pass: (time: number) => move(time, time, time), sleep: (time: number) => move(time, time, 0), move };
}

describe('the clock', () => {
  it('the clock reports nothing when time passes normally', () => {
    expect(machine().pass(HOUR)).toEqual({ slept: 0, stepped: 0, jumped: 0 });
  });

  it('the clock reports neither sleep nor a step when seconds merely pass by the real clocks of this machine', async () => {
    const clock = new Clock();
    // Longer than what counts as noise.
    await setTimeout(2_500);
    expect(clock.look()).toEqual({ slept: 0, stepped: 0, jumped: 0 });
  });

  it('the clock reports nothing when the clocks of a machine differ by some milliseconds', () => {
    const { move } = machine();
    for (const [wall, awake] of [
      [10, 10],
      [-10, -10],
      [1_990, 0],
      [0, -1_990],
    ] as const) {
      expect(move(HOUR + wall, HOUR, HOUR + awake)).toEqual({ slept: 0, stepped: 0, jumped: 0 });
    }
  });

  it('the clock reports a step, and a sleep, of two seconds', () => {
    const { move } = machine();
    expect(move(HOUR + 2_000, HOUR, HOUR)).toEqual({ slept: 0, stepped: 2_000, jumped: 2_000 });
    expect(move(HOUR, HOUR, HOUR - 2_000)).toEqual({ slept: 2_000, stepped: 0, jumped: 0 });
  });

  it("the offset of AWS's clock stays the same at every look when the clocks differ by some milliseconds", () => {
    const { clock, move } = machine();
    clock.learn(HOUR);
    for (let look = 0; look < 1_000; look++) move(60_010, 60_000, 60_000);
    expect(clock.now()).toBe(BEGIN + 1_000 * 60_010 + HOUR);
  });

  it('an offset of less than two seconds counts as none', () => {
    const { clock } = machine();
    clock.learn(-1_999);
    expect(clock.now()).toBe(BEGIN);
    clock.learn(-2_000);
    expect(clock.now()).toBe(BEGIN - 2_000);
  });

  it('the clock distinguishes sleep from a clock that was set', () => {
    const { sleep, move } = machine();
    expect(sleep(HOUR)).toEqual({ slept: HOUR, stepped: 0, jumped: 0 });
    expect(move(HOUR, 0, 0)).toEqual({ slept: 0, stepped: HOUR, jumped: HOUR });
    expect(move(-HOUR, 0, 0)).toEqual({ slept: 0, stepped: -HOUR, jumped: -HOUR });
  });

  it("the clock keeps AWS's time when the machine's clock is set right or wrong", () => {
    for (const offset of [-HOUR, 0]) {
      const { clock, move } = machine();
      clock.learn(offset);
      const before = clock.now();
      expect(move(-HOUR, 0, 0)).toEqual({ slept: 0, stepped: -HOUR, jumped: 0 });
      expect(clock.now()).toBe(before);
    }
  });

  it("the clock keeps AWS's time when the machine's clock is set back and then right again", () => {
    const { clock, move } = machine();
    clock.learn(0);
    move(-HOUR, 0, 0);
    expect(move(HOUR, 0, 0)).toMatchObject({ stepped: HOUR, jumped: 0 });
    expect(clock.now()).toBe(BEGIN);
  });

  it("the clock accepts a machine's clock that is set forward, as after a virtual machine was paused", () => {
    const { clock, move } = machine();
    clock.learn(0);
    expect(move(HOUR, 0, 0)).toMatchObject({ jumped: HOUR });
    expect(clock.now()).toBe(BEGIN + HOUR);
  });

  it('the clock has no offset of AWS before the first answer', () => {
    const { clock } = machine();
    clock.learn(undefined);
    expect(clock.told).toBeUndefined();
    expect(clock.now()).toBe(BEGIN);
    clock.learn(400);
    expect(clock.told).toBe(0);
  });
});

describe('the timer of the clock', () => {
  it('the timer of the clock fires as late as Node allows if it should fire later, and then is not late', () => {
    vi.useFakeTimers();
    try {
      const clocks = { wall: () => BEGIN, sinceBoot: () => 1_000_000, awake: Date.now, runsInSleep: true };
      const clock = new Clock(clocks);
      const call = vi.fn();
      clock.after(1_000 * HOUR, call);
      vi.advanceTimersByTime(2 ** 31 - 2);
      expect(call).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1);
      expect(call).toHaveBeenCalledOnce();
      expect(clock.look().slept).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('the clock of a machine whose clocks all run in sleep, like a Mac', () => {
  it.each([
    ['the sleep by which a timer is late', 1_000, 15_000, 15_000],
    ['nothing when a busy machine holds a timer up', 1_000, 14_999, 0],
    ['the sleep by which a timer is late that was due at once', -1_000, HOUR, HOUR],
  ])('the clock reports %s, once', (_, delay, late, slept) => {
    vi.useFakeTimers();
    try {
      let awake = 900_000;
      const clock = new Clock({ wall: () => BEGIN, sinceBoot: () => 1_000_000, awake: () => awake, runsInSleep: true });
      const call = vi.fn();
      clock.after(delay, call);
      clock.after(HOUR, () => {});
      awake += Math.max(0, delay) + late;
      vi.advanceTimersByTime(Math.max(1, delay));
      expect(call).toHaveBeenCalledOnce();
      expect(clock.look()).toEqual({ slept, stepped: 0, jumped: 0 });
      expect(clock.look()).toEqual({ slept: 0, stepped: 0, jumped: 0 });
    } finally {
      vi.useRealTimers();
    }
  });
});
