import { type PairLines, withoutPair, withPair } from '../credentials/pair.ts';
import { UserError } from '../errors.ts';
import { readCredentials } from '../settings/settings.ts';
import { isSame, type KeyStore } from './key-store.ts';
import { pairIn } from './long-term-keys.ts';

export interface FileStore extends KeyStore {
  /** Rehearses a removal, without changing the file. @returns the two lines that a removal would remove */
  rehearseRemoval(profile: string): Promise<PairLines>;
}

/** Keeps the long-term keys in the credentials file: changes their two lines, and no other byte. */
export function inFile(file: string): FileStore {
  const read = (profile: string) => pairIn(readCredentials(file)?.entries(profile) ?? new Map(), profile, file);
  // Imported late: a command that only reads does not need it.
  const replacing = () => import('../files/replace.ts');
  return {
    name: file,
    read: async (profile) => read(profile),
    write: async (profile, pair, lines) => {
      // Throws if the profile holds a session, or half a pair.
      read(profile);
      const { changeCredentials } = await replacing();
      const lost = await changeCredentials(file, (bytes) => withPair(bytes, profile, pair, lines));
      if (!isSame(read(profile), pair))
        throw new UserError(`${file} has just been changed by another program: try again`);
      return lost;
    },
    remove: async (profile) => {
      if (!read(profile)) return undefined;
      return (await replacing()).changeCredentials(file, (bytes) => withoutPair(bytes, profile).bytes);
    },
    rehearseRemoval: async (profile) => {
      let removed: PairLines = [];
      await (await replacing()).rehearseChange(file, (bytes) => {
        const { bytes: rest, lines } = withoutPair(bytes, profile);
        removed = lines;
        return rest;
      });
      return removed;
    },
  };
}
