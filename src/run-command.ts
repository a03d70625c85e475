import type { ChildProcess } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { isatty } from 'node:tty';
import { say } from './cli/output.ts';
import { startChild } from './start-child.ts';

export interface CommandSettings {
  /** Milliseconds after which the command is ended; no limit by default (a dialog waits for the user). */
  timeout?: number;
  /** Ends the command when aborted. */
  signal?: AbortSignal | undefined;
  /** {@link childEnvironment} by default. */
  environment?: NodeJS.ProcessEnv;
  /** The limit of its output, in bytes, after which it is ended: 64 KiB by default, more than any code or credentials. */
  mostOutput?: number;
  /** Written to the command's standard input, which is empty otherwise. */
  input?: string;
  /**
   * The command may talk to the user on our terminal: it keeps our standard input, standard error and session, so that
   * Ctrl-C also reaches it. If it is ended, its own children are not.
   */
  terminal?: boolean;
  /**
   * Called with the last line that is not empty whenever the command has written to its standard error; never in the
   * middle of a number, and not with `terminal`.
   */
  onMessage?: ((line: string) => void) | undefined;
}

export type CommandResult =
  | { ok: true; stdout: string }
  /**
   * `how` says how it ended; `reason` also has the last line of its standard error. Neither contains standard output, which
   * may be secret. `ended` is the exit status, the signal that ended the command, or why we ended it.
   */
  | { ok: false; how: string; reason: string; ended: CommandEnd; stdout: string; stderr: string };

type CommandEnd = number | NodeJS.Signals | 'timeout' | 'aborted' | 'too much output' | 'not started';

const MOST_OUTPUT = 64 * 1024;
/** Only the last messages are kept, in characters. */
const KEPT_MESSAGES = 4 * 1024;
/** How long a command may take to end after SIGTERM, and its pipes to close after its end, in milliseconds. */
const PATIENCE = 1_000;

/**
 * Runs a command in a process group of its own, which is ended as a whole. Always resolves, also if the command cannot be
 * started, ignores SIGTERM, or leaves a child that keeps its pipes open.
 * @param command the program and its arguments, or a line for `/bin/sh -c`, as the AWS SDKs run a `credential_process`
 */
export function runCommand(command: string | readonly string[], settings: CommandSettings): Promise<CommandResult> {
  const { timeout, signal, environment = childEnvironment(), input, terminal = false, onMessage } = settings;
  const { mostOutput = MOST_OUTPUT } = settings;
  return new Promise((resolve) => {
    const timers: NodeJS.Timeout[] = [];
    const after = (milliseconds: number, act: () => void) => void timers.push(setTimeout(act, milliseconds));
    const stdout: Buffer[] = [];
    let size = 0;
    let stderr = '';
    /** Why we ended the command; the first reason counts. */
    let cut: Extract<CommandEnd, string> | undefined;

    const settle = (ended: CommandEnd, detail = '') => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      const output = Buffer.concat(stdout).toString();
      if (ended === 0) return resolve({ ok: true, stdout: output });
      const message = lastLine(stderr) || detail;
      const how = howItEnded(ended, timeout);
      const [withDetail, reason] = [detail, message].map((text) => (text ? `${how}: ${text}` : how));
      resolve({ ok: false, ended, how: withDetail ?? how, reason: reason ?? how, stdout: output, stderr });
    };
    let child: ChildProcess | undefined;
    const kill = (by: NodeJS.Signals) => {
      if (child?.pid === undefined) return;
      try {
        if (terminal) child.kill(by);
        else process.kill(-child.pid, by);
      } catch {
        // The process group has already exited.
      }
    };
    const end = (why: typeof cut) => {
      if (cut) return;
      cut = why;
      kill('SIGTERM');
      after(PATIENCE, () => {
        kill('SIGKILL');
        // A process that is stuck in the kernel does not end even then.
        after(PATIENCE, () => settle(cut ?? 'aborted'));
      });
    };
    const onAbort = () => end('aborted');

    if (signal?.aborted) return settle('aborted');
    const started = start(command, environment, terminal, input !== undefined);
    if (started instanceof Error) return settle('not started', started.message);
    child = started;
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) settle('not started', error.code === 'ENOENT' ? 'no such program' : error.message);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= mostOutput) stdout.push(chunk);
      else end('too much output');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-KEPT_MESSAGES);
      // The rest of a number may follow, and codes can only be masked as a whole.
      if (!/\d$/.test(stderr) && lastLine(stderr)) onMessage?.(lastLine(stderr));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.once('exit', (status, killedBy) => {
      const ended = cut ?? status ?? killedBy ?? 'aborted';
      if (cut) kill('SIGKILL');
      child.once('close', () => settle(ended));
      // A child that it has left behind may keep the pipes open.
      after(PATIENCE, () => {
        child.stdout?.destroy();
        child.stderr?.destroy();
        settle(ended);
      });
    });
    signal?.addEventListener('abort', onAbort);
    if (timeout !== undefined) after(timeout, () => end('timeout'));
  });
}

/**
 * Returns how a command of the user's failed: nothing of what it wrote, which may contain keys and codes (`set -x`). In a
 * terminal, `--debug` shows that.
 */
export function failureOf({ how, ended, stderr }: Extract<CommandResult, { ok: false }>): string {
  const found = ended === 127 ? `${how}, no such program` : how;
  if (!process.argv.includes('--debug') || !isatty(2)) return found;
  for (const line of stderr.trim().split(/[\r\n]+/)) say(`  ${line}`);
  return found;
}

function start(
  command: string | readonly string[],
  env: NodeJS.ProcessEnv,
  terminal: boolean,
  hasInput: boolean,
): ChildProcess | Error {
  const stdin = hasInput ? 'pipe' : terminal ? 'inherit' : 'ignore';
  const stdio: ('pipe' | 'inherit' | 'ignore')[] = [stdin, 'pipe', terminal ? 'inherit' : 'pipe'];
  const [program = '', ...words] = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  return startChild(program, words, { env, stdio, detached: !terminal });
}

function howItEnded(ended: CommandEnd, timeout = 0): string {
  if (typeof ended === 'number') return `exit status ${ended}`;
  if (ended === 'timeout') return `timed out after ${timeout / 1000} s`;
  return ended.startsWith('SIG') ? `ended by ${ended}` : ended;
}

/** Returns the last line that is not empty, without control characters, at most 300 characters. */
function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.replace(/\p{Cc}/gu, ' ').trim());
  return (lines.findLast((line) => line !== '') ?? '').slice(0, 300);
}

/** Variables that choose the keys of AWS tools. A command that gets a code or keys for the agent must not see them. */
const KEY_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
];

/** Returns the environment for a child process, without variables that choose AWS keys. */
export function childEnvironment(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !KEY_VARIABLES.includes(name.toUpperCase())),
  );
}

/** Returns the executable files of this name in the folders of `PATH`, in its order. */
export function programsNamed(name: string, { PATH = '' }: NodeJS.ProcessEnv): string[] {
  return PATH.split(delimiter)
    .map((folder) => join(folder || '.', name))
    .filter(canRun);
}

/** Whether a program is in `PATH`. */
export function isInstalled(name: string, environment: NodeJS.ProcessEnv): boolean {
  return programsNamed(name, environment).length > 0;
}

function canRun(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
