import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { needs } from '../needs.ts';
import { PROGRAM, run, start } from '../program.ts';
import { ACCOUNT_ID, type Sandbox, startSandbox } from '../sandbox.ts';
import { answer, onTerminal, quoted, wordsOn } from '../terminal.ts';
import { holds } from '../within.ts';

let sandbox: Sandbox;

const arn = (role: string) => `arn:aws:iam::${ACCOUNT_ID}:role/${role}`;

beforeEach(async () => {
  sandbox = await startSandbox({
    tolerance: 9,
    roles: [
      { name: 'admin', mfa: true, maxSessionDuration: 43_200 },
      { name: 'reader', mfa: false, trusts: ['admin'], externalId: 'id/1', maxSessionDuration: 7_200 },
    ],
  });
  await settings(`
[mfa]
[admin]
role_arn = ${arn('admin')}
source_profile = mfa
[reader]
role_arn = ${arn('reader')}
source_profile = admin
external_id = id/1
role_session_name = bob@example.com
duration_seconds = 900
[deploy]
role_arn = ${arn('admin')}
source_profile = default
duration_seconds = 28800
`);
});
afterEach(() => sandbox.close());

const settings = (text: string) => sandbox.settings(text);

const command = (...args: string[]) => run(args, sandbox.env);
const refresh = (...args: string[]) => command('refresh', ...args);
const values = async (name: string) =>
  parseCredentials(await readFile(sandbox.credentialsFile)).profile(name)?.values ?? new Map<string, string>();
const identity = async (name: string) => sandbox.sts.session((await values(name)).get('aws_access_key_id') ?? '');
const actions = () => sandbox.sts.requests.map(({ action, outcome }) => `${action} ${outcome}`);
const assumed = () => sandbox.sts.requests.filter(({ action }) => action === 'AssumeRole');

