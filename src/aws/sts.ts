import type { STSClient } from '@aws-sdk/client-sts';
import type { MfaSession } from '../session/session.ts';
import { type AwsAnswer, type AwsTarget, call, type Keys } from './call.ts';

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
export function getSessionToken(
  request: SessionRequest,
  keys: Keys,
  target: AwsTarget,
): Promise<AwsAnswer<MfaSession>> {
  return callSts(keys, target, request.tokenCode, async ({ client, sdk, abortSignal }) => {
    const command = new sdk.GetSessionTokenCommand({
      SerialNumber: request.serialNumber,
      TokenCode: request.tokenCode,
      DurationSeconds: request.durationSeconds,
    });
    const { Credentials: given } = await client.send(command, { abortSignal });
    if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken || !given.Expiration) return undefined;
    return {
      accessKeyId: given.AccessKeyId,
      secretAccessKey: given.SecretAccessKey,
      sessionToken: given.SessionToken,
      expiration: given.Expiration.getTime(),
    };
  });
}

/**
 * Returns the user of the keys. Needs no permission, so a refusal means that the keys are invalid.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export function getCallerIdentity(keys: Keys, target: AwsTarget): Promise<AwsAnswer<{ account: string; arn: string }>> {
  return callSts(keys, target, undefined, async ({ client, sdk, abortSignal }) => {
    const { Account: account, Arn: arn } = await client.send(new sdk.GetCallerIdentityCommand({}), { abortSignal });
    return account && arn ? { account, arn } : undefined;
  });
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
    const client = new sdk.STSClient(config);
    return { client, send: (abortSignal) => send({ client, sdk, abortSignal }) };
  });
}
