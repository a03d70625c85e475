import { statusOf } from '../errors.ts';
import { plain } from '../plain.ts';
import { write } from './output.ts';

/**
 * Writes to standard error why a command failed: one line, or with `debug` the stack trace. Names in the message come from files
 * that other users may write, so it has no control characters.
 * @returns the exit status
 */
export function complain(error: unknown, debug = false): number {
  const shown = error instanceof Error ? (debug && error.stack) || plain(error.message) : plain(String(error));
  write(2, `aws-mfa-agent: ${shown}\n`);
  return statusOf(error);
}
