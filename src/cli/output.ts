import { fstatSync, writeSync } from 'node:fs';
import { explained } from '../files/explain.ts';
import { plain } from '../plain.ts';

/** How long to wait when the output is full, in milliseconds. Another process may have made it non-blocking. */
const PAUSE = 10;

/**
 * Writes to standard output (1) or standard error (2), synchronously. Loading `process.stdout` instead would take a tenth
 * of the time of a short command.
 * @throws UserError, for example if the disk is full; not if the reader has gone (a pager, a terminal)
 */
export function write(descriptor: 1 | 2, text: string): void {
  for (let rest: Uint8Array = Buffer.from(text); rest.length > 0; ) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE' || code === 'EIO') return;
      if (code !== 'EAGAIN') throw explained(error, 'write', descriptor === 1 ? 'standard output' : 'standard error');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE);
    }
  }
}

/**
 * Writes a message for the user to standard error, line by line. Every message passes here: names in it come from files that
 * others may write, and reasons from servers.
 */
export function say(message: string): void {
  write(2, `${shownMessage(message)}\n`);
}

/** Returns a message as it may be shown: without control characters, and without a code that was typed in the wrong place. */
export function shownMessage(message: string): string {
  const codes = process.argv
    .slice(2)
    .map((word) => word.replace(/^-[^=]*=/, ''))
    .filter((word) => /^\d{6}$/.test(word.normalize('NFKC').replace(/[\s\u2010-\u2015-]+/g, '')));
  const masked = codes.reduce((text, code) => text.replaceAll(code, '******'), message);
  return masked.split('\n').map(plain).join('\n');
}

/** Whether standard output is a terminal. */
export function isTerminal(): boolean {
  return fstatSync(1).isCharacterDevice() && process.stdout.isTTY;
}
