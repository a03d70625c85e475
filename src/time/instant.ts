/**
 * An instant in UTC by RFC 3339, with milliseconds. What `toISOString` says, but that has Node look for the names of time
 * zones, which is a fiftieth of the memory of the agent.
 * @param instant milliseconds since the epoch
 */
export function utcTime(instant: number): string {
  const date = new Date(instant);
  const day = [date.getUTCFullYear(), two(date.getUTCMonth() + 1), two(date.getUTCDate())].join('-');
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(':');
  return `${day}T${time}.${String(date.getUTCMilliseconds()).padStart(3, '0')}Z`;
}

/** The same in seconds: the form of AWS's own. */
export function formatInstant(instant: number): string {
  return `${utcTime(instant).slice(0, 19)}Z`;
}

/** `2030-01-31`, by this machine's clock. */
export function localDay(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

export function two(number: number): string {
  return String(number).padStart(2, '0');
}
