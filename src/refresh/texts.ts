import { UserError } from '../errors.ts';
import { plain, shellWord } from '../plain.ts';
import type { AwsFailure } from '../policy/outcome.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { formatDuration } from '../time/duration.ts';
import { localTime, localTimeWithSeconds } from '../time/local-time.ts';
import { SET_CLOCK } from '../time/set-clock.ts';

export const COMMAND_REFUSED = 'AWS refused the code of mfa_process (too old, or from another device).';

export function triesAgain(endpoint: string, detail: string): string {
  return plain(`No connection to ${endpoint} yet (${detail}): trying until the code expires…`);
}

export const STOPPED_AFTER_SENDING =
  'Stopped before AWS answered. AWS may have accepted the code: wait for the next one.';

export const STOPPED_BEFORE_SENDING = 'Stopped. The code was not sent to AWS: you can use it again.';

/** @param wait in milliseconds */
export function waitsForNextCode(wait: number): string {
  return `Waiting for the next code of mfa_process (${Math.ceil(wait / 1000)} s)…`;
}

/** @param next when the device shows another code, in milliseconds since the epoch */
export function codeAlreadyUsed(next: number): string {
  return `That code was already used; ${nextCode(next)}.`;
}

/** @param next when the device shows another code, in milliseconds since the epoch */
export function wrongCode(next: number): string {
  return `AWS refused that code. If you mistyped it, type it again; otherwise ${nextCode(next)}.`;
}

/** @param next when the device shows another code, in milliseconds since the epoch */
export function refusedBefore(next: number): string {
  return `AWS has already refused that code; ${nextCode(next)}.`;
}

/**
 * The device's present code was already sent, for another profile or by another refresh.
 * @param next when the device shows another code, in milliseconds since the epoch
 */
export function needsNextCode(next: number): string {
  return `The code that your device shows now was already used; ${nextCode(next)}.`;
}

/** A time, not a number of seconds: many prompts cannot count down. */
function nextCode(next: number): string {
  return `the next one comes at ${localTimeWithSeconds(next)}`;
}

/** Says why AWS did not give a session: the reason alone, and a whole line that also says what to do. */
export function stsFailure(
  target: Pick<ProfileSettings, 'profile' | 'sourceProfile' | 'serialNumber' | 'role'>,
  answer: { failure: AwsFailure; endpoint: string; clockOffset: number | undefined },
): { reason: string; message: string } {
  const [reason, remedy] = ofChainedRole(target, answer.failure) ?? reasonAndRemedy(target, answer);
  const start = `cannot refresh [${target.profile}]: ${reason}`;
  return { reason, message: remedy === undefined ? start : `${start}: ${remedy}` };
}

/** Returns what differs for a role that is assumed with the session of its source profile, without a code. */
function ofChainedRole(
  { sourceProfile, role }: Parameters<typeof stsFailure>[0],
  failure: AwsFailure,
): [reason: string, remedy: string] | undefined {
  if (!role?.isChained) return undefined;
  switch (failure.kind) {
    case 'bad-keys':
    case 'expired':
      return [
        `AWS does not accept the session of [${sourceProfile}] any more`,
        `aws-mfa-agent refresh ${shellWord(sourceProfile)} --force`,
      ];
    case 'busy':
      return [`AWS is busy (${failure.detail})`, 'try again in a minute'];
    default:
      return undefined;
  }
}

