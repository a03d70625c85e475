/** What the user reads about the keychain. */

export const KEYCHAIN = 'the keychain';

export const NEW_COLLECTION = 'Default keyring';

/** @param detail why the Secret Service cannot be used */
export function noKeychain(detail: string): string {
  return `no keychain (${detail}): install gnome-keyring, or turn on the Secret Service in KWallet or KeePassXC; without a desktop, keep the keys in the credentials file (keys = file) or use a credential_process`;
}

export const LOCKED_WITHOUT_DESKTOP =
  'the keychain is locked, and there is no desktop here that could ask for its password: log in to the desktop or unlock it there';

export const NOT_UNLOCKED = 'the keychain is locked: its password was not entered';

export const NOT_UNLOCKED_IN_TIME = 'the keychain is locked: nobody entered its password within 2 minutes';

export function label(profile: string, accessKeyId: string): string {
  return `AWS keys of [${profile}]: ${accessKeyId}`;
}

export function item(profile: string): string {
  return `the item of [${profile}] in the keychain`;
}

export function notKept(name: string, profile: string): string {
  return `${name} did not keep the keys of [${profile}]: nothing else was changed`;
}

/** @param detail how `security` ended */
export function noMacosKeychain(detail: string): string {
  return `the keychain cannot be used (/usr/bin/security: ${detail}): run "security unlock-keychain", or keep the keys in the credentials file (keys = file)`;
}
