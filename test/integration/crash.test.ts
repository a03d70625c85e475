import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { withoutSession, withSession, withSessions } from '../../src/credentials/edit.ts';
import { withPair } from '../../src/credentials/pair.ts';
import { changeCredentials } from '../../src/files/replace.ts';
import { needs } from '../needs.ts';
import { type Call, callsIn, essence, rewrite, temporaryOf } from '../traced-rewrite.ts';
import { within } from '../within.ts';

const SESSION = {
  accessKeyId: 'ASIANEWNEWNEWNEWNEW1',
  secretAccessKey: 'new/secret',
  sessionToken: `new${'+token/'.repeat(60)}==`,
  expiration: Date.UTC(2030, 0, 31),
};
const OLD = Buffer.from(`# My keys.
[default]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY

[mfa]
aws_access_key_id = ASIAOLDOLDOLDOLDOLD1
aws_secret_access_key = old/secret
aws_session_token = old${'+token/'.repeat(40)}=
expiration = 2024-12-31T00:00:00Z

[work]
region=eu-west-1`);
const change = (bytes: Buffer) => withSession(bytes, 'mfa', SESSION);
const NEW = change(OLD);

const isRoot = process.getuid?.() === 0;
/** As the old file has them; also of the new one. */
const MODE = 0o400;
const [OWNER, GROUP] = isRoot ? [12_345, 23_456] : [process.getuid?.() ?? 0, process.getgid?.() ?? 0];

/** Not ours, though they look like it: to be left alone. */
const STRANGERS = ['.credentials.aws-mfa-agent-notes', '.credentials.swp'];
/** No file: it holds no key, whatever its name. */
const STRANGE_FOLDER = '.credentials.aws-mfa-agent-7-0123456789abcdef';

