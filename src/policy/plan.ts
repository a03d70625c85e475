import type { SessionState } from '../session/session.ts';
import type { History } from './history.ts';
import type { Standing } from './standing.ts';
import * as texts from './texts.ts';

export interface Situation {
  profile: string;
  /** The device: one question at a time for each. */
  serialNumber: string;
  state: SessionState;
  /** When the session ends, for states that have an end. */
  expiration: number | undefined;
  history: History;
}

export interface Circumstances {
  /** By AWS's clock. */
  now: number;
  promptBefore: number;
  /** The first pause between two askings; each further one is twice as long. */
  remindEvery: number;
  /** When the quiet hours that hold now end. */
  quietUntil: number | undefined;
  /** Why the person cannot see a question just now ("screen locked"). */
  held?: string;
  /** When the person last came back: the agent's start, a wake from sleep, an unlocked screen. */
  returnedAt: number;
}

export type Action =
  /** Raise the question; `reminder` is 0 for the first time. */
  | { do: 'ask'; profile: string; reminder: number }
  /** The question stands already: raise it again in place. */
  | { do: 'remind'; profile: string; reminder: number }
  | { do: 'withdraw'; profile: string }
  /** Write a session that STS has given and the disk has not taken. */
  | { do: 'save'; profile: string }
  /** Ask STS whether a session without an expiry is alive. */
  | { do: 'verify'; profile: string };

export interface Plan {
  actions: Action[];
  standings: Map<string, Standing>;
  /** When to check besides the schedule: the next end of a session that is being asked for. */
  nextLook: number | undefined;
}

/** However often nobody answered, the pauses grow no longer than this. */
const LONGEST_PAUSE = 4 * 3_600_000;

/** What to do now, and when to look next. The whole policy of asking is here and in {@link planOne}. */
export function plan(situations: Situation[], circumstances: Circumstances): Plan {
  const actions: Action[] = [];
  const standings = new Map<string, Standing>();
  const ends: number[] = [];
  const asking = new Map<string, string>();
  for (const { history, serialNumber, profile } of situations) {
    if (history.askingSince !== undefined) asking.set(serialNumber, profile);
  }
  for (const situation of situations) {
    const behind = asking.get(situation.serialNumber);
    const one = planOne(situation, circumstances, behind === situation.profile ? undefined : behind);
    standings.set(situation.profile, one.standing);
    if (one.action) actions.push(one.action);
    if (one.action?.do === 'ask') asking.set(situation.serialNumber, situation.profile);
    const isAskedFor = one.standing.standing === 'asking' || one.standing.standing === 'unanswered';
    if (isAskedFor && situation.expiration !== undefined) ends.push(situation.expiration);
  }
  const ahead = ends.filter((end) => end > circumstances.now);
  return { actions, standings, nextLook: ahead.length > 0 ? Math.min(...ahead) : undefined };
}

interface One {
  action?: Action;
  standing: Standing;
}

/** The rules for one profile, the first that fits. `behind` is the profile for which its device is being asked now. */
function planOne(situation: Situation, circumstances: Circumstances, behind: string | undefined): One {
  const { profile, state, history } = situation;
  const { now, quietUntil, held } = circumstances;
  const standing = (standing: Standing): One =>
    history.askingSince === undefined ? { standing } : { standing, action: { do: 'withdraw', profile } };

  if (history.unsaved) return { standing: { standing: 'unsaved' }, action: { do: 'save', profile } };
  if (state === 'fresh') return standing({ standing: 'fresh' });
  if (state === 'long-term') return standing({ standing: 'stopped', why: texts.HOLDS_LONG_TERM });
  if (state === 'unknown' && (!history.verdict || history.verdict.until <= now)) {
    return { standing: { standing: 'verifying' }, action: { do: 'verify', profile } };
  }
  if (state === 'unknown' && history.verdict?.alive) return standing({ standing: 'fresh' });
  if (history.stopped) return standing({ standing: 'stopped', why: history.stopped.why });
  if (history.snoozedUntil !== undefined && history.snoozedUntil > now) {
    return standing({ standing: 'snoozed', until: history.snoozedUntil });
  }
  if (quietUntil !== undefined) return standing({ standing: 'quiet', until: quietUntil });
  if (held !== undefined) return standing({ standing: 'held', why: held });
  if (history.wait && history.wait.until > now) return standing({ standing: 'waiting', ...history.wait });
  if (behind !== undefined) return { standing: { standing: 'queued', behind } };

  const due = reminderDue(situation, circumstances);
  if (history.askingSince === undefined) {
    return due === undefined
      ? { standing: { standing: 'unanswered', until: nextReminder(situation, circumstances) } }
      : { standing: { standing: 'asking', since: now }, action: { do: 'ask', profile, reminder: due } };
  }
  const since: Standing = { standing: 'asking', since: history.askingSince };
  return due === undefined
    ? { standing: since }
    : { standing: since, action: { do: 'remind', profile, reminder: due } };
}

/** The number of the reminder that is due (0: the first asking), or undefined when it is not time. */
function reminderDue(situation: Situation, circumstances: Circumstances): number | undefined {
  const { history } = situation;
  if (history.lastAskedAt === undefined) return 0;
  if (history.askingSince === undefined && circumstances.returnedAt > history.lastAskedAt) return 0;
  const next = nextReminder(situation, circumstances);
  if (next === undefined) return undefined;
  // The end of the session has a check of its own.
  const early = next === situation.expiration ? 0 : PUNCTUAL;
  return next - early <= circumstances.now ? history.reminders + 1 : undefined;
}

/** A prompt is shown some milliseconds after its check began, so the check that repeats it may come this much too early. */
const PUNCTUAL = 1_000;

/** When to raise the question again, or undefined after the last call: then only the person's return does. */
function nextReminder({ history, expiration, state }: Situation, { now, remindEvery }: Circumstances) {
  if (history.lastCall) return undefined;
  const asked = history.lastAskedAt ?? now;
  const pause = Math.min(remindEvery * 2 ** history.reminders, LONGEST_PAUSE);
  if (expiration === undefined || asked >= expiration || state === 'missing') return asked + pause;
  return Math.min(asked + pause, expiration);
}
