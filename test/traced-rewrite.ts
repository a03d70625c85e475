import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll } from 'vitest';
import type { KeyPair } from '../src/credentials/pair.ts';
import type { MfaSession } from '../src/session/session.ts';
import { built } from './built.ts';
import { until, within } from './within.ts';

const REWRITE = fileURLToPath(new URL('rewrite.mjs', import.meta.url));
const SOURCES = ['credentials/edit.ts', 'credentials/pair.ts', 'files/replace.ts'];
/** The built modules that it uses, in one file: it runs some hundred times, and loading them would take as long as the rest. */
const MODULES = fileURLToPath(new URL(`../build/traced-${process.pid}.mjs`, import.meta.url));

beforeAll(async () => {
  const text = SOURCES.map((source) => `export * from '${fileURLToPath(built(source))}';`).join('\n');
  const id = 'modules';
  const all = {
    name: id,
    resolveId: (asked: string) => (asked === id ? id : null),
    load: (asked: string) => (asked === id ? text : null),
  };
  const bundle = await rolldown({ input: id, platform: 'node', plugins: [all] });
  await bundle.write({ file: MODULES });
});
afterAll(() => rm(MODULES));

/** A system call on the folder, the file, its lock or the temporary file, between the lock and the unlock. */
export interface Call {
  name: string;
  /** As strace prints it, with `AWS` for the folder. */
  line: string;
  thread: 'main' | 'background';
  /** How many calls of that name its thread has made by then: strace counts those. */
  when: number;
  /** Whether it changes what is on the disk. */
  writes: boolean;
}

export interface Ended {
  /** What strace saw. */
  log: string[];
  status: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

/** The temporary file of a rewrite that is traced. */
export const temporaryOf = (file: string) =>
  join(dirname(file), `.${basename(file)}.aws-mfa-agent-1-${'0'.repeat(16)}`);

/**
 * Puts sessions into profiles, or a pair of keys into [default], or removes the session of a profile, by the built program's own
 * code, under strace, which lets something happen at one call.
 * @param file in a folder of its own; the log comes beside that
 * @param injection `effect` as in strace(1): `error=EIO`. After `signal=STOP` the program stands still until it is resumed
 */
export async function rewrite(
  file: string,
  written: Written,
  injection?: { call: Call; effect: string; whileStopped?: (resume: () => void) => Promise<void> },
): Promise<Ended> {
  const folder = dirname(file);
  const paths = [folder, file, `${file}.lock`, temporaryOf(file)].flatMap((path) => ['-P', path]);
  const { call, effect, whileStopped } = injection ?? {};
  const inject = call ? ['-e', `inject=${call.name}:${effect}:when=${call.when}`] : [];
  // The background thread has numbers of its own by what rewrite.mjs does first, the main thread by being seen alone.
  const threads = call?.thread === 'main' ? [] : ['-f'];
  const strace = [...threads, '-qq', '-e', 'trace=%file,%desc', '-e', 'signal=SIGSTOP', ...paths, ...inject];
  const [name, values] = changeOf(written);
  const node = [process.execPath, REWRITE, MODULES, name, file, JSON.stringify(values)];
  const log = `${folder}.log`;
  const child = spawn('strace', [...strace, '-o', log, ...node], {
    stdio: ['ignore', 'ignore', 'pipe'],
    // All that does not run in the main thread runs in one other, in order. Nothing else: Node reads NODE_EXTRA_CA_CERTS at each start.
    env: { PATH: process.env.PATH, UV_THREADPOOL_SIZE: '1' },
    // A group of its own, which can be resumed or ended as a whole.
    detached: true,
  });
  const signalAll = (signal: NodeJS.Signals) => child.pid && process.kill(-child.pid, signal);
  const ended = Promise.all([text(child.stderr), once(child, 'close')]);
  if (whileStopped) {
    try {
      const seen = () => (existsSync(log) ? readFileSync(log, 'utf8') : '');
      const isStopped = () => {
        if (seen().includes('--- stopped by SIGSTOP ---')) return true;
        if (child.exitCode !== null) throw new Error(`it was not stopped at ${call?.line}`);
        return false;
      };
      await until(`it is stopped at ${call?.line}`, isStopped, seen);
      await whileStopped(() => signalAll('SIGCONT'));
    } catch (error) {
      if (child.exitCode === null) signalAll('SIGKILL');
      throw error;
    }
  }
  const [stderr, [status, signal]] = await within('the end of the rewrite', ended, () => readFileSync(log, 'utf8'));
  return { log: readFileSync(log, 'utf8').replaceAll(folder, 'AWS').trim().split('\n'), status, signal, stderr };
}

type Written = Record<string, MfaSession> | { pair: KeyPair } | { removed: string };

function changeOf(written: Written): [name: string, values: unknown[]] {
  const { pair, removed } = written as { pair?: unknown; removed?: unknown };
  if (pair) return ['withPair', ['default', pair]];
  return removed ? ['withoutSession', [removed]] : ['withSessions', [Object.entries(written)]];
}

/** The calls of a whole run. */
export function callsIn(log: string[]): Call[] {
  const started = log.map((line) => /^(\d+) +((\w+)\(.*)/.exec(line)).filter((match) => match !== null);
  // Between the last look at the file and the rename there is no time for another thread.
  const main = started.find(([, , , name]) => name?.startsWith('rename'))?.[1];
  const counts = new Map<string, number>();
  const calls = started.map(([, thread = '', line = '', name = '']): Call => {
    const when = (counts.get(`${thread} ${name}`) ?? 0) + 1;
    counts.set(`${thread} ${name}`, when);
    const writes = WRITES.test(name) || line.includes('O_CREAT');
    return { name, line, thread: thread === main ? 'main' : 'background', when, writes };
  });
  const [first, last] = [/^mkdir/, /^(?:rmdir|unlinkat)/].map((name) =>
    calls.findLastIndex((call) => name.test(call.name) && call.line.includes('"AWS/credentials.lock"')),
  );
  return calls.slice(first, last === undefined ? undefined : last + 1);
}

const WRITES = /^(?:mkdir|rmdir|unlink|p?write|fsync|fdatasync|rename|f?chmod|f?chown|utime)/;

/** A call without what differs from run to run. */
export const essence = (line = '') => /^(?:\d+ +)?(\w+\((?:AT_FDCWD, )?(?:"[^"]*")?)/.exec(line)?.[1];
