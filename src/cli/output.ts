import { fstatSync, writeSync } from 'node:fs';

/** How long to wait when the output is full, in milliseconds. Another process may have made it non-blocking. */
const PAUSE = 10;

/**
 * Writes to standard output (1) or standard error (2), synchronously. Loading `process.stdout` instead would take a tenth
 * of the time of a short command.
 * @throws the system's error, such as ENOSPC; not if the reader has gone (a pager, a terminal)
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
