import { readFile } from 'node:fs/promises';
import type { STSClient, STSClientConfig } from '@aws-sdk/client-sts';
import type { MfaSession } from './session.ts';

/** Keys that sign a request. `sessionToken` only for asking about a session, never for getting one. */
export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Where STS is, for one profile. */
export interface StsTarget {
  /** The profile whose `~/.aws/config` section the SDK reads for endpoint settings. */
  profile: string;
  region: string | undefined;
  /** Names the partition when no region is known. */
  serialNumber: string | undefined;
  /** How far AWS's clock is ahead of ours, in milliseconds. */
  clockOffset: number;
}

/**
 * What AWS's refusals mean, told apart as section "AWS's answers" of the design does.
 * `detail` is AWS's own message (or the network's) with every secret taken out.
 */
export type StsFailure =
  | { kind: 'wrong-code' }
  | { kind: 'wrong-serial' }
  | { kind: 'session-keys' }
  | { kind: 'forbidden'; detail: string }
  | { kind: 'bad-keys'; code: 'InvalidClientTokenId' | 'SignatureDoesNotMatch' }
  | { kind: 'expired' }
  | { kind: 'clock' }
  | { kind: 'invalid-request'; detail: string }
  | { kind: 'busy'; detail: string }
  /** `sent` is false only when the request surely never left: then, and only then, the same code may be used again. */
  | { kind: 'unreachable'; detail: string; sent: boolean }
  | { kind: 'not-sts'; detail: string };

/** `clockOffset` is undefined when nothing with a `Date` header came back. `endpoint` is the host asked. */
export type StsAnswer<T> = { clockOffset: number | undefined; endpoint: string } & (
  | { ok: true; value: T }
  | { ok: false; failure: StsFailure }
);

export interface SessionRequest {
  serialNumber: string;
  tokenCode: string;
  /** 900 to 129600 (36 hours); AWS cuts a root user's sessions to 3600. */
  durationSeconds: number;
}

const CONNECT_TIMEOUT = 5_000;
const CALL_TIMEOUT = 15_000;

/**
 * Sends `GetSessionToken` once: no retry, since a code is good for one use.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
 */
export function getSessionToken(
  request: SessionRequest,
  keys: Keys,
  target: StsTarget,
): Promise<StsAnswer<MfaSession>> {
  return call(keys, target, request.tokenCode, async ({ client, sdk, abortSignal }) => {
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
 * Whose keys these are. Needs no permission, so its refusal means that the keys are dead.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
export function getCallerIdentity(keys: Keys, target: StsTarget): Promise<StsAnswer<{ account: string; arn: string }>> {
  return call(keys, target, undefined, async ({ client, sdk, abortSignal }) => {
    const { Account: account, Arn: arn } = await client.send(new sdk.GetCallerIdentityCommand({}), { abortSignal });
    return account && arn ? { account, arn } : undefined;
  });
}

type Sdk = typeof import('@aws-sdk/client-sts');

async function call<T>(
  keys: Keys,
  target: StsTarget,
  tokenCode: string | undefined,
  send: (tools: { client: STSClient; sdk: Sdk; abortSignal: AbortSignal }) => Promise<T | undefined>,
): Promise<StsAnswer<T>> {
  // Loaded here and not at the top: an idle agent has no use for it.
  // It would print on standard error that its releases of next year leave Node 20, which is our concern and not the user's.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const sdk = await import('@aws-sdk/client-sts');
  const seen: Seen = { endpoint: 'STS', handedOver: false, status: undefined, html: false, clockOffset: undefined };
  const answer = <R>(result: R) => ({ ...result, endpoint: seen.endpoint, clockOffset: seen.clockOffset });
  const timeout = AbortSignal.timeout(CALL_TIMEOUT);
  let client: STSClient | undefined;
  try {
    client = new sdk.STSClient(await clientConfig(keys, target));
    observe(client, seen);
    const value = await send({ client, sdk, abortSignal: timeout });
    if (value !== undefined) return answer({ ok: true, value });
    return answer({
      ok: false,
      failure: seen.html ? PORTAL : { kind: 'not-sts', detail: 'an answer without credentials' },
    });
  } catch (error) {
    if (!timeout.aborted) return answer({ ok: false, failure: failureOf(error as SdkError, seen, tokenCode) });
    const detail = `no answer within ${CALL_TIMEOUT / 1000} s`;
    return answer({ ok: false, failure: { kind: 'unreachable', detail, sent: true } });
  } finally {
    client?.destroy();
  }
}

async function clientConfig(keys: Keys, target: StsTarget): Promise<STSClientConfig> {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  return {
    // Everything that the SDK would otherwise take from AWS_PROFILE and its kin is given here.
    credentials,
    profile: target.profile,
    region: target.region ?? homeRegion(target.serialNumber),
    systemClockOffset: target.clockOffset,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT, ...(await agents()) },
  };
}

/** The region that answers for a partition when none is set. @see https://docs.aws.amazon.com/general/latest/gr/sts.html */
function homeRegion(serialNumber: string | undefined): string {
  switch (serialNumber?.split(':')[1]) {
    case 'aws-cn':
      return 'cn-north-1';
    case 'aws-us-gov':
      return 'us-gov-west-1';
    default:
      return 'us-east-1';
  }
}

/** HTTP agents that honour `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` and `AWS_CA_BUNDLE`, which the SDK does not by itself. */
async function agents() {
  const bundle = process.env.AWS_CA_BUNDLE;
  const ca = bundle ? { ca: await readFile(bundle) } : {};
  const proxied = Object.keys(process.env).some((name) => /^(https?|all)_proxy$/i.test(name));
  if (!proxied) return bundle ? { httpsAgent: new (await import('node:https')).Agent(ca) } : {};
  const { EnvironmentProxyAgent } = await import('./proxy.ts');
  const agent = new EnvironmentProxyAgent(ca);
  return { httpAgent: agent, httpsAgent: agent };
}

interface Seen {
  endpoint: string;
  /** Given to the network: from then on only the network's error tells whether it was sent. */
  handedOver: boolean;
  status: number | undefined;
  html: boolean;
  clockOffset: number | undefined;
}

/** Notes what the SDK keeps to itself: the host asked, the status, and AWS's clock from the `Date` header. */
function observe(client: STSClient, seen: Seen) {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { hostname } = args.request as { hostname?: string };
      if (hostname) seen.endpoint = hostname;
      seen.handedOver = true;
      const result = await next(args);
      const { statusCode, headers } = result.response as { statusCode: number; headers: Record<string, string> };
      seen.status = statusCode;
      seen.html = /html/i.test(headers['content-type'] ?? '');
      const date = Date.parse(headers.date ?? '');
      // The header has whole seconds, cut off: half of one is its mean error.
      if (!Number.isNaN(date)) seen.clockOffset = date + 500 - Date.now();
      return result;
    },
    { step: 'deserialize', priority: 'low', name: 'observeAnswer' },
  );
}

