import { execFile } from 'node:child_process';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MfaSession } from '../../src/session/session.ts';
import { session, startHostile } from '../hostile.ts';
import { needs } from '../needs.ts';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;
let agent: Running | undefined;

beforeEach(async () => {
  agent = undefined;
  sandbox = await startSandbox({ tolerance: 9 });
  const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.ini'), 'check = 0 0 1 1 *\nprompt = terminal\n');
});
afterEach(async () => {
  agent?.child.kill('SIGTERM');
  await agent?.ended;
  await sandbox.close();
});

/** The lines of a profile that holds a session in the way of another tool, which says nothing of its end. */
type Lines = (session: MfaSession) => string;

const keys = ({ accessKeyId, secretAccessKey }: MfaSession) =>
  `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;

const USABLE: [string, Lines][] = [
  ['under aws_session_token', (live) => `${keys(live)}aws_session_token = ${live.sessionToken}\n`],
  ['under aws_security_token only', (live) => `${keys(live)}aws_security_token = ${live.sessionToken}\n`],
  [
    'under keys in upper case',
    ({ accessKeyId, secretAccessKey, sessionToken }) =>
      `AWS_ACCESS_KEY_ID = ${accessKeyId}\nAws_Secret_Access_Key = ${secretAccessKey}\nAWS_SECURITY_TOKEN = ${sessionToken}\n`,
  ],
  [
    'under aws_security_token beside an empty aws_session_token',
    (live) => `${keys(live)}aws_session_token =\naws_security_token = ${live.sessionToken}\n`,
  ],
  [
    'under aws_security_token beside the aws_session_token of another session',
    (live) => `${keys(live)}aws_session_token = stale\naws_security_token = ${live.sessionToken}\n`,
  ],
];

const UNUSABLE: [string, Lines, string][] = [
  [
    'whose aws_security_token is of another session, though aws_session_token is not',
    (live) => `${keys(live)}aws_session_token = ${live.sessionToken}\naws_security_token = stale\n`,
    'AWS does not accept the session of [mfa] any more',
  ],
  ['without a token', (live) => keys(live), '[mfa] holds no session'],
  [
    'with two empty tokens',
    (live) => `${keys(live)}aws_session_token =\naws_security_token =\n`,
    '[mfa] holds no session',
  ],
  [
    'without a secret',
    ({ accessKeyId, sessionToken }) => `aws_access_key_id = ${accessKeyId}\naws_security_token = ${sessionToken}\n`,
    '[mfa] holds no session',
  ],
];

async function put(lines: Lines): Promise<MfaSession> {
  const session = sandbox.sts.issue('alice', 3600);
  await appendFile(sandbox.credentialsFile, `\n[mfa]\n${lines(session)}`);
  return session;
}

async function startAgent(): Promise<Running> {
  agent = start(['run'], sandbox.env);
  await agent.says(/"standing":"(?:fresh|asking)"/);
  return agent;
}

describe('a live session without an expiry', () => {
  it.each(USABLE)('a session %s is printed by env and credential-process, which ask AWS once', async (_, lines) => {
    const { accessKeyId, secretAccessKey, sessionToken } = await put(lines);
    expect(await run(['env', '--shell', 'sh'], sandbox.env)).toEqual({
      status: 0,
      stdout: `export AWS_ACCESS_KEY_ID='${accessKeyId}';\nexport AWS_SECRET_ACCESS_KEY='${secretAccessKey}';\nexport AWS_SESSION_TOKEN='${sessionToken}';\nunset AWS_CREDENTIAL_EXPIRATION;\n`,
      stderr: '',
    });
    const { status, stdout, stderr } = await run(['credential-process'], sandbox.env);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
    });
    const granted = { action: 'GetCallerIdentity', accessKeyId, outcome: 'granted' };
    expect(sandbox.sts.requests).toMatchObject([granted]);
  });

  it.each(USABLE)('a session %s is fresh for the agent and for doctor', async (_, lines) => {
    await put(lines);
    const running = await startAgent();
    expect(running.output()).toContain('"standing":"fresh"');
    expect(running.output()).not.toContain('"standing":"asking"');
    const { stdout } = await run(['doctor', '--json'], sandbox.env);
    const { findings } = JSON.parse(stdout) as { findings: { check: string; level: string; found: string }[] };
    expect(findings.filter(({ check }) => check === 'session.alive')).toMatchObject([
      { level: 'ok', found: expect.stringContaining('user/alice') },
    ]);
  });

  it.each(USABLE)('a session %s is used by the AWS CLI', needs('aws'), async (_, lines) => {
    const { accessKeyId } = await put(lines);
    await callerIdentity();
    expect(sandbox.sts.requests).toMatchObject([{ accessKeyId, outcome: 'granted' }]);
  });
});

describe('a session that does not work', () => {
  it.each(UNUSABLE)('a session %s makes env and credential-process exit with 3', async (_, lines, reason) => {
    await put(lines);
    expect(await run(['env', '--shell', 'sh'], sandbox.env)).toEqual({
      status: 3,
      stdout: '',
      stderr: `aws-mfa-agent: ${reason}: aws-mfa-agent refresh mfa\n`,
    });
    expect(await run(['credential-process'], sandbox.env)).toMatchObject({ status: 3, stdout: '' });
  });

  it.each(UNUSABLE)('a session %s makes the agent ask', async (_, lines) => {
    await put(lines);
    expect((await startAgent()).output()).toContain('"standing":"asking"');
  });

  it.each(UNUSABLE)('a session %s is not usable by the AWS CLI', needs('aws'), async (_, lines) => {
    await put(lines);
    await expect(callerIdentity()).rejects.toThrow(/InvalidClientTokenId|Partial credentials/);
  });
});

it.each(['aws_session_token', 'aws_security_token'])(
  'a key whose id begins like that of a long-term one is a session beside %s, and is not overwritten',
  async (key) => {
    await put(
      (live) => `${keys(live).replace('ASIA', 'AKIA')}${key} = ${live.sessionToken}\nexpiration = ${inTwelveHours()}\n`,
    );
    for (const command of ['env', 'credential-process']) {
      expect(await run([command], sandbox.env)).toMatchObject({ status: 0, stdout: expect.stringContaining('AKIA') });
    }
    expect(await run(['refresh', '--force', '--token-code', sandbox.code()], sandbox.env)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('holds long-term keys'),
    });
    expect(sandbox.sts.requests).toEqual([]);
  },
);

it('a session that STS gave with an id like that of a long-term key is used, and replaced by the next', async () => {
  const given = { AccessKeyId: 'AKIAIOSFODNN7EXAMPLE' };
  const server = await startHostile((socket) => void socket.end(session(given)));
  try {
    const env = { ...sandbox.env, AWS_ENDPOINT_URL_STS: server.url };
    for (const code of ['123456', '654321']) {
      expect(await run(['refresh', '--force', '--token-code', code], env)).toMatchObject({ status: 0 });
    }
    expect(await run(['credential-process'], env)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('AKIA'),
    });
    given.AccessKeyId = 'AKIAIOSFODNN7OTHERID';
    expect(await run(['refresh', '--force', '--token-code', '111111'], env)).toMatchObject({ status: 0 });
    expect(await run(['env'], env)).toMatchObject({ status: 0, stdout: expect.stringContaining('OTHERID') });
  } finally {
    server.close();
  }
});

const inTwelveHours = () => new Date(Date.now() + 12 * 3_600_000).toISOString();

async function callerIdentity(): Promise<void> {
  const env = { ...sandbox.env, AWS_PROFILE: 'mfa', AWS_DEFAULT_REGION: 'eu-west-1', AWS_MAX_ATTEMPTS: '1' };
  await promisify(execFile)('aws', ['sts', 'get-caller-identity', '--endpoint-url', sandbox.sts.url], { env });
}
