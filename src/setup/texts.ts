/** Every text of `setup`: one line each. Names come from files that anybody may have written, and are shown without control characters. */
import { plain } from '../plain.ts';
import type { AwsFailure } from '../policy/outcome.ts';
import type { Arrangement, Obstacle, Source } from './found.ts';

export const TITLE = 'aws-mfa-agent setup';
export const WHICH_PROFILE = 'Which profile shall be kept fresh?';
export const WHICH_SOURCE = 'Which profile holds the long-term keys?';
export const WHICH_NAME = 'What shall the profile with the sessions be called?';
export const WHICH_DEVICE = 'Which MFA device?';
export const ANOTHER_PROFILE = 'another one';
export const ANOTHER_DEVICE = 'another device';
export const PROMPT_BEFORE = 'How long before a session ends shall you be asked for the code?';
export const INSTALL = 'Shall the agent start now, and with each login?';

export const GIVEN_UP = 'setup was given up: nothing was written';

/** @param option what would answer the question */
export function noTerminal(option: string): string {
  return `no terminal to ask on: give ${option} (or --yes for all defaults)`;
}

export function noDefault(question: string, option: string): string {
  return `${question} There is no default: give ${option}`;
}

export const NO_CODE = 'no terminal to ask for a code on: give --token-code (or --no-refresh)';

/** A profile to choose, in a few words. */
export function arrangementLabel({ profile, sourceProfile }: Arrangement): string {
  return plain(`[${profile}], from the keys in [${sourceProfile}]`);
}

/** What stands behind it. */
export function arrangementHint({ keptBy }: Arrangement): string {
  switch (keptBy) {
    case 'settings':
      return 'as in config.ini';
    case 'aws-mfa':
      return 'takes over from aws-mfa';
    case 'mfa-login':
      return 'takes over from aws configure mfa-login';
    case 'session':
      return 'takes over the session that stands there';
    case 'nobody':
      return 'new';
  }
}

export function sourceLabel({ profile, accessKeyId }: Source): string {
  return plain(`[${profile}] (${accessKeyId === undefined ? 'credential_process' : shortened(accessKeyId)})`);
}

/** The end of a key's id tells it from others. */
function shortened(accessKeyId: string): string {
  return accessKeyId.length > 12 ? `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}` : accessKeyId;
}

export function obstacle({ kind, profile }: Obstacle): string {
  switch (kind) {
    case 'keys-in-vault':
      return plain(
        `[${profile}] has an mfa_serial, and its keys elsewhere. In aws-vault? Then put "credential_process = aws-vault export --format=json --no-session ${profile}" below it in ~/.aws/config, and run setup again`,
      );
    case 'vault-gives-session':
      return plain(
        `[${profile}] gets sessions from aws-vault, not keys: add --no-session to its credential_process, and run setup again`,
      );
    case 'holds-role':
      return plain(
        `[${profile}] holds a role that aws-mfa assumes, which the agent does not: keep a session in another profile, and let tools assume the role with it (docs/migrate.md)`,
      );
  }
}

export function noSources(credentials: string): string {
  return `no long-term keys in ${credentials}: put the aws_access_key_id and aws_secret_access_key of your IAM user there (aws configure), and run setup again`;
}

export function noSource(profile: string, sources: Source[]): string {
  return plain(
    `--source-profile ${profile}: no long-term keys there; they are in ${sources.map(inBrackets).join(', ')}`,
  );
}

function inBrackets({ profile }: Source): string {
  return `[${profile}]`;
}

export function holdsKeys(profile: string): string {
  return plain(`[${profile}] holds long-term keys, which are not overwritten: choose another name`);
}

export const UNWRITABLE = 'some AWS tools would not find a profile of that name: choose another';

export function listing(source: string): string {
  return plain(`Asking AWS for the MFA devices of the user of [${source}] …`);
}

/** The key does not work at all; nothing else can. */
export function deadKeys(source: string, code: 'InvalidClientTokenId' | 'SignatureDoesNotMatch'): string {
  return code === 'SignatureDoesNotMatch'
    ? plain(`AWS refused the keys of [${source}]: the aws_secret_access_key is wrong; correct it, and run setup again`)
    : plain(
        `AWS refused the keys of [${source}]: the access key is deleted or inactive; put a new one there, and run setup again`,
      );
}

export function notListed(failure: AwsFailure): string {
  return plain(`AWS did not tell: ${whyNot(failure)}. The console does: IAM, Users, your name, Security credentials`);
}

function whyNot(failure: AwsFailure): string {
  switch (failure.kind) {
    case 'forbidden':
      return 'this user may not call iam:ListMFADevices';
    case 'clock':
      return "this machine's clock is wrong (timedatectl set-ntp true)";
    case 'expired':
    case 'session-keys':
    case 'bad-keys':
      return 'these keys are no long-term keys';
    case 'wrong-code':
    case 'wrong-serial':
      return 'it wants a code for it';
    case 'invalid-request':
    case 'busy':
    case 'unreachable':
    case 'not-sts':
      return failure.detail;
  }
}

export function noCodes(serialNumber: string): string {
  return plain(`${serialNumber} is a passkey or security key: it gives no codes, so it cannot be used here`);
}

/** @param others whether there are passkeys and the like */
export function noDevice(others: boolean): string {
  const what = others ? 'This user has no MFA device that gives codes' : 'This user has no MFA device';
  return `${what}. Add an authenticator app (a user can have eight devices) in the console: IAM, Users, your name, Security credentials`;
}

export const UNLISTED_HINT = 'as in config.ini; AWS does not name it for this user';

export function written(file: string): string {
  return `Written: ${file}`;
}

export function unchanged(file: string): string {
  return `${file} says so already: nothing changed`;
}

/** Before the questions: it may be one of them that mends it. */
export function wrongNow(problem: string): string {
  return `Wrong now, and to be mended before anything is written: ${problem}`;
}

export function noText(file: string): string {
  return `${file} is no UTF-8 text: save it as UTF-8, and run setup again`;
}

export function changedMeanwhile(file: string): string {
  return `${file} was changed meanwhile, and is left as it is: run setup again`;
}

/** The settings stand, and there is no session yet. */
export function notRefreshed(reason: string): string {
  return `${reason} (the settings are written: run setup again to go on)`;
}

export function noService(reason: string): string {
  return `Not installed as a service: ${reason}`;
}

export function runsAlready(service: string): string {
  return `The agent runs already, as a ${service}`;
}

export function runsElsewhere(pid: number): string {
  return `The agent runs already, and not as a service (process ${pid})`;
}

/** Tools with that profile do not look at the region of another one. */
export function noRegion(profile: string, region: string): string {
  return plain(
    `[${profile}] has no region in ~/.aws/config: aws configure set region ${region} --profile ${quoted(profile)}`,
  );
}

/** @param refreshed whether there is a session */
export function done(profile: string, refreshed: boolean): string {
  if (!refreshed) return plain(`Ready for a first session: aws-mfa-agent refresh ${quoted(profile)}`);
  return profile === 'default'
    ? 'Ready: aws sts get-caller-identity'
    : plain(`Ready: aws sts get-caller-identity --profile ${quoted(profile)}, or AWS_PROFILE=${quoted(profile)}`);
}

function quoted(word: string): string {
  return /^[\w.-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
