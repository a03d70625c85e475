import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import lockfile from 'proper-lockfile';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { lockFile, lockStanding } from '../../src/files/lock.ts';
import { changeCredentials } from '../../src/files/replace.ts';
import { built } from '../built.ts';
import { needs } from '../needs.ts';
import { callsIn, rewrite } from '../traced-rewrite.ts';
import { until, within } from '../within.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'aws-mfa-agent-lock-')));
  file = join(folder, 'credentials');
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true, force: true });
});

const append = (text: string) => (bytes: Buffer) =>
  bytes.includes(text) ? bytes : Buffer.concat([bytes, Buffer.from(text)]);

function otherProcess(code: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', code, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** All that it prints from now on, until it ends by itself. */
async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  expect(await within('the end of the program', once(child, 'close'), () => output)).toEqual([0, null]);
  return output.trim();
}

/**
 * A lock that was last renewed so many seconds ago, as proper-lockfile sets its time stamps, or we ours. From now on the clock
 * stands still: a slow machine makes the lock no older.
 */
function leaveLock(age: number, whose: 'ours' | 'theirs'): void {
  vi.useFakeTimers({ toFake: ['Date'] });
  mkdirSync(`${file}.lock`);
  const renewed = Date.now() / 1000 - age;
  utimesSync(`${file}.lock`, whose === 'ours' ? 12_345 : renewed, renewed);
}

describe('a program that locks with the defaults of proper-lockfile', () => {
  test("another program's lock is kept for as long as it is renewed, every five seconds", async () => {
    writeFileSync(file, 'a\n');
    const holder = otherProcess(
      `import lockfile from ${JSON.stringify(import.meta.resolve('proper-lockfile'))};
      await lockfile.lock(process.argv[1]);
      console.log('held');
      setInterval(() => {}, 1e6);`,
      file,
    );
    try {
      await within('a lock of another', once(holder.stdout ?? holder, 'data'));
      const changing = changeCredentials(file, append('ours\n'), { timeout: 7000 });
      await expect(changing).rejects.toThrow(/another program has held .* for 7 s/);
      expect(readFileSync(file, 'utf8')).toBe('a\n');
    } finally {
      holder.kill('SIGKILL');
    }
  });

  test("another program's lock is taken ten seconds after its program died, not before", async () => {
    leaveLock(9, 'theirs');
    await expect(changeCredentials(file, append('ours\n'), { timeout: 100 })).rejects.toThrow(
      /another program has held/,
    );
    rmSync(`${file}.lock`, { recursive: true });
    leaveLock(10.1, 'theirs');
    await changeCredentials(file, append('ours\n'), { timeout: 100 });
    expect(readdirSync(folder)).toEqual(['credentials']);
  });

  test('another program waits for our lock, which we renew every second', async () => {
    writeFileSync(file, 'a\n');
    const lock = await lockFile(file, 1000);
    const { mtimeMs } = statSync(`${file}.lock`);
    await until(
      'the lock is renewed',
      () => statSync(`${file}.lock`).mtimeMs !== mtimeMs,
      () => mtimeMs,
    );
    await expect(lockfile.lock(file)).rejects.toThrow(/already being held/);
    expect(lock.lost()).toBe(false);
    await lock.release();
    await (await lockfile.lock(file))();
  });
});

