import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { needs } from '../needs.ts';
import { type Running, run, start } from '../program.ts';
import { behind, type Sandbox, startSandbox } from '../sandbox.ts';

const isRoot = process.getuid?.() === 0;

/** Runs a command as root, whatever it takes. */
function asRoot(...command: string[]): boolean {
  const [program = '', ...words] = isRoot ? command : ['sudo', '-n', ...command];
  return spawnSync(program, words, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

/** Without root's powers: permissions count as for anybody. */
const POWERLESS = isRoot ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];

describe('a refresh on a disk that fails', needs('mounting disks'), () => {
  let sandbox: Sandbox;
  let disk: string;
  let file: string;
  let before: string;

  beforeEach(async () => {
    sandbox = await startSandbox({ tolerance: 9 });
    disk = join(sandbox.home, 'disk');
    await mkdir(disk);
    mount('-t', 'tmpfs', '-o', `size=64k,mode=700,uid=${process.getuid?.()},gid=${process.getgid?.()}`, 'tmpfs', disk);
    file = join(disk, 'credentials');
    before = await readFile(sandbox.credentialsFile, 'utf8');
    await writeFile(file, before, { mode: 0o600 });
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = file;
  });
  afterEach(async () => {
    asRoot('umount', '--recursive', disk);
    await sandbox.close();
  });

  const mount = (...words: string[]) => expect(asRoot('mount', ...words)).toBe(true);
  const refresh = (under: string[] = []) => start(['refresh', '--token-code', sandbox.code()], sandbox.env, '', under);

  /** The file holds everything that it held, and the one session that STS gave; nothing lies beside it. */
  async function isWhole(path = file, earlier = 0): Promise<void> {
    const text = await readFile(path, 'utf8');
    expect(text.startsWith(before)).toBe(true);
    const keyId = parseCredentials(Buffer.from(text)).profile('mfa')?.values.get('aws_access_key_id') ?? '';
    expect(sandbox.sts.session(keyId)).toMatchObject({ mfa: true });
    expect(sandbox.sts.requests).toHaveLength(earlier + 1);
    expect((await readdir(join(path, '..'))).filter((name) => /^\.credentials\.|\.lock$/.test(name))).toEqual([]);
  }

  /** The long-term keys, for a credentials file that is missing. */
  async function keysInConfig(): Promise<void> {
    const { accessKeyId, secretAccessKey } = sandbox.alice;
    const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    await writeFile(sandbox.configFile, `[default]\nmfa_serial = ${sandbox.serialNumber}\n${keys}`);
  }

  async function isPrivate(folder: string): Promise<void> {
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'credentials'))).mode & 0o777).toBe(0o600);
  }

  /** What keeps a file from being replaced, how it is said, and how it ends. */
  const CAUSES: { what: string; cause: string; begin(): unknown; end(): unknown; under?: string[] }[] = [
    {
      what: 'on a full disk',
      cause: 'the disk is full; free some space (ENOSPC)',
      begin: () => writeFile(join(disk, 'filler'), Buffer.alloc(200_000)).catch(() => {}),
      end: () => rm(join(disk, 'filler')),
    },
    {
      what: 'on a read-only disk',
      cause:
        'the file system is read-only; mount it for writing, or set AWS_SHARED_CREDENTIALS_FILE to a file elsewhere (EROFS)',
      begin: () => mount('-o', 'remount,ro', disk),
      end: () => mount('-o', 'remount,rw', disk),
    },
    {
      what: 'in a folder that may not be written',
      cause:
        'permission denied: to replace the file, a new file must be created in its folder; check the owner and the mode of the folder (EACCES)',
      begin: () => chmod(disk, 0o500),
      end: () => chmod(disk, 0o700),
      under: POWERLESS,
    },
    {
      what: 'of a file that must not be changed',
      cause: 'not permitted; run this as the owner of the file, and check its attributes (lsattr) (EPERM)',
      begin: () => asRoot('chattr', '+i', file),
      end: () => asRoot('chattr', '-i', file),
    },
    {
      what: 'in a folder that must not be changed',
      cause: 'not permitted; run this as the owner of the file, and check its attributes (lsattr) (EPERM)',
      begin: () => asRoot('chattr', '+i', disk),
      end: () => asRoot('chattr', '-i', disk),
    },
    {
      what: 'of a file to which text may only be added',
      cause: 'not permitted; run this as the owner of the file, and check its attributes (lsattr) (EPERM)',
      begin: () => asRoot('chattr', '+a', file),
      end: () => asRoot('chattr', '-a', file),
    },
    {
      what: 'of a file that is a mount point, as in a container',
      cause: 'the file itself is a mount point, so it cannot be replaced; mount its folder instead (EBUSY)',
      begin: () => mount('--bind', file, file),
      end: () => asRoot('umount', file),
    },
  ];

  it.for(CAUSES)(
    'a refresh $what is refused once, before a code is asked for',
    async ({ begin, end, cause, under }, context) => {
      if ((await begin()) === false) context.skip('this file system does not have that');
      try {
        const { status, stderr } = await refresh(under).endsWithin(5_000);
        expect([status, behind(stderr)]).toEqual([
          1,
          `aws-mfa-agent: cannot refresh [mfa]: cannot write ${file}: ${cause}\n`,
        ]);
        expect(sandbox.sts.requests).toEqual([]);
        expect(await readFile(file, 'utf8')).toBe(before);
        expect((await readdir(disk)).filter((name) => name !== 'filler')).toEqual(['credentials']);
        const doctor = await run(['doctor', '--json'], sandbox.env, '', under);
        const { findings } = JSON.parse(doctor.stdout) as { findings: Finding[] };
        const rewrites = findings.filter(({ check }) => check === 'credentials.rewrite');
        expect(rewrites).toMatchObject([{ level: 'error', found: `cannot write ${file}: ${cause}` }]);
      } finally {
        await end();
      }
      const earlier = sandbox.sts.requests.length;
      expect((await refresh(under).ended).status).toBe(0);
      await isWhole(file, earlier);
    },
  );

  it.for(CAUSES)(
    'a refresh $what that begins after the code was sent keeps the session until it ends',
    async ({ begin, end, cause, under }, context) => {
      const answer = sandbox.hold();
      const running = refresh(under);
      await sandbox.sts.arrival(1);
      if ((await begin()) === false) context.skip('this file system does not have that');
      answer();
      try {
        await running.says(/not on disk yet: .*\n/);
        expect(behind(running.output())).toBe(
          `[mfa] has a new session that is not on disk yet: cannot write ${file}: ${cause}\n`,
        );
        expect(await readFile(file, 'utf8')).toBe(before);
      } finally {
        await end();
      }
      await isWritten(running);
    },
  );

  /** The cause is gone: it is written without a new code, and said in one line more. */
  async function isWritten(running: Running): Promise<void> {
    const { status, stderr } = await running.ended;
    expect(behind(stderr)).toMatch(/^.*not on disk yet.*\n\[mfa\] is fresh until .*\n$/);
    expect(status).toBe(0);
    await isWhole();
  }

  it('a refresh keeps the session while a folder has the name of the file', async () => {
    const answer = sandbox.hold();
    const running = refresh();
    await sandbox.sts.arrival(1);
    await rm(file);
    await mkdir(file);
    answer();
    await running.says(/not on disk yet: cannot write .*\n/);
    expect(running.output()).toContain(`cannot write ${file}: it is a folder; move it away (EISDIR)\n`);
    await rm(file, { recursive: true });
    before = '';
    await isWritten(running);
  });

  it('a refresh of a file that is a folder says so before AWS is asked', async () => {
    await rm(file);
    await mkdir(file);
    const ended = await refresh().ended;
    expect(ended).toMatchObject({
      status: 1,
      stderr: `aws-mfa-agent: cannot read ${file}: it is a folder; move it away (EISDIR)\n`,
    });
    expect(sandbox.sts.requests).toEqual([]);
    expect(await readdir(disk)).toEqual(['credentials']);
  });

  it('a refresh creates a folder that was removed, for its owner only', async () => {
    await keysInConfig();
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = join(disk, 'aws', 'credentials');
    expect((await refresh().ended).status).toBe(0);
    before = '';
    await isWhole(join(disk, 'aws', 'credentials'));
    await isPrivate(join(disk, 'aws'));
  });

  it('a refresh whose folder is missing on a full disk says so before AWS is asked', async () => {
    await keysInConfig();
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = join(disk, 'aws', 'credentials');
    await writeFile(join(disk, 'filler'), Buffer.alloc(200_000)).catch(() => {});
    const { status, stderr } = await refresh().ended;
    expect([status, stderr]).toEqual([1, expect.stringContaining('the disk is full; free some space (ENOSPC)')]);
    expect(sandbox.sts.requests).toEqual([]);
    expect(await readdir(disk)).toEqual(['credentials', 'filler']);
  });

  it('a refresh says that a removed folder is missing when the file system above it is read-only', async () => {
    await keysInConfig();
    const folder = join(disk, 'my aws');
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = join(folder, 'credentials');
    mount('-o', 'remount,ro', disk);
    const { status, stderr } = await refresh().ended;
    expect([status, behind(stderr)]).toEqual([
      1,
      `aws-mfa-agent: cannot refresh [mfa]: cannot write ${folder}/credentials: ${folder} is missing, and ${disk} is read-only for this process; restore the folder, or create it: mkdir -p -m 700 '${folder}' (EROFS)\n`,
    ]);
    expect(sandbox.sts.requests).toEqual([]);
  });

  it('a refresh creates a folder that was removed during the request to AWS, for its owner only', async () => {
    const folder = join(disk, 'aws');
    await mkdir(folder);
    await writeFile(join(folder, 'credentials'), before);
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = join(folder, 'credentials');
    const answer = sandbox.hold();
    const running = refresh();
    await sandbox.sts.arrival(1);
    await rm(folder, { recursive: true });
    answer();
    expect((await running.ended).status).toBe(0);
    before = '';
    await isWhole(join(folder, 'credentials'));
    await isPrivate(folder);
  });

  it('a refresh through a link writes where it leads, and keeps the link', async () => {
    await rm(sandbox.credentialsFile);
    await symlink(file, sandbox.credentialsFile);
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = sandbox.credentialsFile;
    expect((await refresh().ended).status).toBe(0);
    await isWhole();
    expect(await readFile(sandbox.credentialsFile, 'utf8')).toBe(await readFile(file, 'utf8'));
  });

  it('a refresh through a link to a missing file creates that file', async () => {
    await keysInConfig();
    await rm(sandbox.credentialsFile);
    await symlink(join(disk, 'new', 'credentials'), sandbox.credentialsFile);
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = sandbox.credentialsFile;
    expect((await refresh().ended).status).toBe(0);
    before = '';
    await isWhole(join(disk, 'new', 'credentials'));
  });

  it('a refresh of a file with circular links says so before AWS is asked', async () => {
    await rm(file);
    await symlink(file, file);
    const ended = await refresh().ended;
    expect(ended).toMatchObject({
      status: 1,
      stderr: `aws-mfa-agent: cannot read ${file}: its symbolic links form a circle; correct them (ELOOP)\n`,
    });
    expect(sandbox.sts.requests).toEqual([]);
  });
});
