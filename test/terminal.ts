import { type ChildProcess, spawn } from 'node:child_process';
import type { Ended, Running } from './program.ts';

/** Words as a shell takes them as they are. */
export function quoted(words: string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

/** Runs a line of shell on a terminal of its own. What is written to its standard input is typed there. */
export function onTerminal(line: string, env: NodeJS.ProcessEnv): Running {
  const options = { env: { ...env, SHELL: '/bin/sh', TERM: 'xterm' }, stdio: 'pipe' } as const;
  return running(spawn('script', ['-qec', line, '/dev/null'], options));
}

function running(child: ChildProcess): Running {
  const written = { stdout: '', stderr: '' };
  const looks = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
      for (const look of looks) look();
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
          looks.delete(look);
          resolve();
        };
        looks.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended without saying ${pattern}:\n${output()}`)));
      }),
  };
}
