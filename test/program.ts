import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The built program, as a user's shell would start it. */
export const PROGRAM = fileURLToPath(new URL('../dist/cli.cjs', import.meta.url));

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  /** All that it has written so far, to either output. */
  output(): string;
  /** Resolves as soon as what it has written matches; rejects when it ends before. */
  says(pattern: Pick<RegExp, 'test'>): Promise<void>;
  ended: Promise<Ended>;
}

/**
 * Starts the program. `input` is written to its standard input, which is closed then; without it, it is left open.
 * @param under a program, and its arguments, that starts ours
 */
export function start(args: string[], env: NodeJS.ProcessEnv, input?: string, under: string[] = []): Running {
  const [program = '', ...words] = [...under, process.execPath, PROGRAM, ...args];
  const child = spawn(program, words, { env, stdio: 'pipe' });
  if (input !== undefined) child.stdin.end(input);
  return follow(child);
}

/** Runs the program to its end. */
export function run(args: string[], env: NodeJS.ProcessEnv, input = ''): Promise<Ended> {
  return start(args, env, input).ended;
}

/** Reads what a process writes, until it ends. Its outputs are pipes. */
export function follow(child: ChildProcess): Running {
  const written = { stdout: '', stderr: '' };
  const waiting = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      for (const look of waiting) look();
    });
  }
  const output = () => written.stdout + written.stderr;
  const ended = new Promise<Ended>((resolve) => child.on('close', (status) => resolve({ status, ...written })));
  return {
    child,
    output,
    ended,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(output())) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without saying ${pattern}:\n${output()}`)));
      }),
  };
}
