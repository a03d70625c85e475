/**
 * The system's keychain, as a place for one text for each profile. Every method throws UserError that says what to do, and ends
 * within a limit.
 */
export interface Keychain {
  /** For messages. */
  readonly name: string;
  /** Returns whether it exists and is unlocked. Asks nobody. */
  isOpen(): Promise<boolean>;
  /**
   * Returns what is stored for a profile, without the text itself; undefined if there is nothing. Asks nobody.
   * @returns `label`: its name for people. `isLocked`: it cannot be read without unlocking; there may also be nothing then
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
