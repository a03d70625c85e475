import { readFileSync, statSync } from 'node:fs';
import { explained, isMissing } from './explain.ts';

/**
 * Returns the content of a small file, undefined when the file is missing. Synchronous: the threads of an asynchronous read
 * take longer to start than to read, and each keeps memory until the process ends.
 * @throws UserError when the file cannot be read
 */
export function readIfPresent(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw explained(error, 'read', path);
  }
}

/** Returns why a path must not be read, or undefined. Reading a pipe could wait forever, without a way to stop. */
export function notAFile(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? undefined : `${path} is a folder, a pipe or a device, not a file`;
  } catch {
    // Reading it will report the error.
    return undefined;
  }
}
