import type { ProfileSection } from '../credentials/section.ts';
import { formatInstant, localDay, two, utcTime } from '../time/instant.ts';

/** The error for an expiry line that does not contain a date. */
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
 * A date: day, gap, time, fraction, zone. `2026-03-01T12:00:00Z`, for example; `T` may be a space, fraction and zone may be
 * missing. The zone `+00:00+0000` is written by yawsso since 1.2.
 */
const DATE =
  /^(\d{4}-\d\d-\d\d)([Tt ])(\d\d:\d\d:\d\d)([.,]\d+)?(\s*(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)(?:\s+(?:UTC|GMT)|\+0000)?)?$/i;

/**
 * The comments that two drafts of `aws configure mfa-login` wrote instead of a key; the second form is the later draft's.
 * Always UTC.
 */
const COMMENT =
  /^(\s*[#;]\s*(?:expiration\s*=\s*#?\s*Credentials expire at:|Credentials expire at:\s*=)\s*)(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?!\d)(.*)$/i;

/** How to read a time without a zone: `either` is the earlier of both readings. */
type Zone = 'utc' | 'local' | 'either';

/**
 * Returns when the session in a profile ends, whichever tool wrote it. If the profile has several forms of expiry that
 * differ, the earliest counts: asking too early costs a code, asking too late interrupts the user's work.
 * @param disowned an instant that belongs to other keys than the profile's: an expiry in the same second is ignored
 * @returns milliseconds since the epoch; undefined without a known form of expiry
 * @throws ExpiryError if a known key does not contain a date
 */
export function readExpiry(section: ProfileSection, disowned?: number): number | undefined {
  const instants: number[] = [];
  for (const key of EXPIRY_KEYS) {
    const value = section.values.get(key);
    if (!value) continue;
    instants.push(instantOf(value, key === 'expiration' ? zoneOf(section) : 'either', `${key} of [${section.name}]`));
  }
  // The last comment counts: the later draft added one each time, and left the old ones above it.
  const [, , date] = COMMENT.exec(section.lines.findLast((line) => COMMENT.test(line)) ?? '') ?? [];
  if (date !== undefined) instants.push(instantOf(date, 'utc', `the expiration comment of [${section.name}]`));
  const owned = instants.filter((instant) => disowned === undefined || !isSameSecond(instant, disowned));
  return owned.length === 0 ? undefined : Math.min(...owned);
}

/** Returns whether two instants, in milliseconds, are in the same second: most tools write no fraction. */
function isSameSecond(one: number, other: number): boolean {
  return Math.floor(one / 1000) === Math.floor(other / 1000);
}

/**
 * Returns the keys that hold the expiry in a profile, each with the text of the new expiry in the form of its tool. All
 * forms that the profile has are kept, so that they agree. A profile without any gets `expiration` in RFC 3339.
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
 * Returns a comment line with another expiry.
 * @returns undefined if the line is not a comment with an expiry
 */
export function formatExpiryComment(line: string, expiration: number): string | undefined {
  const [, before, date, after] = COMMENT.exec(line) ?? [];
  if (before === undefined || date === undefined) return undefined;
  return `${before}${utc(expiration).replace('T', date.charAt(10))}${after}`;
}

/**
 * Returns how to read and write a profile's `expiration`. awsume writes local time and marks its profiles; broamski/aws-mfa
 * writes UTC and keeps `assumed_role`. Both read only `YYYY-MM-DD HH:MM:SS`.
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

/**
 * Returns an instant in the form of an existing text, with its offset, gap and fraction. In RFC 3339 if that text has no
 * zone.
 */
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
  // Date.parse reads February 31st as March 3rd.
  if (date === undefined || Number.isNaN(asUtc) || new Date(asUtc).getUTCDate() !== Number(date.slice(8))) {
    throw new ExpiryError(`${where} is not a date: ${JSON.stringify(text.slice(0, 40))}`);
  }
  if (offset !== undefined) return asUtc - offsetOf(offset) + milliseconds;
  // When clocks are set back, an hour occurs twice in local time: this is its first occurrence.
  const asLocal = new Date(`${date}T${time}`).getTime();
  const reading = { utc: asUtc, local: asLocal, either: Math.min(asUtc, asLocal) };
  return reading[zone] + milliseconds;
}

/** Returns how far a zone is ahead of UTC, in milliseconds: `+02:00`, `+0200`, `+02`, `Z`, `+0000 UTC` or `+00:00+0000`. */
function offsetOf(zone: string): number {
  const [, sign, hours, minutes] = /([+-])(\d\d):?(\d\d)?/.exec(zone) ?? [];
  return (sign === '-' ? -60_000 : 60_000) * (Number(hours ?? 0) * 60 + Number(minutes ?? 0));
}

/** Formats an instant as `2026-03-01T12:00:00`, in UTC. */
function utc(instant: number): string {
  return utcTime(instant).slice(0, 19);
}

/** Formats an instant as `2026-03-01 13:00:00`, in local time. */
function local(instant: number): string {
  const date = new Date(instant);
  return `${localDay(date)} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
