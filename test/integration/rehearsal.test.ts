import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, utimesSync } from 'node:fs';
import { appendFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { lockFile } from '../../src/files/lock.ts';
import { needs } from '../needs.ts';
import { run, start } from '../program.ts';
import { behind, type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;
/** Exists as soon as the user has been asked for a code. */
let asked: string;
beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  asked = join(sandbox.home, 'asked');
  await settings();
});
afterEach(() => sandbox.close());

/** The "user" is a command that leaves a trace and prints a code. */
async function settings(more = ''): Promise<void> {
  const file = join(sandbox.home, '.config', 'aws-mfa-agent', 'config.ini');
  await mkdir(dirname(file), { recursive: true });
  const code = sandbox.code();
  await writeFile(file, `prompt = mfa_process\n[mfa]\nmfa_process = touch ${asked} && echo ${code}\n${more}`);
}

const credentials = () => readFile(sandbox.credentialsFile, 'utf8');
/** Puts these lines before those of the sandbox. @returns how many there are */
async function below(text: string): Promise<void> {
  await writeFile(sandbox.credentialsFile, `${await credentials()}\n${text}`);
}

async function rewriteFindings(env = sandbox.env): Promise<Finding[]> {
  const { findings } = JSON.parse((await run(['doctor', '--json'], env)).stdout) as { findings: Finding[] };
  return findings.filter(({ check }) => check === 'credentials.rewrite');
}

/** No code was asked for or sent, the file is as it was, and nothing lies beside it. */
async function isUntouched(before: string): Promise<void> {
  expect(existsSync(asked)).toBe(false);
  expect(sandbox.sts.requests.filter(({ action }) => action === 'GetSessionToken')).toEqual([]);
  expect(await credentials()).toBe(before);
  expect((await readdir(dirname(sandbox.credentialsFile))).filter((name) => name.includes('aws-mfa-agent'))).toEqual(
    [],
  );
}

const DISPUTED = 'some tools do not accept the text after the header [mfa]: remove it, or put " #" in front of it';
const INDENTED = (what: string) =>
  `${what} in or below [mfa] is indented, so some tools read it as part of the line above and others do not: remove the spaces in front of it`;

describe('a profile that cannot be rewritten', () => {
  it.each([
    ['text after its header', '[mfa]#note\nregion = b\n', 1, DISPUTED],
    ['a semicolon after its header', '[mfa];\n', 1, DISPUTED],
    ['an indented header in it', '[mfa]\naws_access_key_id = ASIAOLD\n  [b]\nregion = b\n', 3, INDENTED('[b]')],
    [
      'an indented setting with two values',
      '[mfa]\naws_session_token = x\n  region = a\nregion = b\n',
      3,
      INDENTED('region'),
    ],
    ['an indented setting without a value', '[mfa]\naws_session_token = x\n  s3 =\n  a = b\n', 3, INDENTED('s3')],
  ])('each command names the line before anybody is asked: %s', async (_, text, line, what) => {
    await below(text);
    const before = await credentials();
    const first = before.split('\n').findIndex((one) => one.startsWith('[mfa]'));
    const problem = `cannot write ${sandbox.credentialsFile}: line ${first + line}: ${what}`;
    for (const words of [
      ['refresh'],
      ['refresh', '--token-code', sandbox.code()],
      ['refresh', '--force', '--token-code', sandbox.code()],
      ['exec', '--', 'true'],
      ['credential-process'],
      ['setup', '--yes', '--no-install'],
      ['setup', '--yes', '--no-install', '--prompt-before', '20m', '--token-code', sandbox.code()],
    ]) {
      const { status, stdout, stderr } = await run(words, sandbox.env);
      const said = stderr.split('\n').filter((one) => one.startsWith('aws-mfa-agent: '));
      expect(said, words.join(' ')).toEqual([expect.stringContaining(problem)]);
      expect(stderr.split(problem), stderr).toHaveLength(2);
      expect([status, stdout], words.join(' ')).toEqual([
        /^(?:exec|cred)/.test(words[0] ?? '') ? 3 : words[0] === 'setup' ? 2 : 1,
        '',
      ]);
    }
    expect(await rewriteFindings()).toMatchObject([{ level: 'error', found: problem, profile: 'mfa' }]);
    await isUntouched(before);
  });

  it('the agent says once what is in the way, does not ask, and asks as soon as the file is put right', async () => {
    await below('[mfa];\n');
    const before = await credentials();
    const agent = start(['run'], sandbox.env);
    try {
      await agent.says(/no code is asked for/);
      await isUntouched(before);
      const status = await run(['status', '--json'], sandbox.env);
      expect(JSON.parse(status.stdout)).toMatchObject({
        profiles: [{ agent: { standing: 'stopped', why: expect.stringContaining(': line 13: some tools do not') } }],
      });
      // A change of the file that does not help.
      await appendFile(sandbox.credentialsFile, '# note\n');
      await run(['exec', '--', 'true'], sandbox.env);
      expect(agent.output().split('no code is asked for')).toHaveLength(2);
      await writeFile(sandbox.credentialsFile, before.replace('[mfa];', '[mfa]'));
      await agent.says(/session refreshed/);
      expect(existsSync(asked)).toBe(true);
    } finally {
      agent.child.kill('SIGTERM');
      await agent.ended;
    }
  });
});

