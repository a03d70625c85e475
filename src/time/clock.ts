import { uptime } from 'node:os';

/** Three clocks of the machine, each in milliseconds. */
export interface MachineClocks {
  /** Since the epoch. The user and NTP can set it. */
  wall(): number;
  /** Since the boot, including sleep. */
  sinceBoot(): number;
  /** Runs only while the machine is awake. */
  awake(): number;
  /** Set if `awake` runs during sleep as well. Then only late timers show that the machine slept. */
  runsInSleep?: boolean;
}

const machineClocks: MachineClocks = {
  wall: Date.now,
  sinceBoot: () => uptime() * 1000,
  // Not `performance`, which would take half a megabyte of memory.
  awake: () => process.uptime() * 1000,
  // libuv reads mach_continuous_time there.
  runsInSleep: process.platform === 'darwin',
};

/** A smaller difference is ignored, in milliseconds: the `Date` header has whole seconds only. */
const NOISE = 2_000;

/** A timer that fires this much later than it should was held up by sleep, not by a busy machine, in milliseconds. */
const LATE = 15_000;

/** The longest delay of a Node timer, in milliseconds: almost 25 days. A longer one would fire at once. */
export const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * AWS's time, and what happened to this machine's clock since the last look.
 * @see https://man7.org/linux/man-pages/man2/clock_gettime.2.html for which clock runs during a suspend
 */
export class Clock {
  /** How far AWS's clock is ahead of the machine's, in milliseconds; 0 until AWS has answered. */
  offset = 0;
  /** The offset, if AWS has answered since this clock was made; otherwise undefined. */
  told: number | undefined;
  readonly #clocks: MachineClocks;
  #last: { wall: number; sinceBoot: number; awake: number };
  /** How late a timer was since the last look. */
  #late = 0;

  constructor(clocks: MachineClocks = machineClocks) {
    this.#clocks = clocks;
    this.#last = this.#read();
  }

  /** Returns the time by AWS's clock, as far as it is known, in milliseconds since the epoch. */
  now(): number {
    return this.#clocks.wall() + this.offset;
  }

  /** Sets the offset from an answer of AWS. */
  learn(offset: number | undefined): void {
    if (offset === undefined) return;
    this.offset = Math.abs(offset) < NOISE ? 0 : offset;
    this.told = this.offset;
  }

  /** Sets a timer like `setTimeout`, and notices if it fires late. A timer for later than {@link LONGEST_TIMER} fires then. */
  after(delay: number, call: () => void): NodeJS.Timeout {
    const wait = Math.min(Math.max(0, delay), LONGEST_TIMER);
    const due = this.#clocks.awake() + wait;
    return setTimeout(() => {
      this.#late = Math.max(this.#late, this.#clocks.awake() - due);
      call();
    }, wait);
  }

  /**
   * Returns what happened since the last look, in milliseconds: how long the machine slept, how far its clock was set, and
   * how far `now()` jumped because of that (0 if AWS's clock is known).
   */
  look(): { slept: number; stepped: number; jumped: number } {
    const now = this.#read();
    const passed = now.sinceBoot - this.#last.sinceBoot;
    const slept = this.#clocks.runsInSleep ? this.#takeLate() : passed - (now.awake - this.#last.awake);
    const stepped = now.wall - this.#last.wall - passed;
    this.#last = now;
    // If a correct clock is set back, it is wrong now. If it is set forward, it may be correct again: after a virtual
    // machine was paused, for example, which no clock of the machine counts.
    const known = this.offset !== 0 || (this.told !== undefined && stepped < 0);
    // AWS's offset still applies, minus the step by which the clock was set.
    if (known && Math.abs(stepped) >= NOISE) this.learn(this.offset - stepped);
    const loud = (difference: number) => (Math.abs(difference) < NOISE ? 0 : difference);
    return { slept: loud(slept), stepped: loud(stepped), jumped: known ? 0 : loud(stepped) };
  }

  #takeLate(): number {
    const late = this.#late;
    this.#late = 0;
    return late < LATE ? 0 : late;
  }

  #read() {
    return { wall: this.#clocks.wall(), sinceBoot: this.#clocks.sinceBoot(), awake: this.#clocks.awake() };
  }
}
