import { withoutPair, withPair } from '../credentials/pair.ts';
import { UserError } from '../errors.ts';
import { readCredentials } from '../settings/settings.ts';
import { isSame, type KeyStore } from './key-store.ts';
import { pairIn } from './long-term-keys.ts';

/** Keeps the long-term keys in the credentials file: changes their two lines, and no other byte. */
export function inFile(file: string): KeyStore {
  const read = (profile: string) => pairIn(readCredentials(file)?.entries(profile) ?? new Map(), profile, file);
  const change = async (edit: (bytes: Buffer) => Buffer) =>
    // Imported late: a command that only reads does not need it.
    (await import('../files/replace.ts')).changeCredentials(file, edit);
  return {
    name: file,
    read: async (profile) => read(profile),
    write: async (profile, pair, lines) => {
      // Throws if the profile holds a session, or half a pair.
      read(profile);
      const lost = await change((bytes) => withPair(bytes, profile, pair, lines));
      if (!isSame(read(profile), pair))
        throw new UserError(`${file} has just been changed by another program: try again`);
      return lost;
    },
    remove: async (profile) => read(profile) && change((bytes) => withoutPair(bytes, profile).bytes),
  };
}
