import { UserError } from '../errors.ts';
import type { KeyPlace } from '../settings/forms.ts';
import type { Paths } from '../settings/paths.ts';
import { inFile } from './in-file.ts';
import type { KeyStore } from './key-store.ts';

/** Returns where the long-term keys of source profiles are kept. */
export function keyStore(place: KeyPlace, files: Pick<Paths, 'credentials'>): KeyStore {
  switch (place) {
    case 'file':
      return inFile(files.credentials);
    case 'keychain':
      throw new UserError('there is no keychain on this system');
  }
}
