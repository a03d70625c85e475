import type { SessionState } from '../session/session.ts';
import { FIELD_TIME } from './field-time.ts';
import { after, type History } from './history.ts';
import { isLastCall, LAST_CALL, nextCall } from './last-call.ts';
import { planRole, type RoleSituation } from './role-plan.ts';
import type { Standing } from './standing.ts';
import * as texts from './texts.ts';

export interface Situation {
  profile: string;
  /** The MFA device. For each device there is at most one prompt at a time. */
  serialNumber: string;
  state: SessionState;
  /** When the session can no longer be used: AWS ends it, or it is older than `max_age`. Undefined if no end is known. */
  expiration: number | undefined;
  /** When AWS ends the session, if that is later than `expiration`. */
  awsEnd?: number | undefined;
  /** When the session becomes due; undefined if no end is known. */
  due?: number | undefined;
  /** Whether AWS should be asked if it still accepts the session: see `isDoubtful`. */
  isDoubtful?: boolean;
  /** Whether the settings make a notification the first prompt that the user sees. */
  byNotification?: boolean;
  /** Whether a user sits at a command that waits for the session. */
  isAwaited?: boolean;
  /** Set for a role that is assumed with the session of its source profile. */
  role?: Pick<RoleSituation, 'source' | 'isSourceNew'>;
  history: History;
}

export interface Circumstances {
  /** By AWS's clock. */
  now: number;
  promptBefore: number;
  /** The first pause before a reminder; each further pause is twice as long. */
  remindEvery: number;
  /** When the present quiet hours end; undefined outside quiet hours. */
  quietUntil: number | undefined;
  /** Why the user cannot see a prompt now ("screen locked"). */
  held?: string;
  /** Why no request can reach AWS now. */
  offline?: string | undefined;
  /** From 0 to 1, the same for the agent's whole life. Spreads the requests of many users. */
  jitter?: number;
  /** When the machine last woke. Undefined also while a command waits for a session. */
  wokeAt?: number | undefined;
  /** Why a notification would not be shown now. */
  paused?: string | undefined;
  /** When the user last returned: the agent started, the machine woke, or the screen was unlocked. */
  returnedAt: number;
}

export type Action =
  /** Show a prompt; `reminder` is 0 for the first time. */
  | { do: 'ask'; profile: string; reminder: number }
  /** Repeat the open prompt. */
  | { do: 'remind'; profile: string; reminder: number }
  | { do: 'withdraw'; profile: string }
  /** Close the prompt for another profile of the device; it is shown again later. */
  | { do: 'yield'; profile: string }
  /** Write a session that could not be written before. */
  | { do: 'save'; profile: string }
  /** Assume the role with the session of its source profile. */
  | { do: 'assume'; profile: string }
  /** Ask STS whether it still accepts a session. */
  | { do: 'verify'; profile: string };

export interface Plan {
  actions: Action[];
  standings: Map<string, Standing>;
  /** When to check besides the schedule: the next time at which something is due, which `status` also shows. */
  nextLook: number | undefined;
}

/** The longest pause before a reminder. */
const LONGEST_PAUSE = 4 * 3_600_000;

/**
 * Decides what to do now, and when to check next. With {@link postponed}, {@link turnOf}, {@link shareOne} and {@link askOne}, it
 * is the whole policy of asking.
 */
export function plan(situations: Situation[], circumstances: Circumstances): Plan {
  const actions: Action[] = [];
  const standings = new Map<string, Standing>();
  const looks: number[] = [];
  const spread = spreadUntil(circumstances);
  const byCode = situations.filter(({ role }) => role === undefined);
  const ones = new Map(byCode.map((one) => [one, postponed(one, circumstances)]));
  const sharing = new Map<string, Situation[]>();
  for (const one of byCode) {
    const others = sharing.get(one.serialNumber);
    if (others) others.push(one);
    else sharing.set(one.serialNumber, [one]);
  }
  const isReady = (one: Situation) => ones.get(one) === undefined;
  const turns = new Map([...sharing].map(([device, all]) => [device, turnOf(all, isReady, circumstances)]));
  for (const situation of byCode) {
    const turn = turns.get(situation.serialNumber);
    const { standing, action, look } = ones.get(situation) ?? shareOne(situation, circumstances, turn);
    standings.set(situation.profile, standing);
    if (action) actions.push(action);
    else if (situation.isDoubtful && standing.standing !== 'forgotten' && circumstances.held === undefined) {
      if (spread > circumstances.now) looks.push(spread);
      else actions.push({ do: 'verify', profile: situation.profile });
    }
    if (look !== undefined) looks.push(look);
  }
  for (const [situation, role] of sourcesFirst(situations)) {
    const source = situations.find(({ profile }) => profile === role.source);
    const isSourceUsable = source !== undefined && isUsable(source.state, standings.get(role.source));
    const { stopped } = situation.history;
    const { now, offline, jitter = 0 } = circumstances;
    const { action, standing, look } = planRole(
      { ...situation, ...role, due: situation.due },
      {
        now,
        offline,
        jitter,
        spreadUntil: spread,
        isSourceUsable,
        isStopped: stopped !== undefined && isStopped(stopped, circumstances),
      },
    );
    standings.set(situation.profile, standing);
    if (action) actions.push({ do: action, profile: situation.profile });
    if (look !== undefined) looks.push(look);
  }
  const ahead = looks.filter((look) => look > circumstances.now);
  return { actions, standings, nextLook: ahead.length > 0 ? Math.min(...ahead) : undefined };
}

