import { withSession } from '../credentials/edit.ts';
import type { KeychainStore } from '../keys/in-keychain.ts';
import { longTermKeys } from '../keys/long-term-keys.ts';
import type { MfaSession } from '../session/session.ts';
import { ownKeyIds } from '../session/state.ts';
import type { Settings } from '../settings/settings.ts';

/** As long as a session of AWS. Never written. */
export const MADE_UP: MfaSession = {
  accessKeyId: `ASIA${'X'.repeat(16)}`,
  secretAccessKey: 'x'.repeat(40),
  sessionToken: 'x'.repeat(1_000),
  expiration: Date.UTC(2100, 0, 1),
};

/** What a `credential_process` could print. Running the real one could ask the user for something. */
const MADE_UP_KEYS = JSON.stringify({ Version: 1, AccessKeyId: 'AKIA', SecretAccessKey: 'x' });

/** How long to wait for another program's lock, in milliseconds. A program that writes the file has it for some of them. */
const LOCK_LIMIT = 5_000;

/**
 * Does everything of a refresh that needs no code: edits the credentials file in memory with a made-up session, locks it,
 * writes a temporary file of that size beside it, and looks whether that could replace it. A code that is spent on a failure
 * which could have been foreseen is lost.
 * @param options `force` also accepts a profile with long-term keys
 * @throws UserError that says what is in the way
 */
export async function rehearseSave(
  files: Settings['files'],
  profile: string,
  options: { force?: boolean } = {},
): Promise<void> {
  const { rehearseChange } = await import('../files/replace.ts');
  const own = ownKeyIds(files)(profile);
  const change = (bytes: Buffer) => withSession(bytes, profile, MADE_UP, { own, ...options });
  await rehearseChange(files.credentials, change, { timeout: LOCK_LIMIT });
}

/**
 * Looks whether a source profile has long-term keys, without running its `credential_process` or reading them from the keychain.
 * If that is locked, the user is asked to unlock it.
 * @throws UserError if it has none, or holds a session
 */
export async function requireKeys(
  files: Settings['files'],
  sourceProfile: string,
  keychain?: KeychainStore,
): Promise<void> {
  const isThere = keychain && {
    name: keychain.name,
    read: async (profile: string) => ((await keychain.holds(profile)) ? MADE_UP : undefined),
  };
  await longTermKeys(files, sourceProfile, async () => MADE_UP_KEYS, isThere);
}
