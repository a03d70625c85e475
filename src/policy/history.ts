import type { SessionState } from '../session/session.ts';
import { nextCall } from './last-call.ts';
import type { RefreshOutcome } from './outcome.ts';
import * as texts from './texts.ts';

/** What has happened to one MFA profile so far. All times are milliseconds since the epoch. */
export interface History {
  /** Since when a prompt for this profile is open, or its role is being assumed. */
  readonly askingSince?: number;
  /** When the prompt was last shown or repeated. */
  readonly lastAskedAt?: number;
  /** How often the prompt was repeated since the session became due. */
  readonly reminders: number;
  /** The last call has been made: no reminder until the user returns. */
  readonly lastCall: boolean;
  readonly snoozedUntil?: number;
  /** The prompt was closed for another profile of the device: it is shown again when the device is free. */
  readonly yielded?: true;
  /** When the user last opened a code field of the prompt. */
  readonly fieldOpenedAt?: number;
  /** The user has removed the session, and wants no other one until asking for it. */
  readonly forgotten?: true;
  /** Until then, asking is useless: AWS is busy or unreachable, or three codes were wrong. `why` is a text for the user. */
  readonly wait?: { until: number; why: string };
  /** Why the last try gave no session: one line for the next prompt. */
  readonly problem?: string;
  /** How many times in a row AWS was busy or unreachable. */
  readonly outage?: { kind: 'busy' | 'unreachable'; times: number };
  /**
   * Asking was useless. The agent tries again when a file changes, the user requests it or returns, and at `until` at the
   * latest. `why` is a text for the user.
   */
  readonly stopped?: { why: string; since: number; until: number };
  /**
   * Why no method of asking worked the last time, as a text for the user. It is tried again now and then, and logged once.
   */
  readonly unaskable?: string;
  /** STS has given a session that is not on disk yet. */
  readonly unsaved?: boolean;
  /** Whether STS accepted a session without an expiry, and when to ask STS again. */
  readonly verdict?: { alive: boolean; until: number };
}

export const FRESH_START: History = { reminders: 0, lastCall: false };

/** What the agent did for a profile, saw of it, or was told about it. All times are milliseconds since the epoch. */
export type ProfileEvent =
  /** The clock was set forward by this many milliseconds (negative: back). */
  | { kind: 'clock-set'; by: number }
  /**
   * A check read the session. `mayBeFixed`: a file changed or the user asked for it, so the reason to stop may be gone. `isNew`:
   * there is a session, although the last one was forgotten.
   */
  | { kind: 'checked'; state: SessionState; mayBeFixed: boolean; isNew?: boolean }
  /** A prompt was shown (`reminder` 0) or repeated. `expiration`: when AWS ends the session, if that is known. */
  | { kind: 'prompted'; reminder: number; expiration: number | undefined }
  /** The prompt is being closed for another profile of the device. */
  | { kind: 'yielded' }
  /** The user has opened a code field of the prompt. */
  | { kind: 'field-opened' }
  /** A role is being assumed with the session of its source profile, without a prompt. */
  | { kind: 'assuming' }
  /** No way of asking works, as `reason` says: the prompt only names a command to run. */
  | { kind: 'no-way'; reason: string }
  /** A display, a bus or a notification service has appeared or gone. */
  | { kind: 'desktop-changed' }
  | PromptEnded
  /** A session that had been kept in memory was written, or is not wanted any more. */
  | { kind: 'written' }
  /** STS was asked whether the session is valid; undefined when STS could not be reached. */
  | { kind: 'verified'; alive: boolean | undefined }
  /** The user has removed the session by command. */
  | { kind: 'forgotten' }
  /** The user wants a session of this profile again. */
  | { kind: 'wanted' }
  /** By command; `until` is undefined when the user ends a snooze. */
  | { kind: 'snoozed'; until: number | undefined }
  /** A command waits for the session. `person`: a user sits at it. */
  | { kind: 'awaited'; person: boolean };

/** The prompt was answered or closed, or the role was assumed. */
export interface PromptEnded {
  kind: 'prompt-ended';
  outcome: RefreshOutcome;
  /** Why the prompt only named a command. */
  noWay?: string | undefined;
  /** When AWS ends the session, if that is known. */
  expiration?: number | undefined;
  /** From 0 to 1. Spreads the retries of many users while AWS is busy. */
  jitter: number;
}

/** When something happened, and the settings that then applied. All in milliseconds. */
export interface Moment {
  /** Since the epoch. */
  now: number;
  promptBefore: number;
  remindEvery: number;
}

/** Returns the history after an event. Every change of a profile's history is one of these steps. */
export function after(history: History, event: ProfileEvent, moment: Moment): History {
  const { forgotten, ...next } = afterStep(history, event, moment);
  const isForgotten = event.kind === 'forgotten' || (history.forgotten && !isWanted(event));
  return isForgotten ? { ...next, forgotten: true } : next;
}

