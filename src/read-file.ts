import { readFileSync } from 'node:fs';

export function readFile(path: string): Promise<Buffer>;
export function readFile(path: string, encoding: 'utf8'): Promise<string>;
/**
 * A small file, at once: the threads that read in the background take longer to start than to read, and each keeps memory
 * as long as the process lasts. Rejects as that of `node:fs/promises` does.
 */
export async function readFile(path: string, encoding?: 'utf8'): Promise<Buffer | string> {
  return readFileSync(path, encoding);
}
