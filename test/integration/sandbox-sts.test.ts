import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  type GetSessionTokenCommandInput,
  STSClient,
  type STSClientConfig,
} from '@aws-sdk/client-sts';
import { afterEach, describe, expect, test } from 'vitest';
import { newSandboxUser } from '../../src/sandbox/account.ts';
import type { SandboxSts, StsFault } from '../../src/sandbox/sts.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { needs } from '../needs.ts';
import { ACCOUNT_ID, type Sandbox, type SandboxOptions, startSandbox } from '../sandbox.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function sandboxWith(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = await startSandbox(options);
  open.push(() => sandbox.close());
  return sandbox;
}

function clientOf(
  sts: SandboxSts,
  { accessKeyId, secretAccessKey, sessionToken }: Partial<MfaSession>,
  config: STSClientConfig = {},
): STSClient {
  const client = new STSClient({
    endpoint: sts.url,
    region: 'eu-west-1',
    maxAttempts: 1,
    credentials: {
      accessKeyId: accessKeyId ?? '',
      secretAccessKey: secretAccessKey ?? '',
      ...(sessionToken === undefined ? {} : { sessionToken }),
    },
    ...config,
  });
  open.push(async () => client.destroy());
  return client;
}

async function askWithCode(sandbox: Sandbox, input: GetSessionTokenCommandInput = {}) {
  const code = 'TokenCode' in input ? {} : { TokenCode: sandbox.code() };
  const answer = await clientOf(sandbox.sts, sandbox.alice).send(
    new GetSessionTokenCommand({ SerialNumber: sandbox.serialNumber, ...code, ...input }),
  );
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration } = answer.Credentials ?? {};
  if (AccessKeyId === undefined || SecretAccessKey === undefined || SessionToken === undefined) {
    throw new Error('no credentials in the answer');
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: SessionToken,
    expiration: Expiration?.getTime() ?? Number.NaN,
  };
}

interface AwsError {
  name: string;
  message: string;
  $metadata: { httpStatusCode?: number; requestId?: string };
}

/** What a request failed with, as the SDK understood it. */
async function errorOf(request: Promise<unknown>): Promise<AwsError> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) throw new Error('the request should have failed');
  return error as AwsError;
}

function refusal(status: number, name: string, message: string) {
  return expect.objectContaining({ name, message, $metadata: expect.objectContaining({ httpStatusCode: status }) });
}

