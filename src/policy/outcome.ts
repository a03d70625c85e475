import type { MfaSession } from '../session/session.ts';

/**
 * What AWS's refusals mean: see `failureOf` in aws/failure.ts. `detail` is the message of AWS or of the network, without
 * secrets.
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
  /** `sent` is false only if the request certainly was not sent: then, and only then, the same code may be used again. */
  /** `unresolved`: the host name does not resolve: it is wrong, or there is no way to a name server. */
  /** `untrusted`: the certificate of the server is not trusted, usually because a proxy decrypts TLS. */
  /** `answered`: something answered that is not AWS. */
  | { kind: 'unreachable'; detail: string; sent: boolean; unresolved?: true; untrusted?: true; answered?: true }
  /** Any other error code of AWS. */
  | { kind: 'refused'; code: string; detail: string }
  /** The answer has the form of AWS's, but not the content. */
  | { kind: 'not-sts'; detail: string };

/** The outcome of a refresh. */
export type RefreshOutcome =
  /** `lost`: a sentence for the user if other users lose access to the credentials file. */
  | { kind: 'refreshed'; session: MfaSession; lost?: string }
  /** STS gave the session, but it could not be written: the caller must keep it and try again. */
  | { kind: 'unsaved'; session: MfaSession; reason: string }
  /** The user has snoozed the prompt. `until`: milliseconds since the epoch. */
  | { kind: 'snoozed'; until: number }
  | { kind: 'dismissed' }
  | { kind: 'withdrawn' }
  /** `summary`: the remedy in a few words, if no way of asking works. */
  | { kind: 'unaskable'; reason: string; summary?: string | undefined }
  /** The session could not have been written, so no code was asked for. */
  | { kind: 'unwritable'; reason: string }
  | { kind: 'no-keys'; reason: string }
  /** `reason` is AWS's answer. `message` is a whole line, which also says what to do. */
  | { kind: 'refused'; failure: AwsFailure; reason: string; message: string };
