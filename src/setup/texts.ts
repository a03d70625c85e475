/** The texts of `setup`, one line each. */

import { KEYCHAIN } from '../keys/texts.ts';
import { shellWord } from '../plain.ts';
import type { AwsFailure } from '../policy/outcome.ts';
import { refusalText } from '../refresh/texts.ts';
import { shortKeyId } from '../session/session.ts';
import { SET_CLOCK } from '../time/set-clock.ts';
import type { Arrangement, Obstacle, Source } from './found.ts';

export const TITLE = 'aws-mfa-agent setup';
export const WHICH_PROFILE = 'Which profile should the agent keep fresh?';
export const WHICH_SOURCE = 'Which profile holds the long-term keys?';
export const WHICH_NAME = 'Name of the profile for the sessions?';
export const WHICH_DEVICE = 'Which MFA device?';
export const WHICH_ROLES = 'Which roles of ~/.aws/config should the agent keep fresh, too?';
export const NO_ROLE = 'none';
export const NO_ROLE_HINT = 'tools assume them by themselves';
export const ANOTHER_PROFILE = 'another profile';
export const ANOTHER_DEVICE = 'another device';
export const PROMPT_BEFORE = 'How long before a session ends should the agent ask for the code?';
export const WHICH_PLACE = 'Where should the long-term keys be kept?';
/** Says why `--keys file` is refused. */
export function onlyInKeychain(source: string): string {
  return `--keys file: the keys of [${source}] are in the keychain: put them into the file first (aws-mfa-agent keys restore ${shellWord(source)})`;
}

/** Says why `--keys keychain` is refused. */
export function notInFile(source: string, credentials: string): string {
  return `--keys keychain: ${credentials} has no keys of [${source}] to move: run setup without it, then "aws-mfa-agent keys store ${shellWord(source)}", which asks for the keys`;
}

/** Reports keys that could not be moved when everything else was done. */
export function notMoved(reason: string, source: string): string {
  return `${reason} (everything else is set up; to move the keys, run aws-mfa-agent keys store ${shellWord(source)})`;
}

export const FILE_HINT = 'as now; every AWS tool can use them';
export const KEYCHAIN_HINT = 'encrypted; only the agent uses them';

export const INSTALL = 'Start the agent now and at every login?';

/** @param option the option that answers the question */
export function noTerminal(option: string): string {
  return `no terminal to ask on: pass ${option}, or --yes to use the defaults`;
}

export function noDefault(question: string, option: string): string {
  return `${question} There is no default: pass ${option}`;
}

export const NO_CODE =
  'no terminal to ask for the code on: pass --token-code, or --no-refresh to get the first session later';

/** Names a profile to choose. */
export function arrangementLabel({ profile, sourceProfile }: Arrangement): string {
  return `[${profile}], using the keys of [${sourceProfile}]`;
}

/** Describes a profile to choose; shown after its name. */
export function arrangementHint({ keptBy }: Arrangement): string {
  switch (keptBy) {
    case 'settings':
      return 'in config.ini';
    case 'aws-mfa':
      return 'continues the profile of aws-mfa';
    case 'mfa-login':
      return 'continues the profile of aws configure mfa-login';
    case 'session':
      return 'uses the session that is already there';
    case 'nobody':
      return 'new profile';
  }
}

export function allRoles(count: number): string {
  return `all ${count}`;
}

/** @param named what `--roles` names in vain */
export function noRoles(named: string): string {
  return `--roles ${named}: setup found no such role to add in ~/.aws/config (docs/roles.md says which ones it offers)`;
}

/** @param profile the name in config.ini */
export function roleLabel(name: string, profile: string): string {
  return `[${name}], as [${profile}] in the credentials file`;
}

/** Says that the device of the next question is derived from the user's name. */
export function guessed(serialNumber: string): string {
  return `${serialNumber} is a guess, made from the name of the user: compare it with the console`;
}

export function regionSet(profile: string, region: string, file: string): string {
  return `Set region = ${region} for [${profile}] in ${file}`;
}

export function sourceLabel({ profile, accessKeyId, isInKeychain }: Source): string {
  const elsewhere = isInKeychain ? KEYCHAIN : 'credential_process';
  return `[${profile}] (${accessKeyId === undefined ? elsewhere : shortKeyId(accessKeyId)})`;
}

export function obstacle({ kind, profile }: Obstacle): string {
  switch (kind) {
    case 'keys-in-vault':
      return `[${profile}] in ~/.aws/config has an mfa_serial but no keys. If aws-vault has the keys, put "credential_process = aws-vault export --format=json --no-session ${shellWord(profile)}" below it, and run setup again`;
    case 'vault-gives-session':
      return `[${profile}] gets a session from aws-vault, not keys: add --no-session to its credential_process, and run setup again`;
    case 'holds-role':
      return `[${profile}] holds the session of a role that aws-mfa assumed; no file names the role: add a section with role_arn to config.ini (see docs/roles.md), or use another profile`;
  }
}

