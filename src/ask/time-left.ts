import type { AskRequest } from './ask.ts';

/** How long a device shows a code, in milliseconds. How long it has already shown it when it is typed is not known. */
export const CODE_STEP = 30_000;

/** Returns the milliseconds until the device shows another code. */
export function nextCodeIn(now: number): number {
  return CODE_STEP - (now % CODE_STEP);
}

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
