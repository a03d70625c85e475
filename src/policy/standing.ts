import type { SessionState } from '../session/session.ts';
import { localTime } from '../time/local-time.ts';

/** The standing of a profile: what the agent does for it now, as `status` shows it. */
export type Standing =
  | { standing: 'fresh' }
  /** `why`: why the prompt is a mere notification. */
  | { standing: 'asking'; since: number; why?: string }
  | { standing: 'snoozed'; until: number }
  /** The user has removed the session. */
  | { standing: 'forgotten' }
  | { standing: 'quiet'; until: number }
  | { standing: 'held'; why: string }
  /** `source`: set for a role, which needs no code: see `needs-source`. */
  | { standing: 'waiting'; until: number; why: string; source?: string }
  /** The user has not answered. `until`: the next reminder; undefined: when the user returns. */
  | { standing: 'unanswered'; until: number | undefined }
  | { standing: 'queued'; behind: string }
  | { standing: 'unsaved' }
  | { standing: 'verifying' }
  /** `until`: when the agent tries again; undefined for a profile that the agent must not write. */
  | { standing: 'stopped'; why: string; until?: number; source?: string }
  /** The role is being assumed. */
  | { standing: 'assuming' }
  /** The role cannot be assumed before `source`, the profile whose session it is assumed with, has one. */
  | { standing: 'needs-source'; source: string };

/** Describes the standing of a profile in a few words, for the log and `status`. */
export function standingText(state: SessionState, standing: Standing | undefined, now: number): string {
  switch (standing?.standing) {
    case undefined:
      return state;
    case 'fresh':
      return 'fresh';
    case 'asking':
      return `asking since ${localTime(standing.since, now)}${standing.why === undefined ? '' : `; ${standing.why}`}`;
    case 'snoozed':
      return `snoozed until ${localTime(standing.until, now)}`;
    case 'forgotten':
      return 'forgotten until the next refresh';
    case 'quiet':
      return `quiet hours until ${localTime(standing.until, now)}`;
    case 'held':
      return `held: ${standing.why}`;
    case 'waiting':
      return `${standing.why}; ${again(standing)} at ${localTime(standing.until, now)}`;
    case 'unanswered':
      return standing.until === undefined
        ? 'not answered'
        : `not answered; asks again at ${localTime(standing.until, now)}`;
    case 'queued':
      return `waiting for [${standing.behind}], which uses the same MFA device`;
    case 'unsaved':
      return 'has a new session that cannot be written yet';
    case 'verifying':
      return 'asking AWS whether the session is valid';
    case 'stopped':
      return standing.until === undefined
        ? `stopped: ${standing.why}`
        : `stopped: ${standing.why}; ${again(standing)} at ${localTime(standing.until, now)}`;
    case 'assuming':
      return 'assuming the role';
    case 'needs-source':
      return `waiting for a session of [${standing.source}], its source profile`;
  }
}

function again({ source }: { source?: string }): string {
  return source === undefined ? 'asks again' : 'tries again';
}
