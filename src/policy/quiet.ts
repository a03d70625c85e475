/** Hours in which nobody is asked, as minutes of the local day. `to` before `from` means over midnight. */
export interface QuietHours {
  from: number;
  to: number;
}

const MINUTE = 60_000;

/**
 * When the quiet hours that hold this instant end. What a clock on the wall shows decides, so on the nights that
 * summer time begins and ends they are as much shorter or longer as the night is.
 * @param now milliseconds since the epoch
 * @returns milliseconds since the epoch, or undefined outside quiet hours
 */
export function quietUntil(quiet: QuietHours, now: number): number | undefined {
  if (!isQuiet(quiet, now)) return undefined;
  // Minute by minute: at most a day of them, and the only way that needs to know nothing about time zones.
  let end = now - (now % MINUTE) + MINUTE;
  while (isQuiet(quiet, end)) end += MINUTE;
  return end;
}

function isQuiet({ from, to }: QuietHours, instant: number): boolean {
  const local = new Date(instant);
  const minute = local.getHours() * 60 + local.getMinutes();
  return from < to ? from <= minute && minute < to : from <= minute || minute < to;
}