describe('refresh with a role profile', () => {
  it('refresh assumes the role with the session of its source, without a code, and keeps every other line', async () => {
    await refresh('mfa', '--token-code', sandbox.code());
    const before = await readFile(sandbox.credentialsFile, 'utf8');
    const ended = await refresh('admin');
    expect(ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^Requests go to .*\n\[admin\] is fresh until .* \(1h 00m\)\n$/),
    });
    expect((await readFile(sandbox.credentialsFile, 'utf8')).startsWith(before)).toBe(true);
    expect(await identity('admin')).toMatchObject({ role: 'admin', roleSessionName: 'alice' });
    expect((await values('admin')).get('expiration')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(assumed()).toMatchObject([
      {
        accessKeyId: (await values('mfa')).get('aws_access_key_id'),
        roleArn: arn('admin'),
        durationSeconds: '3600',
        tokenCode: undefined,
        region: 'eu-west-1',
      },
    ]);
  });

  it('refresh asks for the code of the source once if that is not fresh, and does nothing if the role is', async () => {
    const ended = await refresh('admin', '--token-code', sandbox.code());
    expect(ended.stderr).toMatch(/^Requests go to .*\n\[mfa\] is fresh until .*\n\[admin\] is fresh until .*\n$/);
    expect(actions()).toEqual(['GetSessionToken granted', 'GetCallerIdentity granted', 'AssumeRole granted']);
    expect((await refresh('admin')).stderr).toMatch(/^\[admin\] is still fresh until .* nothing to do/);
    expect((await refresh('admin', '--force')).status).toBe(0);
    expect(actions().filter((action) => action.startsWith('GetSessionToken'))).toHaveLength(1);
  });

  it('refresh signs with the session of the source, whatever the environment contains', async () => {
    await refresh('mfa', '--token-code', sandbox.code());
    const { accessKeyId, secretAccessKey, sessionToken } = sandbox.sts.issue('alice', 3600);
    const env = {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
    };
    const ended = await run(['refresh', 'admin'], { ...sandbox.env, ...env, AWS_PROFILE: 'work' });
    expect(ended.status).toBe(0);
    expect(assumed()).toMatchObject([{ accessKeyId: (await values('mfa')).get('aws_access_key_id') }]);
    for (const key of ['aws_secret_access_key', 'aws_session_token']) {
      expect(ended.stdout + ended.stderr).not.toContain((await values('admin')).get(key) ?? '');
    }
  });

  it('refresh reads the code of the source from standard input', async () => {
    const ended = await run(['refresh', 'reader', '--token-code', '-'], sandbox.env, `${sandbox.code()}\n`);
    expect(ended.stderr).toMatch(
      /^Requests go to .*\n\[mfa\] is fresh .*\n\[admin\] is fresh .*\n\[reader\] is fresh .*\n$/,
    );
  });

  it('refresh asks at the terminal for the code of the source', needs('script'), async () => {
    const session = onTerminal(quoted([process.execPath, PROGRAM, 'refresh', 'admin']), sandbox.env);
    await answer(session, [[/\[mfa\].*: $/, () => `${sandbox.code()}\r`]]);
    expect((await session.ended).status).toBe(0);
    expect(wordsOn(session)).toMatch(/\[mfa\] is fresh until .* \[admin\] is fresh until/);
  });

  it('refresh goes along a chain of roles, with the external id, the session name and the length of the settings', async () => {
    expect(await refresh('reader', '--token-code', sandbox.code())).toMatchObject({ status: 0 });
    expect(await identity('admin')).toMatchObject({ role: 'admin' });
    expect(assumed()[1]).toMatchObject({
      accessKeyId: (await values('admin')).get('aws_access_key_id'),
      roleArn: arn('reader'),
      externalId: 'id/1',
      roleSessionName: 'bob@example.com',
      durationSeconds: '900',
    });
  });

  it('refresh assumes a role with long-term keys and a code, for hours', async () => {
    const ended = await refresh('deploy', '--token-code', sandbox.code());
    expect(ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^Requests go to .*\n\[deploy\] is fresh until .* \(8h 00m\)\n$/),
    });
    expect(actions()).toEqual(['GetCallerIdentity granted', 'AssumeRole granted']);
    expect(assumed()).toMatchObject([
      {
        accessKeyId: sandbox.alice.accessKeyId,
        serialNumber: sandbox.serialNumber,
        durationSeconds: '28800',
        roleSessionName: 'alice',
      },
    ]);
  });

  it('refresh sends the request for a role to the endpoint of its own section of ~/.aws/config, else to that of its source', async () => {
    const { AWS_ENDPOINT_URL_STS: url, AWS_DEFAULT_REGION: _, ...env } = sandbox.env;
    const words = (await readFile(sandbox.configFile, 'utf8')).replace(
      '[default]\n',
      `[default]\nendpoint_url = ${url}\n`,
    );
    await writeFile(
      sandbox.configFile,
      `${words}\n[profile reader]\nendpoint_url = http://127.0.0.1:1\nregion = eu-west-3\n`,
    );
    expect(await run(['refresh', 'admin', '--token-code', sandbox.code()], env)).toMatchObject({ status: 0 });
    expect(await run(['refresh', 'reader'], env)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('no answer from 127.0.0.1 (connect ECONNREFUSED 127.0.0.1:1)'),
    });
    await writeFile(sandbox.configFile, `${words}\n[profile reader]\nregion = eu-west-3\n`);
    expect(await run(['refresh', 'reader'], env)).toMatchObject({ status: 0 });
    expect(assumed().at(-1)).toMatchObject({ region: 'eu-west-3' });
  });

  it("refresh says in AWS's words that the role allows less, or does not trust the user, and does not change the file", async () => {
    const before = await readFile(sandbox.credentialsFile, 'utf8');
    const [admin] = sandbox.roles;
    if (admin) admin.maxSessionDuration = 3600;
    expect(await refresh('deploy', '--token-code', sandbox.code())).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /\[deploy\]: AWS refused the request: The requested DurationSeconds exceeds the MaxSessionDuration set for this role\.\n$/,
      ),
    });
    expect(await readFile(sandbox.credentialsFile, 'utf8')).toBe(before);
    await refresh('mfa', '--token-code', sandbox.code());
    if (admin) admin.trusts = ['bob'];
    expect(await refresh('admin')).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(
        `cannot refresh [admin]: AWS refused: User: arn:aws:iam::${ACCOUNT_ID}:user/alice is not authorized to perform: sts:AssumeRole on resource: ${arn('admin')}`,
      ),
    });
  });

  it('refresh sends no code if AWS does not accept the keys', async () => {
    sandbox.alice.active = false;
    const code = sandbox.code();
    expect(await refresh('deploy', '--token-code', code)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('AWS does not know the access key of [default]'),
    });
    expect(sandbox.sts.isBurnt(sandbox.serialNumber, code)).toBe(false);
  });

  it('refresh asks for the code of the source again if AWS does not accept its session any more', async () => {
    await refresh('mfa', '--token-code', sandbox.code());
    sandbox.sts.revoke((await values('mfa')).get('aws_access_key_id') ?? '');
    const ended = await refresh('admin', '--token-code', sandbox.code());
    expect(ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^Requests go to .*\n\[mfa\] is fresh .*\n\[admin\] is fresh/),
    });
  });

  it('refresh of a role that is killed at a request leaves the file as it was, and the next one works at once', async () => {
    await refresh('mfa', '--token-code', sandbox.code());
    const before = await readFile(sandbox.credentialsFile);
    const killedAt = async (requests: number) => {
      const arrival = sandbox.sts.arrival(sandbox.sts.requests.length + requests);
      const running = start(['refresh', 'admin'], sandbox.env);
      await arrival;
      running.child.kill('SIGKILL');
      await running.ended;
      expect(running.child.signalCode).toBe('SIGKILL');
      expect((await readFile(sandbox.credentialsFile)).equals(before)).toBe(true);
    };
    sandbox.hold(1, 'GetCallerIdentity');
    await killedAt(1);
    sandbox.hold(1, 'AssumeRole');
    await killedAt(2);
    expect(await refresh('admin')).toMatchObject({ status: 0 });
    expect(await identity('admin')).toMatchObject({ role: 'admin' });
    expect((await readFile(sandbox.credentialsFile)).subarray(0, before.length).equals(before)).toBe(true);
    expect(await readdir(dirname(sandbox.credentialsFile))).toEqual(['config', 'credentials']);
  });

  it.each([
    [
      ['--serial-number', 'GAHT12345678'],
      /^aws-mfa-agent: --serial-number: the role of \[admin\] .* name \[mfa\] instead\n/,
    ],
    [['--source-profile', 'work'], /^aws-mfa-agent: --source-profile: the role of \[admin\]/],
    [['--duration-seconds', '7200'], /--duration-seconds 7200: must be .* to 3600: AWS gives one hour at most/],
  ])('refresh refuses %j for a role that is assumed with a session', async (args, message) => {
    expect(await refresh('admin', ...args)).toMatchObject({ status: 2, stderr: expect.stringMatching(message) });
    expect(sandbox.sts.requests).toEqual([]);
  });

  it('refresh says when the source of a role is not a profile of the settings', async () => {
    await settings(`[mfa]\n[admin]\nrole_arn = ${arn('admin')}\nsource_profile = mfaa\n`);
    expect(await refresh('admin')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(
        /the role of \[admin\] needs a code, because \[mfaa\] is not a profile of .*config\.ini/,
      ),
    });
  });

  it('refresh never overwrites long-term keys in a role profile', async () => {
    await settings(`[mfa]\n[work]\nrole_arn = ${arn('admin')}\nsource_profile = mfa\n`);
    await refresh('mfa', '--token-code', sandbox.code());
    expect(await refresh('work')).toMatchObject({ status: 2, stderr: expect.stringContaining('holds long-term keys') });
    expect(assumed()).toEqual([]);
  });
});

