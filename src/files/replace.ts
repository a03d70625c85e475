import { randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  fsync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { UserError } from '../errors.ts';
import { shellWord } from '../plain.ts';
import { pause } from '../time/pause.ts';
import { keepAccess, keepOwner, withoutInheritedList } from './access.ts';
import { explained, isMissing } from './explain.ts';
import { followLinks } from './follow-links.ts';
import { lockFile } from './lock.ts';
import { makeFolder } from './make-folder.ts';
import { refuseIrreplaceable } from './replaceable.ts';

const sync = promisify(fsync);

/** How often to start again because another program changed the file. */
const MOST_ROUNDS = 20;

/** How long to wait for another program's lock, in milliseconds. */
const LOCK_LIMIT = 15_000;

/** How long to wait for a tool that has just truncated the file to write it, in milliseconds. */
const EMPTY_FOR = 500;

const PIECE = 256 * 1024;

/**
 * Changes a file so that no reader sees it half written and no change by another program is lost.
 *
 * Follows symbolic links, and keeps the owner, the mode and the access control list (see access.ts); creates a new file with
 * mode 0600 and new folders with 0700. Does not write if nothing changes.
 * @param change gets the file's bytes (none if it is missing) and returns the new ones. It may be called several times, with
 * the current bytes each time
 * @param options `timeout`: how long to wait for another program's lock, in milliseconds
 * @returns a sentence for the user if other users lose access to the file
 * @throws UserError if the file cannot be written; errors of `change`
 */
export async function changeCredentials(
  file: string,
  change: (bytes: Buffer) => Buffer,
  { timeout = LOCK_LIMIT }: { timeout?: number } = {},
): Promise<string | undefined> {
  const { lost } = await inRounds(file, (target) => replace(file, target, change, timeout));
  return lost;
}

/**
 * Does everything of {@link changeCredentials} but write the new bytes and replace the file. Leaves nothing behind: a folder
 * that is missing is not created.
 * @throws UserError: the same as a change would
 */
export async function rehearseChange(
  file: string,
  change: (bytes: Buffer) => Buffer,
  { timeout = LOCK_LIMIT }: { timeout?: number } = {},
): Promise<void> {
  await inRounds(file, (target) => rehearse(target, change, timeout));
}

/**
 * Repeats an action until it is done.
 * @param action gets the real path, with symbolic links followed. Returns undefined, or throws ENOENT, if another program was
 * faster
 */
async function inRounds<Result>(
  file: string,
  action: (target: string) => Promise<Result | undefined>,
): Promise<Result> {
  let target = file;
  let vanished: unknown;
  try {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const { target: real, problem } = followLinks(file);
      if (problem) throw problem;
      target = real;
      try {
        const done = await action(target);
        if (done !== undefined) return done;
        vanished = undefined;
      } catch (error) {
        // Another program removed the folder; or a process that took our lock removed our temporary file.
        if (!isMissing(error)) throw error;
        vanished = error;
      }
    }
    if (vanished) throw vanished;
  } catch (error) {
    const named = target === resolve(file) ? file : `${file} (${target})`;
    throw withoutFolder(error, named, dirname(target)) ?? explained(error, 'write', named);
  }
  throw new UserError(`cannot write ${file}: another program keeps changing it; find and end that program`);
}

/**
 * Returns what to say if a folder is missing where it cannot be created because the file system is read-only: in the systemd
 * unit, that is so for a removed `~/.aws`, though the user can create it.
 */
function withoutFolder(error: unknown, file: string, folder: string): UserError | undefined {
  if ((error as NodeJS.ErrnoException).code !== 'EROFS') return undefined;
  const nearest = nearestFolder(folder);
  if (nearest === folder) return undefined;
  return new UserError(
    `cannot write ${file}: ${folder} is missing, and ${nearest} is read-only for this process; restore the folder, or create it: mkdir -p -m 700 ${shellWord(folder)} (EROFS)`,
    'failed',
    { cause: error },
  );
}

async function rehearse(target: string, change: (bytes: Buffer) => Buffer, timeout: number): Promise<true | undefined> {
  expectFile(target, statOf(target));
  const folder = dirname(target);
  const nearest = nearestFolder(folder);
  if (nearest !== folder) {
    const { length } = change(Buffer.alloc(0));
    const temporary = temporaryOf(nearest, target);
    mkdirSync(temporary, 0o700);
    try {
      // A full disk may still have room for a folder.
      writeFileSync(join(temporary, basename(target)), Buffer.alloc(length), { mode: 0o600 });
    } finally {
      ignoringErrors(() => rmSync(temporary, { recursive: true, force: true }));
    }
    return true;
  }
  const lock = await lockFile(target, timeout);
  const temporary = temporaryOf(folder, target);
  try {
    const original = await settled(target);
    const bytes = changed(target, original, change);
    if (bytes === undefined) return undefined;
    refuseIrreplaceable(target);
    const descriptor = openSync(temporary, 'wx', 0o600);
    try {
      // As many bytes as the file will have, but without its keys.
      writeFileSync(descriptor, Buffer.alloc(bytes.length));
      keepOwner({ path: temporary, descriptor }, original.stats);
      // In a folder with `chattr +a`, files can be created, but neither renamed nor removed.
      unlinkSync(temporary);
    } finally {
      ignoringErrors(() => closeSync(descriptor));
      ignoringErrors(() => rmSync(temporary, { force: true }));
    }
    return true;
  } finally {
    await lock.release();
  }
}

function nearestFolder(folder: string): string {
  return statSync(folder, { throwIfNoEntry: false }) ? folder : nearestFolder(dirname(folder));
}