/** Whether the user wants a session again after having it forgotten. A program that needs one does not count. */
function isWanted(event: ProfileEvent): boolean {
  return (
    event.kind === 'wanted' ||
    (event.kind === 'awaited' && event.person) ||
    (event.kind === 'snoozed' && event.until === undefined) ||
    (event.kind === 'checked' && event.isNew === true)
  );
}

function afterStep(history: History, event: ProfileEvent, moment: Moment): History {
  switch (event.kind) {
    case 'forgotten': {
      const { askingSince } = history;
      return askingSince === undefined ? FRESH_START : { ...FRESH_START, askingSince };
    }
    case 'wanted':
      return history;
    case 'clock-set':
      return shifted(history, event.by);
    case 'checked':
      return afterCheck(history, event);
    case 'prompted':
      return afterPrompt(history, event, moment);
    case 'yielded':
      return { ...history, yielded: true };
    case 'field-opened':
      return { ...history, fieldOpenedAt: moment.now };
    case 'assuming':
      return { ...history, askingSince: moment.now };
    case 'no-way':
      return { ...history, unaskable: event.reason };
    case 'desktop-changed':
      return afterDesktopChange(history);
    case 'prompt-ended':
      return afterOutcome(history, event, moment);
    case 'written':
      return FRESH_START;
    case 'verified':
      // Unreachable: counts as alive until STS can be asked again. A code could not be checked now either.
      return { ...history, verdict: { alive: event.alive ?? true, until: moment.now + VERIFY_AGAIN } };
    case 'snoozed':
      return afterSnooze(history, event.until);
    case 'awaited':
      return event.person ? awaitedByPerson(history) : awaitedByProgram(history, moment);
  }
}

const VERIFY_AGAIN = 15 * 60_000;

function afterCheck(history: History, { state, mayBeFixed }: { state: SessionState; mayBeFixed: boolean }): History {
  const isAtRest = state === 'fresh' && !history.unsaved && history.askingSince === undefined;
  const seen = isAtRest ? rested(history) : history;
  if (!mayBeFixed) return seen;
  const { verdict: _, ...rest } = seen;
  const { unaskable, stopped, ...others } = rest;
  if (seen.askingSince !== undefined) return others;
  const { snoozedUntil } = seen;
  const isStuck = stopped !== undefined || unaskable !== undefined;
  return isStuck ? { ...withProblem(seen.problem), ...(snoozedUntil !== undefined && { snoozedUntil }) } : rest;
}

function withProblem(problem: string | undefined): History {
  return { ...FRESH_START, ...(problem !== undefined && { problem }) };
}

/** Where no way of asking worked, it is tried again at once. */
function afterDesktopChange(history: History): History {
  if (history.unaskable === undefined || history.askingSince !== undefined) return history;
  return asIfFirst(without(history, 'wait'));
}

/** After a snooze, the prompt is shown as if for the first time. */
function afterSnooze({ snoozedUntil: _, ...history }: History, until: number | undefined): History {
  return { ...asIfFirst(history), ...(until !== undefined && { snoozedUntil: until }) };
}

/** Returns a history that does not have these properties. */
function without(history: History, ...keys: Exclude<keyof History, 'reminders' | 'lastCall'>[]): History {
  const rest: { -readonly [Key in keyof History]: History[Key] } = { ...history };
  for (const key of keys) delete rest[key];
  return rest;
}

/** The next prompt is shown at once, and its reminders are counted from there. */
function asIfFirst({ lastAskedAt: _, ...history }: History): History {
  return { ...history, reminders: 0, lastCall: false };
}

/** Of a fresh session, only what the user asked for still counts, and what has been logged already. */
function rested({ snoozedUntil, unaskable }: History): History {
  return {
    ...FRESH_START,
    ...(snoozedUntil !== undefined && { snoozedUntil }),
    ...(unaskable !== undefined && { unaskable }),
  };
}

function afterOutcome(history: History, { outcome, noWay, expiration, jitter }: PromptEnded, moment: Moment): History {
  const { now, remindEvery } = moment;
  const others = without(history, 'askingSince', 'unaskable', 'fieldOpenedAt');
  const rest = noWay === undefined ? others : { ...others, unaskable: noWay };
  switch (outcome.kind) {
    case 'refreshed':
      return FRESH_START;
    case 'unsaved':
      return { ...FRESH_START, unsaved: true };
    case 'snoozed':
      return { ...FRESH_START, ...(noWay !== undefined && { unaskable: noWay }), snoozedUntil: outcome.until };
    case 'dismissed':
      // The user has seen the problem, and AWS answered before the prompt was shown.
      return without(rest, 'problem', 'outage', 'yielded');
    case 'withdrawn':
      return rest.yielded ? rest : asIfFirst(rest);
    case 'unaskable': {
      // Tried again later, and not counted as a prompt: a desktop may appear.
      const { reason, summary } = outcome;
      const why = summary === undefined ? texts.cannotAskHere(reason) : texts.nothingToAskWith(summary);
      return {
        ...withProblem(history.problem),
        unaskable: summary ?? reason,
        wait: { until: now + Math.min(remindEvery, LONGEST_STOP), why },
      };
    }
    case 'unwritable':
      // A disk or a lock may be free again without a change of a file.
      return { ...withProblem(history.problem), stopped: stop(outcome.reason, now, now + remindEvery) };
    case 'no-keys':
      return { ...withProblem(texts.lastTry(outcome.reason)), stopped: stop(outcome.reason, now) };
    case 'refused':
      return afterRefusal(rest, outcome, { jitter, expiration }, moment);
  }
}

