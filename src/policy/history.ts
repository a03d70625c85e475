import type { AwsFailure, RefreshOutcome } from './outcome.ts';
import * as texts from './texts.ts';

/** What has happened to one MFA profile so far. All times are milliseconds since the epoch. */
export interface History {
  /** A question for this profile stands since then. */
  askingSince?: number;
  /** When the question was last raised or raised again. */
  lastAskedAt?: number;
  /** How often it was raised again since the session became due. */
  reminders: number;
  /** The last call has been made: no reminder until the person is back. */
  lastCall: boolean;
  snoozedUntil?: number;
  /** No use to ask before then: AWS is busy or out of reach, or three codes were wrong. `why` is for people. */
  wait?: { until: number; why: string };
  /** AWS was busy, or out of reach, so many times in a row. */
  outage?: { kind: 'busy' | 'unreachable'; times: number };
  /** Asking cannot help until the settings or the credentials file change. `why` is for people. */
  stopped?: { why: string };
  /** STS has given a session that is not on disk yet. */
  unsaved?: boolean;
  /** What STS said of a session without an expiry, and when to ask STS again. */
  verdict?: { alive: boolean; until: number };
}

export const FRESH_START: History = { reminders: 0, lastCall: false };

/** When, and by what, an outcome is judged. */
export interface Moment {
  /** Milliseconds since the epoch, as all times here. */
  now: number;
  promptBefore: number;
  remindEvery: number;
  /** From 0 to 1, by chance: AWS is busy with more people than this one. */
  jitter: number;
}

/** The history after a question was answered or not, for the times to come. */
export function afterOutcome(history: History, outcome: RefreshOutcome, moment: Moment): History {
  const { now, promptBefore, remindEvery } = moment;
  const { askingSince: _, ...rest } = history;
  switch (outcome.kind) {
    case 'refreshed':
      return afterRefresh(outcome.session.expiration, now, promptBefore);
    case 'unsaved':
      return { ...FRESH_START, unsaved: true };
    case 'snoozed':
      return { ...FRESH_START, snoozedUntil: now + outcome.duration };
    case 'dismissed':
    case 'withdrawn':
      return rest;
    case 'unaskable':
      // Asked again without counting as an asking: a desktop may appear.
      return { ...FRESH_START, wait: { until: now + remindEvery, why: texts.cannotAskHere(outcome.reason) } };
    case 'no-keys':
      return { ...rest, stopped: { why: outcome.reason } };
    case 'refused':
      return afterRefusal(rest, outcome.failure, outcome.message, moment);
  }
}

/** Of the pause between two tries while AWS does not answer: it is 1 to 3 minutes then. Only the first costs a code. */
const MOST_DOUBLINGS = 1;

/** What follows a refusal of AWS: design section 3, "AWS's answers". */
function afterRefusal(
  history: History,
  { kind }: AwsFailure,
  why: string,
  { now, remindEvery, jitter }: Moment,
): History {
  const again = now + remindEvery;
  switch (kind) {
    case 'wrong-code':
      return { ...FRESH_START, wait: { until: again, why: texts.CODES_REFUSED } };
    case 'clock':
      return { ...FRESH_START, wait: { until: again, why } };
    case 'busy':
    case 'unreachable': {
      const times = history.outage?.times ?? 0;
      const wait = (30_000 + jitter * 60_000) * 2 ** Math.min(times, MOST_DOUBLINGS);
      return { ...FRESH_START, outage: { kind, times: times + 1 }, wait: { until: now + wait, why } };
    }
    case 'wrong-serial':
    case 'session-keys':
    case 'forbidden':
    case 'bad-keys':
    case 'expired':
    case 'invalid-request':
    case 'not-sts':
      return { ...history, stopped: { why } };
  }
}

/** A question first raised after the expiry has had no last call at it: it gets this many reminders instead. */
const REMINDERS_AFTER_EXPIRY = 3;

/** The history after the question was raised (or raised again) at `now`. */
export function afterAsking(
  { history, expiration }: { history: History; expiration: number | undefined },
  now: number,
  reminder: number,
): History {
  const { wait: _, snoozedUntil: __, ...rest } = history;
  const expired = expiration !== undefined && expiration <= now;
  const raisedBefore = expired && reminder > 0 && (history.lastAskedAt ?? now) < expiration;
  return {
    ...rest,
    askingSince: history.askingSince ?? now,
    lastAskedAt: now,
    reminders: reminder,
    lastCall: expired && (raisedBefore || reminder >= REMINDERS_AFTER_EXPIRY),
  };
}

/**
 * The history after a refresh. AWS may give a session so short that it is due at once (a root user's, for one): the question
 * then waits until a quarter of it is left, or it would never end.
 */
export function afterRefresh(expiration: number, now: number, promptBefore: number): History {
  const left = expiration - now;
  if (left > promptBefore) return FRESH_START;
  return { ...FRESH_START, wait: { until: expiration - left / 4, why: texts.SHORT_SESSION } };
}

/** The history on a clock that was set forward by so many milliseconds: every pause stays as long as it was. */
export function shifted(history: History, by: number): History {
  const { askingSince, lastAskedAt, snoozedUntil, wait, verdict } = history;
  return {
    ...history,
    ...(askingSince !== undefined && { askingSince: askingSince + by }),
    ...(lastAskedAt !== undefined && { lastAskedAt: lastAskedAt + by }),
    ...(snoozedUntil !== undefined && { snoozedUntil: snoozedUntil + by }),
    ...(wait && { wait: { ...wait, until: wait.until + by } }),
    ...(verdict && { verdict: { ...verdict, until: verdict.until + by } }),
  };
}

/** The history of a session that is fresh: nothing but what the person has asked for. */
export function rested({ snoozedUntil }: History): History {
  return snoozedUntil === undefined ? FRESH_START : { ...FRESH_START, snoozedUntil };
}

/** The history of a profile for whose session somebody waits. */
export function awaited(history: History, person: boolean, now: number, remindEvery: number): History {
  const { snoozedUntil: _, wait: __, lastAskedAt, ...rest } = history;
  const isOld = lastAskedAt !== undefined && now - lastAskedAt >= remindEvery;
  // A question that stands is raised again in place.
  if (history.askingSince !== undefined && (person || isOld)) {
    return { ...history, lastAskedAt: Number.NEGATIVE_INFINITY, lastCall: false };
  }
  if (person) return { ...rest, reminders: 0, lastCall: false };
  if (!isOld) return history;
  const { lastAskedAt: ___, ...unasked } = history;
  return { ...unasked, reminders: 0, lastCall: false };
}
