import type { KeyPair } from '../credentials/pair.ts';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import type { Paths } from '../settings/paths.ts';
import { readCredentials } from '../settings/settings.ts';
import type { KeychainStore } from './in-keychain.ts';
import { pairIn } from './long-term-keys.ts';
import * as texts from './texts.ts';

/** Returns whether `~/.aws/config` has keys of a profile, which the agent would still find when those of the credentials file are moved. */
export function isInConfig(profile: string, { config }: Pick<Paths, 'config'>): boolean {
  return readAwsConfig(readIfPresent(config)).entries(profile).has('aws_access_key_id');
}

/** @throws UserError see {@link isInConfig} */
export function refuseInConfig(profile: string, files: Pick<Paths, 'credentials' | 'config'>): void {
  if (isInConfig(profile, files)) throw new UserError(texts.inConfig(profile, files), 'usage');
}

/** Where the long-term keys of a source profile are. */
export interface ListedKeys {
  /** The places that have keys, and the id of each if it is known; the problems of places that cannot be looked at. */
  places: { place: string; accessKeyId?: string | undefined; problem?: string }[];
  /** The pair, if it is in a file. */
  pair: KeyPair | undefined;
}

/**
 * Looks where the long-term keys of a source profile are. Runs no `credential_process`, reads nothing from the keychain, and
 * shows no dialog.
 * @param isRequired whether the settings say that they are in the keychain
 */
export async function listedKeys(
  profile: string,
  files: Pick<Paths, 'credentials' | 'config'>,
  isRequired: boolean,
  keychain: KeychainStore,
): Promise<ListedKeys> {
  const places: ListedKeys['places'] = [];
  let pair: KeyPair | undefined;
  const inCredentials = readCredentials(files.credentials)?.entries(profile) ?? new Map();
  const inConfig = readAwsConfig(readIfPresent(files.config)).entries(profile);
  for (const [entries, file] of [
    [inCredentials, files.credentials],
    [inConfig, files.config],
  ] as const) {
    try {
      const found = pairIn(entries, profile, file);
      if (found) places.push({ place: file, accessKeyId: found.accessKeyId });
      pair ??= found;
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      places.push({ place: file, problem: error.message });
    }
  }
  if (inCredentials.has('credential_process') || inConfig.has('credential_process')) {
    places.push({ place: texts.CREDENTIAL_PROCESS });
  }
  try {
    const found = await keychain.look(profile);
    if (found?.accessKeyId !== undefined) places.push({ place: keychain.name, accessKeyId: found.accessKeyId });
    else if (found && !found.isLocked) places.push({ place: keychain.name });
    else if (isRequired) places.push({ place: keychain.name, problem: found ? texts.LOCKED_NOW : texts.NOT_THERE });
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    // Without a keychain, the keys may still be in the file.
    if (isRequired) places.push({ place: keychain.name, problem: error.message });
  }
  return { places, pair };
}
