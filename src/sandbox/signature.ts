import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A request as received, not decoded. */
export interface SignedRequest {
  method: string;
  /** Path and query of the request line. */
  target: string;
  /** By lower-case name: one value for each time the header was sent. */
  headers: Readonly<Record<string, readonly string[] | undefined>>;
  body: Buffer;
}

/** An access key in AWS's records. */
interface SigningKey {
  secretAccessKey: string;
  /** Only for a session's key: the request must contain this token. */
  session?: { token: string; expiration: number };
}

/** An error of AWS: HTTP status, code and message. */
export interface AwsError {
  kind: 'refused';
  status: number;
  code: string;
  message: string;
}

export function refused(status: number, code: string, message: string): AwsError {
  return { kind: 'refused', status, code, message };
}

export interface SignatureRules {
  /** The service that the signature must be for: `sts`, `iam`. */
  service: string;
  /** Returns the key with this access key ID, or undefined if there is none or it is inactive. */
  keyOf(accessKeyId: string): SigningKey | undefined;
  /** AWS's time, in milliseconds since the epoch. */
  now: number;
  /** The region that the signature must be for; any region if undefined. */
  region?: string | undefined;
}

const TOLERANCE_MINUTES = 5;

/**
 * Verifies that the holder of a key has just signed a request: AWS Signature Version 4 in the Authorization header. Errors
 * have the codes and messages of AWS.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function verifySignature(
  request: SignedRequest,
  rules: SignatureRules,
): { kind: 'verified'; accessKeyId: string } | AwsError {
  const header = headerValue(request, 'authorization');
  if (header === undefined)
    return refused(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token');
  const authorization = parseAuthorization(header);
  const signedAt = headerValue(request, 'x-amz-date');
  if (authorization === undefined || signedAt === undefined) {
    return refused(
      400,
      'IncompleteSignature',
      "Authorization header requires 'Credential' parameter, 'Signature' parameter, 'SignedHeaders' parameter " +
        "and existence of an 'X-Amz-Date' header.",
    );
  }

  const key = rules.keyOf(authorization.accessKeyId);
  const token = headerValue(request, 'x-amz-security-token');
  // AWS finds a session's key by its token, so with a wrong token the key is unknown.
  if (key === undefined || token !== key.session?.token) return UNKNOWN_KEY;

  const problem =
    problemOfHeaders(request, authorization.signedHeaders) ??
    problemOfDate(signedAt, rules.now) ??
    problemOfScope(authorization, signedAt, rules);
  if (problem !== undefined) return refused(403, 'SignatureDoesNotMatch', problem);
  if (!sameSignature(signatureOf(request, authorization, signedAt, key.secretAccessKey), authorization.signature)) {
    return refused(403, 'SignatureDoesNotMatch', MISMATCH);
  }
  if (key.session !== undefined && key.session.expiration <= rules.now)
    return refused(403, 'ExpiredToken', EXPIRED_TOKEN);
  return { kind: 'verified', accessKeyId: authorization.accessKeyId };
}

/** AWS's answer to a key that is unknown, or not valid for the action. */
export const UNKNOWN_KEY = refused(
  403,
  'InvalidClientTokenId',
  'The security token included in the request is invalid.',
);
const EXPIRED_TOKEN = 'The security token included in the request is expired';
const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key ' +
  'and signing method. Consult the service documentation for details.';

interface Authorization {
  accessKeyId: string;
  /** `20240131` */
  date: string;
  region: string;
  service: string;
  terminator: string;
  signedHeaders: string[];
  /** 64 hexadecimal digits. */
  signature: string;
}

function parseAuthorization(header: string): Authorization | undefined {
  const [algorithm, ...rest] = header.split(' ');
  if (algorithm !== 'AWS4-HMAC-SHA256') return undefined;
  const fields = new Map(
    rest
      .join('')
      .split(',')
      .map((field) => {
        const equals = field.indexOf('=');
        return [field.slice(0, equals), field.slice(equals + 1)];
      }),
  );
  const [accessKeyId, date, region, service, terminator, ...more] = fields.get('Credential')?.split('/') ?? [];
  const signedHeaders = fields.get('SignedHeaders')?.split(';');
  const signature = fields.get('Signature');
  if (
    accessKeyId === undefined ||
    date === undefined ||
    region === undefined ||
    service === undefined ||
    terminator === undefined ||
    more.length > 0 ||
    signedHeaders === undefined ||
    signature === undefined
  ) {
    return undefined;
  }
  return { accessKeyId, date, region, service, terminator, signedHeaders, signature };
}

