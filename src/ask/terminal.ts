import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isatty, ReadStream, WriteStream } from 'node:tty';
import { say, shownMessage } from '../cli/output.ts';
import type { Answer, Way } from './ask.ts';
import { untilCode } from './field.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/**
 * Asks on the terminal: on standard input and standard error if both are one, else on `/dev/tty`, as ssh and sudo do. The AWS
 * CLI and boto3 pass their terminal to a `credential_process` as standard input, and keep its standard error to themselves.
 * Standard output is for results.
 * @param standardInput whether to read standard input even if it is not a terminal, as the demo's agent does
 */
export function terminal(standardInput = false): Way {
  let isTitleShown = false;
  return {
    name: 'terminal',
    unfit: async () => whyNoTerminal(standardInput),
    ask: async (request, { signal, onChange, needsResult }) => {
      const reason = whyNoTerminal(standardInput);
      if (reason !== undefined) return { kind: 'unavailable', reason };
      const { input, output, release } = openTerminal(standardInput);
      let repeat: (title: string) => void = NOTHING;
      onChange((changed) => repeat(`${texts.askTitle(changed)}.\n`));
      const repeatable = (shown: (title: string) => void) => {
        repeat = shown;
      };
      try {
        const answer = await untilCode(request, (current) => {
          const problem = texts.askProblem(current);
          if (problem === undefined || !isTitleShown) output.write(`${texts.askTitle(current)}.\n`);
          isTitleShown = true;
          if (problem !== undefined) output.write(`${problem}\n`);
          const question = `${texts.askDevice(current)}: `;
          return input instanceof ReadStream
            ? typedLine(input, output, question, signal, repeatable)
            : nextLine(input, output, question, signal, repeatable);
        });
        if (answer.kind === 'code') needsResult?.('terminal');
        return answer;
      } finally {
        release();
      }
    },
  };
}

/** Writes a line to the terminal, if there is one: to standard error if that is one, else to `/dev/tty`. */
export function tellOnTerminal(line: string): void {
  try {
    const file = isatty(2) ? 2 : openSync('/dev/tty', 'w');
    writeSync(file, `${shownMessage(line)}\n`);
    if (file !== 2) closeSync(file);
  } catch {
    // No terminal, or a lost one.
  }
}

/** Writes a line where the questions of {@link terminal} appear. */
export function tellWhereAsked(line: string, standardInput: boolean): void {
  if (standardInput) say(line);
  else tellOnTerminal(line);
}

const DISMISSED: Answer = { kind: 'dismissed' };

/** Receives a function that repeats an open prompt under a new title, for a reminder. */
type Repeatable = (shown: (title: string) => void) => void;

const NOTHING = () => {};

interface TerminalStreams {
  input: Readable;
  output: Writable;
  release(): void;
}

function openTerminal(standardInput: boolean): TerminalStreams {
  const isOwn = process.stdin.isTTY && (isatty(2) || !hasControllingTerminal());
  if (standardInput || isOwn) {
    // A pipe that has been read from keeps the process alive, even while it is paused. A file has no `unref`.
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
    if (!hasControllingTerminal()) return reasons.NO_TERMINAL;
  }
  return isInBackground() ? reasons.IN_BACKGROUND : undefined;
}

function hasControllingTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r+'));
    return true;
  } catch {
    return false;
  }
}

/**
 * Whether this is a background job, which would be stopped if it read from its terminal.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html for the fields 5 (`pgrp`) and 8 (`tpgid`)
 */
function isInBackground(): boolean {
  if (process.platform !== 'linux') return false;
  const stat = readFileSync('/proc/self/stat', 'latin1');
  // The second field, the name of the program in parentheses, may contain anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[2] !== fields[5];
}

/** Reads a line from a terminal, with the usual editing keys. */
function typedLine(
  input: ReadStream,
  output: Writable,
  question: string,
  signal: AbortSignal,
  repeatable: Repeatable,
): Promise<string | Answer> {
  return new Promise((resolve) => {
    const line = createInterface({ input, output, terminal: true, historySize: 0 });
    let settled = false;
    const end = (answer: string | Answer) => {
      if (settled) return;
      settled = true;
      repeatable(NOTHING);
      signal.removeEventListener('abort', erase);
      line.close();
      resolve(answer);
    };
    const erase = () => {
      output.write('\r\x1b[K');
      end(DISMISSED);
    };
    if (signal.aborted) return end(DISMISSED);
    signal.addEventListener('abort', erase);
    line.once('SIGINT', () => {
      line.close();
      // While a line is edited, the terminal does not send the signal. Send it if this process listens for it.
      if (process.listenerCount('SIGINT') > 0) process.kill(process.pid, 'SIGINT');
    });
    // After Ctrl-C, Ctrl-D, the loss of the terminal, or our own close.
    line.once('close', () => {
      if (!settled) output.write('\n');
      end(DISMISSED);
    });
    // A lost terminal causes a second error when its mode is to be restored.
    line.on('error', () => end(DISMISSED));
    line.question(question, end);
    repeatable((title) => {
      output.write(`\r\x1b[K${title}`);
      // With what has been typed so far.
      line.prompt(true);
    });
  });
}

/** Reads a line from a stream that is not a terminal. What follows the line stays in the stream for the next question. */
function nextLine(
  input: Readable,
  output: Writable,
  question: string,
  signal: AbortSignal,
  repeatable: Repeatable,
): Promise<string | Answer> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const end = (answer: string | Answer) => {
      input.off('data', onData).off('end', onEnd).off('error', onEnd).pause();
      repeatable(NOTHING);
      signal.removeEventListener('abort', onAbort);
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
    const onAbort = () => end(DISMISSED);
    output.write(question);
    repeatable((title) => output.write(`\n${title}${question}`));
    if (signal.aborted || input.readableEnded || input.destroyed) return end(DISMISSED);
    signal.addEventListener('abort', onAbort);
    input.on('data', onData).on('end', onEnd).on('error', onEnd);
    input.resume();
  });
}

/** In bytes. A longer line counts as an invalid answer. */
const LONGEST_LINE = 1024;
