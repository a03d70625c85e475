/** What the agent asks for: a code for one profile on one device. Everything in it may be shown; nothing is secret. */
export interface AskRequest {
  profile: string;
  /** The MFA device: an ARN (`arn:aws:iam::123456789012:mfa/alice`) or a hardware serial (`GAHT12345678`). */
  serialNumber: string;
  /** When the session ends, in milliseconds since the epoch; undefined without a session, or if its end is unknown. */
  expiration: number | undefined;
  /** Set when `expiration` is not AWS's end of the session but this setting's: how old it may become, in milliseconds. */
  maxAge?: number;
  /** When AWS ends the session, if `expiration` is not that. */
  awsEnd?: number | undefined;
  /** When this request was made, in milliseconds since the epoch. */
  now: number;
  /** Why the last code was not accepted: one line for the user. */
  problem?: string;
  /** 0 for the first prompt, then 1, 2, … for each reminder. */
  reminder: number;
  /**
   * The Snooze button at `now`: until when it postpones the prompt, in milliseconds since the epoch, and its label, which says so.
   */
  snooze: { until: number; label: string };
  /** Set when AWS has refused a code that a command printed: the user must type the next one. */
  byHand?: true;
}

export type Answer =
  /** Six digits without blanks. `automatic`: printed by a command, not typed. */
  | { kind: 'code'; code: string; automatic?: true }
  /** The user postpones the prompt: `snooze.until` of the request that was shown. */
  | { kind: 'snooze'; until: number }
  /** The user closed the prompt, or the agent did. */
  | { kind: 'dismissed' }
  /**
   * This way cannot ask. `reason` is one line for the user; `summary` is a short one for `status`, with the remedy; `problem`
   * is shown in the prompt of the next way.
   */
  | { kind: 'unavailable'; reason: string; summary?: string; problem?: string };

/** What connects a prompt with the agent while it is shown. */
export interface Asking {
  /** Aborted when the code is no longer needed: the way then closes its prompt, ends its children and resolves. */
  signal: AbortSignal;
  /** Calls the listener with a new request at each reminder and at the session's end. A way may ignore it. */
  onChange(listener: (request: AskRequest) => void): void;
  /** Called when the code field appears, by a way that may open it much later than it was asked. */
  onOpen?: (() => void) | undefined;
  /**
   * The desktop's permission to take the focus, which came with the click that opened this prompt.
   * @see https://wayland.app/protocols/xdg-activation-v1
   */
  activationToken?: string | undefined;
  /** Whether a click of the user opened this prompt. If not, it opens by itself. */
  isClicked?: boolean;
  /**
   * Resolves with the result of the code when the refresh is over, for a way that stays visible after the answer.
   * Until then, or if it is undefined, the same way may be asked again with a `problem`.
   */
  outcome?: Promise<CodeResult> | undefined;
  /**
   * Called by a way that has no place of its own for the result of a code, when the user has typed one, or has closed that
   * place before AWS answered.
   * @param place where the user looks
   */
  needsResult?: ((place: 'desktop' | 'terminal') => void) | undefined;
}

/**
 * The result of a code, in one line. `fresh`: the profile has a new session. `failed`: it has none, or it is not on disk.
 * `over`: the code is no longer needed.
 */
export interface CodeResult {
  kind: 'fresh' | 'failed' | 'over';
  text: string;
  /** Whether the agent also shows the text in a notification that stays. */
  isNoticed?: boolean;
}

/** Asks for one code. Always resolves. */
export type Ask = (request: AskRequest, asking: Asking) => Promise<Answer>;

/** A way of asking: one file each, listed in `choose.ts`. */
export interface Way {
  /** Its name in the `prompt` setting. */
  name: string;
  /** Returns why this way cannot work now (one line), or undefined if it can. */
  unfit(): Promise<string | undefined>;
  /** Returns whether its open prompt shows what `Asking.onChange` brings. Other code fields are closed and opened again. */
  showsChanges?(): boolean;
  /** Whether it waits by itself while another prompt that opened by itself is on the screen. */
  takesTurns?: true;
  ask: Ask;
}

/**
 * Returns the six digits in a typed or pasted text, or undefined if it is not a code. Digits may be full-width. Blanks, dashes and
 * characters that are not seen are dropped.
 */
export function codeIn(text: string): string | undefined {
  const digits = text.normalize('NFKC').replace(new RegExp(UNWANTED, 'gu'), '');
  return /^[0-9]{6}$/.test(digits) ? digits : undefined;
}

/** A string, not a regex literal: V8 would compile the literal at every start of a command. */
const UNWANTED = String.raw`[\s\p{Pd}\p{Cf}\u2212]`;