/** In how many milliseconds the machines that wake at the same moment ask AWS about the sessions that ended meanwhile. */
const SPREAD = 10_000;

/** Returns until when requests for which no command waits are delayed after the machine woke. */
function spreadUntil({ wokeAt, jitter = 0 }: Circumstances): number {
  return wokeAt === undefined ? 0 : wokeAt + jitter * SPREAD;
}

/** Returns the roles, each after the role that it is assumed with. */
function sourcesFirst(situations: Situation[]): [Situation, NonNullable<Situation['role']>][] {
  const roles = situations.flatMap((one) => (one.role ? [[one, one.role] as [Situation, typeof one.role]] : []));
  const depth = (source: string): number => {
    const next = roles.find(([{ profile }]) => profile === source)?.[1].source;
    return next === undefined ? 0 : 1 + depth(next);
  };
  return roles.sort(([, one], [, other]) => depth(one.source) - depth(other.source));
}

/** Returns whether a role can be assumed with a session: AWS accepts it, and no other is on its way. */
function isUsable(state: SessionState, standing: Standing | undefined): boolean {
  if (standing && /^(assuming|unsaved|forgotten)$/.test(standing.standing)) return false;
  return state === 'fresh' || state === 'due' || standing?.standing === 'fresh';
}

interface One {
  action?: Action;
  standing: Standing;
  /** When something is due for this profile. */
  look?: number | undefined;
}

/** The rules that postpone the prompt for a profile; the first that applies counts. Undefined if the user can be asked. */
function postponed(situation: Situation, circumstances: Circumstances): One | undefined {
  const { profile, state, history } = situation;
  const { now, quietUntil, held } = circumstances;
  const standing = (standing: Standing, look?: number): One =>
    history.askingSince === undefined ? { standing, look } : { standing, look, action: { do: 'withdraw', profile } };

  if (history.forgotten && state !== 'long-term') return standing({ standing: 'forgotten' });
  if (history.unsaved) return { standing: { standing: 'unsaved' }, action: { do: 'save', profile } };
  if (state === 'fresh') return standing({ standing: 'fresh' }, situation.due);
  if (state === 'long-term') return standing({ standing: 'stopped', why: texts.HOLDS_LONG_TERM });
  if (state === 'unknown' && (!history.verdict || history.verdict.until <= now)) {
    return { standing: { standing: 'verifying' }, action: { do: 'verify', profile } };
  }
  if (state === 'unknown' && history.verdict?.alive) return standing({ standing: 'fresh' });
  if (history.stopped && isStopped(history.stopped, circumstances)) {
    const { why, until } = history.stopped;
    return standing({ standing: 'stopped', why, until }, until);
  }
  if (history.snoozedUntil !== undefined && history.snoozedUntil > now) {
    return standing({ standing: 'snoozed', until: history.snoozedUntil }, history.snoozedUntil);
  }
  if (quietUntil !== undefined) return standing({ standing: 'quiet', until: quietUntil }, quietUntil);
  if (held !== undefined) return standing({ standing: 'held', why: held });
  if (circumstances.paused !== undefined && situation.byNotification && !isLastWord(situation, now)) {
    const end = lastEndOf(situation);
    return standing({ standing: 'held', why: circumstances.paused }, end === undefined ? end : end - LAST_CALL);
  }
  if (history.wait && history.wait.until > now) {
    const end = lastEndOf(situation) ?? now;
    const look = end > now ? Math.min(end, history.wait.until) : history.wait.until;
    return standing({ standing: 'waiting', ...history.wait }, soonWhereUnaskable(look, history, now));
  }
  return undefined;
}

