import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { MfaSession } from '../session/session.ts';
import { type Account, type AccountSettings, decide, issue, stepsOf } from './account.ts';
import { federate, type Page, type SigninToken } from './federation.ts';
import type { Fields, Outcome } from './outcome.ts';
import { refused } from './signature.ts';

/** By default a device shows a code for 30 s, a code is accepted one step early or late, and sessions are not shortened. */
export interface SandboxStsOptions
  extends Pick<AccountSettings, 'accountId' | 'users'>,
    Partial<Omit<AccountSettings, 'accountId' | 'users'>> {
  /** AWS's clock: milliseconds since the epoch. */
  now?: () => number;
}

/** Faults of STS, or of the network. */
export type StsFault =
  /** Processes the request at once and answers later. */
  | { kind: 'delay'; milliseconds: number }
  | { kind: 'delay'; until: Promise<unknown> }
  /** Closes the connection without processing the request. */
  | { kind: 'drop' }
  /** Processes the request, which uses the code, and closes the connection without an answer. */
  | { kind: 'drop-after-processing' }
  | { kind: 'throttle' }
  | { kind: 'internal-failure' }
  | { kind: 'unavailable' }
  /** A proxy or captive portal answers with a page; 511 says so (RFC 6585). */
  | { kind: 'html'; status: 200 | 511 }
  | { kind: 'empty'; status: number }
  /** Processes the request and answers 200 with XML without credentials. */
  | { kind: 'no-credentials' }
  /** Processes the request and answers 200 with incomplete XML. */
  | { kind: 'garbage' }
  /** AWS's clock is ahead (negative: behind), for the `Date` header, signatures, codes and expirations. */
  | { kind: 'skew'; milliseconds: number };

/** A request that arrived. */
interface SandboxRequest {
  /** Milliseconds since the epoch, by the sandbox's clock. */
  at: number;
  action: string | undefined;
  /** The key that the request names, even if its signature is wrong. */
  accessKeyId: string | undefined;
  /** The region of the signature. */
  region: string | undefined;
  method: string;
  /** The names of all parameters, including `Action` and `Version`. */
  parameters: string[];
  /** The names of those in the query. */
  query: string[];
  serialNumber: string | undefined;
  tokenCode: string | undefined;
  /** Also that of the console. */
  durationSeconds: string | undefined;
  roleArn: string | undefined;
  roleSessionName: string | undefined;
  externalId: string | undefined;
  fault: StsFault['kind'] | undefined;
  /** `granted`, AWS's error code, or `unprocessed` if a fault kept the request from STS. */
  outcome: string;
}

export interface SandboxSts {
  /** `http://127.0.0.1:PORT`, without a slash at the end. */
  url: string;
  requests: readonly SandboxRequest[];
  /**
   * Makes the next requests fail. Several faults apply one after the other.
   * @param times how many requests; Infinity: until `clearFaults`
   * @param action only requests with this action
   */
  fault(fault: StsFault, times?: number, action?: string): void;
  clearFaults(): void;
  /** Resolves with the n-th request since the start (1 is the first) when it has arrived, maybe before its answer. */
  arrival(n: number): Promise<SandboxRequest>;
  /**
   * Returns a session like one from GetSessionToken with a valid code.
   * @param seconds how long it lasts by the sandbox's clock; negative: how long ago it expired
   */
  issue(userName: string, seconds: number): MfaSession;
  /** Returns a session of the sandbox; `mfa` is false if it was requested without a code. */
  session(
    accessKeyId: string,
  ): { userName: string; mfa: boolean; expiration: number; role?: string; roleSessionName?: string } | undefined;
  /** Makes STS refuse a session from now on. */
  revoke(accessKeyId: string): void;
  /** Whether a code has been used, within the steps that are accepted now. */
  isBurnt(serialNumber: string, tokenCode: string): boolean;
  close(): Promise<void>;
}

/**
 * Starts an STS on loopback with AWS's checks and messages: it verifies signatures and MFA codes, and accepts each code once.
 * It has the actions GetSessionToken, GetCallerIdentity and AssumeRole of API version 2011-06-15 (query protocol), and IAM's
 * actions for MFA devices (ListMFADevices) and access keys, of version 2010-05-08. Below `/federation` it signs browsers in to
 * the console: see federation.ts.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
 */