/** Returns what is wrong with the signed headers: they must include `host` and all `x-amz-*`, which could be changed otherwise. */
function problemOfHeaders(request: SignedRequest, signedHeaders: string[]): string | undefined {
  if (!signedHeaders.includes('host')) {
    return "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
  }
  const unsigned = Object.keys(request.headers).find(
    (name) => name.startsWith('x-amz-') && !signedHeaders.includes(name),
  );
  return unsigned === undefined ? undefined : `'${unsigned}' must be a 'SignedHeader' in the AWS Authorization.`;
}

function problemOfDate(signedAt: string, now: number): string | undefined {
  const time = parseBasicTime(signedAt);
  if (time === undefined) return `Date must be in ISO-8601 'basic format'. Got '${signedAt}'.`;
  const server = formatBasicTime(now);
  const tolerance = TOLERANCE_MINUTES * 60_000;
  if (time < now - tolerance) {
    return `Signature expired: ${signedAt} is now earlier than ${formatBasicTime(now - tolerance)} (${server} - ${TOLERANCE_MINUTES} min.)`;
  }
  if (time > now + tolerance) {
    return `Signature not yet current: ${signedAt} is still later than ${formatBasicTime(now + tolerance)} (${server} + ${TOLERANCE_MINUTES} min.)`;
  }
  return undefined;
}

function problemOfScope(
  scope: Authorization,
  signedAt: string,
  { service, region }: SignatureRules,
): string | undefined {
  const day = signedAt.slice(0, 8);
  if (scope.date !== day) {
    return `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${scope.date}' != '${day}', from '${signedAt}'.`;
  }
  if (region !== undefined && scope.region !== region) return 'Credential should be scoped to a valid region. ';
  if (scope.service !== service) return `Credential should be scoped to correct service: '${service}'. `;
  if (scope.terminator !== 'aws4_request') {
    return `Credential should be scoped with a valid terminator: 'aws4_request', not '${scope.terminator}'. `;
  }
  return undefined;
}

function signatureOf(request: SignedRequest, scope: Authorization, signedAt: string, secret: string): string {
  const key = [scope.date, scope.region, scope.service, scope.terminator].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${secret}`),
  );
  const text = [
    'AWS4-HMAC-SHA256',
    signedAt,
    `${scope.date}/${scope.region}/${scope.service}/${scope.terminator}`,
    sha256(canonicalRequest(request, scope.signedHeaders)),
  ].join('\n');
  return hmac(key, text).toString('hex');
}

function canonicalRequest(request: SignedRequest, signedHeaders: string[]): string {
  const question = request.target.indexOf('?');
  const path = question < 0 ? request.target : request.target.slice(0, question);
  const query = question < 0 ? '' : request.target.slice(question + 1);
  return [
    request.method,
    // Every service but S3 encodes the path once more.
    path.split('/').map(encode).join('/'),
    [...new URLSearchParams(query)]
      .map(([name, value]) => `${encode(name)}=${encode(value)}`)
      .sort()
      .join('&'),
    ...signedHeaders.map((name) => `${name}:${headerValue(request, name) ?? ''}`),
    '',
    signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n');
}

/** Returns the values of a header as in the canonical request: joined by commas, with single spaces. */
function headerValue(request: SignedRequest, name: string): string | undefined {
  return request.headers[name]?.map((value) => value.trim().replace(/ +/g, ' ')).join(',');
}

/** Percent-encodes all but the unreserved characters of RFC 3986. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function sameSignature(ours: string, theirs: string): boolean {
  const [a, b] = [Buffer.from(ours), Buffer.from(theirs)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** `20240131T235959Z` */
function formatBasicTime(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, '');
}

function parseBasicTime(text: string): number | undefined {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time) ? undefined : time;
}
