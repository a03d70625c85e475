import { localDay, two } from './instant.ts';

/** Formats an instant in local time: `14:35` on the same day, `Tue 14:35` within a week, otherwise `2030-01-31 14:35`. */
export function localTime(instant: number, now: number): string {
  const [date, today] = [new Date(instant), new Date(now)];
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (localDay(date) === localDay(today)) return time;
  if (Math.abs(instant - now) < 6 * 86_400_000) return `${WEEKDAYS[date.getDay()]} ${time}`;
  return `${localDay(date)} ${time}`;
}

/** Formats an instant of today in local time: `14:35:30`. */
export function localTimeWithSeconds(instant: number): string {
  const date = new Date(instant);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':');
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
