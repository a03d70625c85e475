/**
 * Every text that a person sees in a prompt, a notification, a refusal or a status, in AWS's own words and the design's.
 * Texts are plain: no markup, one line each, no control characters; whoever shows them escapes what its medium needs.
 */

import type { ProfileStatus } from './agent/kept-profile.ts';
import type { AskRequest } from './ask/ask.ts';
import type { StsFailure } from './aws/sts.ts';
import type { Standing } from './policy/plan.ts';
import type { SessionState } from './session/session.ts';
import { formatDuration } from './time/duration.ts';
import { localDay, two } from './time/instant.ts';

/** The name under which notifications come. */
export const APPLICATION = 'aws-mfa-agent';

export const ENTER_CODE = 'Enter code';
export const ASK_WINDOW = 'AWS MFA code';
export const OK = 'OK';
export const CANCEL = 'Cancel';
export const SIX_DIGITS = 'Six digits';

/** What "Snooze" means wherever it is offered, in milliseconds. */
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

/** The page that stands in for a window says these; the rest are the words of every prompt. */
export const PAGE_TIME_LEFT = 'Time left';
export const PAGE_GIVEN = 'The agent has the code. If AWS refuses it, you can try again here.';
export const PAGE_DONE = 'The agent has the code.';
export const PAGE_SNOOZED = `No question for ${SNOOZE / 60_000} minutes.`;
export const PAGE_OVER = 'No code is needed here any more.';
export const PAGE_CLOSE = 'You can close this page.';
export const PAGE_NO_SCRIPT =
  'This browser runs no script here: press OK, and load the page again to see what AWS says.';
export const PAGE_NOT_FOUND = 'Nothing here. A link of aws-mfa-agent works once, and only while it asks for a code.';

export function pageFoot(host: string): string {
  return `${APPLICATION} on ${plain(host)}. The code goes to AWS and nowhere else.`;
}

/** Where to answer, when no browser could be opened: on one line, for the log. */
export function pageLink(request: AskRequest, link: string): string {
  return `${askTitle(request)}: enter the code at ${link}`;
}

/** What the service manager calls the browser that it starts for us. */
export const OPENS_BROWSER = `${APPLICATION} opens its page in the browser`;

/** Why a question would not be seen just now. */
export const SCREEN_LOCKED = 'screen locked';
export const SCREEN_SAVER_ON = 'screen saver on';
export const NOBODY_THERE = 'nobody at the keyboard';
export const NO_NETWORK = 'no network';
export const OTHER_SESSION = 'another session is on the screen';

/** While `mfa_process` runs where nobody sees what it says. */
export function commandWaits(profile: string): string {
  return plain(`mfa_process of [${profile}] is waiting`);
}

/** In the prompt that stands in for it, and in the log. */
export function commandFailed(profile: string, reason: string): string {
  return plain(`mfa_process of [${profile}] failed (${reason}).`);
}

/** In the prompt that stands in for it. */
export const COMMAND_REFUSED = 'AWS refused the code of mfa_process (late, or of another device).';

export const COMMAND_IS_SILENT = 'It may want a touch of the key, or a password.';

export const notSixDigits = 'That was not a code: a code is six digits.';

/** @param wait milliseconds until the device shows another code */
export function codeAlreadyUsed(wait: number): string {
  return `That code was already used; the next one comes in ${Math.ceil(wait / 1000)} s.`;
}

/** @param wait milliseconds until the device shows another code */
export function wrongCode(wait: number): string {
  return `AWS refused that code (mistyped, late or used). The next one comes in ${Math.ceil(wait / 1000)} s.`;
}

/** The device's present code has been sent already, for another profile or by another refresh. */
export function needsNextCode(wait: number): string {
  return `The code that your device shows now was already used; the next one comes in ${Math.ceil(wait / 1000)} s.`;
}

export const CODES_REFUSED = 'AWS refused the codes';

