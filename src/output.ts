import { fstatSync, writeSync } from 'node:fs';

/**
 * Writes to standard output (1) or error (2), at once. `process.stdout` does the same, and is a tenth of the time of a
 * short command to load.
 * @throws what the system says, such as ENOSPC; not when whoever read it is gone (a pager, a terminal)
 */
export function write(descriptor: 1 | 2, text: string): void {
  let rest: Uint8Array = Buffer.from(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(descriptor, rest));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EPIPE' || code === 'EIO') return;
    if (code !== 'EAGAIN') throw error;
    // Full, and another process that shares it has set it not to block: the stream waits for its reader.
    const stream = descriptor === 1 ? process.stdout : process.stderr;
    stream.on('error', () => {}).write(rest);
  }
}

/** Whether standard output is a terminal. */
export function isTerminal(): boolean {
  return fstatSync(1).isCharacterDevice() && process.stdout.isTTY;
}
