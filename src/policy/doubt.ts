import { acceptedAt, isRefused, type StoredSession, startOf } from '../session/session.ts';

/** How long to rely on what AWS said, or that it could not be asked, in milliseconds. */
const ASK_AGAIN = 15 * 60_000;

/** In how many parts a session's life is divided: AWS is asked at the end of each but the last. */
const PARTS = 4;

/**
 * Returns whether AWS should be asked if it still accepts a session whose end is known: a few times in its life, after the key
 * of its source has changed, and again after AWS has refused it.
 * @param now milliseconds since the epoch, like `doubtedAt`
 * @param doubtedAt when the key of the source changed; undefined if it did not
 */
export function isDoubtful(
  session: StoredSession,
  durationSeconds: number,
  now: number,
  doubtedAt = Number.NEGATIVE_INFINITY,
): boolean {
  if (session.kind !== 'session') return false;
  // Another session is requested soon anyway.
  if (session.expiration !== undefined && session.expiration - now < ASK_AGAIN) return false;
  const { expiration, verdict } = session;
  if (verdict && verdict.askedAt >= doubtedAt && Math.abs(now - verdict.askedAt) < ASK_AGAIN) return false;
  if (isRefused(session)) return true;
  const accepted = acceptedAt(session, durationSeconds, now);
  const start = startOf(session, durationSeconds);
  if (expiration === undefined || start === undefined) return false;
  return accepted < doubtedAt || now - accepted >= Math.max((expiration - start) / PARTS, ASK_AGAIN);
}
