import { type ChildProcess, spawn } from 'node:child_process';

/** Variables that decide whose keys an AWS tool uses: a child that gets a code or a key for us must not see them. */
const KEYS_OF_OTHERS = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
];

/** The environment for a child process: ours, without anybody's AWS keys. */
export function childEnvironment(environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) => !KEYS_OF_OTHERS.includes(name.toUpperCase())),
  );
}

export interface CommandSettings {
  /** Milliseconds after which the command is ended; without it, it may take forever (a dialog). */
  timeout?: number;
  /** Ends the command when aborted. */
  signal?: AbortSignal | undefined;
  /** {@link childEnvironment} of ours unless given. */
  environment?: NodeJS.ProcessEnv;
  /** Written to the command's standard input, which is empty otherwise. */
  input?: string;
  /**
   * The command may talk to the person on our terminal: it keeps our standard input and error, and our session, so that
   * Ctrl-C reaches it too. The price: when it is ended, processes of its own are not.
   */
  terminal?: boolean;
  /**
   * Called when the command has written to its standard error, with the last line there that says something, fit to be
   * shown. Not in the middle of a number, and not where it has our terminal.
   */
  onMessage?: ((line: string) => void) | undefined;
}

export type CommandResult =
  | { ok: true; stdout: string }
  /**
   * `reason` is for a person and holds nothing of the standard output, which may be a secret. `ended` is the exit
   * status, the name of the signal that ended it, or why we did not let it end by itself.
   */
  | { ok: false; reason: string; ended: CommandEnd; stdout: string; stderr: string };

type CommandEnd = number | NodeJS.Signals | 'timeout' | 'aborted' | 'too much output' | 'not started';

/** More than any code or credentials; a command that prints more is not the one that was meant. */
const MOST_OUTPUT = 64 * 1024;
/** Of the messages only the last are kept. */
const KEPT_MESSAGES = 4 * 1024;
/** How long a command may take to end when told to, and its pipes to close after it. */
const PATIENCE = 1_000;

/**
 * Runs a command that prints one thing, in a process group of its own, which is ended as a whole. Settles always,
 * rejects never: also when the command cannot be started, ignores SIGTERM, or leaves a child that holds its pipes.
 * @param command words, run as they are; or a line for `/bin/sh -c` (`cmd.exe` on Windows), as the AWS SDKs run a
 *   `credential_process`
 */
export function runCommand(command: string | readonly string[], settings: CommandSettings): Promise<CommandResult> {
  const { timeout, signal, environment = childEnvironment(), input, terminal = false, onMessage } = settings;
  return new Promise((resolve) => {
    const timers: NodeJS.Timeout[] = [];
    const after = (milliseconds: number, act: () => void) => void timers.push(setTimeout(act, milliseconds));
    const stdout: Buffer[] = [];
    let size = 0;
    let stderr = '';
    /** Why we end it; the first reason counts. */
    let cut: Extract<CommandEnd, string> | undefined;

    const settle = (ended: CommandEnd, detail = '') => {
      for (const timer of timers) clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      const output = Buffer.concat(stdout).toString();
      if (ended === 0) return resolve({ ok: true, stdout: output });
      const told = lastLine(stderr) || detail;
      resolve({ ok: false, ended, reason: reasonOf(ended, told, timeout), stdout: output, stderr });
    };
    const end = (why: typeof cut) => {
      if (cut) return;
      cut = why;
      kill(child, 'SIGTERM', terminal);
      after(PATIENCE, () => {
        kill(child, 'SIGKILL', terminal);
        // A process in the kernel's hands outlives even this; nobody waits for it.
        after(PATIENCE, () => settle(cut ?? 'aborted'));
      });
    };
    const onAbort = () => end('aborted');

    if (signal?.aborted) return settle('aborted');
    let child: ChildProcess;
    try {
      child = start(command, environment, terminal, input !== undefined);
    } catch (error) {
      return settle('not started', (error as Error).message);
    }
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) settle('not started', error.code === 'ENOENT' ? 'no such program' : error.message);
    });
    child.stdout?.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MOST_OUTPUT) stdout.push(chunk);
      else end('too much output');
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr = (stderr + chunk.toString()).slice(-KEPT_MESSAGES);
      // The rest of a number may come: whoever masks codes must see it whole.
      if (!/\d$/.test(stderr) && lastLine(stderr)) onMessage?.(lastLine(stderr));
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
    child.once('exit', (status, killedBy) => {
      const ended = cut ?? status ?? killedBy ?? 'aborted';
      if (cut) kill(child, 'SIGKILL', terminal);
      child.once('close', () => settle(ended));
      // What it left behind may hold the pipes open for as long as it lives.
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

function start(
  command: string | readonly string[],
  env: NodeJS.ProcessEnv,
  terminal: boolean,
  hasInput: boolean,
): ChildProcess {
  const stdin = hasInput ? 'pipe' : terminal ? 'inherit' : 'ignore';
  const stdio = [stdin, 'pipe', terminal ? 'inherit' : 'pipe'] as const;
  const options = { env, stdio: [...stdio], detached: !terminal && process.platform !== 'win32', windowsHide: true };
  if (typeof command === 'string') return spawn(command, { ...options, shell: true });
  const [program = '', ...words] = command;
  return spawn(program, words, options);
}

function kill(child: ChildProcess, signal: NodeJS.Signals, terminal: boolean): void {
  if (child.pid === undefined) return;
  try {
    if (terminal || process.platform === 'win32') child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // Nobody of the group is left.
  }
}

function reasonOf(ended: CommandEnd, told: string, timeout: number | undefined): string {
  const how = howItEnded(ended, timeout);
  return told ? `${how}: ${told}` : how;
}

function howItEnded(ended: CommandEnd, timeout = 0): string {
  if (typeof ended === 'number') return `exit status ${ended}`;
  if (ended === 'timeout') return `timed out after ${timeout / 1000} s`;
  return ended.startsWith('SIG') ? `ended by ${ended}` : ended;
}

/** The last line that says something, fit to be shown. */
function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.replace(/\p{Cc}/gu, ' ').trim());
  return (lines.findLast((line) => line !== '') ?? '').slice(0, 300);
}
