import type { ProfileSection } from '../credentials/section.ts';
import { ExpiryError, readExpiry } from './expiry.ts';

/** The session's keys that a tool signs with. */
export interface UsableSession {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** Milliseconds since the epoch, by AWS's clock; undefined when nothing says when the session ends. */
  expiration: number | undefined;
}

/**
 * What STS `GetSessionToken` gives, and what the agent writes into the MFA profile.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
 */
export interface MfaSession extends UsableSession {
  expiration: number;
  /** When AWS gave it, in the same way: STS itself does not tell. */
  issued?: number;
}

/** What stands in the MFA profile of the credentials file. It holds no secret. */
export type StoredSession =
  | { kind: 'none' }
  /** A key pair without a session token: the only copy of somebody's key, never overwritten. */
  | { kind: 'long-term'; accessKeyId: string }
  | {
      kind: 'session';
      accessKeyId: string;
      /** Milliseconds since the epoch, or undefined when nothing trustworthy says when it ends. */
      expiration: number | undefined;
      /** Known of those only that we have written. */
      issued?: number | undefined;
      /** When it is older than the settings allow: see {@link aged}. */
      tooOldAt?: number;
      /** How long it lasts in all, in milliseconds, where that is less than the settings ask for: see {@link aged}. */
      shortLength?: number;
    };

/** The same, with the secrets of a session: what {@link sessionIn} reads. */
export type SessionWithKeys =
  | Exclude<StoredSession, { kind: 'session' }>
  | (Extract<StoredSession, { kind: 'session' }> & UsableSession);

export type SessionState = 'missing' | 'long-term' | 'unknown' | 'expired' | 'due' | 'fresh';

/**
 * The state of a session at an instant.
 * @param now milliseconds since the epoch, by AWS's clock
 * @param promptBefore how long before its end a session counts as due, in milliseconds. It stays due, for it still works,
 *   when it is too old, and has expired only when AWS says so
 */
export function stateAt(session: StoredSession, now: number, promptBefore: number): SessionState {
  switch (session.kind) {
    case 'none':
      return 'missing';
    case 'long-term':
      return 'long-term';
    case 'session':
      if (session.expiration === undefined) return 'unknown';
      if (session.expiration <= now) return 'expired';
      return (dueAt(session, promptBefore) ?? now) <= now ? 'due' : 'fresh';
  }
}

/** When a session becomes due: see {@link stateAt}. One that is shorter than the settings ask for, in its last quarter. */
export function dueAt(session: StoredSession, promptBefore: number): number | undefined {
  const end = endOf(session);
  if (session.kind !== 'session' || end === undefined) return undefined;
  const { shortLength } = session;
  return end - (shortLength === undefined ? promptBefore : Math.min(promptBefore, shortLength / 4));
}

/** AWS's clock and ours, and the way there and back: a session counts as short only when it is shorter by more than this. */
const LENGTH_NOISE = 60_000;

/**
 * A session under the settings of its profile: a policy that wants a younger login than the session is long
 * (`aws:MultiFactorAuthAge`) ends its use before it expires.
 * @param settings `maxAge` in milliseconds; `durationSeconds` tells since when a session is that is not ours
 */
export function aged<Session extends StoredSession>(
  session: Session,
  { maxAge, durationSeconds }: { maxAge?: number; durationSeconds: number },
): Session {
  const start = startOf(session, durationSeconds);
  if (session.kind !== 'session' || session.expiration === undefined || start === undefined) return session;
  const length = session.expiration - start;
  const isShort = length < Math.min(durationSeconds * 1000, maxAge ?? Number.POSITIVE_INFINITY) - LENGTH_NOISE;
  return {
    ...session,
    ...(maxAge !== undefined && { tooOldAt: start + maxAge }),
    ...(isShort && { shortLength: length }),
  };
}

/** When a session began: when AWS gave it, or, where that is not known, as long before its expiration as ours last. */
export function startOf(session: StoredSession, durationSeconds: number): number | undefined {
  if (session.kind !== 'session' || session.expiration === undefined) return undefined;
  return session.issued ?? session.expiration - durationSeconds * 1000;
}

/** When the use of a session ends: it expires, or it is too old. Undefined when there is none, or nothing tells. */
export function endOf(session: StoredSession): number | undefined {
  if (session.kind !== 'session' || session.expiration === undefined) return undefined;
  return Math.min(session.expiration, session.tooOldAt ?? Number.POSITIVE_INFINITY);
}

/**
 * Reads what a profile of the credentials file holds: the only reader of a session's keys, token and expiry. Half a
 * session is none.
 * @param remembered the access key that an expiry was written for, from outside the file: where other keys stand now, that
 * expiry is not theirs. It also tells when its own session ends where the file no longer does
 */
export function sessionIn(
  section: ProfileSection | undefined,
  remembered?: { accessKeyId: string; expiration: number; issued?: number },
): SessionWithKeys {
  if (!section) return { kind: 'none' };
  const { values } = section;
  const longTerm = longTermKeyIn(values);
  if (longTerm !== undefined) return { kind: 'long-term', accessKeyId: longTerm };
  const accessKeyId = values.get('aws_access_key_id');
  const secretAccessKey = values.get('aws_secret_access_key');
  const sessionToken = sessionTokenIn(values);
  if (!accessKeyId || !secretAccessKey || !sessionToken) return { kind: 'none' };
  const isRemembered = remembered?.accessKeyId === accessKeyId;
  const written = expiryIn(section, isRemembered ? undefined : remembered?.expiration);
  return {
    kind: 'session',
    accessKeyId,
    secretAccessKey,
    sessionToken,
    expiration: written ?? (isRemembered ? remembered.expiration : undefined),
    issued: isRemembered ? remembered.issued : undefined,
  };
}

/**
 * The id of the long-term key that stands in a profile, or '' when only its secret does. Long-term ids begin with
 * `AKIA`, those of sessions with `ASIA`; whatever else has no session token beside it counts as long-term.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
 * @returns undefined when there is none
 */
export function longTermKeyIn(values: ReadonlyMap<string, string>): string | undefined {
  const accessKeyId = values.get('aws_access_key_id') ?? '';
  if (accessKeyId.startsWith('AKIA')) return accessKeyId;
  if (accessKeyId.startsWith('ASIA') || sessionTokenIn(values)) return undefined;
  return accessKeyId || values.get('aws_secret_access_key') ? accessKeyId : undefined;
}

/** Shortens an access key id for people: `ASIA…7QXZ` is enough to distinguish keys. */
export function shortKeyId(accessKeyId: string): string {
  return accessKeyId.length > 12 ? `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}` : accessKeyId;
}

/** Returns the session token that the AWS CLI uses: botocore prefers the old key. An empty value counts as missing. */
function sessionTokenIn(values: ReadonlyMap<string, string>): string | undefined {
  return values.get('aws_security_token') || values.get('aws_session_token');
}

function expiryIn(section: ProfileSection, disowned: number | undefined): number | undefined {
  try {
    return readExpiry(section, disowned);
  } catch (error) {
    if (error instanceof ExpiryError) return undefined;
    throw error;
  }
}
