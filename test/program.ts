import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LIMIT, within } from './within.ts';

/** The built program, as a user's shell would start it. */
export const PROGRAM = fileURLToPath(new URL('../dist/cli.cjs', import.meta.url));

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** A regular expression, or what tests a text in its way. */
interface Pattern {
  test(text: string): boolean;
  toString(): string;
}

export interface Running {
  child: ChildProcess;
  /** All that it has written so far, to either output. */
  output(): string;
  /** Resolves as soon as what it has written matches; rejects when it ends before, or after the limit (milliseconds). */
  says(pattern: Pattern, limit?: number): Promise<void>;
  /** Resolves when it has ended. Ten seconds after it was asked for, it rejects, and the program is killed. */
  readonly ended: Promise<Ended>;
  /** The same for a program that takes longer. @param limit in milliseconds */
  endsWithin(limit: number): Promise<Ended>;
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
export function run(args: string[], env: NodeJS.ProcessEnv, input = '', under: string[] = []): Promise<Ended> {
  return start(args, env, input, under).ended;
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
  const closed = new Promise<Ended>((resolve) => child.on('close', (status) => resolve({ status, ...written })));
  const endsWithin = async (limit: number) => {
    try {
      return await within(`the end of ${child.spawnargs.join(' ')}`, closed, output, limit);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  };
  return {
    child,
    output,
    endsWithin,
    get ended() {
      const ended = endsWithin(LIMIT);
      // A test that fails before it waits for the end shows its own error, not this one.
      ended.catch(() => {});
      return ended;
    },
    says: (pattern, limit) => {
      const said = new Promise<void>((resolve, reject) => {
        const look = () => {
          if (!pattern.test(output())) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void closed.then(() => reject(new Error(`it ended without saying ${pattern}:\n${output()}`)));
      });
      return within(`it says ${pattern}`, said, output, limit);
    },
  };
}
