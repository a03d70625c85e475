import { execFile } from 'node:child_process';
import { appendFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { AssumeRoleCommand, GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { PROGRAM, run } from '../program.ts';
import { ACCOUNT_ID, type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({
    tolerance: 9,
    roles: [
      { name: 'admin', mfa: true, maxSessionDuration: 43_200 },
      { name: 'reader', mfa: false, maxSessionDuration: 7_200 },
    ],
  });
  await appendFile(
    sandbox.configFile,
    `
[profile admin]
role_arn = ${arn('admin')}
source_profile = mfa
region = eu-west-1

[profile admin-without-mfa]
role_arn = ${arn('admin')}
source_profile = default
region = eu-west-1

[profile via-agent]
credential_process = "${process.execPath}" "${PROGRAM}" credential-process mfa

[profile admin-via-agent]
role_arn = ${arn('admin')}
source_profile = via-agent
region = eu-west-1

[profile admin-too-long]
role_arn = ${arn('admin')}
source_profile = mfa
duration_seconds = 7200
region = eu-west-1
`,
  );
});
afterEach(() => sandbox.close());

const arn = (role: string) => `arn:aws:iam::${ACCOUNT_ID}:role/${role}`;

const JAVASCRIPT = `
  import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
  const profile = process.env.AWS_PROFILE;
  console.log(JSON.stringify(await new STSClient({ profile, maxAttempts: 1 }).send(new GetCallerIdentityCommand({}))));
`;
const PYTHON = "import boto3, json; print(json.dumps(boto3.client('sts').get_caller_identity()))";

const CLIENTS = [
  {
    name: 'the AWS CLI',
    command: ['aws', 'sts', 'get-caller-identity', '--output', 'json'],
    needed: ['an AWS CLI that reads AWS_ENDPOINT_URL'],
  },
  {
    name: 'boto3',
    command: ['python3', '-c', PYTHON],
    needed: ['a boto3 that reads AWS_ENDPOINT_URL'],
  },
  {
    name: 'the AWS SDK for JavaScript',
    command: [process.execPath, '--input-type=module', '-e', JAVASCRIPT],
    needed: [],
  },
];

for (const { name, command, needed } of CLIENTS) {
  describe(name, needs(...needed), () => {
    const [program = '', ...words] = command;
    const callerWith = async (profile: string) => {
      const { stdout } = await promisify(execFile)(program, words, {
        env: { ...sandbox.env, AWS_PROFILE: profile, AWS_MAX_ATTEMPTS: '1' },
      });
      return JSON.parse(stdout);
    };
    const admin = { Arn: expect.stringContaining(`arn:aws:sts::${ACCOUNT_ID}:assumed-role/admin/`) };

    it(`${name} assumes a role that requires MFA with the session of [mfa], without another code`, async () => {
      expect((await run(['refresh', '--token-code', sandbox.code()], sandbox.env)).status).toBe(0);
      expect(await callerWith('admin')).toMatchObject(admin);
      expect(await callerWith('admin')).toMatchObject(admin);
      const assumed = sandbox.sts.requests.filter(({ action }) => action === 'AssumeRole');
      expect(assumed.length).toBeGreaterThan(0);
      for (const request of assumed) expect(request).toMatchObject({ outcome: 'granted', tokenCode: undefined });
    });

    it(`${name} assumes the role from a profile with credential_process, too`, async () => {
      expect((await run(['refresh', '--token-code', sandbox.code()], sandbox.env)).status).toBe(0);
      expect(await callerWith('admin-via-agent')).toMatchObject(admin);
    });

    it(`${name} cannot assume the role with the long-term keys`, async () => {
      await expect(callerWith('admin-without-mfa')).rejects.toMatchObject({
        stderr: expect.stringMatching(/not authorized to perform: sts:AssumeRole/),
      });
    });

    it(`${name} cannot assume the role for more than an hour, whatever the role allows`, async () => {
      expect((await run(['refresh', '--token-code', sandbox.code()], sandbox.env)).status).toBe(0);
      await expect(callerWith('admin-too-long')).rejects.toMatchObject({
        stderr: expect.stringContaining('exceeds the 1 hour session limit for roles assumed by role chaining'),
      });
    });
  });
}

describe('the sandbox with roles', () => {
  const client = (keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) =>
    new STSClient({ endpoint: sandbox.sts.url, region: 'eu-west-1', maxAttempts: 1, credentials: keys });
  const assume = (keys: Parameters<typeof client>[0], input: Partial<AssumeRoleCommand['input']> = {}) =>
    client(keys).send(new AssumeRoleCommand({ RoleArn: arn('admin'), RoleSessionName: 'test', ...input }));
  const mfa = () => ({ SerialNumber: sandbox.serialNumber, TokenCode: sandbox.code() });

  it('the sandbox gives a role with a code of its own as long as the role allows, and the code is used up', async () => {
    const code = mfa();
    const { Credentials, AssumedRoleUser } = await assume(sandbox.alice, { ...code, DurationSeconds: 43_200 });
    expect(AssumedRoleUser).toMatchObject({
      Arn: `arn:aws:sts::${ACCOUNT_ID}:assumed-role/admin/test`,
      AssumedRoleId: expect.stringMatching(/^AROA[A-Z2-7]{17}:test$/),
    });
    expect(((Credentials?.Expiration?.getTime() ?? 0) - Date.now()) / 3_600_000).toBeCloseTo(12, 1);
    await expect(assume(sandbox.alice, code)).rejects.toThrow(/invalid MFA one time pass code/);
    await expect(assume(sandbox.alice, { RoleArn: arn('reader'), DurationSeconds: 10_800 })).rejects.toThrow(
      'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
    );
    await expect(assume(sandbox.alice, { ...mfa(), DurationSeconds: 43_201 })).rejects.toThrow(
      /less than or equal to 43200/,
    );
  });

  it('the sandbox gives a session without MFA a role that does not require it, and refuses unknown roles', async () => {
    await expect(assume(sandbox.alice)).rejects.toMatchObject({ name: 'AccessDenied' });
    expect((await assume(sandbox.alice, { RoleArn: arn('reader') })).AssumedRoleUser).toBeDefined();
    await expect(assume(sandbox.alice, { ...mfa(), RoleArn: arn('nobody') })).rejects.toMatchObject({
      name: 'AccessDenied',
    });
    sandbox.alice.root = true;
    await expect(assume(sandbox.alice)).rejects.toThrow('Roles may not be assumed by root accounts.');
  });

  /** The keys of an answer, to sign requests with. */
  const keysOf = ({ Credentials }: Awaited<ReturnType<typeof assume>>) => ({
    accessKeyId: Credentials?.AccessKeyId ?? '',
    secretAccessKey: Credentials?.SecretAccessKey ?? '',
    sessionToken: Credentials?.SessionToken ?? '',
  });

  it('the sandbox gives a role for a session that was made with a code, for an hour at most', async () => {
    const { expiration: _, ...session } = sandbox.sts.issue('alice', 3600);
    const answer = await assume(session, { DurationSeconds: 3600 });
    expect(((answer.Credentials?.Expiration?.getTime() ?? 0) - Date.now()) / 3_600_000).toBeCloseTo(1, 2);
    await expect(assume(session, { DurationSeconds: 3601 })).rejects.toMatchObject({
      name: 'ValidationError',
      message: 'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    });
    const { expiration: _end, ...ended } = sandbox.sts.issue('alice', -1);
    await expect(assume(ended)).rejects.toMatchObject({ name: 'ExpiredToken' });
  });

  it('the session of a role counts as made without MFA when it assumes another role', async () => {
    const keys = keysOf(await assume(sandbox.alice, mfa()));
    await expect(assume(keys)).rejects.toThrow(
      `User: arn:aws:sts::${ACCOUNT_ID}:assumed-role/admin/test is not authorized to perform: sts:AssumeRole on resource: ${arn('admin')}`,
    );
    expect((await assume(keys, { RoleArn: arn('reader') })).AssumedRoleUser?.Arn).toMatch(
      /assumed-role\/reader\/test$/,
    );
  });

  it('the sandbox gives a role only to those whom it trusts, and only with its external id', async () => {
    const [, reader] = sandbox.roles;
    if (reader) Object.assign(reader, { trusts: ['admin'], externalId: 'id/1' });
    const input = { RoleArn: arn('reader'), ExternalId: 'id/1' };
    await expect(assume(sandbox.alice, input)).rejects.toMatchObject({ name: 'AccessDenied' });
    const keys = keysOf(await assume(sandbox.alice, mfa()));
    await expect(assume(keys, { ...input, ExternalId: 'id/2' })).rejects.toMatchObject({ name: 'AccessDenied' });
    await expect(assume(keys, { RoleArn: arn('reader') })).rejects.toMatchObject({ name: 'AccessDenied' });
    expect((await assume(keys, input)).AssumedRoleUser).toBeDefined();
  });

  it.each([
    [
      { RoleSessionName: 'a' },
      "1 validation error detected: Value 'a' at 'roleSessionName' failed to satisfy constraint: Member must have length greater than or equal to 2",
    ],
    [
      { RoleSessionName: 'two words' },
      "1 validation error detected: Value 'two words' at 'roleSessionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
    ],
    [
      { RoleArn: 'admin', ExternalId: '?' },
      "3 validation errors detected: Value 'admin' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20; Value '?' at 'externalId' failed to satisfy constraint: Member must have length greater than or equal to 2; Value '?' at 'externalId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*",
    ],
  ])('the sandbox refuses %j as AWS does', async (input, message) => {
    await expect(assume(sandbox.alice, input)).rejects.toMatchObject({ name: 'ValidationError', message });
  });

  it('the sandbox refuses GetSessionToken with the keys of a role', async () => {
    const { Credentials } = await assume(sandbox.alice, mfa());
    const keys = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    await expect(client(keys).send(new GetSessionTokenCommand({}))).rejects.toThrow(
      'Cannot call GetSessionToken with session credentials',
    );
  });
});
