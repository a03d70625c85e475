import type { AwsFailure } from '../policy/outcome.ts';

/** An HTTP answer that was read to its end. */
export interface HttpAnswer {
  status: number;
  headers: Record<string, string>;
  body: string;
  /** How far the clock of the `Date` header is ahead of this machine's, in milliseconds. */
  clockOffset: number | undefined;
}

export interface SdkError extends Error {
  code?: string;
  syscall?: string;
  /** Of an AggregateError: one for each address of the host. */
  errors?: SdkError[];
}

/**
 * Returns what a failed request means.
 * @param error undefined if AWS's answer lacks what was requested
 * @param handedOver whether the request was passed to the network
 * @param answer undefined if none came, or only a part of one
 * @param tokenCode the code in the request
 */
export function failureOf(
  error: SdkError | undefined,
  { handedOver, answer }: { handedOver: boolean; answer?: HttpAnswer },
  tokenCode: string | undefined,
): AwsFailure {
  const shown = (text: string) => shortened(withoutCode(text, tokenCode));
  if (answer) {
    const refusal = awsErrorIn(answer);
    return refusal ? refusalOf(answer.status, refusal.code, shown(refusal.message)) : foreignAnswer(answer);
  }
  const sent = handedOver && !isBeforeSending(error);
  const detail = shown(error?.message || error?.code || 'no answer');
  const code = error?.code ?? '';
  return {
    ...{ kind: 'unreachable', detail, sent },
    ...(UNRESOLVED.test(code) && { unresolved: true }),
    ...(UNTRUSTED.test(code) && { untrusted: true }),
  };
}

/** The name does not exist, or no name server answers. */
const UNRESOLVED = /^(ENOTFOUND|EAI_\w+)$/;

/** The certificate of the server is not trusted. */
const UNTRUSTED = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|ERR_TLS_CERT)/;

/** What answers does not speak TLS, or refuses the handshake: with EPROTO, nothing was encrypted that could be sent. */
const NO_TLS = /wrong version number|alert (handshake failure|protocol version)|unrecognized name|unsupported protocol/;

/** Not ERR_SSL_*: such an error also ends a connection over which the request was sent. */
function isBeforeSending({ code = '', syscall = '', message = '', errors = [] }: Partial<SdkError> = {}): boolean {
  return (
    /^(connect|getaddrinfo)$/.test(syscall) ||
    UNRESOLVED.test(code) ||
    UNTRUSTED.test(code) ||
    (code === 'EPROTO' && NO_TLS.test(message)) ||
    /proxy refused|did not establish a connection|before secure TLS connection/i.test(message) ||
    (errors.length > 0 && errors.every(isBeforeSending))
  );
}

/** What an answer with an error code of AWS means. */
function refusalOf(status: number, code: string, detail: string): AwsFailure {
  switch (code) {
    case 'AccessDenied':
    case 'AccessDeniedException':
      if (/invalid MFA one time pass code/i.test(detail)) return { kind: 'wrong-code' };
      if (/unable to validate MFA code/i.test(detail)) return { kind: 'wrong-serial' };
      if (/session credentials/i.test(detail)) return { kind: 'session-keys' };
      return { kind: 'forbidden', detail };
    case 'SignatureDoesNotMatch':
      if (/signature expired|not yet current/i.test(detail)) return { kind: 'clock' };
      return { kind: 'bad-keys', code };
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
  }
  if (status === 429 || status >= 500 || BUSY.test(code)) return { kind: 'busy', detail: code };
  return { kind: 'refused', code, detail };
}

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html for the codes that the SDKs retry */
const BUSY =
  /^(Throttl\w*|TooManyRequests\w*|RequestLimitExceeded|RequestThrottled\w*|PriorRequestNotComplete|BandwidthLimitExceeded|SlowDown|RequestTimeout\w*|ServiceUnavailable\w*|InternalFailure|InternalError|InternalServerError)$/;

/** What an answer without an error code of AWS means: something on the way answered, or something that is not AWS. */
function foreignAnswer({ status, headers, body }: HttpAnswer): AwsFailure {
  if (/html/i.test(headers['content-type'] ?? '')) {
    return { kind: 'unreachable', detail: 'a web page answered: a captive portal or a proxy?', sent: true };
  }
  if (status === 429 || (status >= 500 && status !== 511)) return { kind: 'busy', detail: `HTTP ${status}` };
  // An answer in AWS's form is not an outage, and would not differ the next time.
  if (status < 300 && /<\/\w+Response>\s*$/.test(body))
    return { kind: 'not-sts', detail: 'it lacks what was requested' };
  return { kind: 'unreachable', detail: `HTTP ${status} without an AWS error code`, sent: true, answered: true };
}

/**
 * Returns the error that AWS reports in an answer, in each form that AWS and others use: XML (`<ErrorResponse>` of STS,
 * `<Error>` of S3 and Ceph), and JSON, whose code may be in a header.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/CommonErrors.html
 */
function awsErrorIn({ status, headers, body }: HttpAnswer): { code: string; message: string } | undefined {
  const xml = errorElementIn(body);
  if (xml !== undefined) {
    const text = (name: string) => unescaped(new RegExp(`<${name}>([^<]*)</${name}>`, 'i').exec(xml)?.[1] ?? '');
    return asAwsError(text('Code'), text('Message'));
  }
  if (status < 300) return undefined;
  const json = objectIn(body);
  const error = typeof json.Error === 'object' && json.Error !== null ? (json.Error as Record<string, unknown>) : json;
  const code = headers['x-amzn-errortype'] ?? error.__type ?? error.Code ?? error.code;
  return asAwsError(code, error.message ?? error.Message);
}

/** Not one expression for both ends: in an answer without the second, its time would grow with the square of the length. */
function errorElementIn(body: string): string | undefined {
  const [start, end] = [body.search(/<Error[\s>]/), body.lastIndexOf('</Error>')];
  return start >= 0 && start < end ? body.slice(start, end) : undefined;
}

/** A code may stand between a name space and an address: `com.amazonaws.sts#ExpiredTokenException:http://…`. */
function asAwsError(code: unknown, message: unknown): { code: string; message: string } | undefined {
  const name = /^(?:[\w.]+#)?([A-Z][\w.]{2,80})(?::|$)/i.exec(typeof code === 'string' ? code.trim() : '')?.[1];
  return name === undefined ? undefined : { code: name, message: typeof message === 'string' ? message : '' };
}

function objectIn(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescaped(xml: string): string {
  return xml.replace(/&(?:#(\d{1,6})|#x([\da-f]{1,5})|(lt|gt|quot|apos|amp));/gi, (_, decimal, hex, name) =>
    name
      ? (ENTITIES[name.toLowerCase()] ?? '')
      : String.fromCodePoint(Number.parseInt(decimal ?? hex, decimal ? 10 : 16)),
  );
}

/** Removes the code from AWS's message, which repeats a malformed code. */
function withoutCode(message: string, tokenCode: string | undefined): string {
  const oneLine = message.replace(/\s+/g, ' ').trim();
  return tokenCode ? oneLine.replaceAll(tokenCode, '******') : oneLine;
}

/** The longest message that is shown. AWS's longest, about policies, have the ARNs of a user and of a policy. */
const LONGEST_MESSAGE = 1_000;

function shortened(message: string): string {
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message;
}