/** Why AWS did not give a session, and what to do: design section 3, "AWS's answers". */
export function stsFailure(
  { profile, sourceProfile, serialNumber }: { profile: string; sourceProfile: string; serialNumber: string },
  { failure, endpoint, clockOffset }: { failure: StsFailure; endpoint: string; clockOffset: number | undefined },
): string {
  const start = `cannot refresh [${profile}]:`;
  switch (failure.kind) {
    case 'wrong-code':
      return `${start} AWS refused the code for ${serialNumber} (wrong, late or already used): enter the next one`;
    case 'wrong-serial':
      return `${start} AWS knows no MFA device ${serialNumber} for the user of [${sourceProfile}]: correct mfa_serial`;
    case 'session-keys':
      return `${start} [${sourceProfile}] holds a session: source_profile must name the profile with the long-term credentials`;
    case 'forbidden':
      return `${start} AWS refused: ${failure.detail}`;
    case 'bad-keys':
      return failure.code === 'SignatureDoesNotMatch'
        ? `${start} the aws_secret_access_key of [${sourceProfile}] is wrong: correct it`
        : `${start} AWS does not know the access key of [${sourceProfile}] (deleted or inactive): put a new key there`;
    case 'expired':
      return `${start} the keys of [${sourceProfile}] are a session that has expired: name the profile with the long-term credentials`;
    case 'clock':
      return `${start} this machine's clock is ${clockError(clockOffset)}: set it (timedatectl set-ntp true)`;
    case 'invalid-request':
      return `${start} AWS refused the request: ${failure.detail} (duration_seconds: 900 to 129600)`;
    case 'busy':
      return `${start} AWS is busy (${failure.detail}): try again in a minute, with a new code`;
    case 'unreachable':
      return `${start} no answer from ${endpoint} (${failure.detail}): try again when the network is back`;
    case 'not-sts':
      return `${start} what answers at ${endpoint} is not STS (${failure.detail}): look at AWS_ENDPOINT_URL and the proxy`;
  }
}

function clockError(offset: number | undefined): string {
  if (offset === undefined) return 'wrong';
  return `${formatDuration(Math.abs(offset))} ${offset > 0 ? 'slow' : 'fast'}`;
}

export function unsaved(profile: string, reason: string): string {
  return `[${profile}] has a new session that is not on disk yet: ${reason}`;
}

export const PRESS_RETURN = 'The session is kept here. Mend that and press Return to try again (Ctrl-C gives it up): ';

export const GIVEN_UP = 'the session was given up: the next refresh needs a new code';

/** Before long-term credentials are overwritten on demand. */
export function copyKept(copy: string): string {
  return `the file with the long-term credentials is kept as ${copy}`;
}

/** @param asked `durationSeconds` of AWS; `maxAge`, in milliseconds, of the settings */
export function refreshed(
  profile: string,
  expiration: number,
  now: number,
  asked: { durationSeconds: number; maxAge?: number | undefined },
): string {
  const length = asked.durationSeconds * 1000;
  const end = Math.min(expiration, now + (asked.maxAge ?? Number.POSITIVE_INFINITY));
  const left = end - now;
  const cut = expiration - now < length - 60_000 ? `; AWS gave less than the ${formatDuration(length)} asked for` : '';
  return `[${profile}] is fresh until ${localTime(end, now)} (${formatDuration(Math.round(left / 60_000) * 60_000)}${cut})`;
}

export function stillFresh(profile: string, expiration: number, now: number): string {
  return `[${profile}] is still fresh until ${localTime(expiration, now)} (${formatDuration(expiration - now)}): nothing done (--force refreshes it all the same)`;
}

export function notAnswered(profile: string): string {
  return `[${profile}] was not refreshed: no code was entered`;
}

export function cannotAsk(profile: string, reason: string): string {
  return `cannot ask for the code of [${profile}]: ${reason} (--token-code gives it without asking)`;
}

export function cannotAskHere(reason: string): string {
  return `cannot ask here: ${reason}`;
}

export function noKeys(profile: string, reason: string): string {
  return `cannot refresh [${profile}]: ${reason}`;
}

/** What to do when nothing names the MFA device of a profile. */
export function noSerial(profile: string, settingsFile: string): string {
  return `no mfa_serial is known for [${profile}]: aws-mfa-agent setup finds it; or put mfa_serial = arn:aws:iam::ACCOUNT:mfa/NAME under [${profile}] in ${settingsFile}`;
}

export function holdsLongTerm(profile: string, file: string): string {
  return `[${profile}] in ${file} holds long-term credentials: they are not overwritten; name another MFA profile (refresh PROFILE --force replaces them, and keeps a copy of the file)`;
}

/** A session that no tool can work with, and what to do. */
export function notUsable(profile: string, state: SessionState, expiration: number | undefined, now: number): string {
  const what =
    expiration !== undefined && expiration <= now
      ? `the session of [${profile}] ended at ${localTime(expiration, now)}`
      : state === 'missing'
        ? `[${profile}] holds no session`
        : `AWS does not take the session of [${profile}] any more`;
  return `${what}: aws-mfa-agent refresh ${profile}`;
}

export function holdsNoSession(profile: string, file: string): string {
  return `[${profile}] in ${file} holds long-term credentials, not a session: name the MFA profile`;
}

/** @param expiration when its use ends, which it may survive */
export function endsSoon(profile: string, expiration: number, now: number): string {
  if (expiration <= now)
    return `the session of [${profile}] is older than max_age allows: aws-mfa-agent refresh ${profile}`;
  return `the session of [${profile}] ends in ${formatDuration(expiration - now)}, at ${localTime(expiration, now)}: aws-mfa-agent refresh ${profile}`;
}

