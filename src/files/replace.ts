import { randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { open, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UserError } from '../errors.ts';
import { pause } from '../time/pause.ts';
import { explained, isMissing } from './explain.ts';
import { followLinks } from './follow-links.ts';
import { lockFile } from './lock.ts';

/** How often a change is begun again because somebody else wrote the file meanwhile. */
const MOST_ROUNDS = 20;

/** How long a file may stand empty while a tool that truncates it first writes it again, in milliseconds. */
const EMPTY_FOR = 500;

const PIECE = 256 * 1024;

/**
 * Changes a file so that no reader ever sees it half written, and no change by another program is lost.
 *
 * Symbolic links are followed, mode and owner are kept; a new file is 0600, its new folders 0700. A change that changes
 * nothing writes nothing.
 * @param change gets the file's bytes (none when it is missing) and gives the new ones. It may be called several times,
 * each time with what stands in the file then
 * @param options `timeout`: how long to wait for another program's lock, in milliseconds
 * @throws UserError when the file cannot be written; what `change` throws
 */
export async function changeCredentials(
  file: string,
  change: (bytes: Buffer) => Buffer,
  options: { timeout?: number } = {},
): Promise<void> {
  let target = file;
  let vanished: unknown;
  try {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const { target: real, problem } = followLinks(file);
      if (problem) throw problem;
      target = real;
      try {
        if (await replace(target, change, options.timeout ?? 15_000)) return;
        vanished = undefined;
      } catch (error) {
        // Somebody removed the folder, or, holding the lock that we had lost, our temporary file.
        if (!isMissing(error)) throw error;
        vanished = error;
      }
    }
    if (vanished) throw vanished;
  } catch (error) {
    throw explained(error, 'write', target === resolve(file) ? file : `${file} (${target})`);
  }
  throw new UserError(`cannot write ${file}: another program changes it again and again; find out which, and end it`);
}

/**
 * @returns false when somebody else changed the file, or took the lock, meanwhile
 * @throws ENOENT, too, when somebody removed what it was working with
 */
async function replace(target: string, change: (bytes: Buffer) => Buffer, timeout: number): Promise<boolean> {
  const folder = dirname(target);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = await lockFile(target, timeout);
  const temporary = join(folder, `${prefixOf(target)}${process.pid}-${randomBytes(8).toString('hex')}`);
  try {
    sweep(target);
    const original = await settled(target);
    let bytes: Buffer;
    try {
      bytes = change(original.bytes);
    } catch (error) {
      // Half a file can look like one that must not be changed.
      if (!isUntouched(target, original)) return false;
      throw error;
    }
    if (bytes.equals(original.bytes)) return true;

    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
      keepOwner(handle.fd, original.stats);
      await handle.sync();
      // Nothing asynchronous from here to the rename: the shorter, the less can come between, and the shorter is the
      // temporary file as readable as the real one.
      keepMode(handle.fd, original.stats);
      // If the lock is taken after this look at it, the temporary file is swept before the file is read.
      if (lock.lost() || !isUntouched(target, original)) return false;
      renameSync(temporary, target);
    } finally {
      // It is on the disk, or it is not wanted.
      await handle.close().catch(() => {});
    }
    await syncFolder(folder);
    return holds(target, bytes);
  } finally {
    await rm(temporary, { force: true }).catch(() => {});
    await lock.release();
  }
}

/** A file as it was read; without `stats` when it was missing. */
interface Original {
  bytes: Buffer;
  stats: BigIntStats | undefined;
}

/**
 * Reads the file that is to be replaced. An empty one that was written just now is most probably being written again by a
 * tool that truncates first: to replace it then would be to lose what that tool is about to put there.
 */
async function settled(target: string): Promise<Original> {
  for (;;) {
    const stats = statOf(target);
    if (!stats) return { bytes: Buffer.alloc(0), stats };
    if (stats.isDirectory()) throw Object.assign(new Error('is a directory'), { code: 'EISDIR' });
    if (!stats.isFile()) throw new UserError(`cannot write ${target}: it is a device, a pipe or a socket, not a file`);
    const age = Date.now() - Number(stats.mtimeMs);
    if (stats.size > 0n || age < 0 || age > EMPTY_FOR) return { bytes: readFileSync(target), stats };
    await pause(20);
  }
}

/** Time stamps alone do not tell: two writes within one tick of the kernel's clock have the same. */
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

/** Whether a file stands and holds just these bytes. Piece by piece: fresh memory for a large file takes longer than reading it. */
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

/** Not where it is the same already: some file systems refuse even that. */
function keepOwner(descriptor: number, original: BigIntStats | undefined): void {
  const own = fstatSync(descriptor, { bigint: true });
  if (original && (original.uid !== own.uid || original.gid !== own.gid)) {
    fchownSync(descriptor, Number(original.uid), Number(original.gid));
  }
}

function keepMode(descriptor: number, original: BigIntStats | undefined): void {
  const own = fstatSync(descriptor, { bigint: true });
  const mode = Number(original?.mode ?? 0o600n) & 0o7777;
  if (mode !== (Number(own.mode) & 0o7777)) fchmodSync(descriptor, mode);
}

/** Makes the rename last through a power failure, where the file system can. The file is whole either way. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    await handle.sync().finally(() => handle.close());
  } catch {}
}

function prefixOf(target: string): string {
  return `.${basename(target)}.aws-mfa-agent-`;
}

/**
 * Removes the temporary files, with keys in them, of processes that were killed. Whoever holds the lock removes all at
 * once: their owners are dead, or have lost the lock, and then must not come to rename theirs.
 */
function sweep(target: string): void {
  try {
    for (const file of temporaryFilesOf(target)) unlinkSync(file);
  } catch {
    // No failure of the change. Another time.
  }
}

/**
 * The temporary files beside a file that are of this program: of changes that are being made, and of processes that were
 * killed.
 * @param target the real file, with symbolic links followed
 * @throws what the file system says when its folder cannot be read
 */
export function temporaryFilesOf(target: string): string[] {
  const folder = dirname(target);
  const prefix = prefixOf(target);
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && /^\d+-[0-9a-f]{16}$/.test(name.slice(prefix.length)))
    .map((name) => join(folder, name))
    .filter((file) => lstatSync(file).isFile());
}
