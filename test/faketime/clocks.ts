import { execFileSync } from 'node:child_process';
import { openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { signalAll } from '../signals.ts';
import { LIMIT } from '../within.ts';

/** What happens to the time of a machine. All of it goes on at its real pace between two jumps. */
export type Jump =
  /** So many milliseconds pass, at once. */
  | { pass: number }
  /** The machine is asleep for so long: timers stand still, the other clocks go on. */
  | { sleep: number }
  /** The clock of the machine is set: forward, or back (negative). The time of the world does not change. */
  | { step: number };

/** The three clocks of a machine, held by a test: wall clock, time since boot, time awake. */
export interface Clocks {
  /** For the processes that are to live by these clocks, beside what they need. Node has to load `APART` first. */
  environment: Record<string, string>;
  /** What the wall clock shows: milliseconds since the epoch. */
  wall(): number;
  /** What it would show if it had not been set. */
  world(): number;
  /** How far the time of the world is ahead of the test's own, in milliseconds. */
  offset(): number;
  /** @param processes the processes that use these clocks: they are stopped during the jump, and notice it; others have to sleep */
  jump(jump: Jump, processes: readonly number[]): void;
}

/** What node has to load before a program (`--import`), so that its clocks can be moved apart. */
export const APART = fileURLToPath(new URL('apart.mjs', import.meta.url));

/** Of the file, in bytes. */
const LENGTH = 120;

/**
 * @param folder where the processes that live by these clocks can read
 * @param begin what the clocks show: milliseconds since the epoch
 * @param seenAs the folder's name for them, where that is another one
 */
export function startClocks(folder: string, begin: number, seenAs = folder): Clocks {
  const descriptor = openSync(join(folder, 'clocks'), 'w', 0o644);
  const ahead = { world: begin - Date.now(), wall: begin - Date.now(), sinceBoot: 0, awake: 0 };
  const write = () => {
    // The first line is faketime's, for all clocks; the second says how far others are ahead of that.
    // In place, for both keep it open; all of it at once, for it never becomes shorter.
    const text = `+${ahead.awake / 1000}\n# ${ahead.wall - ahead.awake} ${ahead.sinceBoot}\n`;
    writeSync(descriptor, text.padEnd(LENGTH), 0);
  };
  write();
  return {
    environment: {
      LD_PRELOAD: library(),
      FAKETIME_TIMESTAMP_FILE: join(seenAs, 'clocks'),
      FAKETIME_NO_CACHE: '1',
      // The time stamps of files are not moved.
      NO_FAKE_STAT: '1',
    },
    wall: () => Date.now() + ahead.wall,
    world: () => Date.now() + ahead.world,
    offset: () => ahead.world,
    jump: (jump, processes) => {
      const stopped = processes.filter(stop);
      const { pass, sleep, step } = { pass: 0, sleep: 0, step: 0, ...jump };
      ahead.world += pass + sleep;
      ahead.wall += pass + sleep + step;
      ahead.sinceBoot += pass + sleep;
      ahead.awake += pass;
      write();
      // Who was stopped in epoll_wait(2) returns from it, as after a suspend: signal(7).
      signalAll(stopped, 'SIGCONT');
    },
  };
}

/** The command knows where its library is. That one has to be told when more than one thread reads the time. */
function library(): string {
  return execFileSync('faketime', ['-m', '-f', '+0', 'printenv', 'LD_PRELOAD'], { encoding: 'utf8' }).trim();
}

/** @returns whether the process stands still; it may have ended */
function stop(pid: number): boolean {
  try {
    process.kill(pid, 'SIGSTOP');
  } catch {
    return false;
  }
  const limit = performance.now() + LIMIT;
  for (;;) {
    const stat = statOf(pid);
    if (stat === undefined) return false;
    if (/\) [TZX] /.test(stat)) return true;
    if (performance.now() > limit) throw new Error(`it does not stand still: ${stat}`);
  }
}

/** @returns nothing for a process that has ended */
function statOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
}
