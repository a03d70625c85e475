import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Keys } from '../../src/aws/call.ts';
import type { ServiceName } from '../../src/aws/endpoint.ts';
import {
  accessKeyLastUsed,
  createAccessKey,
  deactivateAccessKey,
  deleteAccessKey,
  listAccessKeys,
  listMfaDevices,
} from '../../src/aws/iam.ts';
import { getCallerIdentity, getSessionToken } from '../../src/aws/sts.ts';
import { awsTarget } from '../../src/refresh/effects.ts';
import { eventually } from '../../src/sandbox/access-keys.ts';
import { needs } from '../needs.ts';
import { startRecordingProxy } from '../recording-proxy.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9, region: 'eu-west-1' });
  environment = { ...process.env };
  for (const name of Object.keys(process.env)) if (/^AWS_|_proxy$/i.test(name)) delete process.env[name];
  Object.assign(process.env, sandbox.env);
});
afterEach(async () => {
  process.env = environment;
  await sandbox.close();
});

const PASSKEY = 'arn:aws:iam::123456789012:u2f/user/alice/yubikey-ABCDEFGHIJKLMNOP';
const target = (service: ServiceName = 'IAM', region = 'eu-west-1') =>
  awsTarget(service, { sourceProfile: 'default', region, serialNumber: undefined }, { offset: 0 });
const list = (keys: Keys = sandbox.alice, where = target()) => listMfaDevices(keys, where);

describe('ListMFADevices', () => {
  it('ListMFADevices returns every device of the user, of any kind, in the order of AWS', async () => {
    for (const serialNumber of ['GAHT12345678', PASSKEY]) {
      sandbox.alice.mfa.push({ serialNumber, secret: randomBytes(20) });
    }
    expect(await list()).toMatchObject({ ok: true, value: [sandbox.serialNumber, 'GAHT12345678', PASSKEY] });
    sandbox.alice.mfa.length = 0;
    expect(await list()).toMatchObject({ ok: true, value: [] });
  });

  it('ListMFADevices reports why AWS did not answer', async () => {
    sandbox.alice.mayNotListDevices = true;
    expect(await list()).toMatchObject({
      ok: false,
      failure: { kind: 'forbidden', detail: expect.stringContaining('iam:ListMFADevices') },
    });
    expect(await list({ ...sandbox.alice, secretAccessKey: 'another' })).toMatchObject({
      failure: { kind: 'bad-keys', code: 'SignatureDoesNotMatch' },
    });
    sandbox.alice.active = false;
    expect(await list()).toMatchObject({ failure: { kind: 'bad-keys', code: 'InvalidClientTokenId' } });
    process.env.AWS_ENDPOINT_URL_IAM = 'http://127.0.0.1:1';
    expect(await list()).toMatchObject({ failure: { kind: 'unreachable' }, endpoint: '127.0.0.1' });
  });

  it('ListMFADevices is answered to a session only if it was made with MFA', async () => {
    const withMfa = await getSessionToken(
      { serialNumber: sandbox.serialNumber, tokenCode: sandbox.code(), durationSeconds: 900 },
      sandbox.alice,
      target('STS'),
    );
    if (!withMfa.ok) throw new Error(withMfa.failure.kind);
    expect(await list(withMfa.value)).toMatchObject({ ok: true });
    const { GetSessionTokenCommand, STSClient } = await import('@aws-sdk/client-sts');
    const { Credentials } = await new STSClient({
      region: 'eu-west-1',
      endpoint: sandbox.sts.url,
      credentials: sandbox.alice,
    }).send(new GetSessionTokenCommand({}));
    const without = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
    expect(await list(without)).toMatchObject({ failure: { kind: 'bad-keys', code: 'InvalidClientTokenId' } });
  });

  it('ListMFADevices uses AWS_ENDPOINT_URL if IAM has no endpoint of its own, and the partition of the region', async () => {
    delete process.env.AWS_ENDPOINT_URL_IAM;
    process.env.AWS_ENDPOINT_URL = sandbox.sts.url;
    expect(await list()).toMatchObject({ ok: true });
    delete process.env.AWS_ENDPOINT_URL;
    process.env.HTTPS_PROXY = 'http://127.0.0.1:1';
    const hostFor = async (region: string) => (await list(sandbox.alice, target('IAM', region))).endpoint;
    expect(await hostFor('eu-west-1')).toBe('iam.amazonaws.com');
    expect(await hostFor('cn-northwest-1')).toBe('iam.cn-north-1.amazonaws.com.cn');
    expect(await hostFor('us-gov-east-1')).toBe('iam.us-gov.amazonaws.com');
    expect(await hostFor('eusc-de-east-1')).toBe('iam.eusc-de-east-1.amazonaws.eu');
  });

  it('ListMFADevices uses the proxy of the environment', async () => {
    const proxy = await startRecordingProxy(sandbox.sts.url);
    try {
      process.env.HTTP_PROXY = proxy.url;
      process.env.AWS_ENDPOINT_URL_IAM = 'http://iam.behind.proxy.test:8080';
      expect(await list()).toMatchObject({ ok: true });
      expect(proxy.recorded).toMatchObject([{ asked: 'POST http://iam.behind.proxy.test:8080/' }]);
    } finally {
      proxy.close();
    }
  });
});

