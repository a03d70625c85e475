import { describe, expect, it } from 'vitest';
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
  it('says nothing of time that merely passes', () => {
    expect(machine().pass(HOUR)).toEqual({ slept: 0, stepped: 0, jumped: 0 });
  });

  it('tells sleep from a clock that was set', () => {
    const { sleep, move } = machine();
    expect(sleep(HOUR)).toEqual({ slept: HOUR, stepped: 0, jumped: 0 });
    expect(move(HOUR, 0, 0)).toEqual({ slept: 0, stepped: HOUR, jumped: HOUR });
    expect(move(-HOUR, 0, 0)).toEqual({ slept: 0, stepped: -HOUR, jumped: -HOUR });
  });

  it("keeps AWS's time when a clock that was wrong is set right, and when one that was right is set back", () => {
    for (const offset of [-HOUR, 0]) {
      const { clock, move } = machine();
      clock.learn(offset);
      const before = clock.now();
      expect(move(-HOUR, 0, 0)).toEqual({ slept: 0, stepped: -HOUR, jumped: 0 });
      expect(clock.now()).toBe(before);
    }
  });

  it("keeps AWS's time when a clock that was set back is set right again", () => {
    const { clock, move } = machine();
    clock.learn(0);
    move(-HOUR, 0, 0);
    expect(move(HOUR, 0, 0)).toMatchObject({ stepped: HOUR, jumped: 0 });
    expect(clock.now()).toBe(BEGIN);
  });

  it('believes a clock that is set forward, as after a virtual machine stood still', () => {
    const { clock, move } = machine();
    clock.learn(0);
    expect(move(HOUR, 0, 0)).toMatchObject({ jumped: HOUR });
    expect(clock.now()).toBe(BEGIN + HOUR);
  });

  it('has been told nothing by AWS before an answer', () => {
    const { clock } = machine();
    clock.learn(undefined);
    expect(clock.told).toBeUndefined();
    clock.learn(400);
    expect(clock.told).toBe(0);
  });
});
