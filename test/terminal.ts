import { spawn } from 'node:child_process';
import { stripVTControlCharacters } from 'node:util';
import { follow, type Running } from './program.ts';

/** Words as a shell takes them as they are. */
export function quoted(words: string[]): string {
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

/** Runs a line of shell on a terminal of its own. What is written to its standard input is typed there. */
export function onTerminal(line: string, env: NodeJS.ProcessEnv): Running {
  const options = { env: { ...env, SHELL: '/bin/sh', TERM: 'xterm' }, stdio: 'pipe' } as const;
  return follow(spawn('script', ['-qec', line, '/dev/null'], options));
}

/** What a person waits for, and what they type then. */
export type Step = [shown: RegExp, typed: string | (() => string)];

/** Answers questions: each step waits for words that come after those of the step before it. */
export async function answer(session: Running, steps: Step[]): Promise<void> {
  let seen = 0;
  for (const [shown, typed] of steps) {
    await session.says({ test: () => shown.test(wordsOn(session).slice(seen)), toString: () => String(shown) });
    seen = wordsOn(session).length;
    session.child.stdin?.write(typeof typed === 'string' ? typed : typed());
  }
}

/** The words on the screen: without what moves the cursor and colours, line ends, and the line at the edge. */
export function wordsOn(session: Running): string {
  return stripVTControlCharacters(session.output()).replace(/[\s│]+/g, ' ');
}