describe('status and doctor with role profiles', () => {
  it('status shows each role profile with its own end, and asks for no device', async () => {
    await refresh('admin', '--token-code', sandbox.code());
    const ended = await command('status');
    expect(ended.stdout).toMatch(
      /^mfa +fresh .*\nadmin +fresh +(59m|1h 00m) .*\nreader +missing .*\ndeploy +missing /m,
    );
    expect(ended.stderr).toBe('');
    expect((await command('status', 'admin')).status).toBe(0);
  });

  it('status calls a role profile due only in the last quarter of its session', async () => {
    const before = await readFile(sandbox.credentialsFile, 'utf8');
    const change = async (minutes: number) => {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = sandbox.sts.issue('alice', minutes * 60);
      const lines = [
        `aws_access_key_id = ${accessKeyId}`,
        `aws_secret_access_key = ${secretAccessKey}`,
        `aws_session_token = ${sessionToken}`,
        `expiration = ${new Date(expiration).toISOString()}`,
      ];
      await writeFile(sandbox.credentialsFile, `${before}[admin]\n${lines.join('\n')}\n`);
      return (await command('status', 'admin')).stdout;
    };
    expect(await change(16)).toMatch(/^admin +fresh/m);
    expect(await change(14)).toMatch(/^admin +due/m);
  });

  it('doctor checks that the session of a role profile is of its role, and asks for no keys of its own', async () => {
    await refresh('reader', '--token-code', sandbox.code());
    const found = async () => {
      const { stdout } = await command('doctor', '--json');
      const { findings } = JSON.parse(stdout) as {
        findings: { check: string; level: string; found: string; profile?: string }[];
      };
      return findings.filter(({ profile }) => profile === 'reader');
    };
    const accepted = `AWS accepts the session of [reader]: arn:aws:sts::${ACCOUNT_ID}:assumed-role/reader/bob@example.com`;
    expect(await found()).toMatchObject([
      { check: 'settings.role', level: 'ok' },
      { check: 'session.state', level: 'ok' },
      { check: 'session.alive', level: 'ok', found: accepted },
    ]);
    await refresh('deploy', '--token-code', sandbox.code());
    const text = await readFile(sandbox.credentialsFile, 'utf8');
    await writeFile(sandbox.credentialsFile, text.replace('[reader]', '[old]').replace('[deploy]', '[reader]'));
    expect(await found()).toContainEqual(
      expect.objectContaining({
        check: 'session.alive',
        level: 'error',
        found: expect.stringContaining(`not to ${arn('reader')}`),
      }),
    );
  });
});

