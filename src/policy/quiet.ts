/** Hours in which the agent does not ask, as minutes of the local day. If `to` is before `from`, they include midnight. */
export interface QuietHours {
  from: number;
  to: number;
}

const MINUTE = 60_000;

/**
 * Returns when the present quiet hours end. Local time decides: in the nights in which summer time begins or ends, quiet
 * hours are an hour shorter or longer.
 * @param now milliseconds since the epoch
 * @returns milliseconds since the epoch, or undefined outside quiet hours
 */
export function quietUntil(quiet: QuietHours, now: number): number | undefined {
  if (!isQuiet(quiet, now)) return undefined;
  // Tries every minute, a day's at most. No other way works without rules for time zones.
  let end = now - (now % MINUTE) + MINUTE;
  while (isQuiet(quiet, end)) end += MINUTE;
  return end;
}

function isQuiet({ from, to }: QuietHours, instant: number): boolean {
  const local = new Date(instant);
  const minute = local.getHours() * 60 + local.getMinutes();
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}
