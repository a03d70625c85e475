import { fstatSync, writeSync } from 'node:fs';

/** Where another process has set what we share not to block, and it is full: how often to look, in milliseconds. */
const PAUSE = 10;

/**
 * Writes to standard output (1) or error (2), at once. `process.stdout` does the same, and is a tenth of the time of a
 * short command to load.
 * @throws what the system says, such as ENOSPC; not when whoever read it is gone (a pager, a terminal)
 */
export function write(descriptor: 1 | 2, text: string): void {
  for (let rest: Uint8Array = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE' || code === 'EIO') return;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}

/** Whether standard output is a terminal. */
export function isTerminal(): boolean {
  return fstatSync(1).isCharacterDevice() && process.stdout.isTTY;
}
