import { closeSync, openSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { ReadStream, WriteStream } from 'node:tty';
import type { Answer, Way } from './ask.ts';
import { untilCode } from './field.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/**
 * Asks on the terminal: on standard input when that is one, else on `/dev/tty`, as ssh and sudo do. The question goes
 * to standard error, since standard output is for results.
 * @param standardInput read a line of standard input whatever it is: for `demo`, and for scripts that say so
 */
export function terminal(standardInput = false): Way {
  /** A title is not repeated before each try. */
  let isTitled = false;
  return {
    name: 'terminal',
    unfit: async () => whyNoTerminal(standardInput),
    ask: async (request, { signal }) => {
      const reason = whyNoTerminal(standardInput);
      if (reason !== undefined) return { kind: 'unavailable', reason };
      const place = openTerminal(standardInput);
      try {
        return await untilCode(request, (current) => {
          const { input, output } = place;
          const problem = texts.askProblem(current);
          if (problem === undefined || !isTitled) output.write(`${texts.askTitle(current)}.\n`);
          isTitled = true;
          if (problem !== undefined) output.write(`${problem}\n`);
          const question = `${texts.askDevice(current)}: `;
          return input instanceof ReadStream
            ? typedLine(input, output, question, signal)
            : nextLine(input, output, question, signal);
        });
      } finally {
        place.release();
      }
    },
  };
}

const DISMISSED: Answer = { kind: 'dismissed' };

interface TerminalStreams {
  input: Readable;
  output: Writable;
  release(): void;
}

function openTerminal(standardInput: boolean): TerminalStreams {
  if (standardInput || process.stdin.isTTY) {
    // A pipe that was read from keeps the process alive, paused or not; a file has no such handle.
    process.stdin.ref?.();
    const release = () => void process.stdin.pause().unref?.();
    return { input: process.stdin, output: process.stderr, release };
  }
  const input = new ReadStream(openSync('/dev/tty', 'r'));
  const output = new WriteStream(openSync('/dev/tty', 'w'));
  return {
    input,
    output,
    release: () => {
      input.destroy();
      output.destroy();
    },
  };
}

function whyNoTerminal(standardInput: boolean): string | undefined {
  if (!process.stdin.isTTY) {
    if (standardInput) return undefined;
    try {
      closeSync(openSync('/dev/tty', 'r+'));
    } catch {
      return reasons.NO_TERMINAL;
    }
  }
  return isInBackground() ? reasons.IN_BACKGROUND : undefined;
}

/**
 * A background job that reads from its terminal is stopped.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html where 5 is `pgrp` and 8 is `tpgid`
 */
function isInBackground(): boolean {
  if (process.platform !== 'linux') return false;
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // The name of the program comes second, in parentheses, and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[2] !== fields[5];
}

/** A line that a person types, with the editing that they expect. */
function typedLine(
  input: ReadStream,
  output: Writable,
  question: string,
  signal: AbortSignal,
): Promise<string | Answer> {
  return new Promise((resolve) => {
    const line = createInterface({ input, output, terminal: true, historySize: 0 });
    let settled = false;
    const end = (answer: string | Answer) => {
      if (settled) return;
      settled = true;
      signal.removeEventListener('abort', withdraw);
      line.close();
      resolve(answer);
    };
    const withdraw = () => {
      output.write('\r\x1b[K');
      end(DISMISSED);
    };
    if (signal.aborted) return end(DISMISSED);
    signal.addEventListener('abort', withdraw);
    line.once('SIGINT', () => {
      line.close();
      // The terminal does not send it while a line is edited. To whoever waits for it, it means what it always does.
      if (process.listenerCount('SIGINT') > 0) process.kill(process.pid, 'SIGINT');
    });
    // Ctrl-C, Ctrl-D, the terminal is gone; or the end of ours.
    line.once('close', () => {
      if (!settled) output.write('\n');
      end(DISMISSED);
    });
    // A terminal that is gone says so once more when its mode is to be restored.
    line.on('error', () => end(DISMISSED));
    line.question(question, end);
  });
}

/** The next line of a stream that is no terminal. What comes after it stays there for the next question. */
function nextLine(input: Readable, output: Writable, question: string, signal: AbortSignal): Promise<string | Answer> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const end = (answer: string | Answer) => {
      input.off('data', onData).off('end', onEnd).off('error', onEnd).pause();
      signal.removeEventListener('abort', withdraw);
      output.write('\n');
      resolve(answer);
    };
    const onData = (chunk: Buffer | string) => {
      read = Buffer.concat([read, Buffer.from(chunk)]);
      const lineEnd = read.indexOf('\n');
      if (lineEnd < 0 && read.length < LONGEST_LINE) return;
      const rest = lineEnd < 0 ? Buffer.alloc(0) : read.subarray(lineEnd + 1);
      end(read.subarray(0, Math.max(lineEnd, 0)).toString());
      if (rest.length > 0) input.unshift(rest);
    };
    const onEnd = () => end(read.length > 0 ? read.toString() : DISMISSED);
    const withdraw = () => end(DISMISSED);
    output.write(question);
    if (signal.aborted || input.readableEnded || input.destroyed) return end(DISMISSED);
    signal.addEventListener('abort', withdraw);
    input.on('data', onData).on('end', onEnd).on('error', onEnd);
    input.resume();
  });
}

const LONGEST_LINE = 1024;
