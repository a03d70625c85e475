import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { changeCredentials } from '../../src/files/replace.ts';
import { needs } from '../needs.ts';
import { run } from '../program.ts';
import { startSandbox } from '../sandbox.ts';

/** A user and a group without any file. */
const [STRANGER, GROUP] = [12_345, 23_456];

let folder: string;
let file: string;
const { PATH } = process.env;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-access-'));
  chmodSync(folder, 0o755);
  file = join(folder, 'credentials');
  writeFileSync(file, 'old\n', { mode: 0o600 });
});
afterEach(() => {
  process.env.PATH = PATH;
  rmSync(folder, { recursive: true, force: true });
});

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);
const setfacl = (...words: string[]) => execFileSync('setfacl', words);
const listOf = (path: string) => execFileSync('getfacl', ['-ncpE', path], { encoding: 'utf8' });
const rewrite = (path = file) => changeCredentials(path, (bytes) => Buffer.concat([bytes, Buffer.from('new\n')]));

/** Whether a user who is in one group, and is not the owner, can open a file. */
function opens(how: 'read' | 'write', path: string, { group = 65_534 } = {}): boolean {
  const who = ['--reuid', String(STRANGER), '--regid', String(group), '--clear-groups', '--bounding-set=-all'];
  const opening = how === 'read' ? 'exec 3< "$0"' : 'exec 3>> "$0"';
  return spawnSync('setpriv', [...who, 'sh', '-c', opening, path], { stdio: 'ignore' }).status === 0;
}

