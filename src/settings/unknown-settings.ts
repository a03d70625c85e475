import { isWritableName } from '../credentials/document.ts';
import type { Entry } from '../credentials/section.ts';
import { UserError } from '../errors.ts';
import { type Section, type SettingsFile, shownKey } from './config-ini.ts';
import { nearest } from './nearest.ts';

/** The settings above the first section. */
export const GLOBAL = ['check', 'prompt_before', 'remind_every', 'quiet', 'prompt'];

/** The settings that only a role profile has: `role_arn` makes it one. */
const OF_ROLE = ['role_arn', 'role_session_name', 'external_id'];

/** The settings of a profile that is refreshed with a code. */
const WITH_CODE = ['keys', 'rotate_every', 'mfa_serial', 'max_age', 'mfa_process'];

/** The settings of a profile. */
export const OF_PROFILE = ['source_profile', 'duration_seconds', 'region', ...WITH_CODE, ...OF_ROLE];

/** Returns whether a section is a role profile whose source is another section: its role is assumed with that session. */
export function isChainedRole({ entries }: Pick<Section, 'entries'>, sections: readonly Section[]): boolean {
  const source = entries.get('source_profile')?.value;
  return entries.has('role_arn') && sections.some(({ name }) => name === source);
}

/** Settings of AWS that users may expect here, and what to use instead. */
const OF_AWS: [keys: RegExp, advice: string][] = [
  [
    /^(credential_source|web_identity_token_file)$/,
    'the agent assumes roles only with the session of an MFA profile, or with long-term keys and a code',
  ],
  [
    /^aws_(access|session|security)|secret|token|password/i,
    'keys belong in the credentials file, or in the keychain (keys = keychain), and nowhere else',
  ],
  [/^(credential_process|sso_\w+)$/, 'it belongs in ~/.aws/config, to the source profile'],
];

/**
 * Rejects settings that `config.ini` cannot have. No message repeats the value of an unknown key, which may be a secret.
 * @throws UserError (status 2) for the first such setting
 */
export function refuseUnknownSettings({ top, sections }: SettingsFile): void {
  for (const entry of top.values()) {
    if (!GLOBAL.includes(entry.key)) throw unknown(entry, undefined);
  }
  for (const { name, file, line, entries } of sections) {
    if (/^profile\s/.test(name)) {
      const bare = name.replace(/^profile\s+/, '');
      throw new UserError(
        `${file}:${line}: [${name}]: sections have the names of the credentials file: [${bare}]`,
        'usage',
      );
    }
    if (!isWritableName(name)) {
      throw new UserError(
        `${file}:${line}: [${name}]: AWS tools cannot use a profile with this name: choose another`,
        'usage',
      );
    }
    for (const entry of entries.values()) {
      if (!OF_PROFILE.includes(entry.key)) throw unknown(entry, name);
    }
    const isRole = entries.has('role_arn');
    const misplaced = [...entries.values()].find(({ key }) =>
      isRole ? isChainedRole({ entries }, sections) && WITH_CODE.includes(key) : OF_ROLE.includes(key),
    );
    if (misplaced) {
      const source = entries.get('source_profile')?.value;
      const why = isRole
        ? `the role is assumed with the session of [${source}], without a code: remove this line`
        : 'only a role profile can have it: add its role_arn';
      throw new UserError(`${misplaced.file}:${misplaced.line}: ${misplaced.key} in [${name}]: ${why}`, 'usage');
    }
  }

  function unknown({ key, file, line }: Entry, section: string | undefined): UserError {
    const place = section === undefined ? 'above the first section' : `in [${section}]`;
    return new UserError(
      `${file}:${line}: unknown setting ${shownKey(key)} ${place}: ${adviceFor(key, section)}`,
      'usage',
    );
  }
}

function adviceFor(key: string, section: string | undefined): string {
  const [known, elsewhere] = section === undefined ? [GLOBAL, OF_PROFILE] : [OF_PROFILE, GLOBAL];
  if (elsewhere.includes(key)) {
    return section === undefined
      ? 'it belongs to a profile, in a section such as [mfa]'
      : 'it is for all profiles, and belongs above the first section';
  }
  const advice = OF_AWS.find(([keys]) => keys.test(key))?.[1];
  if (advice) return advice;
  const meant = nearest(key, known) ?? nearest(key, elsewhere);
  return meant ? `did you mean ${meant}?` : `known there: ${known.join(', ')}`;
}
