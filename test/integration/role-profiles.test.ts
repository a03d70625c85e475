import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { PROGRAM, run } from '../program.ts';
import { ACCOUNT_ID, type Sandbox, startSandbox } from '../sandbox.ts';
import { answer, onTerminal, quoted, wordsOn } from '../terminal.ts';

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

async function settings(text: string): Promise<void> {
  const file = join(sandbox.home, '.config', 'aws-mfa-agent', 'config.ini');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

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

  it('refresh reads the code of the source from standard input', async () => {
    const ended = await run(['refresh', 'reader', '--token-code', '-'], sandbox.env, `${sandbox.code()}\n`);
    expect(ended.stderr).toMatch(
      /^Requests go to .*\n\[mfa\] is fresh .*\n\[admin\] is fresh .*\n\[reader\] is fresh .*\n$/,
    );
  });

  it('refresh asks at the terminal for the code of the source', async () => {
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
