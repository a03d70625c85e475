import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

const isRoot = process.getuid?.() === 0 && process.platform === 'linux';
if (!isRoot) process.stderr.write('tests with disks of their own are skipped: only root may mount\n');

/** Root without its powers: permissions count as for anybody. */
const POWERLESS = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];

describe.skipIf(!isRoot && !process.env.CI)('a refresh on a disk that fails', () => {
  let sandbox: Sandbox;
  let disk: string;
  let file: string;
  let before: string;

  beforeEach(async () => {
    sandbox = await startSandbox({ tolerance: 9 });
    disk = join(sandbox.home, 'disk');
    await mkdir(disk);
    mount('-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', disk);
    file = join(disk, 'credentials');
    before = await readFile(sandbox.credentialsFile, 'utf8');
    await writeFile(file, before, { mode: 0o600 });
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = file;
  });
  afterEach(async () => {
    execFileSync('umount', [disk]);
    await sandbox.close();
  });

  const mount = (...words: string[]) => execFileSync('mount', words);
  const refresh = (under: string[] = []) => start(['refresh', '--token-code', sandbox.code()], sandbox.env, '', under);

  /** The file holds everything that it held, and the one session that STS gave; nothing lies beside it. */
  async function isWhole(path = file): Promise<void> {
    const text = await readFile(path, 'utf8');
    expect(text.startsWith(before)).toBe(true);
    const keyId = parseCredentials(Buffer.from(text)).profile('mfa')?.values.get('aws_access_key_id') ?? '';
    expect(sandbox.sts.session(keyId)).toMatchObject({ mfa: true });
    expect(sandbox.sts.requests).toHaveLength(1);
    expect((await readdir(join(path, '..'))).filter((name) => /^\.credentials\.|\.lock$/.test(name))).toEqual([]);
  }

  it('that is full keeps the session, and writes it as soon as there is room', async () => {
    const filler = join(disk, 'filler');
    await writeFile(filler, Buffer.alloc(200_000)).catch(() => {});
    const running = refresh();
    await running.says(/not on disk yet: cannot write .*\(ENOSPC\)/);
    expect(await readFile(file, 'utf8')).toBe(before);
    await rm(filler);
    expect((await running.ended).status).toBe(0);
    await isWhole();
  });

  it('that is mounted read-only keeps the session until it is writable', async () => {
    mount('-o', 'remount,ro', disk);
    const running = refresh();
    await running.says(/not on disk yet: cannot write .*\(EROFS\)/);
    mount('-o', 'remount,rw', disk);
    expect((await running.ended).status).toBe(0);
    await isWhole();
  });

  it('where the folder may not be written keeps the session until it may', async () => {
    await chmod(disk, 0o500);
    const running = refresh(POWERLESS);
    await running.says(/not on disk yet: cannot write .*\(EACCES\)/);
    expect(await readFile(file, 'utf8')).toBe(before);
    await chmod(disk, 0o700);
    expect((await running.ended).status).toBe(0);
    await isWhole();
  });

  it('whose folder vanishes while AWS is asked makes it anew, for its owner only', async () => {
    const folder = join(disk, 'aws');
    await mkdir(folder);
    await writeFile(join(folder, 'credentials'), before);
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = join(folder, 'credentials');
    sandbox.sts.fault({ kind: 'delay', milliseconds: 300 });
    const running = refresh();
    await sandbox.sts.arrival(1);
    await rm(folder, { recursive: true });
    expect((await running.ended).status).toBe(0);
    before = '';
    await isWhole(join(folder, 'credentials'));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'credentials'))).mode & 0o777).toBe(0o600);
  });

  it('that a link leads to writes there, and leaves the link', async () => {
    await rm(sandbox.credentialsFile);
    await symlink(file, sandbox.credentialsFile);
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = sandbox.credentialsFile;
    expect((await refresh().ended).status).toBe(0);
    await isWhole();
    expect(await readFile(sandbox.credentialsFile, 'utf8')).toBe(await readFile(file, 'utf8'));
  });

  it('where the link leads nowhere yet makes the file that it names', async () => {
    const { accessKeyId, secretAccessKey } = sandbox.alice;
    const keys = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
    await writeFile(sandbox.configFile, `[default]\nmfa_serial = ${sandbox.serialNumber}\n${keys}`);
    await rm(sandbox.credentialsFile);
    await symlink(join(disk, 'new', 'credentials'), sandbox.credentialsFile);
    sandbox.env.AWS_SHARED_CREDENTIALS_FILE = sandbox.credentialsFile;
    expect((await refresh().ended).status).toBe(0);
    before = '';
    await isWhole(join(disk, 'new', 'credentials'));
  });

  it('where links lead in a circle says so, before AWS is asked', async () => {
    await rm(file);
    await symlink(file, file);
    const ended = await refresh().ended;
    expect(ended.status).toBeGreaterThan(0);
    expect(ended.stderr).toMatch(/^aws-mfa-agent: cannot read .*\n$/);
    expect(sandbox.sts.requests).toEqual([]);
  });
});
