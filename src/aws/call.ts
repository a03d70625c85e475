import type { Agent as HttpAgent, IncomingMessage } from 'node:http';
import type { Agent as HttpsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import type { STSClient, STSClientConfig } from '@aws-sdk/client-sts';
import type { AwsFailure } from '../policy/outcome.ts';
import { withTimeout } from '../time/timeout.ts';
import type { Destination } from './endpoint.ts';
import { failureOf, type HttpAnswer, type SdkError } from './failure.ts';
import { proxyFor } from './proxy-variables.ts';

/** Keys that sign a request. `sessionToken` is set for requests about a session, never for requests of a new one. */
export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** Where and how to send a request for a profile. */
export interface AwsTarget {
  destination: Destination;
  /** How far AWS's clock is ahead of this machine's, in milliseconds. */
  clockOffset: number;
  /** How long the request may take, in milliseconds; {@link CALL_TIMEOUT} by default. */
  timeout?: number | undefined;
}

/**
 * `clockOffset` is undefined if no answer with a `Date` header came. `endpoint` is the host of the request. `codeUnsent`: the
 * failed request was one before that with the code.
 */
export type AwsAnswer<T> = { clockOffset: number | undefined; endpoint: string } & (
  | { ok: true; value: T }
  | { ok: false; failure: AwsFailure; codeUnsent?: true }
);

/** How long to wait for a connection, in milliseconds. */
const CONNECT_TIMEOUT = 5_000;

/** How long a request may take in all, in milliseconds. */
export const CALL_TIMEOUT = 15_000;

/** The longest answer that is read, in bytes. AWS's are a few kilobytes long. */
const LONGEST_ANSWER = 1_000_000;

/** A client of the SDK, and the request to send with it. */
export interface ServiceCall<T> {
  client: Observed;
  /** @returns undefined if the answer lacks what was requested */
  send(abortSignal: AbortSignal): Promise<T | undefined>;
}

type Observed = { middlewareStack: Pick<STSClient['middlewareStack'], 'add'>; destroy(): void };

/**
 * Sends one request to AWS, once, with this machine's proxy, certificates and endpoints. Resolves within the time limit,
 * whatever the server does.
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
  let client: Observed | undefined;
  const send = async (seen: HttpExchange, over: AbortSignal) => {
    const connection = await connect(await clientConfig(keys, target, over));
    client = connection.client;
    observe(client, seen);
    return connection.send(over);
  };
  return withinLimits(service, target, tokenCode, send).finally(() => client?.destroy());
}

/**
 * Posts a form to AWS, for a service of which the SDK has no client: once, and with the same proxy, certificates and limits.
 * @param read returns what the answer gives, or undefined if it lacks that: then the answer's status and text say why
 */
export async function postForm<T>(
  url: URL,
  form: Record<string, string>,
  target: AwsTarget,
  read: (answer: HttpAnswer) => T | undefined,
): Promise<AwsAnswer<T>> {
  return withinLimits(url.hostname, target, undefined, async (seen, over) => {
    const isSecure = url.protocol === 'https:';
    const { httpAgent, httpsAgent } = await agents(over, target.destination.certificates);
    const agent = isSecure ? httpsAgent : httpAgent;
    const { request } = await (isSecure ? import('node:https') : import('node:http'));
    seen.proxy = proxyFor(url.href, process.env);
    seen.handedOver = true;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
      const sent = request(url, { method: 'POST', headers, signal: over, ...(agent && { agent }) }, resolve);
      sent.on('error', reject).end(`${new URLSearchParams(form)}`);
    });
    const { statusCode = 0, headers } = response;
    const { answer } = await received(seen, {
      statusCode,
      headers: headers as Record<string, string>,
      body: response,
    });
    return read(answer);
  });
}

/** Makes one exchange with AWS. Resolves within the time limit, whatever the server does. */
async function withinLimits<T>(
  service: string,
  target: AwsTarget,
  tokenCode: string | undefined,
  send: (seen: HttpExchange, over: AbortSignal) => Promise<T | undefined>,
): Promise<AwsAnswer<T>> {
  const seen: HttpExchange = { endpoint: service, handedOver: false };
  const over = new AbortController();
  const limit = target.timeout ?? CALL_TIMEOUT;
  const exchange = async (): Promise<{ ok: true; value: T } | { ok: false; failure: AwsFailure }> => {
    try {
      const value = await send(seen, over.signal);
      return value === undefined ? { ok: false, failure: failureOf(undefined, seen, tokenCode) } : { ok: true, value };
    } catch (error) {
      return { ok: false, failure: failureOf(error as SdkError, seen, tokenCode) };
    }
  };
  try {
    // The SDK's own limits do not cover everything: after an answer with status 101, its promise never settles.
    const result = await withTimeout(exchange(), limit, () => {
      const detail = `no answer within ${limit / 1000} s`;
      return { ok: false, failure: { kind: 'unreachable', detail, sent: seen.handedOver } } as const;
    });
    const { endpoint, answer, proxy } = seen;
    if (result.ok || result.failure.kind !== 'unreachable') {
      return { ...result, endpoint, clockOffset: answer?.clockOffset };
    }
    const { failure } = result;
    const detail = proxy ? `${failure.detail}; ${proxy.setBy} = ${proxy.url.host}` : failure.detail;
    // The clock of a proxy is not AWS's.
    return { ok: false, failure: { ...failure, detail }, endpoint, clockOffset: undefined };
  } finally {
    over.abort();
  }
}

