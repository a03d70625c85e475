import { readFileSync, statSync } from 'node:fs';

export function readFile(path: string): Promise<Buffer>;
export function readFile(path: string, encoding: 'utf8'): Promise<string>;
/**
 * A small file, at once: the threads that read in the background take longer to start than to read, and each keeps memory
 * as long as the process lasts. Rejects as that of `node:fs/promises` does.
 */
export async function readFile(path: string, encoding?: 'utf8'): Promise<Buffer | string> {
  return readFileSync(path, encoding);
}

/** Why a path is not for reading, or undefined. A reader of a pipe would wait forever, and nothing could end it. */
export function notAFile(path: string): string | undefined {
  try {
    return statSync(path).isFile() ? undefined : `${path} is a folder, a pipe or a device, not a file`;
  } catch {
    // To read it will tell.
    return undefined;
  }
}
