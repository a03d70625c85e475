import { statusOf } from '../errors.ts';
import { say } from './output.ts';

/**
 * Writes to standard error why a command failed: one line, or with `debug` the stack trace.
 * @returns the exit status
 */
export function complain(error: unknown, debug = false): number {
  const line = (error instanceof Error ? error.message : String(error)).replaceAll('\n', ' ');
  say(`aws-mfa-agent: ${(debug && error instanceof Error && error.stack) || line}`);
  return statusOf(error);
}
