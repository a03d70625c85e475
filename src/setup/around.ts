import { parseCredentials } from '../credentials/document.ts';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import type { SettingsFile } from '../settings/config-ini.ts';
import { DURATION_SECONDS, PROMPT_BEFORE } from '../settings/defaults.ts';
import type { Paths } from '../settings/paths.ts';
import { type Settings, writtenSettings } from '../settings/settings.ts';
import { isChainedRole } from '../settings/unknown-settings.ts';
import { awsSetting, type Files } from './found.ts';
import { inUnits } from './lead-time.ts';
import type { ValuesInForce } from './settings-text.ts';
import * as texts from './texts.ts';

/** The content of the user's files before the setup. */
export interface Around {
  /** `config.ini`; both undefined if it does not exist. */
  bytes: Buffer | undefined;
  text: string | undefined;
  /** With the settings of the company's file. */
  written: SettingsFile;
  /** The settings of `config.ini`; undefined if it does not exist or has an error, which `setup` may fix. */
  current: Settings | undefined;
  /** The error of `config.ini`. */
  wrong: string | undefined;
  files: Files;
}

/**
 * Reads the files that `setup` needs.
 * @param load reads the settings
 * @param namedSource the source profile of --source-profile
 * @throws UserError if a file cannot be read
 */
export async function readAround(
  paths: Paths,
  load: () => Promise<Settings>,
  namedSource: string | undefined,
): Promise<Around> {
  const [bytes, credentials, config] = [paths.settings, paths.credentials, paths.config].map(readIfPresent);
  const text = bytes?.toString('utf8');
  if (bytes && !Buffer.from(text ?? '').equals(bytes)) throw new UserError(texts.noText(paths.settings), 'usage');
  const written = writtenSettings(paths, text);
  return {
    bytes,
    text,
    written,
    ...(text === undefined ? { current: undefined, wrong: undefined } : await orWrong(load)),
    files: {
      credentials: credentials && parseCredentials(credentials),
      config: readAwsConfig(config),
      settings: written.sections
        .filter((section) => !isChainedRole(section, written.sections))
        .map(({ name, entries }) => ({
          profile: name,
          sourceProfile: entries.get('source_profile')?.value ?? 'default',
          roleArn: entries.get('role_arn')?.value,
          isInKeychain: entries.get('keys')?.value === 'keychain',
        })),
      sections: written.sections.map(({ name }) => name),
      namedSource,
    },
  };
}

async function orWrong(load: () => Promise<Settings>): Promise<Pick<Around, 'current' | 'wrong'>> {
  try {
    return { current: await load(), wrong: undefined };
  } catch (error) {
    if (error instanceof UserError) return { current: undefined, wrong: error.message };
    throw error;
  }
}

/**
 * Returns the values that apply to a profile, as they are written, if its source profile becomes the given one. `sourceProfile`
 * is the present one.
 */
export function valuesInForce(
  profile: string,
  sourceProfile: string,
  { text, written: { top, sections }, current, files }: Around,
): ValuesInForce {
  const entries = sections.find(({ name }) => name === profile)?.entries;
  if (text === undefined && sections.length === 0 && top.size === 0) return {};
  const value = (key: string) =>
    entries?.get(key)?.value ?? awsSetting(files, sourceProfile, key) ?? awsSetting(files, profile, key);
  return {
    sourceProfile: entries?.get('source_profile')?.value ?? 'default',
    roleArn: entries?.get('role_arn')?.value,
    keys: entries?.get('keys')?.value,
    serialNumber: value('mfa_serial'),
    durationSeconds: value('duration_seconds') ?? String(DURATION_SECONDS),
    promptBefore: current ? inUnits(current.promptBefore) : (top.get('prompt_before')?.value ?? inUnits(PROMPT_BEFORE)),
  };
}
