import { type ChildProcess, spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
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

/** What a person waits for, and what they type then. */
export type Step = [shown: RegExp, typed: string | (() => string)];

/** Answers questions: each step waits for words that come after those of the step before it. */
export async function answer(session: Running, steps: Step[]): Promise<void> {
  let seen = 0;
  for (const [shown, typed] of steps) {
    await session.says({ test: () => shown.test(wordsOn(session).slice(seen)) });
    seen = wordsOn(session).length;
    session.child.stdin?.write(typeof typed === 'string' ? typed : typed());
  }
}

/** The words on the screen: without what moves the cursor and colours, line ends, and the line at the edge. */
export function wordsOn(session: Running): string {
  return stripVTControlCharacters(session.output()).replace(/[\s│]+/g, ' ');
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
