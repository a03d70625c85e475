import type { KeyPair, PairLines } from '../credentials/pair.ts';
import { UserError } from '../errors.ts';
import * as texts from './texts.ts';

/** A place for the long-term keys of source profiles. Every method throws UserError, and ends within a limit. */
export interface KeyStore {
  /** For messages: the path of the file, or the name of the keychain. */
  readonly name: string;
  /** Returns the pair of a profile; undefined if it has none here. */
  read(profile: string): Promise<KeyPair | undefined>;
  /**
   * Stores the pair of a profile, in the place of its former one, in one step: at every moment, one of the two is stored.
   * @param former the pair that was read here; undefined if there was none
   * @param lines where the pair was in the credentials file
   * @returns a sentence for the user if other users lose access to the file
   * @throws UserError if another program has stored another pair since
   */
  write(profile: string, pair: KeyPair, former: KeyPair | undefined, lines?: PairLines): Promise<string | undefined>;
  /**
   * Removes the pair of a profile, if it is still there.
   * @returns see {@link write}
   * @throws UserError if another program has stored another pair
   */
  remove(profile: string, pair: KeyPair): Promise<string | undefined>;
}

/** Returns whether two pairs are the same. */
export function isSame(one: KeyPair | undefined, other: KeyPair | undefined): boolean {
  return one?.accessKeyId === other?.accessKeyId && one?.secretAccessKey === other?.secretAccessKey;
}

/**
 * Makes sure that a change loses no pair: it may be the only copy.
 * @param found the pair of the profile that is stored now
 * @param known the pairs that the change may replace or remove
 * @throws UserError if another program has stored another one
 */
export function refuseOther(
  found: KeyPair | undefined,
  known: readonly (KeyPair | undefined)[],
  profile: string,
  place: string,
): void {
  if (!known.some((one) => isSame(found, one))) throw new UserError(texts.changedMeanwhile(profile, place));
}