function reasonAndRemedy(
  { sourceProfile, serialNumber, role }: Parameters<typeof stsFailure>[0],
  { failure, endpoint, clockOffset }: { failure: AwsFailure; endpoint: string; clockOffset: number | undefined },
): [reason: string, remedy?: string | undefined] {
  switch (failure.kind) {
    case 'wrong-code':
      return [`AWS refused the code for ${serialNumber} (mistyped, late or already used)`, 'enter the next one'];
    case 'wrong-serial':
      return [
        `AWS cannot validate codes of the MFA device ${serialNumber} for the user of [${sourceProfile}]`,
        'correct mfa_serial; or, if the device is out of step, run aws iam resync-mfa-device',
      ];
    case 'session-keys':
      return [`[${sourceProfile}] holds a session`, 'source_profile must name the profile with the long-term keys'];
    case 'forbidden':
      return [`AWS refused: ${failure.detail}`];
    case 'bad-keys':
      return failure.code === 'SignatureDoesNotMatch'
        ? [`the aws_secret_access_key of [${sourceProfile}] is wrong`, 'correct it']
        : [`AWS does not know the access key of [${sourceProfile}] (deleted or inactive)`, 'put a new key there'];
    case 'expired':
      return [
        `the keys of [${sourceProfile}] are a session that has expired`,
        'name the profile with the long-term keys',
      ];
    case 'clock':
      return [`this machine's clock is ${clockError(clockOffset)}`, `set it (${SET_CLOCK})`];
    case 'invalid-request':
      return [`AWS refused the request: ${failure.detail}${role ? '' : ' (duration_seconds: 900 to 129600)'}`];
    case 'busy':
      return [`AWS is busy (${failure.detail})`, 'try again in a minute, with a new code'];
    case 'unreachable':
      if (failure.untrusted) {
        return [`the certificate of ${endpoint} is not trusted (${failure.detail})`, certificateRemedy(failure.detail)];
      }
      return failure.answered
        ? [
            `what answers for ${endpoint} is not AWS (${failure.detail})`,
            'check the proxy and AWS_ENDPOINT_URL, or try again later',
          ]
        : [`no answer from ${endpoint} (${failure.detail})`, 'try again when the network is back'];
    case 'refused':
      return [
        `AWS refused: ${refusalText(failure)}`,
        REGION_CODES.test(failure.code) ? regionRemedy(endpoint) : undefined,
      ];
    case 'not-sts':
      return [`${endpoint} did not answer as AWS does (${failure.detail})`, 'check AWS_ENDPOINT_URL and endpoint_url'];
  }
}

/** A role that is assumed with the session of its source profile. */
export function needsNoCode({ profile, sourceProfile }: { profile: string; sourceProfile: string }): string {
  return `the role of [${profile}] is assumed with the session of [${sourceProfile}], without a code: name [${sourceProfile}] instead`;
}

export function noSuchSource(sourceProfile: string, settingsFile: string): string {
  return `there is no [${sourceProfile}] in ${settingsFile} any more`;
}

/** The message of an error, for a user. */
export function reasonOf(error: unknown): string {
  return error instanceof UserError ? error.message : `unexpected: ${error instanceof Error ? error.message : error}`;
}

/** AWS's code and message, for errors without a text of their own. */
export function refusalText({ code, detail }: { code: string; detail: string }): string {
  return detail === '' ? code : `${code}, ${detail.replace(/\.$/, '')}`;
}

/** STS is not active in the region, or the account may not use the region. */
const REGION_CODES = /^(RegionDisabled(Exception)?|OptInRequired)$/;

function regionRemedy(endpoint: string): string {
  const region = regionIn(endpoint);
  return `${region === undefined ? 'set another region' : `${region}: set another region`} for this profile, or activate STS there (IAM console > Account settings > STS)`;
}

/** Returns what to do if a certificate is not trusted. @param detail the error of the network */
export function certificateRemedy(detail: string): string {
  if (/altnames/.test(detail)) return 'log in to this network with a browser, or correct AWS_ENDPOINT_URL';
  const clock = /expired|not yet valid/.test(detail)
    ? `check this machine's clock (${SET_CLOCK}); if it is right, `
    : '';
  return `${clock}a proxy on this network probably decrypts TLS: get its CA certificate as a PEM file, and export AWS_CA_BUNDLE=FILE`;
}

