import { write } from './cli/output.ts';

/** An error that is told to a person as it stands, in one line. `status` is the exit status of a command that ends with it. */
export class UserError extends Error {
  override name = 'UserError';
  readonly status: 1 | 2 | 3;
  constructor(message: string, status: 1 | 2 | 3 = 1, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/**
 * The exit status of a command that ends with an error: 1 it failed; 2 usage or configuration error; 3 the session asked
 * about is not fresh. By what the error has, not by what it is: each file that ships by itself has a class of its own.
 */
export function statusOf(error: unknown): number {
  return (error as Partial<UserError>).status ?? 1;
}

/**
 * Says on standard error why a command failed.
 * @returns its exit status
 */
export function complain(error: unknown, debug = false): number {
  const shown = error instanceof Error ? (debug && error.stack) || error.message : String(error);
  write(2, `aws-mfa-agent: ${shown}\n`);
  return statusOf(error);
}
