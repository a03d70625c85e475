import { plain } from '../plain.ts';
import { formatDuration } from '../time/duration.ts';
import { localTime } from '../time/local-time.ts';
import type { AskRequest } from './ask.ts';

/** The words of every prompt: plain text, one line each, without markup. Each way escapes what its medium needs. */

export const APPLICATION = 'aws-mfa-agent';

export const ENTER_CODE = 'Enter code';

export const ASK_WINDOW = 'AWS MFA code';

export const OK = 'OK';

export const CANCEL = 'Cancel';

export const SIX_DIGITS = 'Six digits';

export const SNOOZE = 15 * 60_000;

export const SNOOZE_LABEL = `Snooze ${SNOOZE / 60_000} min`;

/** What is asked, and how urgent it is: the first line of every prompt. */
export function askTitle({ profile, expiration, now }: AskRequest): string {
  const session = plain(`AWS session [${profile}]`);
  if (expiration === undefined) return `${session} needs a code`;
  const at = localTime(expiration, now);
  if (expiration <= now) return `${session} ended at ${at}`;
  return `${session} ends in ${formatDuration(expiration - now)}, at ${at}`;
}

/** Whose code is asked for: the second line. */
export function askDevice({ serialNumber }: AskRequest): string {
  const [, account, device] = /^arn:[^:]+:iam::(\d+):mfa\/(.+)$/.exec(serialNumber) ?? [];
  if (account && device) return plain(`MFA code of ${device} in account ${account}`);
  return plain(`MFA code of the device ${serialNumber}`);
}

/** Why the last code was not taken, if one was given. */
export function askProblem({ problem }: AskRequest): string | undefined {
  return problem === undefined ? undefined : plain(problem);
}

/** A whole prompt: in a window, whose title bar many desktops do not show. */
export function askLines(request: AskRequest): string[] {
  const problem = askProblem(request);
  return [...(problem === undefined ? [] : [problem, '']), askTitle(request), askDevice(request)];
}

/** The lines of a prompt that has its title apart from them. */
export function askBody(request: AskRequest): string[] {
  const problem = askProblem(request);
  return [...(problem === undefined ? [] : [problem]), askDevice(request)];
}

/** While `mfa_process` runs where nobody sees what it says. */
export function commandWaits(profile: string): string {
  return plain(`mfa_process of [${profile}] is waiting`);
}

/** In the prompt that stands in for it, and in the log. */
export function commandFailed(profile: string, reason: string): string {
  return plain(`mfa_process of [${profile}] failed (${reason}).`);
}

export const COMMAND_IS_SILENT = 'Touch your security key, or enter its password.';

export const notSixDigits = 'A code has six digits. Try again.';
