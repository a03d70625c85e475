import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { UserError } from '../errors.ts';
import { pause } from '../time/pause.ts';

export interface Lock {
  /** Returns whether another process took the lock, which can happen after this process or the machine was suspended. */
  lost(): boolean;
  /** Releases the lock if it is still ours. */
  release(): Promise<void>;
}

/**
 * The age from which a lock of this program counts as left by a dead process, in milliseconds: the minimum of
 * proper-lockfile. A lock cannot name its process instead: its folder must stay empty, since other programs remove it with
 * rmdir(2), and a process id means nothing in another container or on another machine.
 */
const STALE = 2000;

/** The same for locks of other programs: the default of proper-lockfile, which renews locks every five seconds. */
const STALE_OF_OTHERS = 10_000;

/** How often to renew a lock, in milliseconds. If a later version did it less often, older versions would take its locks. */
const RENEWAL = 1000;

/**
 * Locks a file against processes that use the same lock, the folder `FILE.lock`. The file need not exist.
 * @param file the real path, with symbolic links followed
 * @param timeout how long to wait for another process, in milliseconds
 * @throws UserError (`locked`) if another process holds the lock all that time; an error of the file system if the lock
 * cannot be created
 */
export async function lockFile(file: string, timeout: number): Promise<Lock> {
  const lockfile = properLockfile();
  const folder = `${file}.lock`;
  const giveUp = performance.now() + timeout;
  for (;;) {
    const stale = isMarked(stampsOf(folder)) ? STALE : STALE_OF_OTHERS;
    const marks = marking(folder, stale);
    let compromised = false;
    try {
      const release = await lockfile.lock(file, {
        stale,
        update: RENEWAL,
        realpath: false,
        // With `retries`, it would also retry in a folder that it cannot write.
        retries: 0,
        fs: marks.fs,
        // The default throws from a timer, which would end this process.
        onCompromised: () => {
          compromised = true;
        },
      });
      return {
        lost: () => compromised || marks.lost(),
        // A lock that cannot be removed becomes stale; the work that needed it is done.
        release: () => release().catch(() => {}),
      };
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      const isFull = syscall === 'rmdir' && code === 'ENOTEMPTY';
      if (isFull || fs.lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === false) {
        throw new UserError(`cannot lock ${file}: ${folder} exists but is not a lock; remove it`);
      }
      if (code !== 'ELOCKED') throw error;
    }
    if (performance.now() > giveUp) {
      throw new UserError(
        `cannot write ${file}: another program has held ${folder} for ${Math.round(timeout / 1000)} s; end that program, or remove the folder if no program uses it`,
        'locked',
      );
    }
    await pause(20 + Math.random() * 60);
  }
}

/**
 * Returns the state of the lock of a file without taking it. `stale`: left by a dead process; the next that locks the file
 * removes it. `blocked`: something that is not a lock has its name.
 * @param now milliseconds since the epoch, by the clock of the file system
 * @throws an error of the file system
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
  if (Math.abs(now - Number(stats.mtimeMs)) <= limit) return { folder, standing: 'held' };
  // Reading the folder changes its access time, which marks a lock as ours. Harmless for a stale one.
  return { folder, standing: fs.readdirSync(folder).length > 0 ? 'blocked' : 'stale' };
}

/**
 * Returns proper-lockfile without the signal listeners that it installs (signal-exit). They would end the process as soon as
 * no other listener is left, also while it is finishing its work after a signal. A lock that a signal leaves behind becomes
 * stale. Loaded on first use: a command that only reads does not need it.
 */
function properLockfile(): typeof import('proper-lockfile') {
  const before = new Set(signalListeners().map(({ listener }) => listener));
  // Synchronously, so that every new listener is from the library.
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

/** Our locks have a random access time before this one, in 2001. No other folder has. In seconds since the epoch. */
const MARKED_BEFORE = 1_000_000_000;

/**
 * Returns a file system for proper-lockfile that marks each of our locks by its own access time. So our locks differ from
 * those of other programs and from each other. The modification time still says when a lock was renewed.
 *
 * Without it, proper-lockfile would renew or remove a lock that another process has taken, until its timer notices.
 *
 * It also makes a lock stale whose time lies ahead of the clock, because the clock was set back after its process died:
 * proper-lockfile would wait until that time.
 * @param stale the age from which a lock counts as stale, in milliseconds
 */
function marking(folder: string, stale: number): { fs: typeof fs; lost(): boolean } {
  const mark = randomInt(1, MARKED_BEFORE);
  let ours: Stamps | undefined;
  const lost = () => {
    const now = stampsOf(folder);
    if (!ours || now?.modified !== ours.modified) return true;
    // Reading the folder removes the mark until the next renewal.
    return now.accessed !== ours.accessed && isMarked(now);
  };
  /** Synchronous, so that no time passes between the check and the change. */
  const renew = (modified: Date) => {
    if (ours && lost()) throw Object.assign(new Error('the lock was taken'), { code: 'ENOENT' });
    const time = modified.getTime();
    // proper-lockfile first sets a time up to a second ahead, to measure the precision of the file system. The lock of a
    // dead process would then be stale up to a second later. Only whole seconds need the time ahead.
    fs.utimesSync(folder, mark, (time % 1000 === 0 ? time : Math.min(time, Date.now())) / 1000);
    ours = stampsOf(folder);
  };
  // Without a lock of ours, this removes the lock of a dead process.
  const remove = () => {
    if (!ours || !lost()) fs.rmdirSync(folder);
  };
  return {
    lost,
    // Synchronous, since each call on another thread takes longer than the change itself.
    fs: {
      ...fs,
      mkdir: ((path: string, done: fs.NoParamCallback) => settle(() => fs.mkdirSync(path), done)) as typeof fs.mkdir,
      stat: ((path: string, done: (error: unknown, stats?: fs.Stats) => void) =>
        settle(() => {
          const stats = fs.statSync(path);
          if (!ours && stats.mtimeMs - Date.now() > stale) stats.mtime = new Date(0);
          return stats;
        }, done)) as typeof fs.stat,
      utimes: ((_path, _accessed, modified: Date, done) => settle(() => renew(modified), done)) as typeof fs.utimes,
      rmdir: ((_path: string, done: fs.NoParamCallback) => settle(remove, done)) as typeof fs.rmdir,
      rmdirSync: remove,
    },
  };
}

function settle<Result>(
  action: () => Result,
  done: (error: NodeJS.ErrnoException | null, result?: Result) => void,
): void {
  let result: Result;
  try {
    result = action();
  } catch (error) {
    done(error as NodeJS.ErrnoException);
    return;
  }
  done(null, result);
}

function stampsOf(folder: string): Stamps | undefined {
  const stats = fs.statSync(folder, { bigint: true, throwIfNoEntry: false });
  return stats && { accessed: stats.atimeNs, modified: stats.mtimeNs };
}

function isMarked(stamps: Stamps | undefined): boolean {
  return stamps !== undefined && stamps.accessed < BigInt(MARKED_BEFORE) * 1_000_000_000n;
}
