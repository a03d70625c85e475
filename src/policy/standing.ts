import type { SessionState } from '../session/session.ts';
import { localTime } from '../time/local-time.ts';

/** Where one profile stands, as `status` tells it. */
export type Standing =
  | { standing: 'fresh' }
  | { standing: 'asking'; since: number }
  | { standing: 'snoozed'; until: number }
  | { standing: 'quiet'; until: number }
  | { standing: 'held'; why: string }
  | { standing: 'waiting'; until: number; why: string }
  /** Asked without an answer; the next reminder comes then, or not before the person is back. */
  | { standing: 'unanswered'; until: number | undefined }
  | { standing: 'queued'; behind: string }
  | { standing: 'unsaved' }
  | { standing: 'verifying' }
  /** `until`: when it is tried once more; undefined for a profile that is not the agent's to write. */
  | { standing: 'stopped'; why: string; until?: number };

/** Where a profile stands, in a few words for the log and for `status`. */
export function standingText(state: SessionState, standing: Standing | undefined, now: number): string {
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
      return standing.until === undefined
        ? `stopped: ${standing.why}`
        : `stopped: ${standing.why}; asks again at ${localTime(standing.until, now)}`;
  }
}