describe('programs with role profiles', () => {
  const PRINT = 'console.log(process.env.AWS_ACCESS_KEY_ID, process.env.AWS_REGION, process.env.AWS_DEFAULT_REGION)';
  const keyOf = async (name: string) => (await values(name)).get('aws_access_key_id');

  it('exec assumes a role with its source, and asks at the terminal for its code', needs('script'), async () => {
    await refresh('mfa', '--token-code', sandbox.code());
    const ended = await command('exec', 'admin', '--', process.execPath, '-e', PRINT);
    expect(ended).toMatchObject({ status: 0, stdout: `${await keyOf('admin')} undefined undefined\n`, stderr: '' });
    expect(await command('exec', 'admin', '--', 'true')).toMatchObject({ status: 0 });
    expect(assumed()).toHaveLength(1);
    await writeFile(
      sandbox.credentialsFile,
      (await readFile(sandbox.credentialsFile, 'utf8')).replace(/^\[mfa\][\s\S]*/m, ''),
    );
    const words = [process.execPath, PROGRAM, 'exec', 'reader', '--', 'echo', 'done'];
    const session = onTerminal(quoted(words), sandbox.env);
    await answer(session, [[/MFA code.*: $/, () => `${sandbox.code()}\r`]]);
    expect((await session.ended).status).toBe(0);
    expect(wordsOn(session)).toMatch(/done/);
    expect(await identity('reader')).toMatchObject({ role: 'reader' });
  });

  it('credential-process prints the session of the role, and says why there is none', async () => {
    expect(await command('credential-process', 'admin')).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(/the session of \[mfa\] was not refreshed: no agent runs/),
    });
    await refresh('mfa', '--token-code', sandbox.code());
    const printed = JSON.parse((await command('credential-process', 'admin')).stdout);
    expect(printed).toMatchObject({ Version: 1, AccessKeyId: await keyOf('admin') });
    const [admin] = sandbox.roles;
    if (admin) admin.trusts = [];
    await refresh('mfa', '--force', '--token-code', sandbox.code());
    expect((await command('credential-process', 'reader')).status).toBe(0);
    await writeFile(
      sandbox.credentialsFile,
      (await readFile(sandbox.credentialsFile, 'utf8')).replace(/^\[admin\][\s\S]*/m, ''),
    );
    expect(await command('credential-process', 'admin')).toMatchObject({
      status: 3,
      stdout: '',
      stderr: expect.stringMatching(
        /cannot refresh \[admin\]: AWS refused: User: .* is not authorized to perform: sts:AssumeRole/,
      ),
    });
  });

  it('env prints the session of a role, and never asks', async () => {
    expect(await command('env', 'admin')).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('aws-mfa-agent refresh admin'),
    });
    await refresh('admin', '--token-code', sandbox.code());
    const ended = await command('env', 'admin', '--shell', 'sh');
    expect(ended.stdout).toContain(`export AWS_ACCESS_KEY_ID='${await keyOf('admin')}'`);
    expect(ended.stdout).not.toContain('REGION');
  });

  it('exec and env set the region of the profile in ~/.aws/config, unless the environment has one', async () => {
    const config = await readFile(sandbox.configFile, 'utf8');
    await writeFile(sandbox.configFile, `${config}\n[profile mfa]\nregion = ap-south-1\n`);
    await refresh('mfa', '--token-code', sandbox.code());
    const key = await keyOf('mfa');
    const exec = (env = {}) => run(['exec', 'mfa', '--', process.execPath, '-e', PRINT], { ...sandbox.env, ...env });
    expect((await exec()).stdout).toBe(`${key} ap-south-1 ap-south-1\n`);
    expect((await exec({ AWS_REGION: 'us-east-1' })).stdout).toBe(`${key} us-east-1 undefined\n`);
    const { stdout } = await command('env', 'mfa', '--shell', 'sh');
    expect(stdout).toContain("export AWS_REGION='ap-south-1';\nexport AWS_DEFAULT_REGION='ap-south-1';\n");
    const ours = { AWS_REGION: 'ap-south-1', AWS_DEFAULT_REGION: 'ap-south-1', AWS_MFA_AGENT_REGION: 'ap-south-1' };
    const unset = await run(['env', '--unset', '--shell', 'sh'], { ...sandbox.env, ...ours });
    expect(unset.stdout).toMatch(/unset AWS_REGION;?\nunset AWS_DEFAULT_REGION/);
    expect((await run(['env', '--unset', '--shell', 'sh'], { ...sandbox.env, AWS_REGION: 'x' })).stdout).not.toContain(
      'REGION',
    );
  });
});

