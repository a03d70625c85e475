import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Creates a folder, and the missing folders above it, for their owner only. Does not use `recursive` of Node.js, which never
 * returns where a file system answers ENOENT to everything, as /proc does.
 * @throws an error of the file system
 */
export function makeFolder(folder: string, mode = 0o700): void {
  try {
    mkdirSync(folder, mode);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(folder) !== folder) {
      makeFolder(dirname(folder), mode);
      mkdirSync(folder, mode);
    } else if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
      throw error;
    }
  }
}
