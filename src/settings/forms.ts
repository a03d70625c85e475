import type { QuietHours } from '../policy/quiet.ts';
import { parseDuration } from '../time/duration.ts';

/** The form of a setting's value, in `config.ini`, in `~/.aws/config` and as an option of a command. */
export interface Form<Value> {
  /** Returns the value of a text; undefined if the text is not allowed. */
  read(text: string): Value | undefined;
  /** Says what is allowed, to follow "must be". May depend on the text that the user wrote. */
  allowed(text: string): string;
}

/**
 * When to check: a cron expression, with seconds first if it has six fields. This checks only the number of fields. In
 * `requireValidSchedule`, node-cron checks the rest, so that short commands need not load it.
 */
export const schedule = {
  read: (text: string) => (/^\S+(\s+\S+){4,5}$/.test(text) ? text : undefined),
  allowed: () => 'a cron expression, such as */5 * * * * for every five minutes',
} satisfies Form<string>;

export const duration = {
  read: parseDuration,
  allowed: () => 'a duration, such as 15m, 90s or 1h30m',
} satisfies Form<number>;

/** Long enough to type a code; not longer than the longest delay of a Node timer. */
export const reminder = {
  read(text: string) {
    const milliseconds = parseDuration(text);
    return milliseconds !== undefined && milliseconds >= 30_000 && milliseconds <= 86_400_000
      ? milliseconds
      : undefined;
  },
  allowed: () => 'a duration from 30s to 24h, such as 5m',
} satisfies Form<number>;

export const quietHours = {
  read(text: string) {
    const [, from = '', to = ''] = /^(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})$/.exec(text) ?? [];
    const hours = { from: minuteOfDay(from), to: to === '24:00' ? 0 : minuteOfDay(to) };
    return hours.from < 0 || hours.to < 0 || hours.from === hours.to ? undefined : hours;
  },
  allowed: () => 'two different times of the day, such as 22:00-07:00',
} satisfies Form<QuietHours>;

/** @returns -1 if the text is not a time of the day */
function minuteOfDay(time: string): number {
  const [hours = Number.NaN, minutes = Number.NaN] = time.split(':').map(Number);
  return hours < 24 && minutes < 60 ? hours * 60 + minutes : -1;
}

export const ways = {
  read(text: string) {
    if (text === 'auto') return text;
    const names = text.split(/[\s,]+/).filter((name) => name !== '');
    return names.length === new Set(names).size && names.every((name) => WAY_NAMES.includes(name)) ? names : undefined;
  },
  allowed: () => `auto, or some of these in the order to try them: ${WAY_NAMES.join(', ')}`,
} satisfies Form<'auto' | string[]>;

export const profileName = {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a line break, for one, would end the section's header
  read: (text: string) => (/^[^[\]\x00-\x1f]+$/.test(text) ? text : undefined),
  allowed: () => 'the name of a profile',
} satisfies Form<string>;

/** Where the long-term keys of a source profile are kept. */
export type KeyPlace = 'file' | 'keychain';

export const keyPlace = {
  read: (text: string): KeyPlace | undefined => (text === 'file' || text === 'keychain' ? text : undefined),
  allowed: () => 'file (the credentials file) or keychain',
} satisfies Form<KeyPlace>;

/**
 * An MFA device that gives codes.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html (SerialNumber)
 */
export const serialNumber = {
  read: (text: string) =>
    text.length <= 256 &&
    (text.startsWith('arn:')
      ? /^arn:aws[\w-]*:iam::\d{12}:mfa\/[\w+=/:,.@-]+$/.test(text)
      : /^[\w+=/:,.@-]{9,}$/.test(text))
      ? text
      : undefined,
  allowed: (text: string) =>
    /^arn:[^:]*:iam::\d*:u2f\//.test(text)
      ? 'a device that gives codes, which a security key or passkey (u2f) does not: name a virtual or hardware MFA device, as arn:aws:iam::123456789012:mfa/alice'
      : "an MFA device's ARN, as arn:aws:iam::123456789012:mfa/alice, or its hardware serial number, as GAHT12345678",
} satisfies Form<string>;

