import fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { UserError } from '../errors.ts';

export interface Lock {
  /** Why the lock is no longer ours (it was taken, after this process or the machine stood still), or undefined. */
  lost(): Error | undefined;
  release(): Promise<void>;
}

/** A dead holder's lock is free after this many milliseconds, the least that proper-lockfile allows. */
const STALE = 2000;

/**
 * Locks a file against other processes that do, by the folder `FILE.lock`. The file need not be there.
 * @param file the real one, with symbolic links followed
 * @param timeout how long to wait for another holder, in milliseconds
 * @throws UserError when another process holds the lock all that time, and what the file system says when it cannot be
 * taken at all
 */
export async function lockFile(file: string, timeout: number): Promise<Lock> {
  // Loaded late: a command that only reads does without.
  const { default: lockfile } = await import('proper-lockfile');
  const giveUp = performance.now() + timeout;
  let lost: Error | undefined;
  for (;;) {
    try {
      const release = await lockfile.lock(file, {
        stale: STALE,
        realpath: false,
        // Its own `retries` tries a folder that cannot be written again and again, too.
        retries: 0,
        fs: withoutFuture(),
        // Its own throws from a timer and ends the process.
        onCompromised: (error) => {
          lost = error;
        },
      });
      // A lock that stays behind is stale soon; what it guarded is done.
      return { lost: () => lost, release: () => release().catch(() => {}) };
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (syscall === 'rmdir') throw new UserError(`cannot lock ${file}: ${file}.lock is in the way; remove it`);
      if (code !== 'ELOCKED') throw error;
    }
    if (performance.now() > giveUp) {
      throw new UserError(
        `cannot write ${file}: another program has held ${file}.lock for ${Math.round(timeout / 1000)} s; end it, or remove that folder if no program uses it`,
      );
    }
    await setTimeout(20 + Math.random() * 60);
  }
}

/**
 * To learn how exact time stamps are, proper-lockfile first sets the lock's up to a second ahead, and a dead holder's lock
 * would count as fresh for that much longer.
 */
function withoutFuture(): typeof fs {
  const utimes = (path: string, accessed: Date, modified: Date, done: fs.NoParamCallback) => {
    const now = Date.now();
    fs.utimes(path, Math.min(accessed.getTime(), now) / 1000, Math.min(modified.getTime(), now) / 1000, done);
  };
  return { ...fs, utimes: utimes as typeof fs.utimes };
}
