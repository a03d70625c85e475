import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

/** A request as it came over the wire, not decoded. */
export interface SignedRequest {
  method: string;
  /** Path and query, as in the request line. */
  target: string;
  /** Lower-case names; one value for each time that the header was sent. */
  headers: Readonly<Record<string, readonly string[] | undefined>>;
  body: Buffer;
}

/** What the other side knows of an access key. */
interface SigningKey {
  secretAccessKey: string;
  /** Only for the keys of a session: the request must carry it. */
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
  /** For which service it must have been made: `sts`, `iam`. */
  service: string;
  /** The key with this access key id, or undefined when there is none, or it is inactive. */
  keyOf(accessKeyId: string): SigningKey | undefined;
  /** Milliseconds since the epoch, by the verifier's clock. */
  now: number;
  /** The only region that a signature may be made for; any region when undefined. */
  region?: string | undefined;
}

const TOLERANCE_MINUTES = 5;

/**
 * Whether a request was signed, just now, by the holder of a key: AWS Signature Version 4 in the Authorization
 * header. Errors have the codes and words of AWS.
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
  // AWS cannot look a session's key up without its token, so a wrong token makes the key an unknown one.
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

/** AWS's answer to a key that it does not know, or not for what is asked. */
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

/** A header outside the signature could be changed on the way: `host` and all of `x-amz-*` have to be inside. */
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
    // Every service but S3 signs the path as it was sent, encoded once more.
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

/** All values of a header as the canonical request has them: joined by commas, blanks squeezed. */
function headerValue(request: SignedRequest, name: string): string | undefined {
  return request.headers[name]?.map((value) => value.trim().replace(/ +/g, ' ')).join(',');
}

/** RFC 3986's percent-encoding, of all but the unreserved characters. */
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
