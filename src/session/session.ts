import type { ProfileSection } from '../credentials/section.ts';
import { ExpiryError, readExpiry } from './expiry.ts';

/** A session as tools use it to sign requests. */
export interface UsableSession {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** Milliseconds since the epoch, by AWS's clock; undefined if the end of the session is not known. */
  expiration: number | undefined;
}

/**
 * What STS `GetSessionToken` gives, and what the agent writes into the MFA profile.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
 */
export interface MfaSession extends UsableSession {
  expiration: number;
  /** When AWS gave it, in the same unit and by the same clock. STS itself does not say it. */
  issued?: number;
  /** The host that gave it. */
  endpoint?: string;
}

/** What AWS has said about a session. Times are milliseconds since the epoch. */
export interface Verdict {
  /** Whether AWS accepts it. Also true if AWS has not said anything yet. */
  alive: boolean;
  /** When AWS said so; 0 if it has not said anything yet. */
  at: number;
  /** When AWS was last asked, whether or not it answered. */
  askedAt: number;
}

/** What the MFA profile of the credentials file holds, without secrets. */
export type StoredSession =
  | { kind: 'none' }
  /** A key pair without a session token. It may be the only copy of the user's key, so it is never overwritten. */
  | { kind: 'long-term'; accessKeyId: string }
  | {
      kind: 'session';
      accessKeyId: string;
      /** Milliseconds since the epoch; undefined if no reliable source says when it ends. */
      expiration: number | undefined;
      /** When it began; known only for sessions that this program wrote or saw written. */
      issued?: number | undefined;
      /** What AWS has said about it; undefined if AWS was not asked. */
      verdict?: Verdict;
      /** The access key id of the keys that its source profile holds now; undefined if that is not known. */
      sourceKeyId?: string;
      /** When it becomes older than the settings allow: see {@link aged}. */
      tooOldAt?: number;
      /** Its total length in milliseconds, if that is less than the settings request: see {@link aged}. */
      shortLength?: number;
    };

/** The same with the secrets of a session, as {@link sessionIn} returns it. */
export type SessionWithKeys =
  | Exclude<StoredSession, { kind: 'session' }>
  | (Extract<StoredSession, { kind: 'session' }> & UsableSession);

export type SessionState = 'missing' | 'long-term' | 'unknown' | 'expired' | 'due' | 'fresh';

/**
 * Returns the state of a session at an instant. A session that is too old but still works is due. It expires only at AWS's
 * end.
 * @param now milliseconds since the epoch, by AWS's clock
 * @param promptBefore how long before its end a session becomes due, in milliseconds
 */
export function stateAt(session: StoredSession, now: number, promptBefore: number): SessionState {
  switch (session.kind) {
    case 'none':
      return 'missing';
    case 'long-term':
      return 'long-term';
    case 'session':
      if (isRefused(session)) return 'expired';
      if (session.expiration === undefined) return 'unknown';
      if (session.expiration <= now) return 'expired';
      return (dueAt(session, promptBefore) ?? now) <= now ? 'due' : 'fresh';
  }
}

/** Returns whether AWS no longer accepts a session: its keys were changed, or access was revoked. It counts as expired. */
export function isRefused(session: StoredSession): boolean {
  return session.kind === 'session' && session.verdict?.alive === false;
}

/**
 * Returns when AWS gave or last accepted a session; -Infinity if that is not known.
 * @param now milliseconds since the epoch
 */
export function acceptedAt(session: StoredSession, durationSeconds: number, now: number): number {
  const { alive, at } = (session.kind === 'session' && session.verdict) || { alive: false, at: 0 };
  // A time ahead of the clock makes no sense, and a start that is computed may be one.
  const times = [startOf(session, durationSeconds) ?? now, alive ? at : now].filter((time) => time < now);
  return Math.max(...times, Number.NEGATIVE_INFINITY);
}

/**
 * Returns when a session becomes due: see {@link stateAt}. If it is shorter than the settings request, in its last quarter.
 */
export function dueAt(session: StoredSession, promptBefore: number): number | undefined {
  const end = endOf(session);
  if (session.kind !== 'session' || end === undefined) return undefined;
  const { shortLength } = session;
  return end - (shortLength === undefined ? promptBefore : Math.min(promptBefore, shortLength / 4));
}

/** How much shorter a session may be without counting as short, in milliseconds: clocks differ, and requests take time. */
const LENGTH_NOISE = 60_000;

/**
 * Returns a session with the limits of its profile's settings. `maxAge` is for IAM policies that require a recent login
 * (`aws:MultiFactorAuthAge`): it ends the use of a session before it expires.
 * @param settings `maxAge` in milliseconds; `durationSeconds` to compute when another tool's session began
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

/** Returns when a session began: when AWS gave it or, if that is not known, its expiration minus the usual length. */
export function startOf(session: StoredSession, durationSeconds: number): number | undefined {
  if (session.kind !== 'session' || session.expiration === undefined) return undefined;
  return session.issued ?? session.expiration - durationSeconds * 1000;
}

/**
 * Returns when a session can no longer be used: it expires, or it is too old. Undefined without a session or a known end, and
 * if AWS no longer accepts it.
 */
export function endOf(session: StoredSession): number | undefined {
  if (session.kind !== 'session' || session.expiration === undefined || isRefused(session)) return undefined;
  return Math.min(session.expiration, session.tooOldAt ?? Number.POSITIVE_INFINITY);
}

/**
 * Reads what a profile of the credentials file holds: the only reader of a session's keys, token and expiry. An incomplete
 * session counts as none.
 * @param remembered an expiry that this program wrote, and the access key id it belongs to. If the profile has other keys
 *   now, that expiry is not theirs. If it has the same keys but no expiry any more, the remembered one counts
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
 * Returns the id of the long-term key in a profile, or '' if only its secret is there. With a session token, it is a session,
 * whatever its id begins with: some servers give sessions whose id begins with `AKIA`. Without one, only an id that begins
 * with `ASIA` is not long-term.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-prefixes
 * @returns undefined if there is no long-term key
 */
export function longTermKeyIn(values: ReadonlyMap<string, string>): string | undefined {
  const accessKeyId = values.get('aws_access_key_id') ?? '';
  if (sessionTokenIn(values) || accessKeyId.startsWith('ASIA')) return undefined;
  return accessKeyId || values.get('aws_secret_access_key') ? accessKeyId : undefined;
}

/** Shortens an access key id for people: `ASIA…7QXZ` is enough to distinguish keys. */
export function shortKeyId(accessKeyId: string): string {
  return accessKeyId.length > 12 ? `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}` : accessKeyId;
}

/** Returns the session token that the AWS CLI uses: botocore prefers the old key. An empty value counts as missing. */
export function sessionTokenIn(values: ReadonlyMap<string, string>): string | undefined {
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