interface SdkError extends Error {
  code?: string;
  $metadata?: { httpStatusCode?: number };
}

/** Network errors that happen before a byte of the request is sent. */
const BEFORE_SENDING = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN']);

function failureOf(error: SdkError, { handedOver, status, html }: Seen, tokenCode: string | undefined): StsFailure {
  const detail = withoutCode(error.message, tokenCode);
  if (status === undefined) {
    const sent = !(
      !handedOver ||
      BEFORE_SENDING.has(error.code ?? '') ||
      /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_SSL)/.test(error.code ?? '') ||
      /proxy refused|without establishing a connection/i.test(error.message)
    );
    return { kind: 'unreachable', detail, sent };
  }
  if (html) return PORTAL;
  switch (error.name) {
    case 'AccessDenied':
    case 'AccessDeniedException':
      if (/invalid MFA one time pass code/i.test(detail)) return { kind: 'wrong-code' };
      if (/unable to validate MFA code/i.test(detail)) return { kind: 'wrong-serial' };
      if (/session credentials/i.test(detail)) return { kind: 'session-keys' };
      return { kind: 'forbidden', detail };
    case 'SignatureDoesNotMatch':
      if (/signature expired|not yet current/i.test(detail)) return { kind: 'clock' };
      return { kind: 'bad-keys', code: 'SignatureDoesNotMatch' };
    case 'RequestExpired':
    case 'RequestTimeTooSkewed':
      return { kind: 'clock' };
    case 'InvalidClientTokenId':
    case 'UnrecognizedClientException':
      return { kind: 'bad-keys', code: 'InvalidClientTokenId' };
    case 'ExpiredToken':
    case 'ExpiredTokenException':
      return { kind: 'expired' };
    case 'ValidationError':
      return { kind: 'invalid-request', detail };
    case 'Throttling':
    case 'ThrottlingException':
    case 'RequestLimitExceeded':
    case 'ServiceUnavailable':
    case 'InternalFailure':
      return { kind: 'busy', detail: error.name };
    default:
      return status >= 500 && status !== 511
        ? { kind: 'busy', detail: `HTTP ${status}` }
        : { kind: 'not-sts', detail: `HTTP ${status} that is no answer of STS` };
  }
}

const PORTAL: StsFailure = {
  kind: 'unreachable',
  detail: 'a web page answered: a captive portal or a proxy?',
  sent: true,
};

/** AWS repeats a malformed code in its message; nobody else may. */
function withoutCode(message: string, tokenCode: string | undefined): string {
  const oneLine = message.replace(/\s+/g, ' ').trim();
  return tokenCode ? oneLine.replaceAll(tokenCode, '******') : oneLine;
}
