import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { isatty, ReadStream, WriteStream } from 'node:tty';
import { say, shownMessage } from '../cli/output.ts';
import { deferred } from '../time/deferred.ts';
import { aging } from './aging.ts';
import type { Answer, Way } from './ask.ts';
import { untilCode } from './field.ts';
import { heldTurn } from './held-turn.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/**
 * Asks on the terminal: on standard input and standard error if both are one, else on `/dev/tty`, as ssh and sudo do. The AWS
 * CLI and boto3 pass their terminal to a `credential_process` as standard input, and keep its standard error to themselves.
 * Standard output is for results. One prompt is open at a time.
 * @param standardInput whether to read standard input even if it is not a terminal, as the demo's agent does
 */
export function terminal(standardInput = false): Way {
  let isTitleShown = false;
  const turn = heldTurn(takeTurn);
  return {
    name: 'terminal',
    unfit: async () => whyNoTerminal(standardInput),
    ask: async (request, asking) => {
      const reason = whyNoTerminal(standardInput);
      if (reason !== undefined) return { kind: 'unavailable', reason };
      const { signal, onChange, needsResult } = asking;
      let present = aging(request);
      onChange((changed) => {
        present = aging(changed);
        repeat(`${texts.askTitle(changed)}.\n`);
      });
      let answer = DISMISSED;
      await turn.begin(signal);
      try {
        if (signal.aborted) return answer;
        const { input, output, release } = openTerminal(standardInput);
        answer = await untilCode(present(), (current) => {
          const problem = texts.askProblem(current);
          if (problem === undefined || !isTitleShown) output.write(`${texts.askTitle(current)}.\n`);
          isTitleShown = true;
          if (problem !== undefined) output.write(`${problem}\n`);
          const question = `${texts.askDevice(current)}: `;
          return input instanceof ReadStream
            ? typedLine(input, output, question, signal)
            : nextLine(input, output, question, signal);
        }).finally(release);
        if (answer.kind === 'code') needsResult?.('terminal');
        return answer;
      } finally {
        turn.end(answer, asking);
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

/** No user can type where the input has ended, such as in `/dev/null`: that does not answer the prompt. */
const ENDED = { kind: 'unavailable', reason: reasons.NO_TERMINAL } as const;

const NOTHING = () => {};

/** Repeats the open prompt under a title, for a reminder: also of another device, whose prompt waits for its turn. */
let repeat: (title: string) => void = NOTHING;

/** Resolves when all prompts have left the terminal. */
let free: Promise<void> = Promise.resolve();

/**
 * Waits until the terminal is free, or the signal is aborted.
 * @returns a function that gives the turn to the next prompt
 */
async function takeTurn(signal: AbortSignal): Promise<() => void> {
  const before = free;
  const turn = deferred();
  free = before.then(() => turn.promise);
  const aborted = deferred();
  signal.addEventListener('abort', () => aborted.resolve(), { once: true });
  if (!signal.aborted) await Promise.race([before, aborted.promise]);
  return turn.resolve;
}

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
    if (standardInput) return hasEnded(process.stdin) ? reasons.NO_TERMINAL : undefined;
    if (!hasControllingTerminal()) return reasons.NO_TERMINAL;
  }
  return isInBackground() ? reasons.IN_BACKGROUND : undefined;
}

function hasEnded({ readableEnded, destroyed }: Readable): boolean {
  return readableEnded || destroyed;
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
): Promise<string | Answer> {
  return new Promise((resolve) => {
    const line = createInterface({ input, output, terminal: true, historySize: 0 });
    let settled = false;
    const end = (answer: string | Answer) => {
      if (settled) return;
      settled = true;
      repeat = NOTHING;
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
    repeat = (title) => {
      output.write(`\r\x1b[K${title}`);
      // With what has been typed so far.
      line.prompt(true);
    };
  });
}

/** Reads a line from a stream that is not a terminal. What follows the line stays in the stream for the next question. */
function nextLine(input: Readable, output: Writable, question: string, signal: AbortSignal): Promise<string | Answer> {
  return new Promise((resolve) => {
    let read = Buffer.alloc(0);
    const end = (answer: string | Answer) => {
      input.off('data', onData).off('end', onEnd).off('error', onEnd).pause();
      repeat = NOTHING;
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
    const onEnd = () => end(read.length > 0 ? read.toString() : ENDED);
    const onAbort = () => end(DISMISSED);
    output.write(question);
    repeat = (title) => void output.write(`\n${title}${question}`);
    if (signal.aborted) return end(DISMISSED);
    if (hasEnded(input)) return end(ENDED);
    signal.addEventListener('abort', onAbort);
    input.on('data', onData).on('end', onEnd).on('error', onEnd);
    input.resume();
  });
}

/** In bytes. A longer line counts as an invalid answer. */
const LONGEST_LINE = 1024;
