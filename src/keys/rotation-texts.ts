import type { AwsAnswer } from '../aws/call.ts';
import { plain, shellWord } from '../plain.ts';
import { formatDuration } from '../time/duration.ts';
import { SET_CLOCK } from '../time/set-clock.ts';

type Refusal = Extract<AwsAnswer<unknown>, { ok: false }>;

/** Says why a request of a rotation failed. @param what completes "could not": `list the access keys` */
export function requestFailed(source: string, what: string, { failure, endpoint }: Refusal): string {
  const start = `the rotation of the key of [${source}] stopped: could not ${what}`;
  switch (failure.kind) {
    case 'forbidden':
      return plain(`${start}: AWS refused: ${failure.detail} (the policy that is needed: docs/iam.md)`);
    case 'bad-keys':
    case 'expired':
    case 'session-keys':
      return `${start}: AWS does not accept the session any more; refresh it and run the command again`;
    case 'clock':
      return `${start}: this machine's clock is wrong: set it (${SET_CLOCK})`;
    case 'busy':
      return plain(`${start}: AWS is busy (${failure.detail}); run the command again in a minute`);
    case 'unreachable':
      return plain(`${start}: no answer from ${endpoint} (${failure.detail}); run the command again`);
    case 'refused':
      return plain(`${start}: AWS refused: ${failure.code}: ${failure.detail}`);
    case 'invalid-request':
      return plain(`${start}: AWS refused the request: ${failure.detail}`);
    case 'wrong-code':
    case 'wrong-serial':
    case 'not-sts':
      return `${start}: ${endpoint} did not answer as AWS does`;
  }
}

/** Says that a request is sent again. */
export function triesAgain({ failure, endpoint }: Refusal): string {
  const detail = 'detail' in failure ? ` (${failure.detail})` : '';
  return plain(`No answer from ${endpoint}${detail}: trying again…`);
}

export function noAnswerToCreate(): string {
  return 'AWS did not answer. It may have created a key, whose secret is lost: looking for that key…';
}

export function notListed(source: string, id: string, place: string): string {
  return `the key of [${source}] was not rotated: ${id} (${place}) is not an access key of the session's user; refresh the session with the keys of [${source}] first`;
}

/** @param place the path of the file, or the name of the keychain */
export function noPair(source: string, place: string): string {
  return plain(
    `no long-term keys of [${source}] in ${place}: only keys that are there can be rotated, not those of a credential_process or of ~/.aws/config`,
  );
}

/** @param lastUse milliseconds since the epoch, `never`, or undefined if AWS does not say it */
export function secondKey(
  source: string,
  { accessKeyId, isActive, createdAt }: { accessKeyId: string; isActive: boolean; createdAt: number },
  lastUse: number | 'never' | undefined,
): string {
  const used = lastUse === undefined ? '' : lastUse === 'never' ? ', never used' : `, last used on ${day(lastUse)}`;
  const facts = `${isActive ? 'active' : 'inactive'}, created on ${day(createdAt)}${used}`;
  return `the key of [${source}] was not rotated: AWS allows two access keys for a user, and there is another one, ${accessKeyId} (${facts}). If nothing needs it, delete it: aws iam delete-access-key --access-key-id ${accessKeyId}`;
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

/** @param place the path of the file, or the name of the keychain */
export function stored(source: string, id: string, place: string): string {
  return plain(`The new access key ${id} of [${source}] is stored (${place}).`);
}

export function discarded(id: string): string {
  return `Deleted the access key ${id}: an interrupted rotation created it, and its secret was not stored.`;
}

/** @param seconds the limit */
export function waitsForKey(seconds: number): string {
  return `Waiting until AWS accepts the new key several times in a row, for at most ${seconds} s…`;
}

export function notAccepted(source: string, seconds: number, reason: string): string {
  return plain(
    `AWS has not accepted the new key of [${source}] within ${seconds} s (${reason}). It is stored, and the old key is still active. Run the command again in a minute`,
  );
}

export function ofAnotherUser(source: string, arn: string, user: string): string {
  return plain(
    `[${source}] holds a key of ${arn} now, not of ${user}, whose key was being rotated. The old key stays active: store the right pair and run the command again`,
  );
}

export function deactivated(id: string): string {
  return `The old access key ${id} is inactive now. Sessions that were requested with it may have ended, so the session is refreshed.`;
}

export const SESSION_ENDED = 'AWS does not accept the session any more, so it is refreshed first.';

export function deleted(id: string): string {
  return `Deleted the old access key ${id}.`;
}

export function kept(id: string): string {
  return `The old access key ${id} is kept, inactive. Delete it before the next rotation: AWS allows only two keys.`;
}

export function isDeletedLater(source: string, id: string): string {
  return `The key of [${source}] is rotated. The old access key ${id} is inactive, and is deleted after the next refresh (--delete deletes it now).`;
}

export function notFinished(source: string): string {
  return `the rotation of the key of [${source}] was not finished: AWS's answers contradict each other; run the command again in a minute`;
}

export function noSession(profile: string): string {
  return `there is no session of [${profile}] to sign requests with: aws-mfa-agent refresh ${shellWord(profile)}`;
}

/** @param reason why nothing can ask */
export function cannotAskLater(
  { profile, sourceProfile }: { profile: string; sourceProfile: string },
  reason: string,
): string {
  return plain(
    `the key of [${sourceProfile}] was not rotated: a rotation ends with a refresh of [${profile}], and nothing here can ask for its code (${reason}). Run the command in a terminal`,
  );
}

/** @param problem why the session was not refreshed, and what helps */
export function goesOnLater(problem: string, source: string): string {
  return `${problem}; then continue the rotation: ${rotateCommand(source)}`;
}

export function anotherRotates(): string {
  return 'another command is moving or rotating keys: wait until it has ended';
}

/** Says what {@link Tended} says, in lines. */
export function tendedLines(source: string, { retired, age }: Tended): string[] {
  const { id, problem } = retired ?? {};
  const lines = [
    id !== undefined && (problem === undefined ? deleted(id) : notDeleted(id, problem)),
    age !== undefined && isOld(source, age),
  ];
  return lines.filter((line) => line !== false);
}

function notDeleted(id: string, problem: string): string {
  return plain(`The old access key ${id} could not be deleted (${problem}). The next refresh tries it again.`);
}

/** What follows from a refresh for the key that it was signed with. */
export interface Tended {
  /** The old key of a rotation: deleted, or why not. */
  retired?: { id: string; problem?: string };
  /** How old the key is, in milliseconds, if its rotation should be offered to the user now. */
  age?: number;
}

/** @param config the option that names `config.ini`, if the command needs it */
export function isOld(source: string, age: number, config: readonly string[] = []): string {
  return `The access key of [${source}] is ${ageOf(age)} old. Rotate it: ${rotateCommand(source, config)}`;
}

/** Returns the age of a key in its largest unit: `93d`. @param age in milliseconds */
export function ageOf(age: number): string {
  return formatDuration(age).split(' ')[0] ?? '';
}

export function rotateCommand(source: string, config: readonly string[] = []): string {
  return `aws-mfa-agent ${[...config, 'keys', 'rotate', source].map(shellWord).join(' ')}`;
}
