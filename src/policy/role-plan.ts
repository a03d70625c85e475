import type { SessionState } from '../session/session.ts';
import type { History } from './history.ts';
import type { Standing } from './standing.ts';
import * as texts from './texts.ts';

/** A role that is assumed with the session of its source profile. Times are milliseconds since the epoch. */
export interface RoleSituation {
  source: string;
  /** Whether the source has another session than the one that the role was last assumed with. */
  isSourceNew: boolean;
  /** When the role's session becomes due; undefined if no end is known. */
  due: number | undefined;
  state: SessionState;
  expiration: number | undefined;
  history: History;
}

interface RoleCircumstances {
  /** By AWS's clock. */
  now: number;
  /** Why no request can reach AWS now. */
  offline: string | undefined;
  /** From 0 to 1. Spreads the requests of many users. */
  jitter: number;
  /** Until when a role is not assumed although it could be, unless its source has just got another session. */
  spreadUntil: number;
  /** Whether the source holds a session that AWS accepts. */
  isSourceUsable: boolean;
  /** Whether a stop of this profile is not over. */
  isStopped: boolean;
}

interface RolePlan {
  action?: 'assume' | 'save';
  standing: Standing;
  /** When something is due for this profile. */
  look?: number | undefined;
}

/** Decides what to do for a role; the first rule that applies counts. A role never needs a code. */
export function planRole(role: RoleSituation, circumstances: RoleCircumstances): RolePlan {
  const { source, state, history, isSourceNew } = role;
  const { now, offline, spreadUntil, isSourceUsable, isStopped } = circumstances;
  if (history.forgotten && state !== 'long-term') return { standing: { standing: 'forgotten' } };
  if (history.unsaved) return { standing: { standing: 'unsaved' }, action: 'save' };
  if (state === 'long-term') return { standing: { standing: 'stopped', why: texts.HOLDS_LONG_TERM } };
  if (history.askingSince !== undefined) return { standing: { standing: 'assuming' } };
  const renewAt = renewalTime(role, circumstances.jitter);
  const works = state === 'fresh' || state === 'due';
  if (works && !isSourceNew && renewAt > now) return { standing: { standing: 'fresh' }, look: renewAt };
  if (!isSourceUsable) return { standing: { standing: 'needs-source', source } };
  if (history.stopped && isStopped) {
    const { why, until } = history.stopped;
    return { standing: { standing: 'stopped', why, until, source }, look: until };
  }
  if (offline !== undefined) return { standing: { standing: 'held', why: offline } };
  if (history.wait && history.wait.until > now) {
    return { standing: { standing: 'waiting', ...history.wait, source }, look: history.wait.until };
  }
  if (!isSourceNew && spreadUntil > now) return { standing: { standing: 'assuming' }, look: spreadUntil };
  return { standing: { standing: 'assuming' }, action: 'assume' };
}

/** Returns when to assume the role again: in the first third of the time in which its session is due. */
function renewalTime({ due, expiration }: RoleSituation, jitter: number): number {
  return due === undefined || expiration === undefined ? 0 : due + (jitter * (expiration - due)) / 3;
}
