import { readFile } from 'node:fs/promises';
import type { STSClient, STSClientConfig } from '@aws-sdk/client-sts';
import type { AwsFailure } from '../policy/outcome.ts';

/** Keys that sign a request. `sessionToken` is set for requests about a session, never for requests of a new one. */
export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Where and how to send a request for a profile. */
export interface AwsTarget {
  /** The profile whose `~/.aws/config` section the SDK reads for endpoint settings. */
  profile: string;
  region: string | undefined;
  /** Determines the partition if there is no region. */
  serialNumber: string | undefined;
  /** How far AWS's clock is ahead of this machine's, in milliseconds. */
  clockOffset: number;
}

/** `clockOffset` is undefined if no answer with a `Date` header came. `endpoint` is the host of the request. */
export type AwsAnswer<T> = { clockOffset: number | undefined; endpoint: string } & (
  | { ok: true; value: T }
  | { ok: false; failure: AwsFailure }
);

const CONNECT_TIMEOUT = 5_000;
const CALL_TIMEOUT = 15_000;

/** A client of the SDK, and the request to send with it. */
export interface ServiceCall<T> {
  client: Observed;
  /** @returns undefined if the answer lacks what was requested */
  send(abortSignal: AbortSignal): Promise<T | undefined>;
}

type Observed = { middlewareStack: Pick<STSClient['middlewareStack'], 'add'>; destroy(): void };

/**
 * Sends one request to AWS, once, with this machine's proxy, certificates and endpoints.
 * @param service names the endpoint in messages until its host is known
 * @param tokenCode the code in the request, which is removed from AWS's messages
 * @param connect makes the client. It imports the SDK itself: an idle agent does not need it
 */
export async function call<T>(
  service: string,
  keys: Keys,
  target: AwsTarget,
  tokenCode: string | undefined,
  connect: (config: ClientConfig) => Promise<ServiceCall<T>>,
): Promise<AwsAnswer<T>> {
  // Turns off the SDK's warning on standard error about Node 20, which is not the user's concern.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const seen: HttpExchange = {
    endpoint: service,
    handedOver: false,
    status: undefined,
    html: false,
    clockOffset: undefined,
  };
  const answer = <R>(result: R) => ({ ...result, endpoint: seen.endpoint, clockOffset: seen.clockOffset });
  const timeout = AbortSignal.timeout(CALL_TIMEOUT);
  let client: Observed | undefined;
  try {
    const connection = await connect(await clientConfig(keys, target));
    client = connection.client;
    observe(client, seen);
    const value = await connection.send(timeout);
    if (value !== undefined) return answer({ ok: true, value });
    return answer({
      ok: false,
      failure: seen.html ? PORTAL : { kind: 'not-sts', detail: 'an answer without the requested data' },
    });
  } catch (error) {
    if (!timeout.aborted) return answer({ ok: false, failure: failureOf(error as SdkError, seen, tokenCode) });
    const detail = `no answer within ${CALL_TIMEOUT / 1000} s`;
    return answer({ ok: false, failure: { kind: 'unreachable', detail, sent: true } });
  } finally {
    client?.destroy();
  }
}

/** The settings that the clients of all services have in common. */
export type ClientConfig = Pick<
  STSClientConfig,
  'credentials' | 'profile' | 'systemClockOffset' | 'maxAttempts' | 'requestHandler'
> & { region: string };

async function clientConfig(keys: Keys, target: AwsTarget): Promise<ClientConfig> {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  return {
    // Sets everything that the SDK would otherwise take from AWS_PROFILE and similar variables.
    credentials,
    profile: target.profile,
    region: target.region ?? homeRegion(target.serialNumber),
    systemClockOffset: target.clockOffset,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT, ...(await agents()) },
  };
}

/** Returns the region to use for a partition if none is set. @see https://docs.aws.amazon.com/general/latest/gr/sts.html */
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

/** Returns HTTP agents that use `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` and `AWS_CA_BUNDLE`, which the SDK ignores. */
async function agents() {
  const bundle = process.env.AWS_CA_BUNDLE;
  const ca = bundle ? { ca: await readFile(bundle) } : {};
  const proxied = Object.keys(process.env).some((name) => /^(https?|all)_proxy$/i.test(name));
  if (!proxied) return bundle ? { httpsAgent: new (await import('node:https')).Agent(ca) } : {};
  const { EnvironmentProxyAgent } = await import('./proxy.ts');
  const agent = new EnvironmentProxyAgent(ca);
  return { httpAgent: agent, httpsAgent: agent };
}

interface HttpExchange {
  endpoint: string;
  /** Whether the request was passed to the network. If so, only the network's error can show that it was not sent. */
  handedOver: boolean;
  status: number | undefined;
  html: boolean;
  clockOffset: number | undefined;
}

/** Records what the SDK does not return: the host, the status, and AWS's time from the `Date` header. */
function observe(client: Observed, seen: HttpExchange) {
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
      // The header is rounded down to seconds, by half a second on average.
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

/** Network errors that occur before a byte of the request is sent. */
const BEFORE_SENDING = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN']);

/** The name does not exist, or no name server answers. */
const UNRESOLVED = new Set(['ENOTFOUND', 'EAI_AGAIN']);

function failureOf(
  error: SdkError,
  { handedOver, status, html }: HttpExchange,
  tokenCode: string | undefined,
): AwsFailure {
  const detail = withoutCode(error.message, tokenCode);
  if (status === undefined) {
    const sent = !(
      !handedOver ||
      BEFORE_SENDING.has(error.code ?? '') ||
      /^(ERR_TLS|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_SSL)/.test(error.code ?? '') ||
      /proxy refused|did not establish a connection/i.test(error.message)
    );
    return {
      kind: 'unreachable',
      detail,
      sent,
      ...(UNRESOLVED.has(error.code ?? '') && { unresolved: true as const }),
    };
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
        : { kind: 'not-sts', detail: `HTTP ${status}, not an answer of AWS` };
  }
}

const PORTAL: AwsFailure = {
  kind: 'unreachable',
  detail: 'a web page answered: a captive portal or a proxy?',
  sent: true,
};

/** Removes the code from AWS's message, which repeats a malformed code. */
function withoutCode(message: string, tokenCode: string | undefined): string {
  const oneLine = message.replace(/\s+/g, ' ').trim();
  return tokenCode ? oneLine.replaceAll(tokenCode, '******') : oneLine;
}
