import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readIfPresent } from '../../src/files/read.ts';
import { PROGRAM, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.close());

const KINDS: [string, (path: string) => Promise<unknown> | unknown][] = [
  ['a pipe', (path) => spawnSync('mkfifo', [path])],
  ['an endless device', (path) => symlink('/dev/zero', path)],
];

const FILES: [string, () => string][] = [
  ['credentials file', () => sandbox.credentialsFile],
  ['~/.aws/config', () => sandbox.configFile],
  ['config.ini', () => join(sandbox.home, '.config', 'aws-mfa-agent', 'config.ini')],
  ['state', () => join(sandbox.home, '.local', 'state', 'aws-mfa-agent', 'state.json')],
];

/** Every command that reads the user's files. */
const COMMANDS = [
  ...['status', 'status --json', 'status mfa', 'env', 'credential-process', 'exec -- true', 'snooze off'],
  ...['refresh --token-code 000000', 'setup --yes --no-refresh', 'profile-names', 'profile-names --source'],
];

/** A snooze is for the agent, which reads that file itself. */
const doesNotRead = (file: string, command: string) =>
  file === 'credentials file' && /^(?:snooze off|profile-names)$/.test(command);

describe.each(FILES)('a %s', (file, pathOf) => {
  it.each(KINDS)(
    `each command says at once that the ${file} is %s`,
    async (_, make) => {
      const path = pathOf();
      await rm(path, { force: true });
      await mkdir(dirname(path), { recursive: true });
      await make(path);
      for (const command of COMMANDS.filter((one) => !doesNotRead(file, one))) {
        const { status, stdout, stderr } = await run(command.split(' '), sandbox.env);
        const lines = stderr.trim().split('\n');
        const isSetup = command.startsWith('setup');
        // Without a config.ini, setup asks its questions before it reads any settings.
        if (!(isSetup && file === 'state')) expect(lines, command).toHaveLength(1);
        expect(lines.at(-1), command).toMatch(/^aws-mfa-agent: .*not a file.*move it away$/);
        expect(lines.at(-1), command).toContain(path);
        expect(stdout, command).toBe('');
        const isSetting = file === 'state' || (file !== 'credentials file' && !isSetup);
        expect(status, command).toBe(isSetting ? 2 : 1);
      }
      expect(sandbox.sts.requests.filter(({ action }) => action === 'GetSessionToken')).toEqual([]);
      const { status, stdout } = await run(['doctor'], sandbox.env);
      expect(status).toBe(1);
      expect(stdout).toMatch(/Problems(?:.|\n)*not a file/);
      // A running agent tries again with each check.
      const agent = start(['run'], sandbox.env);
      await agent.says(/not a file.*move it away/);
      if (file === 'credentials file') agent.child.kill('SIGTERM');
      expect((await agent.ended).status).toBe(file === 'credentials file' ? 0 : 2);
    },
    60_000,
  );
});

it('a file that is a socket or a folder is an error, and /dev/null is an empty file', async () => {
  const socket = createServer().listen(join(sandbox.home, 'socket'));
  try {
    expect(() => readIfPresent(join(sandbox.home, 'socket'))).toThrow(/it is a socket, not a file.*\(ENXIO\)$/);
    expect(() => readIfPresent(sandbox.home)).toThrow(/it is a folder.*\(EISDIR\)$/);
    expect(readIfPresent('/dev/null')).toEqual(Buffer.alloc(0));
    expect(readIfPresent(join(sandbox.home, 'missing'))).toBe(undefined);
  } finally {
    socket.close();
  }
});

it('a file that is much too long is an error that names it, and is not read', async () => {
  const long = join(sandbox.home, 'long');
  await writeFile(long, '');
  await truncate(long, 100 * 2 ** 20);
  expect(() => readIfPresent(long)).toThrow(`cannot read ${long}: it has 104857600 bytes`);
});

it('each command names a credentials file that is not text', async () => {
  await writeFile(sandbox.credentialsFile, '[default]\0');
  for (const command of ['status', 'env', 'credential-process', 'exec -- true', 'refresh --token-code 000000']) {
    const { status, stderr } = await run(command.split(' '), sandbox.env);
    expect([status, stderr], command).toEqual([
      1,
      expect.stringContaining(`cannot read ${sandbox.credentialsFile}: the file is not a text file`),
    ]);
  }
});

it('an AWS config file or a config.ini that is /dev/null counts as empty', async () => {
  const env = { ...sandbox.env, AWS_CONFIG_FILE: '/dev/null' };
  const { status, stdout } = await run(['--config', '/dev/null', 'status'], env);
  expect([status, stdout]).toEqual([0, expect.stringContaining('mfa ')]);
});

describe('the current folder', () => {
  let here: string;
  beforeEach(async () => {
    here = await mkdtemp(join(tmpdir(), 'aws-mfa-agent-here-'));
    // What a stranger may have put into the folder where a user works.
    await mkdir(join(here, '.config', 'aws-mfa-agent'), { recursive: true });
    await writeFile(join(here, '.config', 'aws-mfa-agent', 'config.ini'), '[mfa]\nmfa_process = touch run\n');
  });
  afterEach(() => rm(here, { recursive: true, force: true }));

  function runHere(words: string[], env: NodeJS.ProcessEnv) {
    const { PATH } = process.env;
    const all = { PATH, AWS_ENDPOINT_URL_STS: sandbox.sts.url, ...env };
    return spawnSync(process.execPath, [PROGRAM, ...words], { cwd: here, env: all, encoding: 'utf8', timeout: 10_000 });
  }

  it.each(['', '.', 'relative', './'])(
    'no command uses the current folder as the home folder when HOME is "%s"',
    (HOME) => {
      for (const command of ['run', ...COMMANDS, 'doctor', ...(process.getuid?.() === 0 ? [] : ['install --print'])]) {
        const { status, stdout, stderr } = runHere(command.split(' '), { HOME });
        expect([status, stdout, stderr], command).toEqual([
          2,
          '',
          `aws-mfa-agent: HOME=${HOME} is not an absolute path: set HOME to your home folder\n`,
        ]);
      }
    },
  );

  it('an empty --config is an error, not the default file', () => {
    for (const command of ['run', ...COMMANDS, 'doctor']) {
      const { status, stdout, stderr } = runHere(['--config', '', ...command.split(' ')], { HOME: sandbox.home });
      expect([status, stdout, stderr], command).toEqual([
        2,
        '',
        'aws-mfa-agent: --config: the name of the file is empty\n',
      ]);
    }
  });
});
