import type { KeyPair, PairLines } from '../credentials/pair.ts';
import { UserError } from '../errors.ts';
import { isSame, type KeyStore, refuseOther } from './key-store.ts';
import type { Keychain } from './keychain.ts';
import { keysFrom } from './long-term-keys.ts';
import * as texts from './texts.ts';

export interface KeychainStore extends KeyStore, Pick<Keychain, 'isOpen'> {
  /** Returns whether there is a pair, without reading it. If the keychain is locked, asks the user to unlock it. */
  holds(profile: string): Promise<boolean>;
  /** Returns what can be known without asking the user: the id of the key, if its label says it. See {@link Keychain.look}. */
  look(profile: string): Promise<{ accessKeyId: string | undefined; isLocked: boolean } | undefined>;
  /** Returns where the pair was in the credentials file, if it was there. */
  lines(profile: string): Promise<PairLines | undefined>;
}

/**
 * Keeps the long-term keys in a keychain, as the text that a `credential_process` prints. It also has what was around the keys
 * in the credentials file.
 */
export function inKeychain(keychain: Keychain): KeychainStore {
  const stored = async (profile: string) => {
    const text = await keychain.read(profile);
    if (!text) return undefined;
    const pair = keysFrom(text, profile, texts.item(profile));
    return { pair, lines: JSON.parse(text).Lines as PairLines | undefined };
  };
  /** Returns what is stored, unless that is another pair. What another program has put there, and is not a pair, is replaced. */
  const expected = async (profile: string, known: (KeyPair | undefined)[]) => {
    const found = await stored(profile).catch(() => undefined);
    refuseOther(found?.pair, [...known, undefined], profile, keychain.name);
    return found;
  };
  return {
    name: keychain.name,
    isOpen: () => keychain.isOpen(),
    read: async (profile) => (await stored(profile))?.pair,
    lines: async (profile) => (await stored(profile))?.lines,
    holds: (profile) => keychain.unlock(profile),
    look: async (profile) => {
      const found = await keychain.look(profile);
      return found && { accessKeyId: /\b\w{16,128}$/.exec(found.label ?? '')?.[0], isLocked: found.isLocked };
    },
    write: async (profile, pair, former, lines) => {
      const { accessKeyId, secretAccessKey } = pair;
      const found = await expected(profile, [former, pair]);
      const kept = lines ?? found?.lines;
      const isShort = kept && JSON.stringify(kept).length < MOST_LINES;
      const text = asciiJson({
        Version: 1,
        AccessKeyId: accessKeyId,
        SecretAccessKey: secretAccessKey,
        ...(isShort && { Lines: kept }),
      });
      await keychain.write(profile, texts.label(profile, accessKeyId), text);
      if (!isSame((await stored(profile))?.pair, pair)) throw new UserError(texts.notKept(keychain.name, profile));
      return undefined;
    },
    remove: async (profile, pair) => {
      await expected(profile, [pair]);
      await keychain.remove(profile);
      return undefined;
    },
  };
}

/** The longest form of the two lines that is kept, in characters: `security` reads lines of 4,095 bytes, in hexadecimal digits. */
const MOST_LINES = 1_000;

/** macOS prints a text with other characters in hexadecimal digits. */
function asciiJson(value: unknown): string {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