export async function startSandboxSts(options: SandboxStsOptions): Promise<SandboxSts> {
  const clock = options.now ?? Date.now;
  const account: Account = {
    accountId: options.accountId,
    users: options.users,
    roles: options.roles ?? [],
    stepSeconds: options.stepSeconds ?? 30,
    tolerance: options.tolerance ?? 1,
    longestSession: options.longestSession ?? Number.POSITIVE_INFINITY,
    region: options.region,
    isKnown: options.isKnown ?? (() => true),
    sessionsEndWithKey: options.sessionsEndWithKey ?? false,
    sessions: new Map(),
    burntSteps: new Map(),
  };
  const requests: SandboxRequest[] = [];
  const waiting = new Set<{ n: number; arrived: (request: SandboxRequest) => void }>();
  const faults: { fault: StsFault; times: number; action: string | undefined }[] = [];
  const signinTokens = new Map<string, SigninToken>();

  function nextFault(action: string | null): StsFault | undefined {
    const next = faults.find((one) => one.action === undefined || one.action === action);
    if (next === undefined) return undefined;
    next.times -= 1;
    if (next.times <= 0) faults.splice(faults.indexOf(next), 1);
    return next.fault;
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    if (body === undefined) {
      incoming.socket.destroy();
      return;
    }
    const signedRequest = {
      method: incoming.method ?? '',
      target: incoming.url ?? '',
      headers: incoming.headersDistinct,
      body,
    };
    const parameters = parametersOf(signedRequest.target, body);
    const fault = nextFault(parameters.get('Action'));
    const skew = fault?.kind === 'skew' ? fault.milliseconds : 0;
    const entry: SandboxRequest = {
      at: clock(),
      action: parameters.get('Action') ?? undefined,
      accessKeyId: /Credential=([^/,]+)/.exec(incoming.headers.authorization ?? '')?.[1],
      region: /Credential=[^/,]+\/[^/,]+\/([^/,]+)/.exec(incoming.headers.authorization ?? '')?.[1],
      method: signedRequest.method,
      parameters: [...parameters.keys()],
      query: [...queryOf(signedRequest.target).keys()],
      serialNumber: parameters.get('SerialNumber') ?? undefined,
      tokenCode: parameters.get('TokenCode') ?? undefined,
      durationSeconds: parameters.get('DurationSeconds') ?? parameters.get('SessionDuration') ?? undefined,
      roleArn: parameters.get('RoleArn') ?? undefined,
      roleSessionName: parameters.get('RoleSessionName') ?? undefined,
      externalId: parameters.get('ExternalId') ?? undefined,
      fault: fault?.kind,
      outcome: 'unprocessed',
    };
    const reply = replyTo(fault, () => {
      if (/^\/federation(\?|$)/.test(signedRequest.target)) {
        const page = federate(account, signinTokens, signedRequest.method, parameters, clock() + skew);
        entry.outcome = page.status === 200 ? 'granted' : page.reason;
        return page;
      }
      const outcome = decide(account, signedRequest, parameters, clock() + skew);
      entry.outcome = outcome.kind === 'refused' ? outcome.code : 'granted';
      return outcome;
    });
    requests.push(entry);
    for (const waiter of waiting) {
      if (waiter.n === requests.length) {
        waiting.delete(waiter);
        waiter.arrived(entry);
      }
    }
    if (fault?.kind === 'delay') {
      const late = 'until' in fault ? fault.until : delay(fault.milliseconds, undefined, { ref: false });
      await Promise.race([late, closed]);
    }
    if (reply === undefined || response.destroyed) {
      incoming.socket.destroy();
      return;
    }
    response.sendDate = false;
    response.writeHead(reply.status, {
      Date: new Date(clock() + skew).toUTCString(),
      ...reply.headers,
      'Content-Length': Buffer.byteLength(reply.body),
    });
    response.end(reply.body);
  }

  const server = createServer((incoming, response) => {
    void serve(incoming, response);
  });
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()));
  await new Promise<void>((listening, failed) => {
    server.once('error', failed);
    server.listen(0, '127.0.0.1', listening);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    fault: (fault, times = 1, action) => {
      faults.push({ fault, times, action });
    },
    clearFaults: () => {
      faults.length = 0;
    },
    arrival: (n) =>
      new Promise((arrived) => {
        const request = requests[n - 1];
        if (request !== undefined) arrived(request);
        else waiting.add({ n, arrived });
      }),
    issue: (userName, seconds) => {
      const user = account.users.find((candidate) => candidate.name === userName);
      if (user === undefined) throw new Error(`the sandbox has no user ${userName}`);
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = issue(account, user, true, seconds, clock());
      return { accessKeyId, secretAccessKey, sessionToken, expiration };
    },
    session: (accessKeyId) => {
      const session = account.sessions.get(accessKeyId);
      if (!session) return undefined;
      const { user, mfa, expiration, role } = session;
      const ofRole = role && { role: role.name, roleSessionName: role.sessionName };
      return { userName: user.name, mfa, expiration, ...ofRole };
    },
    revoke: (accessKeyId) => {
      account.sessions.delete(accessKeyId);
    },
    isBurnt: (serialNumber, tokenCode) => {
      const device = account.users.flatMap((user) => user.mfa).find((mfa) => mfa.serialNumber === serialNumber);
      if (device === undefined) return false;
      const burnt = account.burntSteps.get(serialNumber);
      return stepsOf(account, device, tokenCode, clock()).some((step) => burnt?.has(step));
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/** Returns the reply, or undefined if the connection should be closed without one. */
function replyTo(fault: StsFault | undefined, outcome: () => Outcome | Page): Reply | undefined {
  switch (fault?.kind) {
    case undefined:
    case 'delay':
    case 'skew':
      return replyOf(outcome());
    case 'drop':
      return undefined;
    case 'drop-after-processing':
      outcome();
      return undefined;
    case 'throttle':
      return replyOf(refused(400, 'Throttling', 'Rate exceeded'));
    case 'internal-failure':
      return replyOf(refused(500, 'InternalFailure', 'The request processing has failed due to an unknown error.'));
    case 'unavailable':
      return replyOf(refused(503, 'ServiceUnavailable', 'The request has failed due to a temporary failure.'));
    case 'html':
      return {
        status: fault.status,
        headers: { 'Content-Type': 'text/html; charset=utf-8' },
        body: '<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><p>Log in to use this network.</p></body></html>\n',
      };
    case 'empty':
      return { status: fault.status, headers: {}, body: '' };
    case 'no-credentials': {
      const made = outcome();
      return replyOf(made.kind === 'granted' ? { ...made, result: {} } : made);
    }
    case 'garbage': {
      const reply = replyOf(outcome());
      return { ...reply, status: 200, body: reply.body.slice(0, reply.body.length / 2) };
    }
  }
}

function replyOf(outcome: Outcome | Page): Reply {
  const requestId = randomUUID();
  const headers = { 'x-amzn-RequestId': requestId, 'Content-Type': 'text/xml' };
  switch (outcome.kind) {
    case 'page':
      return { status: outcome.status, headers: { 'Content-Type': outcome.type }, body: outcome.body };
    case 'granted':
      return {
        status: 200,
        headers,
        body: `<${outcome.action}Response xmlns="${/MFADevices|AccessKey/.test(outcome.action) ? IAM_NAMESPACE : NAMESPACE}">
  <${outcome.action}Result>
${elements(outcome.result, '    ')}  </${outcome.action}Result>
  <ResponseMetadata>
    <RequestId>${requestId}</RequestId>
  </ResponseMetadata>
</${outcome.action}Response>
`,
      };
    case 'refused':
      return {
        status: outcome.status,
        headers,
        body: `<ErrorResponse xmlns="${NAMESPACE}">
  <Error>
    <Type>${outcome.status < 500 ? 'Sender' : 'Receiver'}</Type>
    <Code>${outcome.code}</Code>
    <Message>${escapeText(outcome.message)}</Message>
  </Error>
  <RequestId>${requestId}</RequestId>
</ErrorResponse>
`,
      };
  }
}

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';
const IAM_NAMESPACE = 'https://iam.amazonaws.com/doc/2010-05-08/';

/** Returns XML with one element a line, indented. The elements of a list are called `member`. */
function elements(fields: Fields, indent: string): string {
  return Object.entries(fields)
    .map(([name, value]) => {
      if (typeof value === 'string') return `${indent}<${name}>${escapeText(value)}</${name}>\n`;
      const inside = Array.isArray(value)
        ? value.map((member) => elements({ member }, `${indent}  `)).join('')
        : elements(value, `${indent}  `);
      return `${indent}<${name}>\n${inside}${indent}</${name}>\n`;
    })
    .join('');
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Returns the parameters from the form in the body and from the query, as STS does. */
function parametersOf(target: string, body: Buffer): URLSearchParams {
  return new URLSearchParams([...queryOf(target), ...new URLSearchParams(body.toString('utf8'))]);
}

function queryOf(target: string): URLSearchParams {
  return new URLSearchParams(target.includes('?') ? target.slice(target.indexOf('?') + 1) : '');
}

/** Reads the body. Resolves with undefined if the client disconnects, or sends more than any request to STS needs. */
async function bodyOf(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > 65_536) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}
