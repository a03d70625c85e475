/**
 * Formats an instant in UTC by RFC 3339, with milliseconds. Same result as `toISOString`, which would make Node load the
 * names of time zones: a fiftieth of the agent's memory.
 * @param instant milliseconds since the epoch
 */
export function utcTime(instant: number): string {
  const date = new Date(instant);
  const day = [date.getUTCFullYear(), two(date.getUTCMonth() + 1), two(date.getUTCDate())].join('-');
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${day}T${time}.${String(date.getUTCMilliseconds()).padStart(3, '0')}Z`;
}

/** Formats an instant in whole seconds, like AWS. */
export function formatInstant(instant: number): string {
  return `${utcTime(instant).slice(0, 19)}Z`;
}

/** Formats a day as `2030-01-31`, in local time. */
export function localDay(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function two(number: number): string {
  return String(number).padStart(2, '0');
}