let base: string;
beforeAll(() => {
  base = realpathSync(mkdtempSync(join(tmpdir(), 'aws-mfa-agent-crash-')));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

/** A folder of its own, with the old file in it or none. */
function newFile(old: Buffer | undefined): string {
  const file = join(mkdtempSync(join(base, 'aws-')), 'credentials');
  for (const name of STRANGERS) writeFileSync(join(dirname(file), name), 'a stranger');
  mkdirSync(join(dirname(file), STRANGE_FOLDER));
  if (old) {
    writeFileSync(file, old);
    chownSync(file, OWNER, GROUP);
    chmodSync(file, MODE);
  }
  return file;
}

/** What a call may answer, of what disks do to people: by its manual page, and of a file system that fails, anything. */
function errorsOf({ name, writes }: Call): string[] {
  if (!writes) return /^(?:open|stat|newfstat|lstat)/.test(name) ? ['EIO', 'EACCES'] : ['EIO'];
  // Calls on an open file do not fail for lack of permission, but the file system may have become read-only.
  return /^(?:p?write|f)/.test(name)
    ? ['ENOSPC', 'EIO', 'EROFS', 'EDQUOT']
    : ['ENOSPC', 'EIO', 'EACCES', 'EROFS', 'EDQUOT'];
}

/** Runs six at a time: many wait for a lock, or for the disk. */
async function eachOf<T>(all: readonly T[], task: (one: T, index: number) => Promise<void>): Promise<void> {
  const left = all.entries();
  const worker = async () => {
    for (const [index, one] of left) await task(one, index);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}

/** The old file or the new one, to the last byte, with its mode and owner; beside it, a lock and a temporary file at most. */
function look(file: string, old: Buffer | undefined, what: string): 'old' | 'new' {
  const bytes = readdirSync(dirname(file)).includes('credentials') ? readFileSync(file) : undefined;
  const isOld = old === undefined ? bytes === undefined : bytes?.equals(old) === true;
  const isNew = bytes?.equals(old === undefined ? change(Buffer.alloc(0)) : NEW) === true;
  expect(isOld || isNew, `${what} left\n${bytes}`).toBe(true);
  if (bytes) {
    const { mode, uid, gid } = statSync(file);
    const expected = old ? [MODE, OWNER, GROUP] : [0o600, process.getuid?.(), process.getgid?.()];
    expect([mode & 0o7777, uid, gid], what).toEqual(expected);
  }
  const known = [...STRANGERS, STRANGE_FOLDER, 'credentials', 'credentials.lock', basename(temporaryOf(file))];
  expect(known, what).toEqual(expect.arrayContaining(readdirSync(dirname(file))));
  return isNew ? 'new' : 'old';
}

/**
 * The next change, which has to work within a limit, and to leave nothing but the file.
 * @param limit of a lock that another program may have left, unless given, in milliseconds
 * @returns how long it took, in milliseconds
 */
async function next(file: string, old: Buffer | undefined, what: string, limit = 11_000): Promise<number> {
  const start = performance.now();
  await within(`the change after ${what}`, changeCredentials(file, change), undefined, limit);
  const duration = performance.now() - start;
  expect(look(file, old, `the change after ${what}`)).toBe('new');
  expect(readdirSync(dirname(file)).sort(), what).toEqual([...STRANGERS, STRANGE_FOLDER, 'credentials'].sort());
  return duration;
}

/** Hundreds of processes, on a machine that has other work as well. */
const LONGEST = 300_000;

const lineOf = ({ line }: Call) => line.slice(0, 120);

/** Kills a change at each call that writes: the file is the old one up to the rename, and the new one from then on. */
async function expectWholeWhenKilled(change: Parameters<typeof rewrite>[1], changed: string): Promise<void> {
  const calls = callsIn((await rewrite(newFile(OLD), change)).log).filter(({ writes }) => writes);
  const renaming = calls.findIndex(({ name }) => name.startsWith('rename'));
  expect(renaming).toBeGreaterThan(0);
  await eachOf(calls, async (call, index) => {
    const file = newFile(OLD);
    const ended = await rewrite(file, change, { call, effect: 'signal=KILL' });
    expect(ended.signal, lineOf(call)).toBe('SIGKILL');
    expect(readFileSync(file, 'utf8'), lineOf(call)).toBe(index <= renaming ? OLD.toString() : changed);
  });
}

describe('a rewrite of the credentials file', needs('strace'), () => {
  describe.each([
    ['that exists', OLD],
    ['that does not exist yet', undefined],
  ])('a rewrite of a file %s', (_, old) => {
    let calls: Call[];
    beforeAll(async () => {
      const file = newFile(old);
      const ended = await rewrite(file, { mfa: SESSION });
      expect(ended).toMatchObject({ status: 0, stderr: '' });
      expect(look(file, old, 'a whole run')).toBe('new');
      calls = callsIn(ended.log);
      // The steps of the design, in its order.
      const order = ['mkdir', 'openat', 'write', 'fsync', 'rename', 'fsync', 'rmdir|unlinkat'];
      expect(calls.filter(({ writes, name }) => writes && !/utime|mod|own/.test(name)).map(({ name }) => name)).toEqual(
        order.map((name) => expect.stringMatching(new RegExp(`^(?:${name})`))),
      );
    });

    test(
      'a rewrite that is killed at any system call leaves the old or the new file, and the next one works at once',
      async () => {
        const files: string[] = [];
        const found: string[] = [];
        const opening = calls.findIndex(({ name, writes }) => writes && name === 'fchmod');
        const renaming = calls.findIndex(({ name }) => name.startsWith('rename'));
        await eachOf(calls, async (call, index) => {
          const file = newFile(old);
          const what = `a kill before call ${index + 1}, ${lineOf(call)}`;
          const ended = await rewrite(file, { mfa: SESSION }, { call, effect: 'signal=KILL' });
          expect(ended.signal, what).toBe('SIGKILL');
          expect(essence(ended.log.findLast((line) => essence(line))), what).toBe(essence(call.line));
          files[index] = file;
          found[index] = look(file, old, what);
          if (!readdirSync(dirname(file)).includes(basename(temporaryOf(file)))) return;
          // Only users who can read the file can read it; until its last change of mode, only its owner.
          const mode = statSync(temporaryOf(file)).mode & 0o7777;
          expect(mode, what).toBe(old && opening < index && index <= renaming ? MODE : 0o600);
        });
        expect(found).toEqual(calls.map((_, index) => (index <= renaming ? 'old' : 'new')));

        let longest = 0;
        await eachOf(files, async (file, index) => {
          longest = Math.max(longest, await next(file, old, `a kill before call ${index + 1}`));
        });
        const count = found.filter((one) => one === 'old').length;
        process.stderr.write(
          `killed at each of ${calls.length} system calls: ${count} times the old file, ${calls.length - count} times the new one; the next change took ${Math.round(longest)} ms at most\n`,
        );
      },
      LONGEST,
    );
  });

  test(
    'a forget that is killed leaves the session or none, never a part of it',
    async () => {
      const removed = 'mfa';
      const expected = { old: OLD.toString(), new: withoutSession(OLD, removed).toString() };
      expect(expected.new).toBe(expected.old.replace(/(?<=\[mfa\]\n)[^[]*(?=\n\[work\])/, ''));
      await expectWholeWhenKilled({ removed }, expected.new);
    },
    LONGEST,
  );

  test(
    'a rotation that is killed while it stores the new keys leaves the old pair or the new one, never half of each',
    async () => {
      const pair = { accessKeyId: 'AKIANEWNEWNEWNEWNEW1', secretAccessKey: `new/secret/${'+'.repeat(29)}` };
      await expectWholeWhenKilled({ pair }, withPair(OLD, 'default', pair).toString());
    },
    LONGEST,
  );

  test(
    'a rewrite leaves the old or the new file, says why, and lets the next one work after an error of any system call',
    async () => {
      const calls = callsIn((await rewrite(newFile(OLD), { mfa: SESSION })).log);
      const injections = calls.flatMap((call) => errorsOf(call).map((error) => ({ call, error })));
      const counts = { old: 0, new: 0, said: 0 };
      const files: string[] = [];
      await eachOf(injections, async ({ call, error }, index) => {
        const file = newFile(OLD);
        const what = `${error} from ${lineOf(call)}`;
        const ended = await rewrite(file, { mfa: SESSION }, { call, effect: `error=${error}` });
        expect(ended.signal, what).toBe(null);
        expect(ended.log.filter((line) => line.includes('(INJECTED)')).map(essence), what).toEqual([
          essence(call.line),
        ]);
        const found = look(file, OLD, what);
        counts[found] += 1;
        if (ended.status === 0) {
          expect([found, ended.stderr], what).toEqual(['new', '']);
        } else {
          counts.said += 1;
          expect(ended.stderr, what).toMatch(/^aws-mfa-agent: cannot write [^\n]+; [^\n]+\n$/);
          expect(ended.stderr, what).toContain(`cannot write ${file}: `);
          expect(ended.stderr, what).toContain(`(${error})\n`);
        }
        files[index] = file;
      });
      let longest = 0;
      await eachOf(files, async (file, index) => {
        const { call, error } = injections[index] ?? {};
        longest = Math.max(longest, await next(file, OLD, `${error} from ${call && lineOf(call)}`));
      });
      process.stderr.write(
        `${injections.length} errors at ${calls.length} system calls: ${counts.old} times the old file, ${counts.new} times the new one, ${counts.said} times it said why, else it could do without; the next change took ${Math.round(longest)} ms at most\n`,
      );
    },
    LONGEST,
  );

  test(
    'a rewrite of a session and its roles leaves all sessions old or all new when it is killed at any change',
    async () => {
      const sessions = Object.fromEntries(
        ['mfa', 'admin', 'reader'].map((name, index) => [
          name,
          { ...SESSION, accessKeyId: `ASIANEWNEWNEWNEWNEW${index}` },
        ]),
      );
      const before = Buffer.concat([OLD, Buffer.from('\n[admin]\naws_access_key_id=ASIAOLD\n# mine\n')]);
      const after = withSessions(before, Object.entries(sessions));
      const calls = callsIn((await rewrite(newFile(before), sessions)).log).filter(({ writes }) => writes);
      const renaming = calls.findIndex(({ name }) => name.startsWith('rename'));
      await eachOf(calls, async (call, index) => {
        const file = newFile(before);
        const ended = await rewrite(file, sessions, { call, effect: 'signal=KILL' });
        expect(ended.signal, lineOf(call)).toBe('SIGKILL');
        expect(readFileSync(file).equals(index <= renaming ? before : after), lineOf(call)).toBe(true);
      });
      expect(renaming).toBeGreaterThan(2);
    },
    LONGEST,
  );

  test('a rewrite that is killed delays the next one by two seconds, not ten', async () => {
    const calls = callsIn((await rewrite(newFile(OLD), { mfa: SESSION })).log);
    const call = calls.find(({ name }) => name.startsWith('rename'));
    if (!call) throw new Error('it does not rename');
    const file = newFile(OLD);
    await rewrite(file, { mfa: SESSION }, { call, effect: 'signal=KILL' });
    await next(file, OLD, 'a kill before the rename', 5_000);
  });
});
