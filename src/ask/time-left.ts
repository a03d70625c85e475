import type { AskRequest } from './ask.ts';

/** A bar is full at half an hour, so that the same length means the same time at each reminder. */
const FULL = 30 * 60_000;

/**
 * Returns the times at which a bar of the session's time left is full and empty, in milliseconds since the epoch, or undefined if
 * there is no session that still lasts.
 */
export function sessionBar({ expiration, now }: AskRequest): { from: number; until: number } | undefined {
  if (expiration === undefined || expiration <= now) return undefined;
  return { from: Math.min(now, expiration - FULL), until: expiration };
}
