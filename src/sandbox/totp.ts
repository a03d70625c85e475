import { createHmac } from 'node:crypto';

/** An MFA device that shows a code. */
export interface Authenticator {
  /** @param atMs milliseconds since the epoch */
  code(atMs: number): string;
}

/**
 * Returns an MFA device with a secret. It has no clock: the caller passes the time.
 * @param stepSeconds how long a code is shown; AWS's virtual devices use 30
 */
export function authenticator(secret: Buffer, stepSeconds = 30): Authenticator {
  return { code: (atMs) => totp(secret, atMs, stepSeconds) };
}

/**
 * Returns the six-digit time-based code of RFC 6238, with HMAC-SHA-1 like AWS's virtual devices.
 * @param atMs milliseconds since the epoch
 * @see https://www.rfc-editor.org/rfc/rfc6238#section-4 and, for the truncation, RFC 4226 section 5.3
 */
export function totp(secret: Buffer, atMs: number, stepSeconds = 30): string {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(stepAt(atMs, stepSeconds)));
  const digest = createHmac('sha1', secret).update(counter).digest();
  const offset = digest.readUInt8(digest.length - 1) & 0x0f;
  const number = digest.readUInt32BE(offset) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** Returns the number of the time step that contains an instant: RFC 6238's T, with T0 = 0. */
export function stepAt(atMs: number, stepSeconds: number): number {
  return Math.floor(atMs / (stepSeconds * 1000));
}
