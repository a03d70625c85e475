import { UserError } from '../errors.ts';
import type { KeychainStore } from '../keys/in-keychain.ts';
import { isInConfig, refuseInConfig } from '../keys/list.ts';
import { KEYCHAIN } from '../keys/texts.ts';
import type { KeyPlace } from '../settings/forms.ts';
import { readCredentials, type Settings } from '../settings/settings.ts';
import { type Files, sourcesIn } from './found.ts';
import type { Questions } from './questions.ts';
import { withKeyPlace } from './settings-text.ts';
import * as texts from './texts.ts';

/** Returns where the long-term keys of a source profile are, by the settings before the setup. */
export function presentPlace({ settings }: Files, source: string): KeyPlace {
  return settings.some((one) => one.sourceProfile === source && one.isInKeychain) ? 'keychain' : 'file';
}

/**
 * Returns `config.ini` with the place of `--keys file`.
 * @throws UserError (`usage`) if the keys are only in the keychain
 */
export function withKeysInFile(text: string, source: string, settings: Settings, files: Files): string {
  const users = settings.profiles.filter((one) => one.sourceProfile === source && one.keys);
  if (users.length === 0) return text;
  const withoutKeychain = sourcesIn({ ...files, settings: [], namedSource: source });
  if (!withoutKeychain.some(({ profile }) => profile === source)) {
    throw new UserError(texts.onlyInKeychain(source), 'usage');
  }
  const names = users.map(({ profile }) => profile);
  return withKeyPlace(text, names, 'file', settings.files);
}

/**
 * Returns whether the long-term keys move to the keychain when everything else is done. Asks the user if there is a keychain and
 * no option answers.
 * @param confirm says what else uses the keys, and asks whether to move them
 * @throws UserError if `--keys keychain` cannot be followed
 */
export async function movesKeys(
  source: string,
  settings: Settings,
  {
    questions,
    keychain,
    confirm,
  }: {
    questions: Questions;
    keychain: Pick<KeychainStore, 'isOpen' | 'holds'>;
    confirm(): Promise<boolean>;
  },
  { keys, yes }: { keys?: KeyPlace; yes?: boolean },
): Promise<boolean> {
  const { files, profiles } = settings;
  const isInFile = readCredentials(files.credentials)?.entries(source).has('aws_access_key_id') ?? false;
  const isKept = profiles.some((one) => one.sourceProfile === source && one.keys);
  if (keys === 'keychain') {
    refuseInConfig(source, files);
    if (!isInFile && isKept) return false;
    if (!isInFile) throw new UserError(texts.notInFile(source, files.credentials), 'usage');
    // A locked one is unlocked now, before a code is used.
    await keychain.holds(source);
    return true;
  }
  if (!isInFile || isKept || keys === 'file' || yes || !questions.person || isInConfig(source, files)) return false;
  if (!(await keychain.isOpen().catch(() => false))) return false;
  const choices = [
    { value: 'file', label: files.credentials, hint: texts.FILE_HINT },
    { value: 'keychain', label: KEYCHAIN, hint: texts.KEYCHAIN_HINT },
  ];
  const place = await questions.choose({ option: '--keys', message: texts.WHICH_PLACE, choices, initial: 'file' });
  return place === 'keychain' && (await confirm());
}