/**
 * Makes the change once, and reads it back by the path that other programs use.
 * @returns `lost`: see {@link changeCredentials}; undefined if another program changed the file or took the lock in the meantime
 * @throws an error of the file system; ENOENT if another program removed the folder or the temporary file
 */
async function replace(
  file: string,
  target: string,
  change: (bytes: Buffer) => Buffer,
  timeout: number,
): Promise<{ lost?: string | undefined } | undefined> {
  const folder = dirname(target);
  // Checked before the folder: for a link to /dev/null, the error must not be that /dev is not writable.
  expectFile(target, statOf(target));
  makeFolder(folder);
  const lock = await lockFile(target, timeout);
  const temporary = temporaryOf(folder, target);
  try {
    sweep(target);
    const original = await settled(target);
    const bytes = changed(target, original, change);
    if (bytes === undefined) return undefined;
    if (bytes.equals(original.bytes)) return original.stats && !holds(file, bytes) ? undefined : {};

    const descriptor = openSync(temporary, 'wx', 0o600);
    const added = { path: temporary, descriptor };
    let lost: string | undefined;
    try {
      await withoutInheritedList(added);
      writeFileSync(descriptor, bytes);
      keepOwner(added, original.stats);
      // Asynchronous, so that the lock is renewed during a sync of a slow disk.
      await sync(descriptor);
      // Only here, since the final mode may be more readable.
      lost = await keepAccess(added, target, original.stats);
      // A process that takes the lock after this check removes the temporary file before it reads the real one.
      if (lock.lost() || !isUntouched(target, original)) return undefined;
      renameSync(temporary, target);
    } finally {
      ignoringErrors(() => closeSync(descriptor));
      ignoringErrors(() => rmSync(temporary, { force: true }));
    }
    await syncFolder(folder);
    return holds(file, bytes) ? { lost } : undefined;
  } finally {
    await lock.release();
  }
}

/** Returns the new bytes; undefined if another program is writing the file. */
function changed(target: string, original: Original, change: (bytes: Buffer) => Buffer): Buffer | undefined {
  try {
    return change(original.bytes);
  } catch (error) {
    // A half-written file can look like one that must not be changed.
    if (!isUntouched(target, original)) return undefined;
    throw error;
  }
}

/** The file as it was read; without `stats` if it was missing. */
interface Original {
  bytes: Buffer;
  stats: BigIntStats | undefined;
}

/**
 * Reads the file that will be replaced. If it was truncated just now, a tool is probably about to write it: waits for that, so
 * that nothing of that tool is lost.
 */
async function settled(target: string): Promise<Original> {
  for (;;) {
    const stats = statOf(target);
    expectFile(target, stats);
    if (!stats) return { bytes: Buffer.alloc(0), stats };
    const age = Date.now() - Number(stats.mtimeMs);
    if (stats.size > 0n || age < 0 || age > EMPTY_FOR) return { bytes: readFileSync(target), stats };
    await pause(20);
  }
}

/** @throws an error that says what has the name of the file */
function expectFile(target: string, stats: BigIntStats | undefined): void {
  if (stats?.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
  if (stats?.isFile() === false) {
    throw new UserError(`cannot write ${target}: it is a device, a pipe or a socket, not a file`);
  }
}

/** Compares the bytes too: two writes within one tick of the kernel's clock have the same time stamps. */
function isUntouched(target: string, { bytes, stats }: Original): boolean {
  const now = statOf(target);
  if (!stats || !now) return stats === now;
  const isSame = (['dev', 'ino', 'mode', 'uid', 'gid', 'size', 'mtimeNs', 'ctimeNs'] as const).every(
    (field) => stats[field] === now[field],
  );
  return isSame && holds(target, bytes);
}

function statOf(target: string): BigIntStats | undefined {
  return statSync(target, { bigint: true, throwIfNoEntry: false });
}

/** Returns whether a file exists with exactly these bytes. Reads in pieces: memory for a large file costs more time than the reading. */
function holds(target: string, bytes: Buffer): boolean {
  const piece = Buffer.allocUnsafe(Math.min(bytes.length + 1, PIECE));
  let descriptor: number | undefined;
  try {
    descriptor = openSync(target, 'r');
    for (let at = 0; ; ) {
      const read = readSync(descriptor, piece, 0, piece.length, at);
      if (read === 0) return at === bytes.length;
      if (!bytes.subarray(at, at + read).equals(piece.subarray(0, read))) return false;
      at += read;
    }
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Makes the rename survive a power failure. Some file systems do not support that. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const descriptor = openSync(folder, 'r');
    await sync(descriptor).finally(() => closeSync(descriptor));
  } catch {}
}

function ignoringErrors(action: () => void): void {
  try {
    action();
  } catch {}
}

function temporaryOf(folder: string, target: string): string {
  return join(folder, `${prefixOf(target)}${process.pid}-${randomBytes(8).toString('hex')}`);
}

function prefixOf(target: string): string {
  return `.${basename(target)}.aws-mfa-agent-`;
}

/**
 * Removes all temporary files; they contain keys. We hold the lock, so their processes were killed or have lost the lock, and
 * must not rename them any more.
 */
function sweep(target: string): void {
  try {
    for (const file of temporaryFilesOf(target)) unlinkSync(file);
  } catch {
    // Does not prevent the change. The next one tries again.
  }
}

/**
 * Returns this program's temporary files for a file: of changes that are running, and of processes that were killed.
 * @param target the real path, with symbolic links followed
 * @throws an error of the file system if its folder cannot be read
 */
export function temporaryFilesOf(target: string): string[] {
  const folder = dirname(target);
  const prefix = prefixOf(target);
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && /^\d+-[0-9a-f]{16}$/.test(name.slice(prefix.length)))
    .map((name) => join(folder, name))
    .filter((file) => lstatSync(file).isFile());
}
