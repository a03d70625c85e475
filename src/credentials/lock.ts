import fs from 'node:fs';
import { createRequire } from 'node:module';
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
  const lockfile = properLockfile();
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
 * Loaded late, for a command that only reads does without; and without the signal listeners that come with it
 * (signal-exit). Those end the process as soon as nobody else listens to the signal, so a program that listens once, to
 * end in its own time, would be cut short. A lock that is left by a signal is stale soon.
 */
function properLockfile(): typeof import('proper-lockfile') {
  const before = new Set(signalListeners().map(({ listener }) => listener));
  // In one go, so that what is new after it has come with it.
  const lockfile = createRequire(import.meta.url)('proper-lockfile');
  for (const { signal, listener } of signalListeners()) {
    if (!before.has(listener)) process.removeListener(signal, listener);
  }
  return lockfile;
}

function signalListeners() {
  const signals = process.eventNames().filter((name) => String(name).startsWith('SIG')) as NodeJS.Signals[];
  return signals.flatMap((signal) => process.listeners(signal).map((listener) => ({ signal, listener })));
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
