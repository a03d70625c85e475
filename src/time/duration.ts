const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Parses `90s`, `15m`, `1h30m` or `2d`.
 * @returns milliseconds; undefined if the text is not a duration
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+[smhd]\s*)+$/.test(text.trim())) return undefined;
  let total = 0;
  for (const [, count, unit] of text.matchAll(/(\d+)([smhd])/g)) {
    total += Number(count) * UNITS[unit as keyof typeof UNITS];
  }
  return total;
}

/**
 * Formats a duration as in a setting, in the largest unit that divides it: `1h`, `90m`, `45s`.
 * @param milliseconds whole seconds
 */
export function shortDuration(milliseconds: number): string {
  const unit = (['h', 'm', 's'] as const).find((one) => milliseconds % UNITS[one] === 0) ?? 's';
  return `${Math.round(milliseconds / UNITS[unit])}${unit}`;
}

/**
 * Formats a duration for people: `2d 3h`, `1h 05m`, `12m`, `40s`. At most two units, rounded down.
 * @param milliseconds negative values count as zero
 */
export function formatDuration(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours}h ${String(minutes % 60).padStart(2, '0')}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}