it('exec uses a session that ends soon without asking if the next one could not be written', async () => {
  const session = sandbox.sts.issue('alice', 300);
  await writeFile(
    sandbox.credentialsFile,
    withSession(await readFile(sandbox.credentialsFile), 'mfa', session)
      .toString()
      .replace('[mfa]', '[mfa];'),
  );
  const before = await credentials();
  const ended = await run(['exec', '--', 'printenv', 'AWS_ACCESS_KEY_ID'], sandbox.env);
  expect(ended).toMatchObject({
    status: 0,
    stdout: `${session.accessKeyId}\n`,
    stderr: expect.stringContaining('the session of [mfa] ends in'),
  });
  await isUntouched(before);
});

it('a refresh is refused at once if the names beside the file would be too long', async () => {
  const file = join(dirname(sandbox.credentialsFile), 'c'.repeat(250));
  await writeFile(file, await credentials());
  const { status, stderr } = await run(['refresh'], { ...sandbox.env, AWS_SHARED_CREDENTIALS_FILE: file });
  expect([status, stderr]).toEqual([1, expect.stringMatching(/name is too long.*\(ENAMETOOLONG\)\n$/)]);
  expect(existsSync(asked)).toBe(false);
});

describe('a lock that cannot be had', () => {
  const lock = () => `${sandbox.credentialsFile}.lock`;
  const refresh = () => run(['refresh', '--token-code', sandbox.code()], sandbox.env);

  it.each([
    ['a file', () => writeFile(lock(), '')],
    [
      'a folder with something in it',
      () => {
        mkdirSync(join(lock(), 'x'), { recursive: true });
        utimesSync(lock(), 1000, 1000);
      },
    ],
    [
      'a folder of the future with something in it',
      () => {
        mkdirSync(join(lock(), 'x'), { recursive: true });
        utimesSync(lock(), 9e9, 9e9);
      },
    ],
  ])('a refresh is refused at once where the lock is %s', async (_, make) => {
    const before = await credentials();
    await make();
    const { status, stderr } = await refresh();
    expect([status, behind(stderr)]).toEqual([
      1,
      `aws-mfa-agent: cannot refresh [mfa]: cannot lock ${sandbox.credentialsFile}: ${lock()} exists but is not a lock; remove it\n`,
    ]);
    await isUntouched(before);
  });

  it('a refresh is refused after five seconds where another program keeps the lock', async () => {
    const before = await credentials();
    const held = await lockFile(sandbox.credentialsFile, 0);
    try {
      const { status, stderr } = await refresh();
      expect([status, behind(stderr)]).toEqual([
        1,
        `aws-mfa-agent: cannot refresh [mfa]: cannot write ${sandbox.credentialsFile}: another program has held ${lock()} for 5 s; end that program, or remove the folder if no program uses it\n`,
      ]);
      await isUntouched(before);
    } finally {
      await held.release();
    }
  });

  it('a refresh takes over a lock whose time is in the future, and doctor warns of it', async () => {
    mkdirSync(lock());
    utimesSync(lock(), 9e9, 9e9);
    const { stdout } = await run(['doctor', '--json'], sandbox.env);
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    expect(findings.find(({ check }) => check === 'credentials.lock')).toMatchObject({ level: 'warning' });
    expect(existsSync(lock())).toBe(true);
    expect(await refresh()).toMatchObject({ status: 0 });
  });
});