describe('the agent with role profiles', () => {
  const names = Array.from({ length: 30 }, (_, index) => `role-${index}`);

  it('the agent keeps many roles fresh with one child, without a code, and changes no other byte of the file', async () => {
    for (const name of names) sandbox.roles.push({ name, mfa: true, maxSessionDuration: 3600 });
    const sections = names.map((name) => `[${name}]\nrole_arn = ${arn(name)}\nsource_profile = mfa\n`);
    await settings(`prompt = terminal\n${sections.join('')}`);
    const before = await readFile(sandbox.credentialsFile, 'utf8');
    const agent = start(['run'], sandbox.env);
    try {
      await agent.says(/MFA code/);
      const status = async () => (await command('status')).stdout;
      expect(await status()).toMatch(/^role-7 +missing +- +- +waiting for a session of \[mfa\], its source profile$/m);
      agent.child.stdin?.write(`${sandbox.code()}\n`);
      await holds(async () => expect(await status()).toMatch(/^role-29 +fresh .* fresh$/m));
      expect(await status()).not.toMatch(/missing/);
      const calls = actions();
      expect(calls.filter((call) => call === 'AssumeRole granted')).toHaveLength(30);
      expect(calls.filter((call) => call === 'GetCallerIdentity granted')).toHaveLength(1);
      const after = await readFile(sandbox.credentialsFile, 'utf8');
      expect(after.startsWith(before)).toBe(true);
      for (const name of names) expect(await identity(name)).toMatchObject({ role: name, roleSessionName: 'alice' });
      expect(await command('snooze', '1h', 'role-3')).toMatchObject({ status: 0 });
    } finally {
      agent.child.kill();
      await agent.ended;
    }
  });

  it('the agent says in status why AWS refuses a role, and assumes it as soon as a file changes', async () => {
    const [admin] = sandbox.roles;
    if (admin) admin.trusts = [];
    await settings(`prompt = terminal\n[mfa]\n[admin]\nrole_arn = ${arn('admin')}\nsource_profile = mfa\n`);
    await refresh('mfa', '--token-code', sandbox.code());
    const agent = start(['run'], sandbox.env);
    try {
      const status = async () => (await command('status', '--json')).stdout;
      await holds(async () => expect(await status()).toMatch(/"standing": "stopped"/));
      const { profiles } = JSON.parse(await status());
      expect(profiles[1].agent).toMatchObject({
        source: 'mfa',
        why: expect.stringContaining('is not authorized to perform: sts:AssumeRole'),
      });
      if (admin) delete admin.trusts;
      await writeFile(sandbox.credentialsFile, `${await readFile(sandbox.credentialsFile, 'utf8')}# changed\n`);
      await holds(async () => expect(await identity('admin')).toMatchObject({ role: 'admin' }));
    } finally {
      agent.child.kill();
      await agent.ended;
    }
  });
});
