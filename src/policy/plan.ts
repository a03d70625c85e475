import type { SessionState } from '../session/session.ts';
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

/** Decides what to do now, and when to check next. This and {@link planOne} are the whole policy of asking. */
export function plan(situations: Situation[], circumstances: Circumstances): Plan {
  const actions: Action[] = [];
  const standings = new Map<string, Standing>();
  const looks: number[] = [];
  const asking = new Map<string, string>();
  const spread = spreadUntil(circumstances);
  const byCode = situations.filter(({ role }) => role === undefined);
  for (const { history, serialNumber, profile } of byCode) {
    if (history.askingSince !== undefined) asking.set(serialNumber, profile);
  }
  for (const situation of byCode) {
    const behind = asking.get(situation.serialNumber);
    const { standing, action, look } = planOne(
      situation,
      circumstances,
      behind === situation.profile ? undefined : behind,
    );
    standings.set(situation.profile, standing);
    if (action) actions.push(action);
    else if (situation.isDoubtful && standing.standing !== 'forgotten' && circumstances.held === undefined) {
      if (spread > circumstances.now) looks.push(spread);
      else actions.push({ do: 'verify', profile: situation.profile });
    }
    if (action?.do === 'ask') asking.set(situation.serialNumber, situation.profile);
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

/** The rules for one profile; the first that applies counts. `behind` is the profile that uses the MFA device now. */
function planOne(situation: Situation, circumstances: Circumstances, behind: string | undefined): One {
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
  if (behind !== undefined) return { standing: { standing: 'queued', behind } };
  return askOne(situation, circumstances);
}

/** Plans a profile for which nothing postpones the prompt. */
function askOne(situation: Situation, circumstances: Circumstances): One {
  const { profile, history } = situation;
  const { now } = circumstances;
  const reminder = reminderDue(situation, circumstances);
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
  const calls = endsOf(situation).flatMap((end) => nextCall(asked, end) ?? []);
  return Math.min(asked + Math.min(remindEvery * 2 ** history.reminders, LONGEST_PAUSE), ...calls);
}

function endsOf({ state, expiration, awsEnd }: Situation): number[] {
  return state === 'missing' ? [] : [expiration, awsEnd].filter((end) => end !== undefined);
}
