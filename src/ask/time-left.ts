import { isLastCall } from '../policy/last-call.ts';
import { endAhead } from '../policy/snooze.ts';
import type { AskRequest } from './ask.ts';

/** How long a device shows a code, in milliseconds. */
export const CODE_STEP = 30_000;

/** Returns the milliseconds until the device shows another code. */
export function nextCodeIn(now: number): number {
  return CODE_STEP - (now % CODE_STEP);
}

/** Returns when the device shows another code, in milliseconds since the epoch. */
export function nextCodeAt(now: number): number {
  return now + nextCodeIn(now);
}

/** A full bar is half an hour, so that the same length always means the same time. In milliseconds. */
const FULL = 30 * 60_000;

/**
 * Returns the times at which a bar of the session's time left is full and empty, in milliseconds since the epoch, or undefined if
 * there is no valid session.
 */
export function sessionBar({ expiration, now }: AskRequest): { from: number; until: number } | undefined {
  if (expiration === undefined || expiration <= now) return undefined;
  return { from: Math.min(now, expiration - FULL), until: expiration };
}

/** Returns whether a prompt is the last call before the session ends, or comes after it. */
export function isUrgent({ expiration, maxAge, now }: AskRequest): boolean {
  return expiration !== undefined && maxAge === undefined && isLastCall(now, expiration);
}

/**
 * Returns whether a prompt that waits for its turn opens with this reminder, beside the one that has the turn: the session would
 * end unnoticed. A prompt whose session had ended before it began keeps waiting.
 * @param first the request with which the prompt began
 */
export function cannotWait(reminder: AskRequest, first: AskRequest): boolean {
  const end = endAhead(first, first.now);
  return isUrgent(reminder) && end !== undefined && end > first.now;
}
