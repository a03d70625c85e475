import type { ProfileSection } from './credentials/document.ts';
import { ExpiryError, readExpiry } from './expiry.ts';

/**
 * What STS `GetSessionToken` gives, and what the agent writes into the MFA profile.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_Credentials.html
 */
export interface MfaSession {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken: string;
  /** Milliseconds since the epoch, by AWS's clock. */
  expiration: number;
}

/** What stands in the MFA profile of the credentials file. It holds no secret. */
export type StoredSession =
  | { kind: 'none' }
  /** A key pair without a session token: the only copy of somebody's key, never overwritten. */
  | { kind: 'long-term'; accessKeyId: string }
  /** `expiration` is milliseconds since the epoch, or undefined when nothing trustworthy says when it ends. */
  | { kind: 'session'; accessKeyId: string; expiration: number | undefined };

export type SessionState = 'missing' | 'long-term' | 'unknown' | 'expired' | 'due' | 'fresh';

/**
 * The state of a session at an instant.
 * @param now milliseconds since the epoch, by AWS's clock
 * @param promptBefore how long before the expiration a session counts as due, in milliseconds
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
      return session.expiration - now <= promptBefore ? 'due' : 'fresh';
  }
}

/**
 * The session that stands in a profile. Half a session is none.
 * @param remembered the access key that an expiry was written for, from outside the file: where other keys stand now, that
 * expiry is not theirs. It also tells when its own session ends where the file no longer does
 */
export function sessionIn(
  section: ProfileSection | undefined,
  remembered?: { accessKeyId: string; expiration: number },
): StoredSession {
  if (!section) return { kind: 'none' };
  const { values } = section;
  const longTerm = longTermKeyIn(values);
  if (longTerm !== undefined) return { kind: 'long-term', accessKeyId: longTerm };
  const accessKeyId = values.get('aws_access_key_id');
  if (!accessKeyId || !values.get('aws_secret_access_key') || !tokenIn(values)) return { kind: 'none' };
  const isRemembered = remembered?.accessKeyId === accessKeyId;
  const written = expiryIn(section, isRemembered ? undefined : remembered?.expiration);
  return { kind: 'session', accessKeyId, expiration: written ?? (isRemembered ? remembered.expiration : undefined) };
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
  if (accessKeyId.startsWith('ASIA') || tokenIn(values)) return undefined;
  return accessKeyId || values.get('aws_secret_access_key') ? accessKeyId : undefined;
}

function tokenIn(values: ReadonlyMap<string, string>): string | undefined {
  return values.get('aws_session_token') || values.get('aws_security_token');
}

function expiryIn(section: ProfileSection, disowned: number | undefined): number | undefined {
  try {
    return readExpiry(section, disowned);
  } catch (error) {
    if (error instanceof ExpiryError) return undefined;
    throw error;
  }
}
