import { uptime } from 'node:os';

/** Three clocks of the machine, each in milliseconds. */
export interface MachineClocks {
  /** Since the epoch; people and NTP set it. */
  wall(): number;
  /** Since the boot, sleep included. */
  sinceBoot(): number;
  /** Runs only while the machine is awake (on Linux and macOS). */
  awake(): number;
}

const machineClocks: MachineClocks = {
  wall: Date.now,
  sinceBoot: () => uptime() * 1000,
  // Not `performance`, which is half a megabyte.
  awake: () => process.uptime() * 1000,
};

/** Below this, a difference is noise: the `Date` header counts whole seconds. */
const NOISE = 2_000;

/**
 * AWS's time, and what happened to ours since the last look.
 * @see https://man7.org/linux/man-pages/man2/clock_gettime.2.html for which clock runs during a suspend
 */
export class Clock {
  /** How far AWS's clock is ahead of the machine's, in milliseconds; 0 until AWS has answered. */
  offset = 0;
  /** What of it an answer of AWS has told since this clock was made; undefined without one. */
  told: number | undefined;
  readonly #clocks: MachineClocks;
  #last: { wall: number; sinceBoot: number; awake: number };

  constructor(clocks: MachineClocks = machineClocks) {
    this.#clocks = clocks;
    this.#last = this.#read();
  }

  /** Milliseconds since the epoch, by AWS's clock as far as it is known. */
  now(): number {
    return this.#clocks.wall() + this.offset;
  }

  /** Takes the offset that came with an answer of AWS. */
  learn(offset: number | undefined): void {
    if (offset === undefined) return;
    this.offset = Math.abs(offset) < NOISE ? 0 : offset;
    this.told = this.offset;
  }

  /**
   * What happened since the last look, in milliseconds: how long the machine slept, how far its clock was set, and how
   * far `now()` went with that (not at all where AWS's clock is known).
   */
  look(): { slept: number; stepped: number; jumped: number } {
    const now = this.#read();
    const passed = now.sinceBoot - this.#last.sinceBoot;
    const slept = passed - (now.awake - this.#last.awake);
    const stepped = now.wall - this.#last.wall - passed;
    this.#last = now;
    // A clock that was right and is set back is wrong now. One that is set forward may well make up for time that no clock
    // of ours has counted: a virtual machine that stood still.
    const known = this.offset !== 0 || (this.told !== undefined && stepped < 0);
    // What AWS told of a clock that was set meanwhile still holds, less the step.
    if (known && Math.abs(stepped) >= NOISE) this.learn(this.offset - stepped);
    const loud = (difference: number) => (Math.abs(difference) < NOISE ? 0 : difference);
    return { slept: loud(slept), stepped: loud(stepped), jumped: known ? 0 : loud(stepped) };
  }

  #read() {
    return { wall: this.#clocks.wall(), sinceBoot: this.#clocks.sinceBoot(), awake: this.#clocks.awake() };
  }
}
