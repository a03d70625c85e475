import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { explained, isMissing } from './explain.ts';

/** The longest file that is read, in bytes: no file of settings or keys is nearly as long. */
const LONGEST = 64 * 1024 * 1024;

/**
 * Returns the content of a small file, undefined when the file is missing. Never waits for a pipe, and never reads from a
 * device without an end. Synchronous: the threads of an asynchronous read take longer to start than to read, and each keeps
 * memory until the process ends.
 * @throws UserError when it is not a file or cannot be read
 */
export function readIfPresent(path: string): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    // Without O_NONBLOCK, opening a pipe waits until another process opens it.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (isNull(stats)) return Buffer.alloc(0);
    if (!stats.isFile() && !stats.isDirectory()) {
      throw new UserError(`cannot read ${path}: it is a pipe or a device, not a file; move it away`);
    }
    if (stats.size > LONGEST) {
      throw new UserError(`cannot read ${path}: it has ${stats.size} bytes, too many for such a file; check its name`);
    }
    return readFileSync(descriptor);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw explained(error, 'read', path);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** Returns why a path must not be read, or undefined. Reading a pipe could wait forever, without a way to stop. */
export function notAFile(path: string): string | undefined {
  try {
    const stats = statSync(path);
    return stats.isFile() || isNull(stats) ? undefined : `${path} is a folder, a pipe or a device, not a file`;
  } catch {
    // Reading it will report the error.
    return undefined;
  }
}

/** Whether it is /dev/null, which people name where they want no file. */
function isNull(stats: Stats): boolean {
  return stats.isCharacterDevice() && stats.rdev === statSync('/dev/null').rdev;
}