/** Returns the answer; if `problemWith` finds something wrong with its content, a failure instead. */
export function checked<T>(answer: AwsAnswer<T>, problemWith: (value: T) => string | undefined): AwsAnswer<T> {
  const detail = answer.ok ? problemWith(answer.value) : undefined;
  return detail === undefined ? answer : { ...answer, ok: false, failure: { kind: 'not-sts', detail } };
}

/** The settings that the clients of all services have in common. */
export type ClientConfig = Pick<
  STSClientConfig,
  'credentials' | 'systemClockOffset' | 'maxAttempts' | 'requestHandler' | 'defaultsMode' | 'endpoint'
> & { region: string; useFipsEndpoint: boolean; useDualstackEndpoint: boolean; ignoreConfiguredEndpointUrls: true };

/** @param over aborted when the request has ended */
async function clientConfig(
  keys: Keys,
  { destination, clockOffset }: AwsTarget,
  over: AbortSignal,
): Promise<ClientConfig> {
  const { accessKeyId, secretAccessKey, sessionToken } = keys;
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
  const { region, endpoint, useFipsEndpoint, useDualstackEndpoint, certificates } = destination;
  return {
    // Sets everything that the SDK would otherwise take from the files and the environment, in its own way.
    credentials,
    region,
    ...(endpoint && { endpoint: endpoint.url }),
    ignoreConfiguredEndpointUrls: true,
    useFipsEndpoint,
    useDualstackEndpoint,
    defaultsMode: 'legacy',
    systemClockOffset: clockOffset,
    maxAttempts: 1,
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT, ...(await agents(over, certificates)) },
  };
}

/** Returns HTTP agents that use the proxy variables and these certificates, which the SDK ignores. */
async function agents(
  over: AbortSignal,
  certificates: Buffer | undefined,
): Promise<{ httpAgent?: HttpAgent; httpsAgent?: HttpsAgent }> {
  const ca = certificates ? { ca: certificates } : {};
  const proxied = Object.keys(process.env).some((name) => /^https?_proxy$/i.test(name));
  if (!proxied) return certificates ? { httpsAgent: new (await import('node:https')).Agent(ca) } : {};
  const { EnvironmentProxyAgent } = await import('./proxy.ts');
  const agent = new EnvironmentProxyAgent(over, ca) as unknown as HttpsAgent;
  return { httpAgent: agent, httpsAgent: agent };
}

interface HttpExchange {
  endpoint: string;
  /** Whether the request was passed to the network. If so, only the network's error can show that it was not sent. */
  handedOver: boolean;
  proxy?: ReturnType<typeof proxyFor>;
  answer?: HttpAnswer;
}

/** Records what the SDK does not return: the host, and the answer. Reads the answer itself, so that no answer is too long. */
function observe(client: Observed, seen: HttpExchange) {
  client.middlewareStack.add(
    (next) => async (args) => {
      const { protocol, hostname, port } = args.request as { protocol: string; hostname: string; port?: number };
      seen.endpoint = hostname;
      seen.proxy = proxyFor(`${protocol}//${hostname}${port ? `:${port}` : ''}`, process.env);
      seen.handedOver = true;
      const result = await next(args);
      const response = result.response as HttpResponse;
      const { body } = await received(seen, response);
      return { ...result, response: Object.assign(response, { body }) };
    },
    { step: 'deserialize', priority: 'low', name: 'observeAnswer' },
  );
}

/** An answer whose body was not read yet. */
interface HttpResponse {
  statusCode: number;
  headers: Record<string, string>;
  body: Readable;
}

/** Reads an answer to its end, and records it. */
async function received(seen: HttpExchange, { statusCode: status, headers, body: stream }: HttpResponse) {
  const body = await bounded(stream);
  const date = Date.parse(headers.date ?? '');
  const answer: HttpAnswer = {
    ...{ status, headers, body: body.toString('utf8') },
    // The header is rounded down to seconds, by half a second on average.
    clockOffset: Number.isNaN(date) ? undefined : date + 500 - Date.now(),
  };
  seen.answer = answer;
  return { body, answer };
}

/** Reads an answer to its end. @throws if it is longer than AWS's can be */
async function bounded(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_ANSWER) throw new Error('an answer of more than a megabyte, which is not of AWS');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