/** Returns the region in the name of a host of AWS. */
export function regionIn(host: string): string | undefined {
  return /\.([a-z]+(?:-[a-z]+)+-\d+)\./.exec(host)?.[1];
}

function clockError(offset: number | undefined): string {
  if (offset === undefined) return 'wrong';
  return `${formatDuration(Math.abs(offset))} ${offset > 0 ? 'slow' : 'fast'}`;
}

/** Shown in place of a prompt. @param at when the agent asks again, in milliseconds since the epoch */
export function asksAgain(profile: string, reason: string, at: number, now: number): string {
  return plain(`[${profile}] was not refreshed: ${reason}. The agent asks again at ${localTime(at, now)}.`);
}

/** The same during an outage. @param at when the agent next tests the connection */
export function asksWhenAwsAnswers(profile: string, reason: string, at: number, now: number): string {
  return plain(
    `[${profile}] was not refreshed: ${reason}. The agent asks again when AWS answers, at ${localTime(at, now)} at the earliest.`,
  );
}

export function unsaved(profile: string, reason: string): string {
  return `[${profile}] has a new session that is not on disk yet: ${reason}`;
}

export const PRESS_RETURN =
  'The new session is still in memory. Fix the problem and press Return to try again (Ctrl-C discards it): ';

export const GIVEN_UP = 'the session was discarded: the next refresh needs a new code';

/** Shown before long-term keys are overwritten at the user's request. */
export function copyKept(copy: string): string {
  return `the file with the long-term keys is kept as ${copy}`;
}

/** @param asked what was requested: `durationSeconds` from AWS, and `maxAge` (milliseconds) in the settings */
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
  return `[${profile}] is still fresh until ${localTime(expiration, now)} (${formatDuration(expiration - now)}): nothing to do (use --force to refresh anyway)`;
}

export function notAnswered(profile: string): string {
  return `[${profile}] was not refreshed: no code was entered`;
}

export function cannotAsk(profile: string, reason: string): string {
  return `cannot ask for the code of [${profile}]: ${reason} (aws-mfa-agent refresh ${shellWord(profile)} --token-code CODE does not ask)`;
}

export function cannotRefresh(profile: string, reason: string): string {
  return `cannot refresh [${profile}]: ${reason}`;
}

/** Says what to do if no setting names the MFA device of a profile. */
export function noSerial(
  { profile, sourceProfile, role }: Pick<ProfileSettings, 'profile' | 'sourceProfile' | 'role'>,
  settingsFile: string,
): string {
  const line = `mfa_serial = arn:aws:iam::ACCOUNT:mfa/NAME under [${profile}] in ${settingsFile}`;
  if (role) {
    return `the role of [${profile}] needs a code, because [${sourceProfile}] is not a profile of ${settingsFile}, and there is no mfa_serial: correct source_profile, or add ${line}`;
  }
  return `[${profile}] has no mfa_serial: run "aws-mfa-agent setup", or add ${line}`;
}

/** The same for a source profile that `refresh --source-profile` names, and that may not exist. */
export function sourceHasNoSerial(source: string, configFile: string): string {
  return `the source profile [${source}] has no mfa_serial: correct --source-profile, pass --serial-number, or add mfa_serial to that profile in ${configFile}`;
}

export function holdsLongTerm(profile: string, file: string): string {
  return `[${profile}] in ${file} holds long-term keys: they are not overwritten; name another profile (refresh PROFILE --force replaces them, and keeps a copy of the file)`;
}

export const ANOTHER_ASKS = 'another command is asking for a code: answer it first';

/** @param setBy the variable or the setting, with its place */
export function notAws(url: string, setBy: string): string {
  return plain(`Requests go to ${url} (set by ${setBy}), which is not AWS's.`);
}

/** @param how without anything that the command wrote */
export function processFailed(how: string): string {
  return `the credential_process failed (${how}); to see what it says, run it in a terminal, or this command with --debug`;
}
