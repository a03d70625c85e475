import type { KeyPair, PairLines } from '../credentials/pair.ts';

/** A place for the long-term keys of source profiles. Every method throws UserError, and ends within a limit. */
export interface KeyStore {
  /** For messages: the path of the file, or the name of the keychain. */
  readonly name: string;
  /** Returns the pair of a profile; undefined if it has none here. */
  read(profile: string): Promise<KeyPair | undefined>;
  /**
   * Stores the pair of a profile, in the place of its former one, in one step: at every moment, one of the two is stored.
   * @param lines where the pair was in the credentials file
   * @returns a sentence for the user if other users lose access to the file
   */
  write(profile: string, pair: KeyPair, lines?: PairLines): Promise<string | undefined>;
  /**
   * Removes the pair of a profile, if it has one.
   * @returns see {@link write}
   */
  remove(profile: string): Promise<string | undefined>;
}

/** Returns whether two pairs are the same. */
export function isSame(one: KeyPair | undefined, other: KeyPair | undefined): boolean {
  return one?.accessKeyId === other?.accessKeyId && one?.secretAccessKey === other?.secretAccessKey;
}