describe('a lock whose time lies ahead of the clock', () => {
  test.each([
    ['ours', -4, -1],
    ['ours', -86_400, -1],
    ['theirs', -10.5, -9],
    ['theirs', -86_400, -9],
  ] as const)(
    'a lock (%s) that is %i s old, since the clock was set back, is free; one of %i s is not',
    async (whose, far, near) => {
      leaveLock(near, whose);
      await expect(changeCredentials(file, append('ours\n'), { timeout: 100 })).rejects.toThrow(
        /another program has held/,
      );
      expect(lockStanding(file, Date.now()).standing).toBe('held');
      rmSync(`${file}.lock`, { recursive: true });
      leaveLock(far, whose);
      await changeCredentials(file, append('ours\n'), { timeout: 100 });
      expect(readdirSync(folder)).toEqual(['credentials']);
      leaveLock(far, whose);
      expect(lockStanding(file, Date.now()).standing).toBe('stale');
    },
  );

  test('our lock is still ours when the clock is set back while we hold it', async () => {
    const child = otherProcess(
      `import { setTimeout } from 'node:timers/promises';
      import { lockFile } from '${built('files/lock.ts')}';
      const lock = await lockFile(process.argv[1], 1000);
      const now = Date.now;
      Date.now = () => now() - 3_600_000;
      // Until it has renewed the lock by the new clock.
      await setTimeout(2500);
      console.log(lock.lost() ? 'lost' : 'held');
      await lock.release();`,
      file,
    );
    expect(await outputOf(child)).toBe('held');
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('our lock', () => {
  test('our lock is free two seconds after it was left behind, not before', async () => {
    leaveLock(1, 'ours');
    await expect(changeCredentials(file, append('ours\n'), { timeout: 100 })).rejects.toThrow(
      /another program has held/,
    );
    rmSync(`${file}.lock`, { recursive: true });
    leaveLock(2.1, 'ours');
    await changeCredentials(file, append('ours\n'), { timeout: 100 });
    expect(readdirSync(folder)).toEqual(['credentials']);
  });

  test('our lock is still ours after another program has read its folder', async () => {
    const lock = await lockFile(file, 1000);
    const { mtime } = statSync(`${file}.lock`);
    utimesSync(`${file}.lock`, new Date(), mtime);
    expect(lock.lost()).toBe(false);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('our lock counts as lost, and is not removed, when another process takes it in the same millisecond', async () => {
    const lock = await lockFile(file, 1000);
    const { mtime } = statSync(`${file}.lock`);
    rmSync(`${file}.lock`, { recursive: true });
    mkdirSync(`${file}.lock`);
    utimesSync(`${file}.lock`, 12_345, mtime);
    expect(lock.lost()).toBe(true);
    await lock.release();
    expect(readdirSync(folder)).toEqual(['credentials.lock']);
  });

  test('our lock is left to the other when it is taken between the check and the renewal of a stopped process', async () => {
    const child = otherProcess(
      `import fs from 'node:fs';
      const { statSync } = fs;
      let isHeld = false;
      let resolve;
      const renewed = new Promise((done) => { resolve = done; });
      fs.statSync = (...asked) => {
        const stats = statSync(...asked);
        if (isHeld) {
          isHeld = false;
          process.kill(process.pid, 'SIGSTOP');
          setImmediate(resolve);
        }
        return stats;
      };
      const { lockFile } = await import('${built('files/lock.ts')}');
      const lock = await lockFile(process.argv[1], 1000);
      isHeld = true;
      console.log('held');
      // The timer of the renewal does not keep the process alive.
      const alive = setInterval(() => {}, 1e6);
      await renewed;
      clearInterval(alive);
      await lock.release();
      console.log(lock.lost() ? 'lost' : 'held');`,
      file,
    );
    await within('a lock of another', once(child.stdout ?? child, 'data'));
    const output = outputOf(child);
    // Where it does not stand still, it renews its lock, and this fails.
    const lock = await lockFile(file, 15_000);
    child.kill('SIGCONT');
    expect(await output).toBe('lost');
    expect(lock.lost()).toBe(false);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('our lock that is taken while the process is stopped neither ends the process nor is taken back', async () => {
    const child = otherProcess(
      `import { setTimeout } from 'node:timers/promises';
      import { lockFile } from '${built('files/lock.ts')}';
      const lock = await lockFile(process.argv[1], 1000);
      console.log('held');
      process.kill(process.pid, 'SIGSTOP');
      // Until the timer that renews the lock has found out.
      await setTimeout(1500);
      await lock.release();
      console.log(lock.lost() ? 'lost' : 'held');`,
      file,
    );
    await within('a lock of another', once(child.stdout ?? child, 'data'));
    const output = outputOf(child);
    // As soon as the other process has been stopped for long enough.
    const lock = await lockFile(file, 15_000);
    child.kill('SIGCONT');
    expect(await output).toBe('lost');
    expect(lock.lost()).toBe(false);
    await lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a rewrite that is stopped', needs('strace'), () => {
  const session = (name: string) => ({
    accessKeyId: `ASIA${name}`,
    secretAccessKey: `${name}/secret`,
    sessionToken: `${name}${'+token/'.repeat(60)}==`,
    expiration: Date.UTC(2030, 0, 31),
  });
  const old = withSession(withSession(Buffer.alloc(0), 'mfa', session('OLD')), 'work', session('OLD'));
  const ours = session('OURS');
  const change = (bytes: Buffer) => withSession(bytes, 'work', session('THEIRS'));

  function newFile(): string {
    const path = join(mkdtempSync(join(folder, 'aws-')), 'credentials');
    writeFileSync(path, old, { mode: 0o600 });
    return path;
  }

  test.each([
    ['until another has taken its lock and changed the file', false],
    ['until another has taken its lock and is about to change the file', true],
  ])(
    'a rewrite that is stopped at any system call, %s, loses neither change',
    async (_, isEarly) => {
      const calls = callsIn((await rewrite(newFile(), { mfa: ours })).log);
      const left = calls.entries();
      const worker = async () => {
        for (const [index, call] of left) {
          const path = newFile();
          const what = `a stop after call ${index + 1}, ${call.line.slice(0, 120)}`;
          const whileStopped = async (resume: () => void) => {
            let isResumed = false;
            await changeCredentials(path, (bytes) => {
              if (isEarly && !isResumed) {
                resume();
                isResumed = true;
                // Now it is at the other's work, while we hold the lock.
                Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
              }
              return change(bytes);
            });
            if (!isResumed) resume();
          };
          const ended = await rewrite(path, { mfa: ours }, { call, effect: 'signal=STOP', whileStopped });
          expect(ended, what).toMatchObject({ status: 0, stderr: '' });
          expect(readFileSync(path, 'utf8'), what).toBe(change(withSession(old, 'mfa', ours)).toString());
          expect(readdirSync(dirname(path)), what).toEqual(['credentials']);
        }
      };
      // They wait most of the time. All are waited for: after a failure, the others must not stay stopped.
      const ends = await Promise.allSettled(Array.from({ length: 8 }, worker));
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
      process.stderr.write(`stopped after each of ${calls.length} system calls: both changes are there\n`);
    },
    300_000,
  );
});