/** While AWS does not answer, the pause of 30 to 90 seconds doubles at most this often. Only the first try costs a code. */
const MOST_DOUBLINGS = 1;

/** What follows when AWS refuses a request. */
function afterRefusal(
  history: History,
  { failure: { kind }, reason, message: why }: RefreshOutcome & { kind: 'refused' },
  { jitter, expiration }: Pick<PromptEnded, 'jitter' | 'expiration'>,
  { now, remindEvery }: Moment,
): History {
  const call = expiration === undefined ? undefined : nextCall(now, expiration);
  const again = Math.min(now + Math.min(remindEvery, LONGEST_STOP), call ?? Number.POSITIVE_INFINITY);
  const before = withProblem(texts.lastTry(kind === 'wrong-code' ? texts.CODES_REFUSED : reason));
  switch (kind) {
    case 'wrong-code':
      return { ...before, wait: { until: again, why: texts.CODES_REFUSED } };
    case 'clock':
      return { ...before, wait: { until: again, why } };
    case 'busy':
    case 'unreachable': {
      const times = history.outage?.times ?? 0;
      const wait = (30_000 + jitter * 60_000) * 2 ** Math.min(times, MOST_DOUBLINGS);
      return { ...before, outage: { kind, times: times + 1 }, wait: { until: now + wait, why } };
    }
    case 'wrong-serial':
      // The device may be in step again without a change of a file.
      return { ...before, stopped: stop(why, now, again) };
    case 'session-keys':
    case 'forbidden':
    case 'bad-keys':
    case 'expired':
    case 'invalid-request':
    case 'refused':
    case 'not-sts':
      return { ...before, stopped: stop(why, now) };
  }
}

/** How long a stop lasts if nothing ends it before. */
const LONGEST_STOP = 3_600_000;

function stop(why: string, now: number, until = now + LONGEST_STOP): NonNullable<History['stopped']> {
  return { why, since: now, until };
}

/** A prompt first shown after the expiry had no last call at the expiry: it is repeated this often instead. */
const REMINDERS_AFTER_EXPIRY = 3;

function afterPrompt(
  history: History,
  { reminder, expiration }: { reminder: number; expiration: number | undefined },
  { now }: Moment,
): History {
  const expired = expiration !== undefined && expiration <= now;
  const askedBefore = expired && reminder > 0 && (history.lastAskedAt ?? now) < expiration;
  return {
    ...without(history, 'wait', 'snoozedUntil', 'stopped', 'yielded'),
    askingSince: history.askingSince ?? now,
    lastAskedAt: now,
    reminders: reminder,
    lastCall: expired && (askedBefore || reminder >= REMINDERS_AFTER_EXPIRY),
  };
}

/** Shifts all times by `by` ms after a clock step, so that every pause keeps its length. */
function shifted(history: History, by: number): History {
  const { askingSince, lastAskedAt, fieldOpenedAt, snoozedUntil, wait, stopped, verdict } = history;
  return {
    ...history,
    ...(askingSince !== undefined && { askingSince: askingSince + by }),
    ...(lastAskedAt !== undefined && { lastAskedAt: lastAskedAt + by }),
    ...(fieldOpenedAt !== undefined && { fieldOpenedAt: fieldOpenedAt + by }),
    ...(snoozedUntil !== undefined && { snoozedUntil: snoozedUntil + by }),
    ...(wait && { wait: { ...wait, until: wait.until + by } }),
    ...(stopped && { stopped: { ...stopped, since: stopped.since + by, until: stopped.until + by } }),
    ...(verdict && { verdict: { ...verdict, until: verdict.until + by } }),
  };
}

/** A user at the command is asked at once: an open prompt is repeated, and neither a snooze nor a pause counts. */
function awaitedByPerson(history: History): History {
  if (history.askingSince !== undefined) return repeatedNow(without(history, 'unaskable'));
  return asIfFirst(without(history, 'unaskable', 'snoozedUntil', 'wait'));
}

/** For a program, a prompt is repeated, or a closed one shown again, only if the last one is older than `remindEvery`. */
function awaitedByProgram(history: History, { now, remindEvery }: Moment): History {
  const { lastAskedAt } = history;
  if (lastAskedAt === undefined || now - lastAskedAt < remindEvery) return history;
  if (history.askingSince !== undefined) return repeatedNow(history);
  return asIfFirst(history);
}

/** The next check repeats the open prompt. */
function repeatedNow(history: History): History {
  return { ...history, lastAskedAt: Number.NEGATIVE_INFINITY, lastCall: false };
}
