import { acceptedAt, isRefused, type StoredSession, startOf } from '../session/session.ts';

/** How long to rely on what AWS said, or that it could not be asked, in milliseconds. */
const ASK_AGAIN = 15 * 60_000;

/** In how many parts a session's life is divided: AWS is asked at the end of each but the last. */
const PARTS = 4;

/** What the agent saw of a session. Times are milliseconds since the epoch; undefined: it did not see that. */
interface Seen {
  /** When the session was written. It was new then. */
  writtenAt?: number | undefined;
  /** When the access key id of its source changed. */
  sourceChangedAt?: number | undefined;
}

/**
 * Returns whether AWS should be asked if it still accepts a session whose end is known: a few times in its life, after the key
 * of its source has changed, and again after AWS has refused it.
 * @param now milliseconds since the epoch
 */
export function isDoubtful(
  session: StoredSession,
  durationSeconds: number,
  now: number,
  { writtenAt = Number.NEGATIVE_INFINITY, sourceChangedAt = Number.NEGATIVE_INFINITY }: Seen,
): boolean {
  if (session.kind !== 'session') return false;
  // Another session is requested soon anyway.
  if (session.expiration !== undefined && session.expiration - now < ASK_AGAIN) return false;
  const { expiration, verdict } = session;
  if (verdict && verdict.askedAt >= sourceChangedAt && Math.abs(now - verdict.askedAt) < ASK_AGAIN) return false;
  if (isRefused(session)) return true;
  const accepted = Math.max(acceptedAt(session, durationSeconds, now), writtenAt);
  const start = startOf(session, durationSeconds);
  if (expiration === undefined || start === undefined) return false;
  return accepted < sourceChangedAt || now - accepted >= Math.max((expiration - start) / PARTS, ASK_AGAIN);
}
