/**
 * The system's keychain, as a place for one text for each profile. Every method throws UserError that says what to do, and ends
 * within a limit.
 */
export interface Keychain {
  /** For messages. */
  readonly name: string;
  /** Returns whether it exists and is unlocked. Shows no dialog. */
  isOpen(): Promise<boolean>;
  /**
   * Looks what is stored for a profile, without reading it. Shows no dialog.
   * @returns undefined if nothing is stored. `label`: the name of the item in the keychain's own program. `isLocked`: the item
   *   cannot be read without unlocking; then it may also be missing
   */
  look(profile: string): Promise<{ label: string | undefined; isLocked: boolean } | undefined>;
  /** Returns whether something is stored for a profile. If the keychain is locked, asks the user at the desktop to unlock it. */
  unlock(profile: string): Promise<boolean>;
  /** Returns the text that is stored for a profile; undefined if there is none. Unlocks the keychain. */
  read(profile: string): Promise<string | undefined>;
  /** Stores a text in the place of the former one, in one step. Unlocks the keychain. */
  write(profile: string, label: string, text: string): Promise<void>;
  /** Removes what is stored for a profile. */
  remove(profile: string): Promise<void>;
}

/** The name of our items for other programs. */
export const SERVICE = 'aws-mfa-agent';
