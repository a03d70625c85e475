import type { MfaSession } from '../session/session.ts';

/**
 * What AWS's refusals mean, told apart as section "AWS's answers" of the design does.
 * `detail` is AWS's own message (or the network's) with every secret taken out.
 */
export type AwsFailure =
  | { kind: 'wrong-code' }
  | { kind: 'wrong-serial' }
  | { kind: 'session-keys' }
  | { kind: 'forbidden'; detail: string }
  | { kind: 'bad-keys'; code: 'InvalidClientTokenId' | 'SignatureDoesNotMatch' }
  | { kind: 'expired' }
  | { kind: 'clock' }
  | { kind: 'invalid-request'; detail: string }
  | { kind: 'busy'; detail: string }
  /** `sent` is false only when the request surely never left: then, and only then, the same code may be used again. */
  /** `unresolved`: the name of the host does not exist, so that another try would fail as well. */
  | { kind: 'unreachable'; detail: string; sent: boolean; unresolved?: true }
  | { kind: 'not-sts'; detail: string };

/** What a refresh came to. */
export type RefreshOutcome =
  | { kind: 'refreshed'; session: MfaSession }
  /** STS gave the session, the disk did not take it: the caller must keep it and try again. */
  | { kind: 'unsaved'; session: MfaSession; reason: string }
  /** Until when the user does not want to be asked, in milliseconds since the epoch. */
  | { kind: 'snoozed'; until: number }
  | { kind: 'dismissed' }
  | { kind: 'withdrawn' }
  | { kind: 'unaskable'; reason: string }
  | { kind: 'no-keys'; reason: string }
  | { kind: 'refused'; failure: AwsFailure; message: string };
