import { parseCredentials } from '../credentials/document.ts';
import { type KeyPair, type PairLines, withoutPair, withPair } from '../credentials/pair.ts';
import { readCredentials } from '../settings/settings.ts';
import { type KeyStore, refuseOther } from './key-store.ts';
import { pairIn } from './long-term-keys.ts';

export interface FileStore extends KeyStore {
  /** Rehearses a removal, without changing the file. @returns the two lines that a removal would remove */
  rehearseRemoval(profile: string): Promise<PairLines>;
}

/** Keeps the long-term keys in the credentials file: changes their two lines, and no other byte. */
export function inFile(file: string): FileStore {
  const read = (profile: string) => pairIn(readCredentials(file)?.entries(profile) ?? new Map(), profile, file);
  /** Returns the pair in the bytes that are about to be changed. */
  const expected = (bytes: Buffer, profile: string, known: (KeyPair | undefined)[]) => {
    const found = pairIn(parseCredentials(bytes).entries(profile), profile, file);
    refuseOther(found, known, profile, file);
    return found;
  };
  // Imported late: a command that only reads does not need it.
  const replacing = () => import('../files/replace.ts');
  return {
    name: file,
    read: async (profile) => read(profile),
    write: async (profile, pair, former, lines) => {
      const { changeCredentials } = await replacing();
      const lost = await changeCredentials(file, (bytes) => {
        expected(bytes, profile, [former, pair]);
        return withPair(bytes, profile, pair, lines);
      });
      refuseOther(read(profile), [pair], profile, file);
      return lost;
    },
    remove: async (profile, pair) =>
      (await replacing()).changeCredentials(file, (bytes) =>
        expected(bytes, profile, [pair, undefined]) ? withoutPair(bytes, profile).bytes : bytes,
      ),
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
