import type { KeyPair, PairLines } from '../credentials/pair.ts';
import { UserError } from '../errors.ts';
import type { KeyPlace } from '../settings/forms.ts';
import type { FileStore } from './in-file.ts';
import type { KeychainStore } from './in-keychain.ts';
import { isSame, refuseOther } from './key-store.ts';
import * as texts from './texts.ts';

/** What moving the long-term keys of a profile needs from the world around it. */
export interface MoveEffects {
  file: FileStore;
  keychain: KeychainStore;
  /** Asks the user to type a pair that is in no file. Throws UserError if there is no terminal. */
  typed(): Promise<KeyPair>;
  /** Waits until AWS accepts a pair. Throws UserError if it does not. */
  accepted(pair: KeyPair, isNew: boolean): Promise<void>;
  /** Asks the user before lines are removed from the file. Throws UserError if the answer is no. */
  confirm(): Promise<void>;
  /** Writes into `config.ini` where the keys are from now on. */
  decide(place: KeyPlace): Promise<void>;
  say(line: string): void;
}

/**
 * Moves the keys of a profile from the credentials file, or from the keyboard, into the keychain. At every moment, at least one
 * place has them. Repeated after an interruption, it finishes the work.
 * @param options `keepFile`: change neither the credentials file nor the settings; `force`: replace another pair in the keychain
 * @throws UserError; then the keychain is as it was before
 */
export async function storeKeys(
  profile: string,
  effects: MoveEffects,
  { keepFile, force }: { keepFile: boolean; force: boolean },
): Promise<void> {
  const { file, keychain, say } = effects;
  const inFile = await file.read(profile);
  const former = await keychain.read(profile);
  const lines = inFile && (await file.rehearseRemoval(profile));
  if (inFile && former && !isSame(inFile, former) && !force) {
    throw new UserError(texts.anotherInKeychain(profile, former.accessKeyId, inFile.accessKeyId), 'usage');
  }
  if (inFile && !keepFile) {
    await effects.confirm();
    // The user may take an hour to answer.
    refuseOther(await file.read(profile), [inFile], profile, file.name);
  }
  const pair = inFile ?? (former && !force ? former : await effects.typed());
  await keep(profile, pair, former, lines, effects);
  say(texts.stored(profile, pair.accessKeyId, keychain.name));
  if (keepFile) return say(texts.fileKept(profile, file.name));
  await effects.decide('keychain');
  if (!inFile) return;
  say(texts.removing(profile, file.name));
  const lost = await file.remove(profile, inFile);
  if (lost !== undefined) say(lost);
}

/** Writes a pair into the keychain, reads it back, and waits until AWS accepts it. If anything fails, restores what was there. */
async function keep(
  profile: string,
  pair: KeyPair,
  former: KeyPair | undefined,
  lines: PairLines | undefined,
  { keychain, accepted }: MoveEffects,
): Promise<void> {
  const isThere = isSame(former, pair);
  try {
    if (!isThere || lines) await keychain.write(profile, pair, former, lines);
    const back = await keychain.read(profile);
    if (!back || !isSame(back, pair)) throw new UserError(texts.notKept(keychain.name, profile));
    await accepted(back, lines === undefined && !isThere);
  } catch (error) {
    if (!isThere) await (former ? keychain.write(profile, former, pair) : keychain.remove(profile, pair));
    throw error;
  }
}

/**
 * Moves the keys of a profile from the keychain back into the credentials file, in the way of {@link storeKeys}.
 * @param options `force`: replace another pair in the file
 */
export async function restoreKeys(
  profile: string,
  { file, keychain, decide, say }: Omit<MoveEffects, 'typed' | 'accepted' | 'confirm'>,
  { force }: { force: boolean },
): Promise<void> {
  const inFile = await file.read(profile);
  const pair = await keychain.read(profile);
  if (!pair && !inFile) throw new UserError(texts.nowhere(profile, keychain.name, file.name), 'usage');
  if (pair && inFile && !isSame(inFile, pair) && !force) {
    throw new UserError(texts.anotherInFile(profile, file.name, inFile.accessKeyId, pair.accessKeyId), 'usage');
  }
  if (pair && !isSame(inFile, pair)) {
    const lost = await file.write(profile, pair, inFile, await keychain.lines(profile));
    if (lost !== undefined) say(lost);
  }
  if (pair) refuseOther(await file.read(profile), [pair], profile, file.name);
  await decide('file');
  if (pair) await keychain.remove(profile, pair);
  say(texts.restored(profile, file.name));
}
