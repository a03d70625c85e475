import type { ProfileSection } from '../credentials/section.ts';
import { formatInstant, localDay, two, utcTime } from '../time/instant.ts';

/** An expiry line holds something that is no date. */
export class ExpiryError extends Error {
  override name = 'ExpiryError';
}

/** The keys in which tools keep the expiry of a profile's session. */
const EXPIRY_KEYS = [
  'expiration',
  'x_security_token_expires', // saml2aws
  'aws_session_expiration',
  'aws_credential_expiration',
  'aws_expiration',
];

/**
 * `2026-03-01T12:00:00Z`, with a blank for the `T`, a fraction, and any or no zone: date, gap, time, fraction, zone.
 * `+00:00+0000` is what yawsso writes, from 1.2 on.
 */
const DATE =
  /^(\d{4}-\d\d-\d\d)([Tt ])(\d\d:\d\d:\d\d)([.,]\d+)?(\s*(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)(?:\s+(?:UTC|GMT)|\+0000)?)?$/i;

/** The comments that drafts of `aws configure mfa-login` wrote instead of a key, the later draft in the second way. Always UTC. */
const COMMENT =
  /^(\s*[#;]\s*(?:expiration\s*=\s*#?\s*Credentials expire at:|Credentials expire at:\s*=)\s*)(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?!\d)(.*)$/i;

/** How to take a time that names no zone: `either` is the earlier of both readings. */
type Zone = 'utc' | 'local' | 'either';

/**
 * When the session in a profile ends, whatever tool wrote it. Where several dialects stand and disagree, the earliest
 * counts: asking too soon costs a code, asking too late costs the work.
 * @param disowned an instant that is known to belong to other keys than those that stand there; left out, to the second
 * @returns the instant in milliseconds since the epoch, or undefined when no known dialect is present
 * @throws ExpiryError when a known key holds something that is no date
 */
export function readExpiry(section: ProfileSection, disowned?: number): number | undefined {
  const instants: number[] = [];
  for (const key of EXPIRY_KEYS) {
    const value = section.values.get(key);
    if (!value) continue;
    instants.push(instantOf(value, key === 'expiration' ? zoneOf(section) : 'either', `${key} of [${section.name}]`));
  }
  // The last of them counts: the later draft added one each time, and left the old ones above it.
  const [, , date] = COMMENT.exec(section.lines.findLast((line) => COMMENT.test(line)) ?? '') ?? [];
  if (date !== undefined) instants.push(instantOf(date, 'utc', `the expiration comment of [${section.name}]`));
  const owned = instants.filter((instant) => disowned === undefined || !isSameSecond(instant, disowned));
  return owned.length === 0 ? undefined : Math.min(...owned);
}

/** Whether two instants, in milliseconds, are the same to the second: most dialects hold no fraction. */
function isSameSecond(one: number, other: number): boolean {
  return Math.floor(one / 1000) === Math.floor(other / 1000);
}

/**
 * The keys that hold the expiry in a profile, each with the text that says `expiration` in its tool's dialect. Every
 * dialect that stands there is kept, so that they agree; a profile with none gets `expiration` in RFC 3339.
 * @param expiration milliseconds since the epoch; rounded down to the second
 */
export function formatExpiry(section: ProfileSection, expiration: number): Map<string, string> {
  const instant = Math.floor(expiration / 1000) * 1000;
  const standing = EXPIRY_KEYS.filter((key) => section.values.has(key));
  if (standing.length === 0 && !section.lines.some((line) => COMMENT.test(line))) standing.push('expiration');
  return new Map(
    standing.map((key) => [
      key,
      key === 'expiration' ? formatPlain(instant, zoneOf(section)) : restyle(section.values.get(key) ?? '', instant),
    ]),
  );
}

/**
 * The comment line that holds an expiry, saying `expiration` instead.
 * @returns undefined when the line is no such comment
 */
export function formatExpiryComment(line: string, expiration: number): string | undefined {
  const [, before, date, after] = COMMENT.exec(line) ?? [];
  if (before === undefined || date === undefined) return undefined;
  return `${before}${utc(expiration).replace('T', date.charAt(10))}${after}`;
}

/**
 * awsume writes local time and marks its profiles; broamski/aws-mfa writes UTC and keeps `assumed_role`. Neither reads
 * any other form than `YYYY-MM-DD HH:MM:SS`.
 */
function zoneOf(section: ProfileSection): Zone {
  if (section.values.get('manager')?.toLowerCase() === 'awsume' || section.values.has('autoawsume')) return 'local';
  return section.values.has('assumed_role') ? 'utc' : 'either';
}

function formatPlain(instant: number, zone: Zone): string {
  switch (zone) {
    case 'local':
      return local(instant);
    case 'utc':
      return utc(instant).replace('T', ' ');
    case 'either':
      return formatInstant(instant);
  }
}

/** An instant in the form of a text that stands: its offset, its gap, its fraction. Without a zone to keep: RFC 3339. */
function restyle(standing: string, instant: number): string {
  const [, , gap, , fraction, zone] = DATE.exec(standing) ?? [];
  if (zone === undefined) return formatInstant(instant);
  const text = utc(instant + offsetOf(zone)).replace('T', gap ?? 'T');
  return `${text}${fraction?.replace(/\d/g, '0') ?? ''}${zone}`;
}

function instantOf(text: string, zone: Zone, where: string): number {
  const [, date, , time, fraction, offset] = DATE.exec(text) ?? [];
  const milliseconds = Math.floor(Number(`0.${fraction?.slice(1) ?? 0}`) * 1000);
  const asUtc = Date.parse(`${date}T${time}Z`);
  // Date.parse takes February 31st for March 3rd.
  if (date === undefined || Number.isNaN(asUtc) || new Date(asUtc).getUTCDate() !== Number(date.slice(8))) {
    throw new ExpiryError(`${where} is no date: ${JSON.stringify(text.slice(0, 40))}`);
  }
  if (offset !== undefined) return asUtc - offsetOf(offset) + milliseconds;
  // In the hour that the clocks go through twice, this is the earlier of the two.
  const asLocal = new Date(`${date}T${time}`).getTime();
  const reading = { utc: asUtc, local: asLocal, either: Math.min(asUtc, asLocal) };
  return reading[zone] + milliseconds;
}

/** What `+02:00`, `+0200`, `+02`, `Z`, `+0000 UTC` or `+00:00+0000` adds to UTC, in milliseconds. */
function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /([+-])(\d\d):?(\d\d)?/.exec(zone) ?? [];
  return (sign === '-' ? -60_000 : 60_000) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0));
}

/** `2026-03-01T12:00:00`, in UTC. */
function utc(instant: number): string {
  return utcTime(instant).slice(0, 19);
}

/** `2026-03-01 13:00:00`, by this machine's clock. */
function local(instant: number): string {
  const date = new Date(instant);
  return `${localDay(date)} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
