import { parseDuration } from '../time/duration.ts';

const MINUTE = 60_000;

/** How long the Snooze button postpones a prompt at most. */
const LONGEST = 15 * MINUTE;

/** How long it postpones a prompt at least, unless the session ends before that. */
const SHORTEST = 2 * MINUTE;

/**
 * Returns until when the Snooze button postpones a prompt: half of the time that the session has left, from 2 to 15 minutes,
 * and never beyond the session's end. After the end, or where no end is known, 15 minutes.
 * @param now milliseconds since the epoch, as the result
 * @param end when the session ends
 * @returns a full minute, so that a label can name it, unless it is the session's end
 */
export function buttonSnoozeUntil(now: number, end: number | undefined): number {
  const left = end === undefined || end <= now ? undefined : end - now;
  const length = left === undefined ? LONGEST : Math.min(LONGEST, Math.max(left / 2, SHORTEST));
  const minute = Math.floor((now + length) / MINUTE) * MINUTE;
  const until = minute - now < SHORTEST ? minute + MINUTE : minute;
  return left === undefined ? until : Math.min(until, now + left);
}

/**
 * Returns until when a press of the Snooze button postpones the prompt: as its label says, unless the prompt was open for so
 * long that this time has nearly come, or passed.
 * @param until what the label says
 */
export function pressedSnoozeUntil(until: number, now: number, end: number | undefined): number {
  const isAhead = until - now >= MINUTE || (until === end && now < end);
  return isAhead ? until : buttonSnoozeUntil(now, end);
}

/** The ends of a session, in milliseconds since the epoch. */
export interface Ends {
  /** When the session can no longer be used; undefined without one, or if its end is not known. */
  expiration: number | undefined;
  /** When AWS ends the session, if that is later. */
  awsEnd?: number | undefined;
}

/** Returns the end that the user must not miss now: that of `max_age`, later that of AWS. */
export function endAhead({ expiration, awsEnd }: Ends, now: number): number | undefined {
  return expiration !== undefined && expiration <= now ? (awsEnd ?? expiration) : expiration;
}

const LONGEST_BY_COMMAND = 7 * 24 * 60 * MINUTE;

/**
 * Returns the length of a snooze by command, in milliseconds; 0 for `off`, which ends one.
 * @returns undefined if the text is neither
 */
export function snoozeLength(text: string): number | undefined {
  if (text === 'off') return 0;
  const length = parseDuration(text);
  return length && length <= LONGEST_BY_COMMAND ? length : undefined;
}

export const SNOOZE_FORM = 'duration: off, or 1s to 7d, such as 30m or 2h';