/** The longest session that AWS gives with a code, in seconds: that of a user, and that of a role. */
export const LONGEST_SECONDS = 129_600;
export const LONGEST_ROLE_SECONDS = 43_200;

/** The length of a session, in seconds: the limits of STS GetSessionToken for an IAM user. */
export const durationSeconds = {
  read: (text: string) => secondsUpTo(text, LONGEST_SECONDS),
  allowed: () => `a whole number of seconds from 900 (15 minutes) to ${LONGEST_SECONDS} (36 hours)`,
} satisfies Form<number>;

/**
 * The length of a role's session with a code: the limits of STS AssumeRole. The role's `MaxSessionDuration` may be less.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (DurationSeconds)
 */
export const roleSeconds = {
  read: (text: string) => secondsUpTo(text, LONGEST_ROLE_SECONDS),
  allowed: () =>
    `a whole number of seconds from 900 (15 minutes) to ${LONGEST_ROLE_SECONDS} (12 hours), and at most the role's MaxSessionDuration`,
} satisfies Form<number>;

/** The length of a role's session that is assumed with another session. */
export const chainedRoleSeconds = {
  read: (text: string) => secondsUpTo(text, 3600),
  allowed: () =>
    'a whole number of seconds from 900 (15 minutes) to 3600: AWS gives one hour at most for a role that is assumed with a session (role chaining)',
} satisfies Form<number>;

function secondsUpTo(text: string, longest: number): number | undefined {
  const seconds = /^\d{3,6}$/.test(text) ? Number(text) : 0;
  return seconds >= 900 && seconds <= longest ? seconds : undefined;
}

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html (RoleArn) */
export const roleArn = {
  read: (text: string) =>
    text.length <= 2048 && /^arn:aws[\w-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/.test(text) ? text : undefined,
  allowed: () => "a role's ARN, such as arn:aws:iam::123456789012:role/admin",
} satisfies Form<string>;

export const roleSessionName = {
  read: (text: string) => (/^[\w+=,.@-]{2,64}$/.test(text) ? text : undefined),
  allowed: () => '2 to 64 letters, digits and characters of _+=,.@-',
} satisfies Form<string>;

export const externalId = {
  read: (text: string) => (/^[\w+=,.@:/-]{2,1224}$/.test(text) ? text : undefined),
  allowed: () => '2 to 1224 letters, digits and characters of _+=,.@:/-',
} satisfies Form<string>;

/** How old a session may become, in milliseconds. More than the longest {@link durationSeconds} would have no effect. */
export const maxAge = {
  read(text: string) {
    const milliseconds = parseDuration(text);
    return milliseconds !== undefined && milliseconds >= 5 * 60_000 && milliseconds <= LONGEST_SECONDS * 1000
      ? milliseconds
      : undefined;
  },
  allowed: () => 'a duration from 5m to 36h, such as 1h',
} satisfies Form<number>;

/** How old an access key may become, in milliseconds. */
export const rotateEvery = {
  read(text: string) {
    const milliseconds = parseDuration(text);
    return milliseconds !== undefined && milliseconds >= 86_400_000 && milliseconds <= 1000 * 86_400_000
      ? milliseconds
      : undefined;
  },
  allowed: () => 'a duration from 1d to 1000d, such as 90d',
} satisfies Form<number>;

/** Becomes part of a host name. */
export const region = {
  read: (text: string) => (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text) ? text : undefined),
  allowed: () => 'an AWS region, such as eu-west-1',
} satisfies Form<string>;

/** The allowed names in the `prompt` setting, besides `auto`. */
export const WAY_NAMES: readonly string[] = [
  'mfa_process',
  'notification',
  'window',
  'zenity',
  'kdialog',
  'osascript',
  'pinentry',
  'terminal',
  'browser',
];
