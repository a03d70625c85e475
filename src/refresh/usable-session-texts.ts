import { plain, shellWord } from '../plain.ts';
import type { SessionState } from '../session/session.ts';
import { formatDuration } from '../time/duration.ts';
import { localTime } from '../time/local-time.ts';

/** Says why a session cannot be used, and what to do. */
export function notUsable(profile: string, state: SessionState, expiration: number | undefined, now: number): string {
  const what =
    expiration !== undefined && expiration <= now
      ? `the session of [${profile}] ended at ${localTime(expiration, now)}`
      : state === 'missing'
        ? `[${profile}] holds no session`
        : `AWS does not accept the session of [${profile}] any more`;
  return `${what}: aws-mfa-agent refresh ${shellWord(profile)}`;
}

export function isForgotten(profile: string): string {
  return `the session of [${profile}] was removed by "aws-mfa-agent forget"; to get a new one, run: aws-mfa-agent refresh ${shellWord(profile)}`;
}

/** For the prompt. */
export const SESSION_REFUSED = 'AWS no longer accepts the session: its keys were changed, or access was revoked.';

export function holdsNoSession(profile: string, file: string): string {
  return `[${profile}] in ${file} holds long-term keys, not a session: name a profile with a session`;
}

/** @param expiration when the session should no longer be used, although AWS may still accept it */
export function endsSoon(profile: string, expiration: number, now: number): string {
  if (expiration <= now)
    return `the session of [${profile}] is older than max_age allows: aws-mfa-agent refresh ${shellWord(profile)}`;
  return `the session of [${profile}] ends in ${formatDuration(expiration - now)}, at ${localTime(expiration, now)}: aws-mfa-agent refresh ${shellWord(profile)}`;
}

export function sessionNotRefreshed(profile: string, reason: string): string {
  return plain(
    `the session of [${profile}] was not refreshed: ${reason} (aws-mfa-agent refresh ${shellWord(profile)})`,
  );
}

/** For a command without a terminal. */
export function waitsForAgent(profile: string): string {
  return `waiting for a session of [${profile}]: the agent asks for the code`;
}

/** @param seconds how long the command has waited for the agent */
export function stillWaiting(seconds: number): string {
  return `no code within ${seconds} s; the agent still asks for it`;
}

export const AGENT_KEEPS_OTHER_FILE =
  'the agent uses another credentials file, where the session is fresh (AWS_SHARED_CREDENTIALS_FILE)';

export const NO_AGENT = 'no agent runs';
