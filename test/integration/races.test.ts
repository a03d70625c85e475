import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { readState } from '../../src/session/state.ts';
import { built } from '../built.ts';
import { has, needs, uses } from '../needs.ts';
import {
  type Change,
  type Counts,
  type Edit,
  fileWith,
  judged,
  mayBeCutShort,
  type Observation,
  REFRESHED,
  secretOf,
  sessionOf,
  versionsIn,
} from '../races/history.ts';
import { within } from '../within.ts';

/**
 * Eight processes refresh eight profiles of one file while two readers parse it without pause, and, but for the first
 * test, another program sets a key of a ninth profile.
 *
 * That program takes no lock, and cuts the file short before it writes it again. It cannot be kept from tearing a read, from
 * putting back what it read before a rename of ours, or from writing into the file that we have just replaced. So every
 * process notes when it did what, and a fault counts as that program's only if the times say so: a read that
 * failed, while it had the file open for writing; a session of ours that is gone, when our rename fell between its reading
 * and its cutting short; an edit of its own that is gone, when it began after our last look at the file. Everything else
 * is ours, and there must be none.
 */

let folder: string;
let file: string;
beforeEach(() => {
  // In memory where there is such a folder: a disk would set the pace, and fewer would meet.
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'aws-mfa-agent-races-'));
  file = join(folder, 'credentials');
  prepare();
});
afterEach(() => rmSync(folder, { recursive: true }));

function prepare(): void {
  rmSync(join(folder, 'state'), { recursive: true, force: true });
  // The mode that AWS tools give it. For other modes, each rewrite copies the access control list, in child processes.
  writeFileSync(file, fileWith(Array(REFRESHED + 1).fill(0)), { mode: 0o600 });
}

const REFRESHER = [
  process.execPath,
  fileURLToPath(import.meta.resolve('../races/refresher.mjs')),
  built('refresh/effects.ts'),
];
const READERS: Record<string, string[]> = {
  "the SDK for JavaScript's loader": [process.execPath, fileURLToPath(import.meta.resolve('../races/reader.mjs'))],
  botocore: ['python3', '-X', 'utf8', fileURLToPath(import.meta.resolve('../races/reader.py'))],
};
const STAND_IN = [process.execPath, fileURLToPath(import.meta.resolve('../races/editor.mjs'))];
const AWS_CONFIGURE_SET = ['python3', fileURLToPath(import.meta.resolve('../races/editor.py'))];
if (!has('python3:botocore')) delete READERS.botocore;

/** How long the refreshers of a race may take, in milliseconds: they do as much work as two cores can in ten seconds. */
const LONGEST_RACE = 45_000;
/** A race is run once more when the other program stood still with the file cut short. */
const TEST_LIMIT = 300_000;

function started([command = '', ...args]: string[], ...more: string[]): ChildProcess {
  return spawn(command, [...args, ...more], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function outputOf(child: ChildProcess): Promise<string> {
  const ended = Promise.all([child.stdout ? text(child.stdout) : '', once(child, 'close')]);
  const [output] = await within(`the end of ${child.spawnargs.join(' ')}`, ended, undefined, LONGEST_RACE);
  expect(child.exitCode, child.spawnargs.join(' ')).toBe(0);
  return output;
}

/** One profile, refreshed so often. */
async function refresher(profile: number, times: number): Promise<Change[]> {
  const child = started(REFRESHER, folder, `profile-${profile}`);
  child.stdin?.end(JSON.stringify(Array.from({ length: times }, (_, index) => sessionOf(profile, index + 1))));
  return JSON.parse(await outputOf(child)).map((change: Omit<Change, 'profile'>) => ({ profile, ...change }));
}

/** Reads until it is stopped. */
function reader(name: string): () => Promise<Observation[]> {
  const child = started(READERS[name] ?? [], file);
  const output = outputOf(child);
  return async () => {
    child.stdin?.end();
    let found: Pick<Observation, 'profiles' | 'error'> = {};
    return (await output)
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const { from, to, ...rest } = JSON.parse(line);
        if (Object.keys(rest).length > 0) found = rest;
        return { reader: name, from, to, ...found };
      });
  };
}

