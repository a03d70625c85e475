import type { Asking } from '../ask/ask.ts';
import { createAsk } from '../ask/choose.ts';
import type { Offer } from '../ask/desktop/offer.ts';
import { isOld, tendedLines } from '../keys/rotation-texts.ts';
import { after, type History, type PromptEnded } from '../policy/history.ts';
import type { RefreshOutcome } from '../policy/outcome.ts';
import { refreshEffects } from '../refresh/effects.ts';
import { type Forgotten, removeSessions } from '../refresh/forget.ts';
import { readSessions } from '../refresh/held-session.ts';
import { tending } from '../refresh/key-rotation.ts';
import { type RefreshEffects, refresh } from '../refresh/refresh.ts';
import { chained, refreshRoles } from '../refresh/role.ts';
import type { RefreshTarget } from '../refresh/target.ts';
import { reasonOf } from '../refresh/texts.ts';
import { askAboutSession } from '../refresh/verdict.ts';
import { shortKeyId } from '../session/session.ts';
import { forgetNotifications, rememberNotification } from '../session/state.ts';
import { configWords } from '../settings/carried.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';

/** What decides, together with the outcome, what the agent does after a prompt. */
export type Ending = { history: History } & Pick<PromptEnded, 'expiration' | 'jitter'>;

export interface RefreshJob {
  settings: Settings;
  target: RefreshTarget;
  reminder: number;
  ending: Ending;
  /** How far AWS's clock is ahead of the machine's, in milliseconds. */
  clockOffset: number;
}

/**
 * Receives one line: what only the user can do (`info`), what went wrong before the prompt (`warn`), or why no way of asking
 * works, so that a notification only names a command (`no way`, with a `summary`).
 */
export type Tell = (text: string, level: 'info' | 'warn' | 'no way', summary?: string) => void;

/**
 * Makes one refresh, from the prompt to the written file, and looks after the key that it was signed with.
 * @returns `clockOffset` if AWS answered during the job; `offer` if the rotation of the key should be offered to the user
 */
export async function refreshJob(
  { settings, target, reminder, ending, clockOffset }: RefreshJob,
  asking: Asking,
  tell: Tell,
): Promise<{ outcome: RefreshOutcome; clockOffset?: number | undefined; offer?: Offer }> {
  const profile = settings.profiles.find((one) => one.profile === target.profile);
  if (!profile) return { outcome: { kind: 'withdrawn' } };
  const clock = new Clock();
  clock.offset = clockOffset;
  const { ask, shown } = createAsk(settings, profile, {
    // A user who names `terminal` in the settings means it, even if standard input is a pipe.
    standardInput: settings.prompt.includes('terminal'),
    tell: (text) => tell(text, 'info'),
    warn: (text) => tell(text, 'warn'),
    onNoWay: (reason, summary) => tell(reason, 'no way', summary),
    memory: {
      shown: (one) => rememberNotification(settings.files.state, one),
      closed: (one) => forgetNotifications(settings.files.state, [one]),
    },
    resultsOnTerminal: true,
  });
  const { history, ...circumstances } = ending;
  const base = refreshEffects(settings, profile, { ask, clock });
  const { effects: tended, tend } = tending(settings, profile, clock, base);
  const effects: RefreshEffects = {
    ...tended,
    follows: (outcome) =>
      after(history, { kind: 'prompt-ended', outcome, ...circumstances }, { ...settings, now: clock.now() }),
  };
  const outcome = await refresh(target, { ...asking, reminder }, effects);
  // This process may end as soon as the agent has the outcome.
  await shown();
  const { sourceProfile } = target;
  const { retired, age } = await tend(outcome);
  const lines = tendedLines(sourceProfile, { ...(retired && { retired: { ...retired, id: shortKeyId(retired.id) } }) });
  for (const line of lines) tell(line, 'info');
  const config = configWords(settings);
  const words = [...config, 'keys', 'rotate', sourceProfile];
  const offer = age === undefined ? {} : { offer: { text: isOld(sourceProfile, age, config), words } };
  return { outcome, clockOffset: clock.told, ...offer };
}

export interface AssumeJob {
  settings: Settings;
  /** The names of role profiles whose sources hold sessions. */
  profiles: string[];
  clockOffset: number;
}

/** Assumes roles, and writes their sessions. @returns the outcome for each profile that was tried */
export async function assumeJob({ settings, profiles, clockOffset }: AssumeJob, signal: AbortSignal) {
  const clock = new Clock();
  clock.offset = clockOffset;
  const roles = settings.profiles
    .filter(({ profile }) => profiles.includes(profile))
    .flatMap((one) => chained(one) ?? []);
  const outcomes = await refreshRoles(settings, roles, clock, { signal });
  return { outcomes: Object.fromEntries(outcomes), clockOffset: clock.told };
}

export interface VerifyJob {
  files: Settings['files'];
  profile: ProfileSettings;
  clockOffset: number;
}

/** Returns whether AWS still accepts the session in a profile; undefined if AWS could not be asked. Remembers the answer. */
export async function verifyJob({ files, profile, clockOffset }: VerifyJob) {
  const clock = new Clock();
  clock.offset = clockOffset;
  const session = readSessions(files, [profile]).get(profile.profile);
  if (session?.kind !== 'session') return { alive: false, clockOffset: undefined };
  const { alive, at, askedAt } = await askAboutSession(files, profile, session, clock);
  return { alive: at === askedAt ? alive : undefined, clockOffset: clock.told };
}

export interface ForgetJob {
  files: Settings['files'];
  profile: string;
  /** The role profiles whose sessions were made from that of `profile`. */
  roles: string[];
}

/** Removes sessions from the credentials file. Returns why it cannot, for the user. */
export async function forgetJob({ files, profile, roles }: ForgetJob): Promise<Forgotten | { problem: string }> {
  return removeSessions(files, profile, roles).catch((error) => ({ problem: reasonOf(error) }));
}
