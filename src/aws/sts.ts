import type { Credentials, STSClient } from '@aws-sdk/client-sts';
import type { MfaSession } from '../session/session.ts';
import { type AwsAnswer, type AwsTarget, call, checked, type Keys } from './call.ts';
import { isOfRole } from './role-session.ts';

export interface SessionRequest {
  serialNumber: string;
  tokenCode: string;
  /** 900 to 129600 (36 hours); at most 3600 for the root user. */
  durationSeconds: number;
}

/**
 * Requests a session with a code. Sends it once, without a retry: a code can be used only once.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
 */
export async function getSessionToken(
  request: SessionRequest,
  keys: Keys,
  target: AwsTarget,
): Promise<AwsAnswer<MfaSession>> {
  const answer = await callSts(keys, target, request.tokenCode, async ({ client, sdk, abortSignal }) => {
    const command = new sdk.GetSessionTokenCommand({
      SerialNumber: request.serialNumber,
      TokenCode: request.tokenCode,
      DurationSeconds: request.durationSeconds,
    });
    return sessionOf((await client.send(command, { abortSignal })).Credentials);
  });
  return withValidSession(answer, target);
}

export interface RoleRequest {
  roleArn: string;
  sessionName: string;
  externalId?: string | undefined;
  /** 900 to 43200 (12 hours); at most 3600 with the keys of a session. */
  durationSeconds: number;
  /** Needed with long-term keys, if the role requires MFA. */
  mfa?: { serialNumber: string; tokenCode: string } | undefined;
}

/**
 * Requests a session of a role, with long-term keys and a code, or with the keys of a session. Sends it once.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export async function assumeRole(request: RoleRequest, keys: Keys, target: AwsTarget): Promise<AwsAnswer<MfaSession>> {
  const { roleArn, sessionName, externalId, durationSeconds, mfa } = request;
  let given: string | undefined;
  const answer = await callSts(keys, target, mfa?.tokenCode, async ({ client, sdk, abortSignal }) => {
    const command = new sdk.AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: sessionName,
      DurationSeconds: durationSeconds,
      ExternalId: externalId,
      SerialNumber: mfa?.serialNumber,
      TokenCode: mfa?.tokenCode,
    });
    const { Credentials, AssumedRoleUser } = await client.send(command, { abortSignal });
    given = AssumedRoleUser?.Arn;
    return sessionOf(Credentials);
  });
  // Servers of other makers may leave the ARN out.
  const ofRole = checked(answer, () =>
    given && !isOfRole(given, roleArn) ? 'its session is not of the role that was asked for' : undefined,
  );
  return withValidSession(ofRole, target);
}

function sessionOf(given: Credentials | undefined): MfaSession | undefined {
  return (
    given && {
      accessKeyId: given.AccessKeyId ?? '',
      secretAccessKey: given.SecretAccessKey ?? '',
      sessionToken: given.SessionToken ?? '',
      expiration: given.Expiration?.getTime() ?? Number.NaN,
    }
  );
}

function withValidSession(answer: AwsAnswer<MfaSession>, target: AwsTarget): AwsAnswer<MfaSession> {
  const now = Date.now() + (answer.clockOffset ?? target.clockOffset);
  return checked(answer, (session) => problemWith(session, now));
}

/** Sessions last 36 hours at most. Clocks differ, and requests take time. */
const LONGEST_SESSION = 36 * 3_600_000 + 15 * 60_000;

/**
 * Returns what is wrong with a session, or undefined. Each part ends up in the credentials file and in headers of requests.
 * The lengths and alphabets are wider than AWS's own: STS of other makers give JSON web tokens.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
 */
function problemWith({ accessKeyId, secretAccessKey, sessionToken, expiration }: MfaSession, now: number) {
  if (!/^\w{16,128}$/.test(accessKeyId)) return 'its access key id is not one';
  if (!/^[\w+/=.~-]{16,128}$/.test(secretAccessKey)) return 'its secret access key is not one';
  if (!/^[\w+/=.~-]{16,16384}$/.test(sessionToken)) return 'its session token is not one';
  if (Number.isNaN(expiration)) return 'it has no expiration';
  if (expiration <= now) return 'its session has already expired';
  return expiration - now > LONGEST_SESSION ? 'its session lasts longer than 36 hours' : undefined;
}

/**
 * Returns the user of the keys. Needs no permission, so a refusal means that the keys are invalid.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export async function getCallerIdentity(
  keys: Keys,
  target: AwsTarget,
): Promise<AwsAnswer<{ account: string; arn: string }>> {
  const answer = await callSts(keys, target, undefined, async ({ client, sdk, abortSignal }) => {
    const { Account: account, Arn: arn } = await client.send(new sdk.GetCallerIdentityCommand({}), { abortSignal });
    return account && arn ? { account, arn } : undefined;
  });
  return checked(answer, ({ account, arn }) =>
    /^\w{1,64}$/.test(account) && /^arn:[!-~]{1,2048}$/.test(arn) ? undefined : 'its user is not one',
  );
}

type Sdk = typeof import('@aws-sdk/client-sts');

function callSts<T>(
  keys: Keys,
  target: AwsTarget,
  tokenCode: string | undefined,
  send: (tools: { client: STSClient; sdk: Sdk; abortSignal: AbortSignal }) => Promise<T | undefined>,
): Promise<AwsAnswer<T>> {
  return call('STS', keys, target, tokenCode, async (config) => {
    const sdk = await import('@aws-sdk/client-sts');
    const client = new sdk.STSClient({ ...config, useGlobalEndpoint: target.destination.useGlobalEndpoint });
    return { client, send: (abortSignal) => send({ client, sdk, abortSignal }) };
  });
}