describe('access keys', () => {
  const session = () => sandbox.sts.issue('alice', 900);

  it('a key is created, listed, deactivated and deleted with a session', async () => {
    const keys = session();
    const before = sandbox.alice.accessKeyId;
    const made = await createAccessKey(keys, target(), 'alice');
    if (!made.ok) throw new Error(made.failure.kind);
    const { accessKeyId, secretAccessKey, createdAt } = made.value;
    expect(Math.abs(Date.now() - createdAt)).toBeLessThan(10_000);
    expect(await getCallerIdentity({ accessKeyId, secretAccessKey }, target('STS'))).toMatchObject({ ok: true });
    expect(await deactivateAccessKey(before, keys, target(), 'alice')).toMatchObject({ ok: true });
    expect(await listAccessKeys(keys, target(), 'alice')).toMatchObject({
      value: [
        { accessKeyId: before, isActive: false },
        { accessKeyId, isActive: true, createdAt },
      ],
    });
    expect(await deleteAccessKey(before, keys, target(), 'alice')).toMatchObject({ ok: true });
    expect(sandbox.alice).toMatchObject({ accessKeyId, secretAccessKey });
    expect(await listAccessKeys(keys, target(), 'alice')).toMatchObject({ value: [{ accessKeyId }] });
  });

  it('AWS reports when a key was last used', async () => {
    const keys = session();
    const { accessKeyId } = sandbox.alice;
    expect(await accessKeyLastUsed(accessKeyId, keys, target())).toMatchObject({ ok: true, value: { at: undefined } });
    await getCallerIdentity(sandbox.alice, target('STS'));
    const used = await accessKeyLastUsed(accessKeyId, keys, target());
    expect(Math.abs(Date.now() - (used.ok ? (used.value.at ?? 0) : 0))).toBeLessThan(10_000);
  });

  it('AWS refuses a third key, an unknown key, long-term keys, and what no policy allows', async () => {
    const keys = session();
    expect(await createAccessKey(keys, target(), 'alice')).toMatchObject({ ok: true });
    expect(await createAccessKey(keys, target(), 'alice')).toMatchObject({
      failure: { kind: 'refused', code: 'LimitExceeded' },
    });
    const unknown = { failure: { kind: 'refused', code: 'NoSuchEntity' } };
    expect(await deleteAccessKey('AKIAUNKNOWNUNKNOWN12', keys, target(), 'alice')).toMatchObject(unknown);
    expect(await createAccessKey(sandbox.alice, target())).toMatchObject({ failure: { kind: 'forbidden' } });
    sandbox.alice.mayNot = ['ListAccessKeys'];
    expect(await listAccessKeys(keys, target(), 'alice')).toMatchObject({
      failure: { kind: 'forbidden', detail: expect.stringContaining('iam:ListAccessKeys') },
    });
  });

  it('a request that is signed with a session needs the name of the user', async () => {
    const nameless = { failure: { kind: 'invalid-request', detail: expect.stringContaining('userName') } };
    expect(await listAccessKeys(session(), target())).toMatchObject(nameless);
    expect(await listAccessKeys(session(), target(), 'bob')).toMatchObject({ failure: { kind: 'forbidden' } });
  });

  it('the sandbox makes one action fail, and can execute it without an answer', async () => {
    const keys = session();
    sandbox.sts.fault({ kind: 'drop-after-processing' }, 1, 'CreateAccessKey');
    expect(await listAccessKeys(keys, target(), 'alice')).toMatchObject({ ok: true });
    expect(await createAccessKey(keys, target(), 'alice')).toMatchObject({
      failure: { kind: 'unreachable', sent: true },
    });
    expect(sandbox.alice.otherKeys).toHaveLength(1);
  });
});

describe('an account that is slow to learn of keys', () => {
  it('an account that is slow to learn of keys does not know a new key at first, and forgets it at times for as long again', () => {
    const isKnown = eventually(5_000);
    const ages = [0, 4_999, 5_000, 9_999, 10_000];
    expect(ages.map((age) => isKnown(age, 7))).toEqual([false, false, true, true, true]);
    expect(ages.map((age) => isKnown(age, 20))).toEqual([false, false, false, false, true]);
  });

  it('the sandbox ends the sessions of a key that is deactivated, if it should', async () => {
    const ending = await startSandbox({ sessionsEndWithKey: true });
    try {
      process.env.AWS_ENDPOINT_URL_IAM = ending.sts.url;
      const keys = ending.sts.issue('alice', 900);
      expect(await deactivateAccessKey(ending.alice.accessKeyId, keys, target(), 'alice')).toMatchObject({ ok: true });
      expect(await listAccessKeys(keys, target(), 'alice')).toMatchObject({ failure: { kind: 'bad-keys' } });
    } finally {
      await ending.close();
    }
  });
});

it('the sandbox answers IAM requests as the AWS CLI expects it', needs('aws'), async () => {
  const iam = async (command: string, env: NodeJS.ProcessEnv = sandbox.env, ...more: string[]) => {
    const where = [...more, '--endpoint-url', sandbox.sts.url, '--region', 'us-east-1', '--output', 'json'];
    const { stdout } = await promisify(execFile)('aws', ['iam', command, ...where], {
      env: { ...env, AWS_MAX_ATTEMPTS: '1' },
    });
    return JSON.parse(stdout);
  };
  expect(await iam('list-mfa-devices')).toMatchObject({
    MFADevices: [{ UserName: 'alice', SerialNumber: sandbox.serialNumber, EnableDate: expect.any(String) }],
  });
  await sandbox.put(sandbox.sts.issue('alice', 900));
  expect(await iam('create-access-key', { ...sandbox.env, AWS_PROFILE: 'mfa' }, '--user-name', 'alice')).toMatchObject({
    AccessKey: { UserName: 'alice', AccessKeyId: sandbox.alice.otherKeys?.[0]?.accessKeyId, Status: 'Active' },
  });
});
