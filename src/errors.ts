/** The codes of errors, with the exit status of a command that ends with one (see "Exit status" in the README). */
const EXIT_STATUS = {
  failed: 1,
  /** Another process holds the lock. */
  locked: 1,
  /** The agent keeps another credentials file. */
  'other-file': 1,
  /** The content of the credentials file prevents reading or changing it. */
  'credentials-file': 1,
  /** The profile must not or cannot be written: its name, or long-term keys in it. */
  'target-profile': 2,
  /** A wrong option, argument or setting. */
  usage: 2,
  /** AWS does not know the MFA device, or the device is out of step. */
  'wrong-device': 1,
  /** There is no valid session. */
  'no-session': 3,
} as const;

type ErrorCode = keyof typeof EXIT_STATUS;

/** An error for the user: the message is one line that says what failed, for which profile, why, and what to do. */
export class UserError extends Error {
  override name = 'UserError';
  readonly code: ErrorCode;
  constructor(message: string, code: ErrorCode = 'failed', options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Returns the exit status of a command that ends with this error: 1 failed; 2 usage or settings; 3 no valid session. */
export function statusOf(error: unknown): number {
  return error instanceof UserError ? EXIT_STATUS[error.code] : 1;
}
