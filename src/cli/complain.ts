import { statusOf } from '../errors.ts';
import { write } from './output.ts';

/**
 * Writes to standard error why a command failed: one line, or with `debug` the stack trace.
 * @returns the exit status
 */
export function complain(error: unknown, debug = false): number {
  const shown = error instanceof Error ? (debug && error.stack) || error.message : String(error);
  write(2, `aws-mfa-agent: ${shown}\n`);
  return statusOf(error);
}
