const MINUTE = 60_000;

/** How long before the end of a session the last call comes, in milliseconds. */
export const LAST_CALL = 2 * MINUTE;

/** A prompt that was shown this shortly before the end counts as the last call. */
const NEAR_END = 3 * MINUTE;

/**
 * Returns whether a prompt is the last call, or comes after it.
 * @param shownAt when the prompt is shown, in milliseconds since the epoch
 * @param end when the session ends
 */
export function isLastCall(shownAt: number, end: number): boolean {
  return end - shownAt <= NEAR_END;
}

/**
 * Returns when a session that ends needs the next prompt, at the latest: shortly before its end, then at its end. Undefined
 * after that.
 * @param shownAt when the last prompt was shown
 */
export function nextCall(shownAt: number, end: number): number | undefined {
  if (shownAt >= end) return undefined;
  return isLastCall(shownAt, end) ? end : end - LAST_CALL;
}
