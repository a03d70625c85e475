import { plain, shellWord } from '../plain.ts';
import { formatDuration, shortDuration } from '../time/duration.ts';
import { localTime } from '../time/local-time.ts';
import type { AskRequest } from './ask.ts';

/** The texts of every prompt: one line each, without markup. Each way escapes what its medium requires. */

export const APPLICATION = 'aws-mfa-agent';

export const ENTER_CODE = 'Enter code';

export const ENTER_MFA_CODE = 'Enter the code of your MFA device.';

export const OK = 'OK';

export const CANCEL = 'Cancel';

export const CLOSE = 'Close';

export const SIX_DIGITS = 'Six digits';

/** Returns the label of the Snooze button. */
export function snoozeLabel(until: number, now: number): string {
  return `Snooze until ${localTime(until, now)}`;
}

/** While AWS has a request and has not answered yet. */
export const CHECKING = 'Checking with AWS…';

/** Accessible names of the bars that show how much time is left. */
export const SESSION_LEFT = 'Time left in the session';
export const CODE_LEFT = 'Time until the next code';

/** `{seconds}`: until the MFA device shows another code. */
export const NEXT_CODE = 'Next code in {seconds} s';

/** Returns the title of a window that asks. */
export function askWindow({ profile }: AskRequest): string {
  return plain(`AWS MFA code: ${profile}`);
}

/** Returns the first line of every prompt: which session, and when it ends. It is true for as long as it is shown. */
export function askTitle(request: AskRequest): string {
  return titleWith(request, (at) => `ends at ${at}`);
}

/** Returns the first line of a prompt that updates it every minute: it says how much time is left as well. */
export function askCountdown(request: AskRequest): string {
  const left = (request.expiration ?? request.now) - request.now;
  return titleWith(request, (at) => `ends in ${formatDuration(left)}, at ${at}`);
}

function titleWith({ profile, expiration, maxAge, now }: AskRequest, ends: (at: string) => string): string {
  const session = plain(`AWS session [${profile}]`);
  if (expiration === undefined) return `${session} needs a code`;
  const at = localTime(expiration, now);
  if (maxAge !== undefined) {
    const limit = `max_age (${shortDuration(maxAge)})`;
    return expiration <= now ? `${session} is older than ${limit}` : `${session} reaches ${limit} at ${at}`;
  }
  return expiration <= now ? `${session} ended at ${at}` : `${session} ${ends(at)}`;
}

/** Returns the second line of every prompt: the MFA device. */
export function askDevice({ serialNumber }: AskRequest): string {
  const [, account, device] = /^arn:[^:]+:iam::(\d+):mfa\/(.+)$/.exec(serialNumber) ?? [];
  if (account && device) return plain(`MFA code of ${device} in account ${account}`);
  return plain(`MFA code of the device ${serialNumber}`);
}

/** Returns why the last code was not accepted, or undefined without one. */
export function askProblem({ problem }: AskRequest): string | undefined {
  return problem === undefined ? undefined : plain(problem);
}

/** Returns all lines of a prompt in a window. They repeat the title, since many desktops show no title bar. */
export function askLines(request: AskRequest): string[] {
  const problem = askProblem(request);
  return [...(problem === undefined ? [] : [problem, '']), askTitle(request), askDevice(request)];
}

/** Returns the lines of a prompt whose title is shown separately. */
export function askBody(request: AskRequest): string[] {
  const problem = askProblem(request);
  return [...(problem === undefined ? [] : [problem]), askDevice(request)];
}

/** Title of the notification while `mfa_process` waits without a terminal. */
export function commandWaits(profile: string): string {
  return plain(`mfa_process of [${profile}] is waiting`);
}

/** On a terminal, after a second. */
export function waitsForCommand(profile: string): string {
  return plain(`Waiting for mfa_process of [${profile}]…`);
}

/** For the prompt that is shown instead, and for the log. */
export function commandFailed(profile: string, reason: string): string {
  return plain(`mfa_process of [${profile}] failed (${reason}).`);
}

export const COMMAND_IS_SILENT = 'Touch your security key, or enter its password.';

/** Where nothing can open a code field. @param words the arguments of the command to run */
export function refreshCommand(words: readonly string[]): string {
  return plain(`To enter the code, run: aws-mfa-agent ${words.map(shellWord).join(' ')}`);
}

export const OPEN_TERMINAL = 'Open a terminal';

/** At the end of what a terminal shows that was opened for it. */
export const PRESS_RETURN = 'Press Return to close this window.';

export const OPENS_TERMINAL = `${APPLICATION} opens a terminal`;

export const NOT_SIX_DIGITS = 'A code has six digits. Try again.';