/** Who may ask on a device now. */
interface Turn {
  holder: Situation;
  /** Set if the holder's prompt is to be closed so that another profile can be asked. */
  isOver?: boolean;
}

/**
 * Decides which of the profiles that share a device is asked for; undefined if none needs a prompt now. An open prompt makes
 * room at once for the last call of a session that ends sooner, and for any other prompt at {@link turnEnds}, but not while
 * the user is at it. Each prompt counts as one of its profile's reminders, so that profiles do not displace each other
 * endlessly.
 * @param isReady whether nothing postpones the prompt of a profile
 */
function turnOf(
  sharing: Situation[],
  isReady: (one: Situation) => boolean,
  circumstances: Circumstances,
): Turn | undefined {
  const first = mostUrgent(
    sharing.filter((one) => isReady(one) && reminderDue(one, circumstances) !== undefined),
    circumstances,
  );
  const holder = sharing.find(({ history }) => history.askingSince !== undefined);
  if (holder === undefined) {
    const next = first ?? sharing.find((one) => isReady(one) && one.history.yielded);
    return next && { holder: next };
  }
  if (first === undefined || first === holder || !isReady(holder)) return { holder };
  const { now } = circumstances;
  if (isUsed(holder, now)) return { holder };
  const end = urgencyOf(first, circumstances);
  const isLast = isLastCall(now, end) && end < lossOf(holder, now);
  return { holder, isOver: isLast || turnEnds(holder.history.lastAskedAt ?? now, first, circumstances) <= now };
}

/**
 * Returns whether the user is at the open prompt: waits for it at a command, or has just opened its code field; or whether it is
 * repeated now for a program that waits.
 */
function isUsed(situation: Situation, now: number): boolean {
  const { history, isAwaited = false } = situation;
  return isAwaited || history.lastAskedAt === Number.NEGATIVE_INFINITY || typingEnds(situation) > now;
}

/** Returns until when the user may be typing a code. */
function typingEnds({ history }: Situation): number {
  return (history.fieldOpenedAt ?? Number.NEGATIVE_INFINITY) + FIELD_TIME;
}

/** Returns when the user loses a session that can still be used; Infinity if there is none. */
function lossOf(situation: Situation, now: number): number {
  if (situation.state !== 'due') return Number.POSITIVE_INFINITY;
  return Math.min(...endsOf(situation).filter((end) => end > now));
}

/** Returns the profile whose session ends first, of several the one that has waited longest. The prompt of each is due. */
function mostUrgent(waiting: Situation[], circumstances: Circumstances): Situation | undefined {
  const keys = waiting.map((one) => ({ one, end: urgencyOf(one, circumstances), asked: one.history.lastAskedAt ?? 0 }));
  const isBefore = (a: (typeof keys)[number], b: (typeof keys)[number]) =>
    a.end < b.end || (a.end === b.end && a.asked < b.asked);
  return keys.length === 0 ? undefined : keys.reduce((first, key) => (isBefore(key, first) ? key : first)).one;
}

/** Returns when the session ends, if the prompt that is due is its first or its last call; otherwise Infinity: it can wait. */
function urgencyOf(situation: Situation, circumstances: Circumstances): number {
  const { now } = circumstances;
  const { lastAskedAt } = situation.history;
  const isCall =
    lastAskedAt === undefined ||
    reminderDue(situation, circumstances) === 0 ||
    callsOf(situation, lastAskedAt).some((call) => call - PUNCTUAL <= now);
  return isCall ? lossOf(situation, now) : Number.POSITIVE_INFINITY;
}

/**
 * Returns when an open prompt makes room for another profile: after `remindEvery`, or half of the time until the session of that
 * profile ends, if that is less.
 * @param shown when the open prompt was last shown or repeated
 */
function turnEnds(shown: number, other: Situation, circumstances: Circumstances): number {
  return shown + Math.min(circumstances.remindEvery, (urgencyOf(other, circumstances) - shown) / 2);
}

/** Plans a profile for which nothing postpones the prompt, but perhaps another one of the same device. */
function shareOne(situation: Situation, circumstances: Circumstances, turn: Turn | undefined): One {
  const { profile, history } = situation;
  const { now } = circumstances;
  if (turn === undefined) return askOne(situation, circumstances);
  const { holder, isOver } = turn;
  if (holder !== situation) {
    const isDue = reminderDue(situation, circumstances) !== undefined;
    const isShownNow = holder.history.askingSince === undefined || reminderDue(holder, circumstances) !== undefined;
    const shown = isShownNow ? now : (holder.history.lastAskedAt ?? now);
    const looks = isDue
      ? [
          turnEnds(shown, situation, circumstances),
          typingEnds(holder),
          ...callsOf(situation, history.lastAskedAt ?? now),
        ]
      : [nextReminder(situation, circumstances) ?? 0];
    const [look] = looks.filter((time) => time > now).sort((one, other) => one - other);
    return { standing: { standing: 'queued', behind: holder.profile }, look };
  }
  if (isOver) return { standing: askingSince(history.askingSince ?? now, history), action: { do: 'yield', profile } };
  // A prompt that was closed for another profile is shown again although no reminder is due.
  const again = history.askingSince === undefined ? history.reminders + 1 : undefined;
  return askOne(situation, circumstances, reminderDue(situation, circumstances) ?? again);
}

