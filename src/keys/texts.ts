/** What the user reads about the keychain. */

import { plain } from '../plain.ts';
import { localDay } from '../time/instant.ts';

export const KEYCHAIN = 'the keychain';

export const NEW_COLLECTION = 'Default keyring';

/** @param detail why the Secret Service cannot be used */
export function noKeychain(detail: string): string {
  return `no keychain (${detail}): install gnome-keyring, or turn on the Secret Service in KWallet or KeePassXC; without a desktop, keep the keys in the credentials file (keys = file) or use a credential_process`;
}

export const LOCKED_WITHOUT_DESKTOP =
  'the keychain is locked, and there is no desktop here that could ask for its password: log in to the desktop or unlock it there';

export const NOT_UNLOCKED = 'the keychain is locked: its password was not entered';

export const NOT_UNLOCKED_IN_TIME = 'the keychain is locked: its password was not entered within 2 minutes';

export function label(profile: string, accessKeyId: string): string {
  return `AWS keys of [${profile}]: ${accessKeyId}`;
}

export function item(profile: string): string {
  return `the item of [${profile}] in the keychain`;
}

export function notKept(name: string, profile: string): string {
  return `${name} did not keep the keys of [${profile}]: nothing else was changed`;
}

/** @param detail how `security` ended */
export function noMacosKeychain(detail: string): string {
  return `the keychain cannot be used (/usr/bin/security: ${detail}): run "security unlock-keychain", or keep the keys in the credentials file (keys = file)`;
}

export function anotherInKeychain(profile: string, there: string, inFile: string): string {
  return `the keychain has ${there} for [${profile}], and the credentials file has ${inFile}: find out which one is in use ("aws-mfa-agent keys list"); --force replaces the one in the keychain with the one in the file, "aws-mfa-agent keys restore --force" does the opposite`;
}

export function anotherInFile(profile: string, file: string, there: string, inKeychain: string): string {
  return `${file} has ${there} for [${profile}], and the keychain has ${inKeychain}: find out which one is in use ("aws-mfa-agent keys list"); --force replaces the one in the file with the one in the keychain, "aws-mfa-agent keys store --force" does the opposite`;
}

export function nowhere(profile: string, keychain: string, file: string): string {
  return `no keys of [${profile}] in ${keychain} or ${file}`;
}

/** @param files the paths */
export function inConfig(profile: string, { config, credentials }: { config: string; credentials: string }): string {
  return `[${profile}] has long-term keys in ${config}, which "aws-mfa-agent keys store" does not change: move the lines aws_access_key_id and aws_secret_access_key to ${credentials} first, or remove them if that file has them already`;
}

export function changedMeanwhile(profile: string, place: string): string {
  return `another program has just changed the keys of [${profile}] in ${place}, and they were left as they are: try again`;
}

export function stored(profile: string, accessKeyId: string, keychain: string): string {
  return `${accessKeyId} of [${profile}] is in ${keychain}, and AWS accepts it as it was read back from there`;
}

export function fileKept(profile: string, file: string): string {
  return `${file} still has the keys of [${profile}], and the agent still uses them there; to remove them, run this again without --keep-file`;
}

export function removing(profile: string, file: string): string {
  return `removing the lines aws_access_key_id and aws_secret_access_key of [${profile}] from ${file}`;
}

export function restored(profile: string, file: string): string {
  return `the keys of [${profile}] are in ${file} again, and no longer in the keychain`;
}

export const TITLE = 'aws-mfa-agent keys';
export const CREDENTIAL_PROCESS = 'a credential_process';
export const LOCKED_NOW = 'locked: its password is asked for at the next refresh';
export const NOT_THERE = 'it has no keys for this profile';
export const TYPE_ID = 'Access key id (AKIA…)';
export const TYPE_SECRET = 'Secret access key (not shown)';
export const NO_KEYS_OPTION = 'keys in the credentials file';
export const REMOVE = 'Move the keys to the keychain, and remove them from the file?';
export const CANCELLED = 'cancelled; nothing was changed';
export const NO_SESSION = 'age and last use: not known without a fresh session';