describe('a folder that cannot be created', () => {
  const NOWHERE = '/proc/no/such/dir';

  async function keysInConfig(): Promise<void> {
    const { accessKeyId, secretAccessKey } = sandbox.alice;
    await appendFile(
      sandbox.configFile,
      `\n[profile keys]\nmfa_serial = ${sandbox.serialNumber}\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
    );
    await settings('source_profile = keys\n');
  }

  it('a refresh is refused at once', needs('Linux'), async () => {
    await keysInConfig();
    const env = { ...sandbox.env, AWS_SHARED_CREDENTIALS_FILE: `${NOWHERE}/credentials` };
    const problem = `cannot write ${NOWHERE}/credentials: a folder on its path is missing and cannot be created; create it (ENOENT)`;
    const { status, stderr } = await run(['refresh'], env);
    expect([status, behind(stderr)]).toEqual([1, `aws-mfa-agent: cannot refresh [mfa]: ${problem}\n`]);
    expect(existsSync(asked)).toBe(false);
    expect(await rewriteFindings(env)).toMatchObject([{ level: 'error', found: problem }]);
  });

  it(
    'every command ends when the state, the socket or config.ini is in a folder that cannot be created',
    needs('Linux'),
    async () => {
      const env = { ...sandbox.env, XDG_STATE_HOME: NOWHERE };
      expect(await run(['refresh'], env)).toMatchObject({ status: 0 });
      expect(await run(['exec', '--', 'true'], env)).toMatchObject({ status: 0 });
      expect(await run(['status'], { ...env, XDG_RUNTIME_DIR: NOWHERE })).toMatchObject({ status: 0 });
      const setup = await run(
        ['--config', `${NOWHERE}/config.ini`, 'setup', '--yes', '--no-refresh', '--no-install'],
        env,
      );
      expect(setup).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/cannot write .*cannot be created.*\n$/),
      });
      const agent = start(['run'], { ...env, XDG_RUNTIME_DIR: NOWHERE });
      agent.child.kill('SIGTERM');
      await agent.ended;
    },
  );

  it('a folder that can be created is not created before there is a session', async () => {
    await keysInConfig();
    const folder = join(sandbox.home, 'new', 'aws');
    const env = { ...sandbox.env, AWS_SHARED_CREDENTIALS_FILE: join(folder, 'credentials') };
    expect(await rewriteFindings(env)).toMatchObject([{ level: 'ok' }]);
    expect((await run(['refresh', '--token-code', sandbox.wrongCode()], env)).status).toBe(1);
    expect(existsSync(dirname(folder))).toBe(false);
    expect((await readdir(sandbox.home)).filter((name) => name.startsWith('.credentials'))).toEqual([]);
    expect(await run(['refresh', '--token-code', sandbox.code()], env)).toMatchObject({ status: 0 });
    expect(existsSync(join(folder, 'credentials'))).toBe(true);
  });
});

describe("root's files", needs('Linux', 'root', 'setpriv'), () => {
  /** Root without its powers is an ordinary user. */
  const POWERLESS = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
  const OTHER = 12_345;

  it.each([
    ['a folder of another user', 0o755, OTHER, /permission denied: to replace the file.*\(EACCES\)\n$/],
    ['a file of another user in a folder of all', 0o777, 0, /cannot have the owner.*\(EPERM\)\n$/],
    ['a file of another user in a sticky folder', 0o1777, OTHER, /cannot have the owner.*\(EPERM\)\n$/],
  ])('a refresh is refused before anybody is asked: %s', async (_, mode, owner, problem) => {
    const folder = dirname(sandbox.credentialsFile);
    chownSync(sandbox.credentialsFile, OTHER, OTHER);
    chmodSync(sandbox.credentialsFile, 0o644);
    chownSync(folder, owner, owner);
    chmodSync(folder, mode);
    const before = await credentials();
    const { status, stderr } = await run(['refresh'], sandbox.env, '', POWERLESS);
    expect([status, behind(stderr)]).toEqual([1, expect.stringMatching(problem)]);
    await isUntouched(before);
  });

  it('a refresh is refused if the file belongs to a group that the user is not in', async () => {
    chownSync(sandbox.credentialsFile, 0, OTHER);
    const before = await credentials();
    const { status, stderr } = await run(['refresh'], sandbox.env, '', POWERLESS);
    expect([status, stderr]).toEqual([1, expect.stringMatching(/cannot have the owner and the group.*chgrp.*\n$/)]);
    await isUntouched(before);
    // The group of the folder, which new files get, is as good.
    chownSync(dirname(sandbox.credentialsFile), 0, OTHER);
    chmodSync(dirname(sandbox.credentialsFile), 0o2700);
    expect(await run(['refresh'], sandbox.env, '', POWERLESS)).toMatchObject({ status: 0 });
  });

  it('a refresh is refused in a folder whose files can be neither renamed nor removed', async (context) => {
    const folder = dirname(sandbox.credentialsFile);
    if (spawnSync('chattr', ['+a', folder]).status !== 0) context.skip('this file system does not have that');
    try {
      const { status, stderr } = await run(['refresh'], sandbox.env);
      expect([status, behind(stderr)]).toEqual([1, expect.stringMatching(/cannot write .*\(EPERM\)\n$/)]);
      expect(existsSync(asked)).toBe(false);
    } finally {
      spawnSync('chattr', ['-a', folder]);
    }
  });
});

describe('the long-term keys', () => {
  it('a source profile without keys is refused before anybody is asked', async () => {
    await settings(`source_profile = nobody\nmfa_serial = ${sandbox.serialNumber}\n`);
    const before = await credentials();
    const { status, stderr } = await run(['refresh'], sandbox.env);
    expect([status, behind(stderr)]).toEqual([
      1,
      expect.stringMatching(/cannot refresh \[mfa\]: no long-term keys of \[nobody\]/),
    ]);
    await isUntouched(before);
  });

  it('a credential_process is not run before there is a code', async () => {
    const { accessKeyId, secretAccessKey } = sandbox.alice;
    const keys = join(sandbox.home, 'keys.json');
    await writeFile(keys, JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey }));
    const command = `sh -c 'test -e ${asked} && echo run >> ${sandbox.home}/runs; cat ${keys}'`;
    const profile = `\n[profile vault]\nmfa_serial = ${sandbox.serialNumber}\ncredential_process = ${command}\n`;
    await appendFile(sandbox.configFile, profile);
    await settings('source_profile = vault\n');
    expect(await run(['refresh'], sandbox.env)).toMatchObject({ status: 0 });
    expect(await readFile(join(sandbox.home, 'runs'), 'utf8')).toBe('run\n');
  });
});

it('the temporary file of a rehearsal holds no key', needs('strace'), async () => {
  const log = join(sandbox.home, 'log');
  const under = ['strace', '-f', '-s', '100000', '-e', 'trace=write,pwrite64,writev', '-o', log];
  // Without a session, only the rehearsal writes.
  await run(['refresh', '--token-code', sandbox.wrongCode()], sandbox.env, '', under);
  expect(await readFile(log, 'utf8')).toContain('\\0\\0\\0\\0');
  expect(await readFile(log, 'utf8')).not.toContain(sandbox.alice.secretAccessKey);
  await run(['refresh', '--token-code', sandbox.code()], sandbox.env, '', under);
  expect(await readFile(log, 'utf8')).toContain(sandbox.alice.secretAccessKey);
});