/** Sets one version after another until it is stopped, the next 10 to 50 ms after the last. */
function editor(command: string[]): () => Promise<Edit[]> {
  const child = started(command, file, 'profile-9', 'aws_secret_access_key');
  const edits: Edit[] = [];
  let isOver = false;
  const work = async () => {
    const answers = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
    for (let version = 1; !isOver; version++) {
      child.stdin?.write(`${secretOf(version)}\n`);
      const { value, done } = await within(`edit ${version}`, answers.next(), undefined, 20_000);
      if (done) throw new Error('the editor ended');
      edits.push({ version, ...JSON.parse(value) });
      await setTimeout(10 + Math.random() * 40);
    }
    child.stdin?.end();
    await within('the end of the editor', once(child, 'close'));
    return edits;
  };
  const working = work();
  // Its failure counts when it is stopped.
  working.catch(() => {});
  return () => {
    isOver = true;
    return working;
  };
}

async function race(times: number, editing?: string[]): Promise<{ counts: Counts; changes: Change[] }> {
  const stopEditor = editing && editor(editing);
  const stopReaders = Object.keys(READERS).map(reader);
  const work = Array.from({ length: REFRESHED }, (_, index) => refresher(index + 1, times));
  const changes = (await Promise.all(work)).flat();
  const edits = (await stopEditor?.()) ?? [];
  const observations = (await Promise.all(stopReaders.map((stop) => stop()))).flat();

  // The file at the end is one more thing that was read, and every byte of it must have a known origin.
  const bytes = readFileSync(file);
  const now = Number(process.hrtime.bigint() / 1000n);
  const document = parseCredentials(bytes);
  const profiles = Object.fromEntries(
    document.profileNames().map((name) => [name, Object.fromEntries(document.profile(name)?.values ?? [])]),
  );
  observations.push({ reader: 'this test', from: now, to: now, profiles });
  const versions = versionsIn(profiles);
  // Without a profile, there is no file to compare with.
  const isWhole =
    versions.every((one) => typeof one === 'number') && bytes.toString() === fileWith(versions.map(Number));
  if (!isWhole && mayBeCutShort(changes, edits)) {
    process.stderr.write(
      'races: the other program stood still with the file cut short, on a busy machine: once more\n',
    );
    prepare();
    return race(times, editing);
  }
  expect(bytes.toString()).toBe(fileWith(versions.map(Number)));

  const { counts, faults } = judged(changes, edits, observations);
  for (const name of Object.keys(READERS)) {
    expect(observations.filter((one) => one.reader === name).length, `what ${name} saw`).toBeGreaterThan(10);
  }
  process.stderr.write(`races: ${expect.getState().currentTestName}\n${JSON.stringify(counts, null, 2)}\n`);
  expect(faults).toEqual([]);

  // The memory of whose expiry is whose is one file for all, too.
  const { expiries } = readState(join(folder, 'state'));
  expect(Object.keys(expiries[file] ?? {}).sort()).toEqual(
    Array.from({ length: REFRESHED }, (_, index) => `profile-${index + 1}`),
  );
  for (const [name, expiry] of Object.entries(expiries[file] ?? {})) {
    const { accessKeyId, expiration } = sessionOf(Number(name.at(-1)), times);
    expect(expiry).toEqual({ accessKeyId, expiration });
  }
  return { counts, changes };
}

test('eight processes that use the lock lose no change, and no reader sees a broken file', {
  ...uses('python3:botocore'),
  timeout: TEST_LIMIT,
}, async () => {
  const { counts, changes } = await race(100);
  expect(changes).toHaveLength(REFRESHED * 100);
  expect(counts).toMatchObject({ 'reads that failed': 0, 'sessions of ours that were gone': 0 });
  expect(readFileSync(file, 'utf8')).toBe(fileWith([...Array(REFRESHED).fill(100), 0]));
});

test('a program that edits in place without a lock causes only its own faults', {
  ...uses('python3:botocore'),
  timeout: TEST_LIMIT,
}, async () => {
  await race(100, STAND_IN);
});

test('`aws configure set` causes only its own faults', {
  ...needs('python3:awscli'),
  timeout: TEST_LIMIT,
}, async () => {
  await race(50, AWS_CONFIGURE_SET);
});