export function noSources(credentials: string): string {
  return `no long-term keys in ${credentials}: put the aws_access_key_id and aws_secret_access_key of your IAM user there (run "aws configure"), and run setup again`;
}

export function noSource(profile: string, sources: Source[]): string {
  return `--source-profile ${profile}: this profile has no long-term keys; these have: ${sources.map(inBrackets).join(', ')}`;
}

function inBrackets({ profile }: Source): string {
  return `[${profile}]`;
}

export function holdsKeys(profile: string): string {
  return `[${profile}] holds long-term keys, which must not be overwritten: choose another name`;
}

export const UNWRITABLE = 'some AWS tools cannot find a profile with this name: choose another name';

export function listing(source: string): string {
  return `Asking AWS for the MFA devices of the user of [${source}] …`;
}

/** Reports keys that AWS refuses for every request. */
export function deadKeys(source: string, code: 'InvalidClientTokenId' | 'SignatureDoesNotMatch'): string {
  return code === 'SignatureDoesNotMatch'
    ? `AWS refused the keys of [${source}]: the aws_secret_access_key is wrong. Correct it, and run setup again`
    : `AWS refused the keys of [${source}]: the access key is deleted or inactive. Put a new one there, and run setup again`;
}

export function notListed(failure: AwsFailure): string {
  return `Could not list your MFA devices: ${whyNot(failure)}. Find the ARN in the console: IAM > Users > your name > Security credentials`;
}

function whyNot(failure: AwsFailure): string {
  switch (failure.kind) {
    case 'forbidden':
      return 'this user may not call iam:ListMFADevices';
    case 'clock':
      return `this machine's clock is wrong (${SET_CLOCK})`;
    case 'expired':
    case 'session-keys':
    case 'bad-keys':
      return 'these keys are not long-term keys';
    case 'wrong-code':
    case 'wrong-serial':
      return 'AWS requires an MFA code for that';
    case 'refused':
      return refusalText(failure);
    case 'invalid-request':
    case 'busy':
    case 'unreachable':
    case 'not-sts':
      return failure.detail;
  }
}

export function noCodes(serialNumber: string): string {
  return `${serialNumber} is a passkey or security key: it does not give codes, so it cannot be used here`;
}

/** @param others whether the user has devices that do not give codes, such as passkeys */
export function noDevice(others: boolean): string {
  const what = others ? 'This user has no MFA device that gives codes' : 'This user has no MFA device';
  return `${what}. Add an authenticator app (a user can have eight devices) in the console: IAM > Users > your name > Security credentials`;
}

export const UNLISTED_HINT = 'in config.ini; AWS does not list it for this user';

export function written(file: string): string {
  return `Wrote ${file}`;
}

export function unchanged(file: string): string {
  return `${file} is already up to date`;
}

/** Reports an error of config.ini before the questions, since an answer may fix it. */
export function wrongNow(problem: string): string {
  return `The settings have an error, which your answers may fix: ${problem}`;
}

export function noText(file: string): string {
  return `${file} is not valid UTF-8: save it as UTF-8, and run setup again`;
}

export function changedMeanwhile(file: string): string {
  return `${file} was changed by another program, and was not written: run setup again`;
}

/** Reports why there is no session, after the settings were written. */
export function notRefreshed(reason: string): string {
  return `${reason} (the settings were saved: run setup again to continue)`;
}

export function noService(reason: string): string {
  return `The service was not installed: ${reason}`;
}

export function runsAlready(service: string): string {
  return `The agent is already running as a ${service}`;
}

export function runsElsewhere(pid: number): string {
  return `The agent is already running, but not as a service (process ${pid})`;
}

/** Says how to set the region of the MFA profile: tools do not use the region of the source profile. */
export function noRegion(profile: string, region: string): string {
  return `[${profile}] has no region yet. To set it: aws configure set region ${region} --profile ${shellWord(profile)}`;
}

/**
 * @param refreshed whether there is a session
 * @param runs whether an agent is running
 */
export function done(profile: string, { refreshed, runs }: { refreshed: boolean; runs: boolean }): string {
  if (!refreshed) return `Settings saved. Get a session with: aws-mfa-agent refresh ${shellWord(profile)}`;
  if (!runs) {
    return `[${profile}] has a session, but no agent is running, so it will end. Start one: aws-mfa-agent install (now and at each login), or aws-mfa-agent run`;
  }
  return profile === 'default'
    ? 'Ready. Try: aws sts get-caller-identity'
    : `Ready. Use --profile ${shellWord(profile)} or AWS_PROFILE=${shellWord(profile)}; try: aws sts get-caller-identity --profile ${shellWord(profile)}`;
}