const INVALID_CODE = refusal(
  403,
  'AccessDenied',
  'MultiFactorAuthentication failed with invalid MFA one time pass code. ',
);
const MISMATCH = refusal(
  403,
  'SignatureDoesNotMatch',
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
    'and signing method. Consult the service documentation for details.',
);
const INVALID_KEY = refusal(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.');

describe('a session of the sandbox', () => {
  test("a session has the form of AWS's and lasts as long as requested", async () => {
    const sandbox = await sandboxWith();
    const before = sandbox.clock.now();
    const session = await askWithCode(sandbox, { DurationSeconds: 900 });
    expect(session.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(session.secretAccessKey).toMatch(/^[A-Za-z0-9+/]{40}$/);
    expect(session.sessionToken).toMatch(/^(?=.*\+)(?=.*\/)[A-Za-z0-9+/]{300,}={1,2}$/);
    expect(session.expiration % 1000).toBe(0);
    expect(session.expiration).toBeGreaterThan(before + 898_000);
    expect(session.expiration).toBeLessThanOrEqual(sandbox.clock.now() + 900_000);
    expect(sandbox.sts.session(session.accessKeyId)).toMatchObject({ userName: 'alice', mfa: true });
  });

  test('a session lasts twelve hours by default', async () => {
    const sandbox = await sandboxWith();
    const { expiration } = await askWithCode(sandbox);
    expect(Math.round((expiration - sandbox.clock.now()) / 60_000)).toBe(720);
  });

  test('a session is identified by GetCallerIdentity', async () => {
    const sandbox = await sandboxWith();
    const session = await askWithCode(sandbox);
    const identity = await clientOf(sandbox.sts, session).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({
      Account: ACCOUNT_ID,
      Arn: `arn:aws:iam::${ACCOUNT_ID}:user/alice`,
      UserId: expect.stringMatching(/^AIDA[A-Z2-7]{17}$/),
    });
    expect(identity.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('a session ends when its time is over', async () => {
    const sandbox = await sandboxWith({ longestSession: 3 });
    const session = await askWithCode(sandbox);
    sandbox.clock.offset = 4_000;
    const error = await errorOf(clientOf(sandbox.sts, session).send(new GetCallerIdentityCommand({})));
    expect(error).toEqual(refusal(403, 'ExpiredToken', 'The security token included in the request is expired'));
  });

  test('a session of the root user is shortened to an hour, without an error', async () => {
    const sandbox = await sandboxWith({ alice: { root: true } });
    const session = await askWithCode(sandbox, { DurationSeconds: 43_200 });
    expect(Math.round((session.expiration - sandbox.clock.now()) / 60_000)).toBe(60);
    const identity = await clientOf(sandbox.sts, session).send(new GetCallerIdentityCommand({}));
    expect(identity).toMatchObject({ Arn: `arn:aws:iam::${ACCOUNT_ID}:root`, UserId: ACCOUNT_ID });
  });

  test('a session can be shortened to any length', async () => {
    const sandbox = await sandboxWith({ longestSession: 120 });
    const { expiration } = await askWithCode(sandbox, { DurationSeconds: 3600 });
    expect(Math.round((expiration - sandbox.clock.now()) / 60_000)).toBe(2);
  });

  test('a session that is made in process is valid for requests', async () => {
    const sandbox = await sandboxWith();
    const session = sandbox.sts.issue('alice', 60);
    await expect(clientOf(sandbox.sts, session).send(new GetCallerIdentityCommand({}))).resolves.toMatchObject({
      Account: ACCOUNT_ID,
    });
    const old = sandbox.sts.issue('alice', -60);
    const error = await errorOf(clientOf(sandbox.sts, old).send(new GetCallerIdentityCommand({})));
    expect(error.name).toBe('ExpiredToken');
  });

  test('a session without a code is not an MFA session', async () => {
    const sandbox = await sandboxWith();
    const answer = await clientOf(sandbox.sts, sandbox.alice).send(new GetSessionTokenCommand({}));
    expect(sandbox.sts.session(answer.Credentials?.AccessKeyId ?? '')).toMatchObject({ mfa: false });
    expect(sandbox.sts.requests).toMatchObject([{ parameters: ['Action', 'Version'], outcome: 'granted' }]);
  });
});

describe('a code', () => {
  test('a code is refused when it is wrong', async () => {
    const sandbox = await sandboxWith();
    const error = await errorOf(askWithCode(sandbox, { TokenCode: sandbox.wrongCode() }));
    expect(error).toEqual(INVALID_CODE);
  });

  test('a code is accepted once', async () => {
    const sandbox = await sandboxWith();
    const code = sandbox.code();
    await askWithCode(sandbox, { TokenCode: code });
    expect(sandbox.sts.isBurnt(sandbox.serialNumber, code)).toBe(true);
    expect(await errorOf(askWithCode(sandbox, { TokenCode: code }))).toEqual(INVALID_CODE);
  });

  test('a code is accepted one step early and one step late, not more', async () => {
    const sandbox = await sandboxWith({ stepSeconds: 3600 });
    const at = (steps: number) => sandbox.authenticator.code(sandbox.clock.now() + steps * 3_600_000);
    await askWithCode(sandbox, { TokenCode: at(-1) });
    await askWithCode(sandbox, { TokenCode: at(1) });
    await askWithCode(sandbox, { TokenCode: at(0) });
    expect(await errorOf(askWithCode(sandbox, { TokenCode: at(-2) }))).toEqual(INVALID_CODE);
    expect(await errorOf(askWithCode(sandbox, { TokenCode: at(2) }))).toEqual(INVALID_CODE);
  });

  test('a code must be of a device of this user', async () => {
    const bob = newSandboxUser(ACCOUNT_ID, 'bob');
    const sandbox = await sandboxWith({ users: [bob] });
    for (const SerialNumber of [`arn:aws:iam::${ACCOUNT_ID}:mfa/alcie`, bob.mfa[0]?.serialNumber]) {
      const error = await errorOf(askWithCode(sandbox, { SerialNumber, TokenCode: sandbox.wrongCode() }));
      expect(error).toEqual(
        refusal(
          403,
          'AccessDenied',
          'MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.',
        ),
      );
    }
  });

  test('a code may be of a hardware device', async () => {
    const serialNumber = 'GAHT12345678';
    const sandbox = await sandboxWith({ alice: { mfa: [{ serialNumber, secret: Buffer.from('a hardware secret') }] } });
    await expect(askWithCode(sandbox, { SerialNumber: serialNumber })).resolves.toBeDefined();
  });

  test('a code requires a serial number, and a serial number requires a code', async () => {
    const sandbox = await sandboxWith();
    const half = refusal(
      403,
      'AccessDenied',
      'MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.',
    );
    expect(await errorOf(askWithCode(sandbox, { SerialNumber: undefined }))).toEqual(half);
    expect(await errorOf(askWithCode(sandbox, { TokenCode: undefined }))).toEqual(half);
  });
});

describe('parameters out of range', () => {
  test.each([
    [
      { TokenCode: '12345x' },
      "1 validation error detected: Value '12345x' at 'tokenCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\d]*",
    ],
    [
      { TokenCode: '12345' },
      "1 validation error detected: Value '12345' at 'tokenCode' failed to satisfy constraint: Member must have length greater than or equal to 6",
    ],
    [
      { TokenCode: '<234567>' },
      "2 validation errors detected: Value '<234567>' at 'tokenCode' failed to satisfy constraint: Member must have length less than or equal to 6; " +
        "Value '<234567>' at 'tokenCode' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\d]*",
    ],
    [
      { DurationSeconds: 899 },
      "1 validation error detected: Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900",
    ],
    [
      { DurationSeconds: 129_601 },
      "1 validation error detected: Value '129601' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 129600",
    ],
  ])('%j are refused with their values', async (input, message) => {
    const sandbox = await sandboxWith();
    const code = sandbox.code();
    const error = await errorOf(askWithCode(sandbox, { TokenCode: code, ...input }));
    expect(error).toEqual(refusal(400, 'ValidationError', message));
    expect(sandbox.sts.isBurnt(sandbox.serialNumber, code)).toBe(false);
  });

  test('an unknown action is refused', async () => {
    const sandbox = await sandboxWith();
    const client = clientOf(sandbox.sts, sandbox.alice);
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { body: string };
        request.body = request.body.replace('GetCallerIdentity', 'GetCallerIdentitx');
        return next(args);
      },
      { step: 'build' },
    );
    const error = await errorOf(client.send(new GetCallerIdentityCommand({})));
    expect(error).toMatchObject({ name: 'InvalidAction', $metadata: { httpStatusCode: 400 } });
  });
});

describe('a caller without permission', () => {
  test('a caller with session credentials is refused', async () => {
    const sandbox = await sandboxWith();
    const session = sandbox.sts.issue('alice', 900);
    const error = await errorOf(clientOf(sandbox.sts, session).send(new GetSessionTokenCommand({})));
    expect(error).toEqual(refusal(403, 'AccessDenied', 'Cannot call GetSessionToken with session credentials'));
  });

  test('a caller with a policy against it is refused, but can be identified', async () => {
    const sandbox = await sandboxWith({ alice: { policyDenies: true } });
    expect(await errorOf(askWithCode(sandbox))).toEqual(
      refusal(
        403,
        'AccessDenied',
        `User: arn:aws:iam::${ACCOUNT_ID}:user/alice is not authorized to perform: sts:GetSessionToken with an explicit deny in an identity-based policy`,
      ),
    );
    await clientOf(sandbox.sts, sandbox.alice).send(new GetCallerIdentityCommand({}));
  });
});

describe('a signature', () => {
  const identify = (client: STSClient) => errorOf(client.send(new GetCallerIdentityCommand({})));

  test('a signature by an unknown key is refused', async () => {
    const { sts, alice } = await sandboxWith();
    const client = clientOf(sts, { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: alice.secretAccessKey });
    expect(await identify(client)).toEqual(INVALID_KEY);
  });

  test('a signature by an inactive key is refused, from that moment', async () => {
    const { sts, alice } = await sandboxWith();
    await clientOf(sts, alice).send(new GetCallerIdentityCommand({}));
    alice.active = false;
    expect(await identify(clientOf(sts, alice))).toEqual(INVALID_KEY);
  });

  test('a signature with the wrong secret is refused', async () => {
    const { sts, alice } = await sandboxWith();
    expect(await identify(clientOf(sts, { ...alice, secretAccessKey: `${alice.secretAccessKey}x` }))).toEqual(MISMATCH);
  });

  test("a signature without the session token, or with another's, is refused", async () => {
    const { sts, alice } = await sandboxWith();
    const { accessKeyId, secretAccessKey, sessionToken } = sts.issue('alice', 900);
    const { sessionToken: another } = sts.issue('alice', 900);
    for (const keys of [
      { accessKeyId, secretAccessKey },
      { accessKeyId, secretAccessKey, sessionToken: another },
      { ...alice, sessionToken },
    ]) {
      expect(await identify(clientOf(sts, keys))).toEqual(INVALID_KEY);
    }
  });

  test('a signature that is six minutes old has expired, one of four minutes has not', async () => {
    const { sts, alice } = await sandboxWith();
    await clientOf(sts, alice, { systemClockOffset: -240_000 }).send(new GetCallerIdentityCommand({}));
    const error = await identify(clientOf(sts, alice, { systemClockOffset: -360_000 }));
    expect(error).toMatchObject({ name: 'SignatureDoesNotMatch', $metadata: { httpStatusCode: 403 } });
    expect(error.message).toMatch(
      /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
    );
  });

  test('a signature that is six minutes ahead is not yet current', async () => {
    const { sts, alice } = await sandboxWith();
    const error = await identify(clientOf(sts, alice, { systemClockOffset: 360_000 }));
    expect(error).toMatchObject({ name: 'SignatureDoesNotMatch', $metadata: { httpStatusCode: 403 } });
    expect(error.message).toMatch(
      /^Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)$/,
    );
  });

  test('a signature for another region is refused when one is required', async () => {
    const { sts, alice } = await sandboxWith({ region: 'us-east-1' });
    await clientOf(sts, alice, { region: 'us-east-1' }).send(new GetCallerIdentityCommand({}));
    expect(await identify(clientOf(sts, alice))).toEqual(
      refusal(403, 'SignatureDoesNotMatch', 'Credential should be scoped to a valid region. '),
    );
  });

  test('a signature covers a path and a query with unusual characters', async () => {
    const { sts, alice } = await sandboxWith();
    const client = clientOf(sts, alice);
    client.middlewareStack.add(
      (next) => (args) => {
        const request = args.request as { path: string; query: Record<string, string | string[]> };
        request.query = { 'a b': "x*'/é~", B: ['2', '1'] };
        return next(args);
      },
      { step: 'build' },
    );
    await client.send(new GetCallerIdentityCommand({}));
  });

  test('a missing signature is refused', async () => {
    const { sts } = await sandboxWith();
    const answer = await fetch(sts.url, { method: 'POST', body: 'Action=GetCallerIdentity&Version=2011-06-15' });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('<Code>MissingAuthenticationToken</Code>');
  });

  test('a malformed signature is refused', async () => {
    const { sts } = await sandboxWith();
    const answer = await fetch(sts.url, { method: 'POST', headers: { Authorization: 'Bearer abc' } });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('<Code>IncompleteSignature</Code>');
  });
});

describe('a request that was changed after it was signed', () => {
  interface Signed {
    method: string;
    path: string;
    query: Record<string, string>;
    headers: Record<string, string>;
    body: string;
  }

  async function sendChanged(change: (request: Signed) => void): Promise<AwsError> {
    const sandbox = await sandboxWith();
    const client = clientOf(sandbox.sts, sandbox.alice);
    client.middlewareStack.add(
      (next) => (args) => {
        change(args.request as Signed);
        return next(args);
      },
      { step: 'deserialize', priority: 'low' },
    );
    const request = client.send(new GetSessionTokenCommand({ DurationSeconds: 1800 }));
    const error = await errorOf(request);
    expect(sandbox.sts.requests).toMatchObject([{ outcome: error.name }]);
    return error;
  }

  test.each<[string, (request: Signed) => void]>([
    ['body', (request) => (request.body = request.body.replace('=1800', '=1900'))],
    ['path', (request) => (request.path = '/other')],
    ['query', (request) => (request.query = { DurationSeconds: '1900' })],
    ['content type', (request) => (request.headers['content-type'] = 'text/plain')],
    ['date, by a second', (request) => (request.headers['x-amz-date'] = aSecondLater(request.headers['x-amz-date']))],
    ['signature', (request) => (request.headers.authorization = changedSignature(request.headers.authorization))],
  ])('a request with a changed %s does not match its signature', async (_, change) => {
    expect(await sendChanged(change)).toEqual(MISMATCH);
  });

  test('a request with one more AWS header does not match its signature', async () => {
    const error = await sendChanged((request) => {
      request.headers['x-amz-extra'] = 'yes';
    });
    expect(error).toMatchObject({ name: 'SignatureDoesNotMatch', message: expect.stringContaining("'x-amz-extra'") });
  });

  test.each([
    [/\/\d{8}\//, '/20200101/', /^Date in Credential scope does not match YYYYMMDD/],
    [/\/sts\//, '/s3/', /^Credential should be scoped to correct service: 'sts'/],
    [/aws4_request/, 'aws5_request', /valid terminator/],
    [/host;/, '', /must be a 'SignedHeader'/],
  ])(
    'a request whose Authorization header was changed, %s to %s, does not match its signature',
    async (part, changed, message) => {
      const error = await sendChanged((request) => {
        request.headers.authorization = request.headers.authorization?.replace(part, changed) ?? '';
      });
      expect(error).toMatchObject({ name: 'SignatureDoesNotMatch', message: expect.stringMatching(message) });
    },
  );

  function aSecondLater(time: string | undefined): string {
    const [, date, hour, minute, second] = /^(\d{8})T(\d\d)(\d\d)(\d\d)Z$/.exec(time ?? '') ?? [];
    return `${date}T${hour}${minute}${second === '59' ? '58' : String(Number(second) + 1).padStart(2, '0')}Z`;
  }

  function changedSignature(authorization: string | undefined): string {
    return (authorization ?? '').replace(/.$/, (last) => (last === '0' ? '1' : '0'));
  }
});

describe('a fault of the sandbox', () => {
  test.each<[StsFault, number, string, string]>([
    [{ kind: 'throttle' }, 400, 'Throttling', 'Rate exceeded'],
    [
      { kind: 'internal-failure' },
      500,
      'InternalFailure',
      'The request processing has failed due to an unknown error.',
    ],
    [{ kind: 'unavailable' }, 503, 'ServiceUnavailable', 'The request has failed due to a temporary failure.'],
  ])(
    "the fault %j gives AWS's answer when it is busy, and leaves the code unused",
    async (fault, status, code, message) => {
      const sandbox = await sandboxWith();
      const TokenCode = sandbox.code();
      sandbox.sts.fault(fault);
      expect(await errorOf(askWithCode(sandbox, { TokenCode }))).toEqual(refusal(status, code, message));
      await askWithCode(sandbox, { TokenCode });
      expect(sandbox.sts.requests).toMatchObject([
        { fault: fault.kind, outcome: 'unprocessed' },
        { outcome: 'granted' },
      ]);
    },
  );

  test('a fault drops the connection before the code is used', async () => {
    const sandbox = await sandboxWith();
    const TokenCode = sandbox.code();
    sandbox.sts.fault({ kind: 'drop' });
    expect(await errorOf(askWithCode(sandbox, { TokenCode }))).toMatchObject({ code: 'ECONNRESET' });
    expect(sandbox.sts.isBurnt(sandbox.serialNumber, TokenCode)).toBe(false);
    await askWithCode(sandbox, { TokenCode });
  });

  test('a fault drops the connection after the code is used', async () => {
    const sandbox = await sandboxWith();
    const TokenCode = sandbox.code();
    sandbox.sts.fault({ kind: 'drop-after-processing' });
    expect(await errorOf(askWithCode(sandbox, { TokenCode }))).toMatchObject({ code: 'ECONNRESET' });
    expect(sandbox.sts.requests).toMatchObject([{ outcome: 'granted', tokenCode: TokenCode }]);
    expect(await errorOf(askWithCode(sandbox, { TokenCode }))).toEqual(INVALID_CODE);
  });

  test('a fault delays the answer, but not the arrival', async () => {
    const sandbox = await sandboxWith();
    sandbox.sts.fault({ kind: 'delay', milliseconds: 300 });
    const started = performance.now();
    let answered = false;
    const answer = askWithCode(sandbox).finally(() => {
      answered = true;
    });
    await expect(sandbox.sts.arrival(1)).resolves.toMatchObject({ action: 'GetSessionToken', outcome: 'granted' });
    expect(answered).toBe(false);
    await answer;
    expect(performance.now() - started).toBeGreaterThanOrEqual(299);
  });

  test('a fault that delays for ever does not delay the end of the sandbox', async () => {
    const sandbox = await startSandbox();
    sandbox.sts.fault({ kind: 'delay', milliseconds: 3_600_000 });
    const failure = errorOf(askWithCode(sandbox));
    await sandbox.sts.arrival(1);
    await sandbox.close();
    expect(await failure).toMatchObject({ code: 'ECONNRESET' });
  });

  test.each([200, 511] as const)('a fault answers %d with the page of a captive portal', async (status) => {
    const { sts } = await sandboxWith();
    sts.fault({ kind: 'html', status });
    const answer = await fetch(sts.url, { method: 'POST' });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/);
    expect(await answer.text()).toMatch(/^<!DOCTYPE html>/);
  });

  test('a fault answers 403 without a body', async () => {
    const { sts } = await sandboxWith();
    sts.fault({ kind: 'empty', status: 403 });
    const answer = await fetch(sts.url, { method: 'POST' });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toBe('');
  });

  test('a fault answers 200 without credentials', async () => {
    const sandbox = await sandboxWith();
    sandbox.sts.fault({ kind: 'no-credentials' });
    const answer = await clientOf(sandbox.sts, sandbox.alice).send(new GetSessionTokenCommand({}));
    expect(answer.$metadata.httpStatusCode).toBe(200);
    expect(answer.Credentials).toBeUndefined();
  });

  test('a fault answers with XML that ends in the middle', async () => {
    const { sts } = await sandboxWith();
    sts.fault({ kind: 'garbage' });
    const answer = await fetch(sts.url, { method: 'POST' });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(/^<ErrorResponse(?!.*<\/ErrorResponse>)/s);
  });

  test('a fault sets the clock of AWS wrong', async () => {
    const sandbox = await sandboxWith();
    const tenMinutes = 600_000;
    sandbox.sts.fault({ kind: 'skew', milliseconds: tenMinutes }, 2);
    const client = clientOf(sandbox.sts, sandbox.alice);
    const error = await errorOf(client.send(new GetCallerIdentityCommand({})));
    expect(error.message).toMatch(/^Signature expired/);
    // The SDK has learnt from the Date header.
    expect(Math.round(client.config.systemClockOffset / 60_000)).toBe(10);
    await client.send(new GetCallerIdentityCommand({}));
  });

  test('a fault stays until it is removed, when requested', async () => {
    const sandbox = await sandboxWith();
    sandbox.sts.fault({ kind: 'throttle' }, Number.POSITIVE_INFINITY);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect((await errorOf(askWithCode(sandbox, { TokenCode: '123456' }))).name).toBe('Throttling');
    }
    sandbox.sts.clearFaults();
    await askWithCode(sandbox);
  });

  test('faults come in the order in which they were requested', async () => {
    const sandbox = await sandboxWith();
    sandbox.sts.fault({ kind: 'throttle' });
    sandbox.sts.fault({ kind: 'unavailable' });
    const TokenCode = sandbox.code();
    expect((await errorOf(askWithCode(sandbox, { TokenCode }))).name).toBe('Throttling');
    expect((await errorOf(askWithCode(sandbox, { TokenCode }))).name).toBe('ServiceUnavailable');
    await askWithCode(sandbox, { TokenCode });
  });
});

describe('an answer of the sandbox', () => {
  test('an answer has the headers of AWS', async () => {
    const sandbox = await sandboxWith();
    sandbox.clock.offset = 3_600_000;
    const answer = await fetch(sandbox.sts.url, { method: 'POST' });
    const text = await answer.text();
    expect(answer.headers.get('content-type')).toBe('text/xml');
    expect(text).toContain(`<RequestId>${answer.headers.get('x-amzn-requestid')}</RequestId>`);
    expect(text).toContain('xmlns="https://sts.amazonaws.com/doc/2011-06-15/"');
    const ahead = Date.parse(answer.headers.get('date') ?? '') - Date.now();
    expect(Math.round(ahead / 60_000)).toBe(60);
  });
});

describe('the federation endpoint', () => {
  const ROLE = { RoleArn: `arn:aws:iam::${ACCOUNT_ID}:role/admin`, RoleSessionName: 'alice' };
  const sandboxWithRole = () => sandboxWith({ roles: [{ name: 'admin', mfa: false, maxSessionDuration: 43_200 }] });
  const assume = async ({ sts }: Sandbox, keys: Partial<MfaSession>) => {
    const { Credentials: given } = await clientOf(sts, keys).send(new AssumeRoleCommand(ROLE));
    return { sessionId: given?.AccessKeyId, sessionKey: given?.SecretAccessKey, sessionToken: given?.SessionToken };
  };
  const federate = (sts: SandboxSts, parameters: Record<string, string>) =>
    fetch(`${sts.url}/federation?${new URLSearchParams(parameters)}`);
  const tokenFor = (sts: SandboxSts, session: object, more: Record<string, string> = {}) =>
    federate(sts, { Action: 'getSigninToken', Session: JSON.stringify(session), ...more });

  test('a role that was assumed with a session gets a token only without a duration, one with long-term keys also with one', async () => {
    const sandbox = await sandboxWithRole();
    const { sts, alice } = sandbox;
    const [chained, direct] = [await assume(sandbox, sts.issue('alice', 3600)), await assume(sandbox, alice)];
    const statuses = async (session: object) =>
      Promise.all(
        ['', '3600', '899', '43201'].map(
          async (SessionDuration) => (await tokenFor(sts, session, SessionDuration ? { SessionDuration } : {})).status,
        ),
      );
    expect(await statuses(chained)).toEqual([200, 400, 400, 400]);
    expect(await statuses(direct)).toEqual([200, 200, 400, 400]);
  });

  test('a session that is not of a role, wrong or over gets no token', async () => {
    const sandbox = await sandboxWithRole();
    const { sts, alice, clock } = sandbox;
    const { accessKeyId, secretAccessKey, sessionToken } = sts.issue('alice', 7200);
    const role = await assume(sandbox, alice);
    for (const session of [
      { sessionId: accessKeyId, sessionKey: secretAccessKey, sessionToken },
      { ...role, sessionKey: 'x' },
      { ...role, sessionToken: 'x' },
      { sessionId: alice.accessKeyId, sessionKey: alice.secretAccessKey },
    ]) {
      expect((await tokenFor(sts, session)).status).toBe(400);
    }
    clock.offset = 3_601_000;
    expect((await tokenFor(sts, role)).status).toBe(400);
    expect(sts.requests.at(-1)).toMatchObject({ action: 'getSigninToken', outcome: 'Invalid credentials parameter' });
  });

  test('a token signs a browser in for 15 minutes', async () => {
    const sandbox = await sandboxWithRole();
    const { sts, alice, clock } = sandbox;
    const { SigninToken } = await (await tokenFor(sts, await assume(sandbox, alice))).json();
    const login = () => federate(sts, { Action: 'login', Destination: 'https://console.test/', SigninToken });
    expect(await (await login()).text()).toMatch(
      new RegExp(
        `^Signed in as arn:aws:sts::${ACCOUNT_ID}:assumed-role/admin/alice until .*: https://console\\.test/$`,
        'm',
      ),
    );
    clock.offset = 901_000;
    expect((await login()).status).toBe(400);
    expect((await federate(sts, { Action: 'login', SigninToken: 'x' })).status).toBe(400);
  });
});

test('the sandbox gives each code once, and says when there are no more', async () => {
  const sandbox = await sandboxWith({ stepSeconds: 3600, tolerance: 2 });
  const codes = [sandbox.code(), sandbox.code(), sandbox.code()];
  expect(new Set(codes).size).toBe(3);
  for (const TokenCode of codes) await askWithCode(sandbox, { TokenCode });
  expect(() => sandbox.code()).toThrow(/greater tolerance/);
});

test('the log of requests contains who asked for what', async () => {
  const sandbox = await sandboxWith();
  const TokenCode = sandbox.code();
  await askWithCode(sandbox, { TokenCode, DurationSeconds: 900 });
  expect(sandbox.sts.requests).toMatchObject([
    {
      action: 'GetSessionToken',
      accessKeyId: sandbox.alice.accessKeyId,
      parameters: expect.arrayContaining(['Action', 'Version', 'SerialNumber', 'TokenCode', 'DurationSeconds']),
      serialNumber: sandbox.serialNumber,
      tokenCode: TokenCode,
      durationSeconds: '900',
      fault: undefined,
      outcome: 'granted',
    },
  ]);
});

describe('the AWS CLI with the sandbox', needs('aws'), () => {
  const run = promisify(execFile);
  const cli = (sandbox: Sandbox, ...args: string[]) =>
    run('aws', ['--endpoint-url', sandbox.sts.url, '--output', 'json', 'sts', ...args], {
      env: { ...sandbox.env, AWS_MAX_ATTEMPTS: '1' },
    });

  test('the AWS CLI gets a valid session with the keys of the home folder', async () => {
    const sandbox = await sandboxWith();
    const args = ['--serial-number', sandbox.serialNumber, '--token-code', sandbox.code()];
    const { stdout } = await cli(sandbox, 'get-session-token', ...args);
    const { Credentials } = JSON.parse(stdout);
    expect(sandbox.sts.session(Credentials.AccessKeyId)).toMatchObject({ userName: 'alice', mfa: true });
    const identity = await run(
      'aws',
      ['--endpoint-url', sandbox.sts.url, '--output', 'json', 'sts', 'get-caller-identity'],
      {
        env: {
          ...sandbox.env,
          AWS_ACCESS_KEY_ID: Credentials.AccessKeyId,
          AWS_SECRET_ACCESS_KEY: Credentials.SecretAccessKey,
          AWS_SESSION_TOKEN: Credentials.SessionToken,
        },
      },
    );
    expect(JSON.parse(identity.stdout)).toMatchObject({ Arn: `arn:aws:iam::${ACCOUNT_ID}:user/alice` });
    expect(sandbox.sts.requests.at(-1)).toMatchObject({ accessKeyId: Credentials.AccessKeyId, outcome: 'granted' });
  });

  test("the AWS CLI gets AWS's words for a wrong code", async () => {
    const sandbox = await sandboxWith();
    const args = ['--serial-number', sandbox.serialNumber, '--token-code', sandbox.wrongCode()];
    await expect(cli(sandbox, 'get-session-token', ...args)).rejects.toMatchObject({
      stderr: expect.stringMatching(
        // Old ones also say how often they tried.
        /An error occurred \(AccessDenied\) when calling the GetSessionToken operation( \(reached max retries: 0\))?: MultiFactorAuthentication failed with invalid MFA one time pass code\./,
      ),
    });
  });

  test('the AWS CLI is refused with the keys of another account', async () => {
    const sandbox = await sandboxWith();
    await expect(cli(sandbox, 'get-caller-identity', '--profile', 'work')).rejects.toMatchObject({
      stderr: expect.stringContaining('InvalidClientTokenId'),
    });
    expect(await readFile(sandbox.credentialsFile, 'utf8')).toContain('[work]');
  });
});