/** Plans a profile that may use the device. */
function askOne(
  situation: Situation,
  circumstances: Circumstances,
  reminder = reminderDue(situation, circumstances),
): One {
  const { profile, history } = situation;
  const { now } = circumstances;
  if (reminder === undefined) {
    const next = nextReminder(situation, circumstances);
    const standing: Standing =
      history.askingSince === undefined
        ? { standing: 'unanswered', until: next }
        : askingSince(history.askingSince, history);
    return { standing, look: soonWhereUnaskable(next, history, now) };
  }
  const prompted = { kind: 'prompted', reminder, expiration: lastEndOf(situation) } as const;
  const next = nextReminder({ ...situation, history: after(history, prompted, circumstances) }, circumstances);
  return {
    standing: askingSince(history.askingSince ?? now, history),
    action: { do: history.askingSince === undefined ? 'ask' : 'remind', profile, reminder },
    look: soonWhereUnaskable(next, history, now),
  };
}

function askingSince(since: number, { unaskable }: History): Standing {
  return { standing: 'asking', since, ...(unaskable !== undefined && { why: texts.onlyNamesCommand(unaskable) }) };
}

/** How often to look for a desktop where there is none to ask on. */
const DESKTOP_LOOK = 60_000;

function soonWhereUnaskable(time: number | undefined, { unaskable }: History, now: number): number | undefined {
  return unaskable === undefined ? time : Math.min(time ?? Number.POSITIVE_INFINITY, now + DESKTOP_LOOK);
}

/**
 * Returns whether a prompt is the last call, which is shown and stays open although notifications are paused. Services show
 * a critical notification even then, or as soon as the user looks.
 */
function isLastWord(situation: Situation, now: number): boolean {
  const end = lastEndOf(situation);
  if (end === undefined || now < end - LAST_CALL) return false;
  const { askingSince } = situation.history;
  return now < end || (askingSince !== undefined && askingSince < end && isLastCall(askingSince, end));
}

/** Returns when AWS ends the session. */
function lastEndOf({ expiration, awsEnd }: Situation): number | undefined {
  return awsEnd ?? expiration;
}

function isStopped({ since, until }: NonNullable<History['stopped']>, { now, returnedAt }: Circumstances): boolean {
  return until > now && returnedAt <= since;
}

/** Returns the number of the reminder that is due (0: the first prompt), or undefined if none is due. */
function reminderDue(situation: Situation, circumstances: Circumstances): number | undefined {
  const { history } = situation;
  if (history.lastAskedAt === undefined) return 0;
  if (history.askingSince === undefined && circumstances.returnedAt > history.lastAskedAt) return 0;
  const next = nextReminder(situation, circumstances);
  if (next === undefined) return undefined;
  // A check is scheduled exactly for the end of the session.
  const early = endsOf(situation).includes(next) ? 0 : PUNCTUAL;
  return next - early <= circumstances.now ? history.reminders + 1 : undefined;
}

/** A prompt is shown some milliseconds after its check began, so the check that repeats it may come this much too early. */
const PUNCTUAL = 1_000;

/**
 * Returns when to show the prompt again: after a pause that doubles each time, shortly before the session ends, and when it
 * has ended. Undefined after that: then the agent waits until the user returns.
 */
function nextReminder(situation: Situation, { now, remindEvery }: Circumstances): number | undefined {
  const { history } = situation;
  if (history.lastCall) return undefined;
  const asked = history.lastAskedAt ?? now;
  const calls = callsOf(situation, asked);
  return Math.min(asked + Math.min(remindEvery * 2 ** history.reminders, LONGEST_PAUSE), ...calls);
}

function callsOf(situation: Situation, asked: number): number[] {
  return endsOf(situation).flatMap((end) => nextCall(asked, end) ?? []);
}

function endsOf({ state, expiration, awsEnd }: Situation): number[] {
  return state === 'missing' ? [] : [expiration, awsEnd].filter((end) => end !== undefined);
}