export function profileOutranks(name: string): string {
  return plain(`AWS_PROFILE=${name} is set: some tools take that profile instead of these keys; unset it`);
}

export function linesForShell(command: string): string {
  return `these lines are for your shell: ${command}`;
}

export function sessionNotRefreshed(profile: string, reason: string): string {
  return plain(`the session of [${profile}] was not refreshed: ${reason} (aws-mfa-agent refresh ${profile})`);
}

/** @param seconds how long somebody has waited for the agent */
export function stillWaiting(seconds: number): string {
  return `no code within ${seconds} s; the agent still asks for it`;
}

export const AGENT_KEEPS_OTHER_FILE =
  'the agent takes it for fresh, which it is not in this credentials file (AWS_SHARED_CREDENTIALS_FILE)';

export const NO_AGENT = 'no agent runs';
export const ANOTHER_ASKS = 'another command asks for a code: answer that one first';

/** @param reason undefined when there is no such program */
export function cannotRun(program: string, reason: string | undefined): string {
  return plain(reason === undefined ? `${program}: command not found` : `cannot run ${program}: ${reason}`);
}

export function snoozed(until: number, now: number): string {
  return `no asking until ${localTime(until, now)}`;
}

/** Why nobody is asked, although the session is not fresh. */
export const HOLDS_LONG_TERM = 'it holds long-term credentials';
export const SHORT_SESSION = 'AWS gave a session shorter than prompt_before';

/** Where a profile stands, in a few words for the log and for `status`. */
export function standing(state: SessionState, standing: Standing | undefined, now: number): string {
  switch (standing?.standing) {
    case undefined:
      return state;
    case 'fresh':
      return 'fresh';
    case 'asking':
      return `asking since ${localTime(standing.since, now)}`;
    case 'snoozed':
      return `snoozed until ${localTime(standing.until, now)}`;
    case 'quiet':
      return `quiet hours until ${localTime(standing.until, now)}`;
    case 'held':
      return `held: ${standing.why}`;
    case 'waiting':
      return `${standing.why}; asks again at ${localTime(standing.until, now)}`;
    case 'unanswered':
      return standing.until === undefined
        ? 'not answered'
        : `not answered; asks again at ${localTime(standing.until, now)}`;
    case 'queued':
      return `after [${standing.behind}], which is asked for on the same device`;
    case 'unsaved':
      return 'has a new session that cannot be written yet';
    case 'verifying':
      return 'asking AWS whether the session is alive';
    case 'stopped':
      return `stopped: ${standing.why}`;
  }
}

/** All profiles in one line, for `systemctl status`. */
export function serviceStatus(profiles: ProfileStatus[], now: number): string {
  return profiles.map((one) => plain(`[${one.profile}] ${inShort(one, now)}`)).join('; ');
}

function inShort({ state, expiration, standing: where }: ProfileStatus, now: number): string {
  if (where.standing === 'fresh' && expiration !== undefined) return `fresh until ${localTime(expiration, now)}`;
  return standing(state, where, now);
}

/** Inside the service, what it may write in is settled by its unit. */
export function readOnlyInService(folder: string): string {
  return `${folder} is read-only for the service: systemctl --user edit aws-mfa-agent, [Service] ReadWritePaths=${folder}`;
}

/** Inside the service, a file cannot be given to another user or group than one's own. */
export function foreignInService(file: string): string {
  return `${file} belongs to another user or group, which the service cannot keep: chown "$(id -u):$(id -g)" ${file}`;
}

/** `14:35` on the same day, `Tue 14:35` within a week, else `2030-01-31 14:35`; always in local time. */
export function localTime(instant: number, now: number): string {
  const [date, today] = [new Date(instant), new Date(now)];
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  if (localDay(date) === localDay(today)) return time;
  if (Math.abs(instant - now) < 6 * 86_400_000) return `${WEEKDAYS[date.getDay()]} ${time}`;
  return `${localDay(date)} ${time}`;
}

const WEEKDAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

export const WATCH_NEEDS_TERMINAL =
  'status --watch needs a terminal; elsewhere, status --watch --json writes a line for each change';

/** Names come from files that anybody may have written: none may move a cursor, begin a line, or turn the direction of writing. */
export function plain(text: string): string {
  return /^[ -~]*$/.test(text) ? text : text.replace(new RegExp(UNSHOWN, 'gu'), ' ');
}

/** A text, for as a literal it would have V8 look up every one of them whenever a command starts. */
const UNSHOWN = String.raw`[\p{Cc}\p{Cf}\u2028\u2029]+`;