/** Puts stand-ins of these tools before the others. Each notes that it was called. */
function standIn(tools: Record<string, string>): () => string[] {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const [name, script] of Object.entries(tools)) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho ${name} >> ${folder}/called\n${script}\n`, { mode: 0o755 });
  }
  process.env.PATH = `${bin}:${PATH}`;
  return () =>
    existsSync(join(folder, 'called')) ? readFileSync(join(folder, 'called'), 'utf8').trim().split('\n') : [];
}

describe(
  'a rewritten file with an access control list',
  needs('Linux', 'root', 'getfacl', 'setfacl', 'setpriv'),
  () => {
    it.each([
      ['a user may read', ['u:12345:r']],
      ['a user may read and write', ['u:12345:rw']],
      ['a group may read', ['g:23456:r']],
      ['the mask allows less than the entries', ['u:12345:rw,g:23456:rw,m::r']],
      ['a user may not read what all others may', ['u:12345:---,o::r']],
      ['many may read', [Array.from({ length: 30 }, (_, n) => `u:${20_000 + n}:r`).join(',')]],
    ])('the list is the same after a rewrite: %s', async (_, [entries = '']) => {
      chownSync(file, 0, GROUP);
      setfacl('-m', entries, file);
      const [list, mode] = [listOf(file), modeOf(file)];
      const access = () => [
        ...(['read', 'write'] as const).flatMap((how) => [opens(how, file), opens(how, file, { group: GROUP })]),
      ];
      const before = access();
      expect(await rewrite()).toBe(undefined);
      expect([listOf(file), modeOf(file), access()]).toEqual([list, mode, before]);
      expect(readFileSync(file, 'utf8')).toBe('old\nnew\n');
    });

    it('the owning group does not gain what the mask allows to a user', async () => {
      chownSync(file, 0, GROUP);
      setfacl('-m', 'u:12345:r', file);
      await rewrite();
      expect(opens('read', file, { group: GROUP })).toBe(true);
      setfacl('-x', 'u:12345', file);
      expect(opens('read', file, { group: GROUP })).toBe(false);
    });

    it.each([
      ['600', '600'],
      ['400', '400'],
      ['640', '640'],
      ['644', '644'],
      ['604', '604'],
      ['4640', '4640'],
      ['2640', '2640'],
    ])('a default list of the folder adds nothing to a file of mode %s', async (mode) => {
      chownSync(file, 0, GROUP);
      chmodSync(file, Number.parseInt(mode, 8));
      setfacl('-d', '-m', 'u:12345:rwx,g:23456:rwx', folder);
      const access = () =>
        (['read', 'write'] as const).flatMap((how) => [opens(how, file), opens(how, file, { group: GROUP })]);
      const before = access();
      expect(await rewrite()).toBe(undefined);
      expect([modeOf(file), access()]).toEqual([mode, before]);
    });

    it('a default list of the folder opens neither a new file nor a new folder', async () => {
      setfacl('-d', '-m', 'u:12345:rwx,g:23456:rwx', folder);
      const path = join(folder, 'new', 'aws', 'credentials');
      await rewrite(path);
      for (const one of [path, dirname(path), dirname(dirname(path))]) {
        expect([opens('read', one), opens('read', one, { group: GROUP })], one).toEqual([false, false]);
      }
      expect([modeOf(path), modeOf(dirname(path))]).toEqual(['600', '700']);
    });

    it('a default list of the folder does not open the temporary file', async () => {
      setfacl('-d', '-m', 'u:12345:rwx', folder);
      setfacl('-m', 'u:12345:r', file);
      let isOver = false;
      const writing = changeCredentials(file, () => Buffer.alloc(8_000_000, 'b')).finally(() => {
        isOver = true;
      });
      const seen = new Set<string>();
      while (!isOver) {
        const temporary = readdirSync(folder).find((name) => name.startsWith('.credentials.aws-mfa-agent-'));
        if (temporary) seen.add(modeOf(join(folder, temporary)));
        await new Promise(setImmediate);
      }
      await writing;
      expect([...seen]).toEqual(['600']);
    });
  },
);

describe(
  'a rewritten file where lists cannot be copied',
  needs('Linux', 'root', 'getfacl', 'setfacl', 'setpriv'),
  () => {
    it.each([
      ['getfacl is missing', { getfacl: 'exit 127' }],
      ['setfacl is missing', { setfacl: 'exit 127' }],
      ['setfacl does nothing', { setfacl: 'exit 0' }],
      ['setfacl gives more than it was told', { setfacl: 'chmod 644 "$3"' }],
    ] as [string, Record<string, string>][])(
      'only the owner keeps access, and that is said once: %s',
      async (_, tools) => {
        setfacl('-m', 'u:12345:r', file);
        standIn(tools);
        expect(await rewrite()).toBe(
          `only the owner can access ${file} now: an access control list cannot be read and copied here (install getfacl and setfacl)`,
        );
        expect([modeOf(file), opens('read', file), readFileSync(file, 'utf8')]).toEqual(['600', false, 'old\nnew\n']);
        expect(await rewrite()).toBe(undefined);
      },
    );

    it('only the owner keeps access where a user was denied what others may', async () => {
      setfacl('-m', 'u:12345:---,o::r', file);
      standIn({ getfacl: 'exit 1' });
      await rewrite();
      expect([modeOf(file), opens('read', file)]).toEqual(['600', false]);
    });

    it('no tool is started for a file that only its owner may use', async () => {
      const called = standIn({ getfacl: 'exit 1', setfacl: 'exit 1' });
      for (const mode of [0o600, 0o400, 0o700, 0o4600]) {
        chmodSync(file, mode);
        expect(await rewrite()).toBe(undefined);
        expect(modeOf(file)).toBe(mode.toString(8));
      }
      expect(called()).toEqual([]);
      chmodSync(file, 0o640);
      await rewrite();
      expect(called()).toEqual(['getfacl']);
    });
  },
);

describe('the files that the program writes', needs('Linux', 'root', 'getfacl', 'setfacl'), () => {
  it('the credentials file, the state and config.ini keep their lists, or say once that they cannot', async () => {
    const sandbox = await startSandbox({ tolerance: 9 });
    try {
      const settings = join(sandbox.home, '.config', 'aws-mfa-agent', 'config.ini');
      const state = join(sandbox.home, '.local', 'state', 'aws-mfa-agent', 'state.json');
      for (const [path, text] of [
        [settings, '; mine\n'],
        [state, '{}'],
      ] as const) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, text, { mode: 0o600 });
      }
      const all = [sandbox.credentialsFile, settings, state];
      for (const path of all) setfacl('-m', 'u:12345:r', path);
      const lists = all.map(listOf);
      const words = ['setup', '--yes', '--no-install', '--profile', 'mfa', '--prompt-before', '20m', '--token-code'];
      const done = await run([...words, sandbox.code()], sandbox.env);
      expect(done).toMatchObject({ status: 0 });
      expect(done.stderr).not.toContain('only the owner');
      for (const path of all) expect(readFileSync(path, 'utf8'), path).not.toMatch(/^(?:; mine\n|\{\})$/);
      expect(all.map(listOf)).toEqual(lists);

      standIn({ getfacl: 'exit 1' });
      const env = { ...sandbox.env, PATH: process.env.PATH ?? '' };
      const refresh = async () => run(['refresh', '--force', '--token-code', sandbox.code()], env);
      const said = new RegExp(`is fresh until .*; only the owner can access ${sandbox.credentialsFile} now`);
      expect(await refresh()).toMatchObject({ status: 0, stderr: expect.stringMatching(said) });
      expect(await refresh()).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/only the owner/) });
      expect(modeOf(sandbox.credentialsFile)).toBe('600');
      expect(modeOf(state)).toBe('600');
    } finally {
      await sandbox.close();
    }
  });
});
