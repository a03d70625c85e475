/** Why the question stands, for one profile on one device. Everything here may be shown; nothing is secret. */
export interface AskRequest {
  profile: string;
  /** The MFA device: an ARN (`arn:aws:iam::123456789012:mfa/alice`) or a hardware serial (`GAHT12345678`). */
  serialNumber: string;
  /** Milliseconds since the epoch; undefined when there is no session yet, or nothing says when it ends. */
  expiration: number | undefined;
  /** Milliseconds since the epoch at which this request was made. */
  now: number;
  /** Why the last code was not accepted; one line for a person. */
  problem?: string;
  /** 0 for the first time, then 1, 2, … for each reminder. */
  reminder: number;
  /** AWS has refused what a command gave: a person is to be asked. */
  byHand?: true;
}

export type Answer =
  /** Six digits, blanks already dropped. `automatic` when no person typed them. */
  | { kind: 'code'; code: string; automatic?: true }
  /** How long to leave the person alone, in milliseconds. */
  | { kind: 'snooze'; duration: number }
  /** The person closed the question, or a dialog ended by itself. */
  | { kind: 'dismissed' }
  /**
   * This way of asking failed: one line for a person, that says why. `problem` is what the person has to know of that when
   * asked in another way.
   */
  | { kind: 'unavailable'; reason: string; problem?: string };

/** What can happen to a question while it stands. */
export interface Asking {
  /** Aborted when the question is withdrawn: a way then removes what it shows, ends its children and settles. */
  signal: AbortSignal;
  /** Calls the listener with the new request when time has passed (a reminder, the expiry). Ways may ignore it. */
  onChange(listener: (request: AskRequest) => void): void;
  /**
   * The right to take the focus, that comes with the click that led here.
   * @see https://wayland.app/protocols/xdg-activation-v1
   */
  activationToken?: string | undefined;
  /**
   * One line on what came of the code, when the refresh is over; for a way that stays in sight after it has answered.
   * While it is pending, or where nobody tells it, the way may be asked again with a `problem`.
   */
  outcome?: Promise<string> | undefined;
}

/** Asks for one token code. Settles always, rejects never. */
export type Ask = (request: AskRequest, asking: Asking) => Promise<Answer>;

/** A way of asking. To add one is to add a file that exports one of these. */
export interface Way {
  /** As written in the `prompt` setting. */
  name: string;
  /** Why this way cannot work here and now (one line), or undefined when it can. */
  unfit(): Promise<string | undefined>;
  ask: Ask;
}

/** The six digits in what a person typed, blanks dropped, or undefined when it is something else. */
export function codeIn(text: string): string | undefined {
  const digits = text.replace(/\s/g, '');
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}
