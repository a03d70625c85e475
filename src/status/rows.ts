import type { AgentReport } from '../control/messages.ts';
import type { Standing } from '../policy/standing.ts';
import {
  aged,
  dueAt,
  endOf,
  isRefused,
  type SessionState,
  type StoredSession,
  startOf,
  stateAt,
} from '../session/session.ts';
import { dueBefore, type ProfileSettings, type Settings } from '../settings/settings.ts';

/** Everything that `status` shows, except the time. */
export interface Knowledge {
  settings: Settings;
  /** The profiles to show. */
  profiles: ProfileSettings[];
  sessions: ReadonlyMap<string, StoredSession>;
  /** Undefined if no agent is running. */
  agent: AgentReport | undefined;
}

/** One MFA profile at an instant. Times are milliseconds since the epoch; undefined if there is none or it is not known. */
export interface Row {
  profile: string;
  state: SessionState;
  /** When AWS ends the session. */
  expiration: number | undefined;
  /** When the session can no longer be used: `expiration`, or earlier because of `max_age`. */
  end: number | undefined;
  /** When the session becomes due. */
  due: number | undefined;
  start: number | undefined;
  standing: Standing | undefined;
}

/** Returns the profiles as they are at `now`. */
export function rowsAt({ settings, profiles, sessions, agent }: Knowledge, now: number): Row[] {
  return profiles.map((one) => {
    const { profile, durationSeconds } = one;
    const session = aged(sessions.get(profile) ?? { kind: 'none' }, one);
    const before = dueBefore(settings, one);
    return {
      profile,
      state: stateAt(session, now, before),
      expiration: session.kind === 'session' && !isRefused(session) ? session.expiration : undefined,
      end: endOf(session),
      due: dueAt(session, before),
      start: startOf(session, durationSeconds),
      standing: agent?.profiles.find((other) => other.profile === profile)?.standing,
    };
  });
}

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

/** Returns how long until the displayed rows change by time alone, in milliseconds: a state, the time left, or the day. */
export function nextChange(rows: readonly Row[], now: number): number {
  const midnight = new Date(now).setHours(24, 0, 0, 0) - now;
  const ahead = rows.flatMap(({ end, due, expiration }) => {
    const left = (end ?? now) - now;
    const states = [(due ?? now) - now, left, (expiration ?? now) - now];
    if (left <= 0) return states;
    const unit = left >= DAY ? HOUR : left >= MINUTE ? MINUTE : SECOND;
    // The time left is rounded down, so it changes just after a whole unit.
    return [...states, (left % unit) + 1];
  });
  return Math.max(1, Math.min(midnight, ...ahead.filter((wait) => wait > 0)));
}
