import type { SessionState } from '../session/session.ts';
import { localTime } from '../time/local-time.ts';

/** The standing of a profile: what the agent does for it now, as `status` shows it. */
export type Standing =
  | { standing: 'fresh' }
  /** `why`: why the prompt is a mere notification. */
  | { standing: 'asking'; since: number; why?: string }
  | { standing: 'snoozed'; until: number }
  | { standing: 'quiet'; until: number }
  | { standing: 'held'; why: string }
  | { standing: 'waiting'; until: number; why: string }
  /** The user has not answered. `until`: the next reminder; undefined: when the user returns. */
  | { standing: 'unanswered'; until: number | undefined }
  | { standing: 'queued'; behind: string }
  | { standing: 'unsaved' }
  | { standing: 'verifying' }
  /** `until`: when the agent tries again; undefined for a profile that the agent must not write. */
  | { standing: 'stopped'; why: string; until?: number };

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
      return `waiting for [${standing.behind}], which uses the same MFA device`;
    case 'unsaved':
      return 'has a new session that cannot be written yet';
    case 'verifying':
      return 'asking AWS whether the session is alive';
    case 'stopped':
      return standing.until === undefined
        ? `stopped: ${standing.why}`
        : `stopped: ${standing.why}; asks again at ${localTime(standing.until, now)}`;
  }
}
