import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { UserError } from '../errors.ts';
import { pause } from '../time/pause.ts';

export interface Lock {
  /** Whether the lock is no longer ours: it was taken, after this process or the machine stood still. */
  lost(): boolean;
  /** Gives the lock back if it is still ours. */
  release(): Promise<void>;
}

/**
 * A lock of ours that was not renewed for so long, in milliseconds, is a dead holder's: the least that proper-lockfile
 * allows. To know it sooner, a lock would have to name its holder. It cannot: the folder must stay empty, for others remove
 * it with rmdir(2), and a process id says nothing in another container or on another machine that has the same folder.
 */
const STALE = 2000;

/** The same of anybody else's: proper-lockfile's default, whose users renew their locks every five seconds. */
const STALE_OF_OTHERS = 10_000;

/** How often we renew ours, in milliseconds. A change of the program that renews less often is robbed by older ones. */
const RENEWAL = 1000;

/**
 * Locks a file against other processes that do, by the folder `FILE.lock`. The file need not be there.
 * @param file the real one, with symbolic links followed
 * @param timeout how long to wait for another holder, in milliseconds
 * @throws UserError when another process holds the lock all that time, and what the file system says when it cannot be
 * taken at all
 */
export async function lockFile(file: string, timeout: number): Promise<Lock> {
  const lockfile = properLockfile();
  const folder = `${file}.lock`;
  const giveUp = performance.now() + timeout;
  for (;;) {
    const marks = marking(folder);
    let compromised = false;
    try {
      const release = await lockfile.lock(file, {
        stale: isMarked(stampsOf(folder)) ? STALE : STALE_OF_OTHERS,
        update: RENEWAL,
        realpath: false,
        // Its own `retries` tries a folder that cannot be written again and again, too.
        retries: 0,
        fs: marks.fs,
        // Its own throws from a timer and ends the process.
        onCompromised: () => {
          compromised = true;
        },
      });
      return {
        lost: () => compromised || marks.lost(),
        // A lock that stays behind is stale soon; what it guarded is done.
        release: () => release().catch(() => {}),
      };
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (syscall === 'rmdir' && (code === 'ENOTDIR' || code === 'ENOTEMPTY')) {
        throw new UserError(`cannot lock ${file}: ${folder} is in the way; remove it`);
      }
      if (code !== 'ELOCKED') throw error;
    }
    if (performance.now() > giveUp) {
      throw new UserError(
        `cannot write ${file}: another program has held ${folder} for ${Math.round(timeout / 1000)} s; end it, or remove that folder if no program uses it`,
        'locked',
      );
    }
    await pause(20 + Math.random() * 60);
  }
}

/**
 * How the lock on a file looks to whoever does not want it: `stale` is a dead holder's, which the next who wants it takes
 * away; `blocked` is something else under its name, which nobody does.
 * @param now milliseconds since the epoch, by the clock of the file system
 * @throws what the file system says when it cannot be looked at
 */
export function lockStanding(
  file: string,
  now: number,
): { folder: string; standing: 'free' | 'held' | 'stale' | 'blocked' } {
  const folder = `${file}.lock`;
  const stats = fs.lstatSync(folder, { bigint: true, throwIfNoEntry: false });
  if (!stats) return { folder, standing: 'free' };
  if (!stats.isDirectory()) return { folder, standing: 'blocked' };
  const limit = isMarked({ accessed: stats.atimeNs, modified: stats.mtimeNs }) ? STALE : STALE_OF_OTHERS;
  if (now - Number(stats.mtimeMs) <= limit) return { folder, standing: 'held' };
  // A look into it takes our mark away: only into one that is dead.
  return { folder, standing: fs.readdirSync(folder).length > 0 ? 'blocked' : 'stale' };
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

/** In nanoseconds since the epoch. */
interface Stamps {
  accessed: bigint;
  modified: bigint;
}

/** Our locks were read at a random time before this one, 2001: no other folder was. In seconds since the epoch. */
const MARKED_BEFORE = 1_000_000_000;

/**
 * The file system for proper-lockfile, by which our locks can be told from those of others, and each from the next: by the
 * time of the last access, which means nothing for a lock, while the time of the last change says how fresh it is.
 *
 * proper-lockfile by itself renews and removes also a lock that was taken from it, until its timer finds out.
 */
function marking(folder: string): { fs: typeof fs; lost(): boolean } {
  const mark = randomInt(1, MARKED_BEFORE);
  let ours: Stamps | undefined;
  const lost = () => {
    const now = stampsOf(folder);
    if (!ours || now?.modified !== ours.modified) return true;
    // Somebody may have looked into the folder, which takes the mark away until the next renewal.
    return now.accessed !== ours.accessed && isMarked(now);
  };
  /** Not in the background: nothing shall come between a look at the lock and the deed. */
  const renew = (modified: Date) => {
    if (ours && lost()) throw Object.assign(new Error('the lock was taken'), { code: 'ENOENT' });
    const time = modified.getTime();
    // proper-lockfile first sets the time up to a second ahead, to learn how exact it is, and a dead holder's lock would
    // count as fresh for that much longer. It needs to only where there are whole seconds.
    fs.utimesSync(folder, mark, (time % 1000 === 0 ? time : Math.min(time, Date.now())) / 1000);
    ours = stampsOf(folder);
  };
  // Before the lock is ours, it is a dead holder's that is removed.
  const remove = () => {
    if (!ours || !lost()) fs.rmdirSync(folder);
  };
  return {
    lost,
    fs: {
      ...fs,
      utimes: ((_path, _accessed, modified: Date, done) => settle(() => renew(modified), done)) as typeof fs.utimes,
      rmdir: ((_path: string, done: fs.NoParamCallback) => settle(remove, done)) as typeof fs.rmdir,
      rmdirSync: remove,
    },
  };
}

function settle(deed: () => void, done: fs.NoParamCallback): void {
  try {
    deed();
  } catch (error) {
    done(error as NodeJS.ErrnoException);
    return;
  }
  done(null);
}

function stampsOf(folder: string): Stamps | undefined {
  const stats = fs.statSync(folder, { bigint: true, throwIfNoEntry: false });
  return stats && { accessed: stats.atimeNs, modified: stats.mtimeNs };
}

function isMarked(stamps: Stamps | undefined): boolean {
  return stamps !== undefined && stamps.accessed < BigInt(MARKED_BEFORE) * 1_000_000_000n;
}