export function idProblem(text: string): string | undefined {
  return /^\w{16,128}$/.test(text.trim()) ? undefined : 'an access key id has 16 to 128 letters and digits';
}

export function secretProblem(text: string): string | undefined {
  return /^[!-~]{16,128}$/.test(text) ? undefined : 'a secret access key has 16 to 128 characters and no blanks';
}

/** @param reason AWS's */
export function notAccepted(source: string, reason: string): string {
  return `the keys of [${source}] were not moved: ${reason}`;
}

/** @param known the names of the sources, with commas */
export function nameOne(known: string): string {
  return `name the profile with the long-term keys: ${known}`;
}

export function noSource(name: string, known: string, file: string): string {
  return `[${name}] is not a source profile; ${file} has: ${known}`;
}

/** Says what else uses the keys in the file. @param names profiles of AWS's files */
export function dependents(source: string, file: string, names: readonly string[]): string[] {
  return [
    `After this, AWS tools do not find the keys of [${source}] in ${file} any more:`,
    `  - tools that use [${source}] itself${source === 'default' ? ', also tools that name no profile' : ''}: let them use the MFA profile (AWS_PROFILE)`,
    ...names.map(
      (name) =>
        `  - [${name}], which has source_profile = ${source}: let it use the MFA profile (source_profile), or keep it fresh with the agent`,
    ),
    '"aws-mfa-agent keys restore" puts them back.',
  ];
}

/** An access key as AWS describes it. Times are milliseconds since the epoch. */
export interface KnownKey {
  accessKeyId: string;
  isActive: boolean;
  createdAt: number;
  /** Null if it was never used; undefined if that is not known. */
  usedAt?: number | null;
}

/** @param reason AWS's */
export function notListed(reason: string): string {
  return `age and last use: not known (${reason})`;
}

/** Returns the lines of `keys list` for a source profile. @param known the keys of its user, or why they are not known */
export function listed(
  source: string,
  { places }: { places: readonly { place: string; accessKeyId?: string | undefined; problem?: string }[] },
  known: readonly KnownKey[] | string,
  now: number,
): string[] {
  const about = (key: KnownKey | undefined) => (key === undefined ? '' : `, ${ageOf(key, now)}`);
  const find = (id: string | undefined) =>
    typeof known === 'string' ? undefined : known.find(({ accessKeyId }) => accessKeyId === id);
  const others =
    typeof known === 'string' ? [] : known.filter((key) => !places.some((one) => one.accessKeyId === key.accessKeyId));
  return [
    `[${source}]`,
    ...places.map(({ place, accessKeyId, problem }) =>
      problem === undefined
        ? `  ${accessKeyId ?? 'keys'} in ${place}${about(find(accessKeyId))}`
        : `  ${place}: ${problem}`,
    ),
    ...(places.length === 0 ? ['  no keys'] : []),
    ...others.map((key) => `  ${key.accessKeyId} is another key of the same user${about(key)}`),
    ...(typeof known === 'string' && places.length > 0 ? [`  ${known}`] : []),
  ].map(plain);
}

function ageOf({ isActive, createdAt, usedAt }: KnownKey, now: number): string {
  const days = Math.max(0, Math.floor((now - createdAt) / 86_400_000));
  const used = usedAt === undefined ? [] : [usedAt === null ? 'never used' : `last used ${localDay(new Date(usedAt))}`];
  const age = `created ${localDay(new Date(createdAt))} (${days === 1 ? '1 day' : `${days} days`} ago)`;
  return [...(isActive ? [] : ['inactive']), age, ...used].join(', ');
}

/** @param option the name of an option, as in the code: `keepFile` */
export function notFor(option: string, action: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} is not an option of keys ${action}`;
}
