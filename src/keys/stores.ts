import type { KeyPlace } from '../settings/forms.ts';
import type { Paths } from '../settings/paths.ts';
import { inFile } from './in-file.ts';
import { inKeychain, type KeychainStore } from './in-keychain.ts';
import type { KeyStore } from './key-store.ts';
import { macosKeychain } from './macos-keychain.ts';
import { secretService } from './secret-service.ts';

/** Returns where the long-term keys of source profiles are kept. */
export function keyStore(place: KeyPlace, files: Pick<Paths, 'credentials'>): KeyStore {
  return place === 'file' ? inFile(files.credentials) : keychain();
}

/** Returns the keychain of this system. */
export function keychain(environment: NodeJS.ProcessEnv = process.env): KeychainStore {
  return inKeychain(process.platform === 'darwin' ? macosKeychain(environment) : secretService(environment));
}
