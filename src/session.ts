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
