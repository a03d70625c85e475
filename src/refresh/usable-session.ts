import { say } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { type Standing, standingText } from '../policy/standing.ts';
import type { SessionState, UsableSession } from '../session/session.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { chosenProfile, type Enough, forgottenIn, readHeldSession, sessionInFile } from './held-session.ts';
import type { Renewal } from './renewal.ts';
import * as texts from './usable-session-texts.ts';

/** What a command requires, and whether the user may be asked for the MFA code. */
export interface Need {
  enough: Enough;
  /** How long ago AWS may have given or accepted the session, in milliseconds; an hour by default. */
  trusted?: number;
  /** How much of the session must be left, in milliseconds. */
  min?: number | undefined;
  /** Undefined if the user must not be asked. */
  ask?: {
    /** Whether a user waits for the command, or a program that may run in the background. */
    startedBy: 'user' | 'program';
    /** How long to wait, in milliseconds: for the agent and, if a program waits, in all. */
    wait: number;
    /**
     * Makes the running agent ask for the code of a profile, and waits for the session; undefined if no agent is running.
     * @param asking `wait`: in milliseconds. `person`: whether a user waits at a terminal
     */
    agent(profile: string, asking: { wait: number; person: boolean }): Promise<AgentAnswer | undefined>;
  };
}

type AgentAnswer = { state: SessionState; standing: Standing } | { problem: string };

export interface Usable {
  session: UsableSession;
  /** Set if the session is due: when it can no longer be used, in milliseconds since the epoch. */
  endsSoon?: number | undefined;
}

/**
 * Returns a session that works, from the first source that has one. The order, and who uses which source:
 *
 * | source | `env` | `credential-process` | `exec` |
 * | --- | --- | --- | --- |
 * | the credentials file, with AWS for a session without a known end | yes | yes | unless due |
 * | AWS for a session that it gave or accepted more than an hour ago | | yes | yes |
 * | the running agent | | yes | without a terminal |
 * | this process asks | | on the terminal; by `mfa_process` if no agent runs | on the terminal, or if no agent runs |
 * | the file again, for a session that is due | | | if the user could not be asked |
 *
 * The session of a role whose source is another profile of the settings is not asked for: this process assumes the role with
 * the source's session, from the first source that has one.
 *
 * `refresh` uses the first and asks by itself: its user may give the code, another source, or long-term keys to replace.
 * @throws UserError (`no-session`) with the reasons why there is none
 */
export async function usableSession(settings: Settings, profile: ProfileSettings, need: Need): Promise<Usable> {
  const now = Date.now();
  const held = readHeldSession(settings, profile, now);
  const { state, expiration } = held;
  const { min = 0 } = need;
  const isHeld = state === 'fresh' || state === 'due';
  // Also true of a session that is older than `max_age`: its time is over here, although AWS still accepts it.
  const isShort = isHeld && min > 0 && expiration !== undefined && expiration - now < min;
  const endsSoon = state === 'due' || isShort ? expiration : undefined;
  const session = isShort ? undefined : await sessionInFile(settings, profile, held, need.enough, need.trusted);
  if (session) return { session, endsSoon };
  // The start-up file of a shell, for example, must not wait for a code.
  if (!need.ask) throw new UserError(texts.notUsable(profile.profile, state, expiration, now), 'no-session');

  // A program must not undo what the user has done.
  const forgotten = need.ask.startedBy === 'program' ? forgottenIn(settings, profile) : undefined;
  if (forgotten !== undefined && !(await (await import('./renewal.ts')).hasTerminal())) {
    throw new UserError(texts.isForgotten(forgotten), 'no-session');
  }

  if (profile.role?.isChained) {
    const assumed = await assumedRole(settings, profile, need.ask);
    const old = 'reason' in assumed && endsSoon !== undefined ? held.session : undefined;
    if (old) return { session: old, endsSoon };
    if ('reason' in assumed) throw new UserError(assumed.reason, 'no-session');
    return assumed;
  }

  // Imported late: usually the file has a session.
  const { hasTerminal, renewHere } = await import('./renewal.ts');
  const { startedBy, wait, agent } = need.ask;
  const start = performance.now();
  const person = await hasTerminal();
  const isRefused = (state === 'fresh' && !isShort) || (state === 'expired' && expiration === undefined);
  const refused = isRefused ? held.session?.accessKeyId : undefined;
  const reasons: string[] = [];
  let last: Renewal | undefined;

  // A user who has just typed the command looks at this terminal, not at the desktop. The agent does not ask for a session
  // that it takes for fresh.
  const isAskedHere = (person && startedBy === 'user') || (isShort && state === 'fresh');
  const answer = isAskedHere ? undefined : await agent(profile.profile, { wait, person });
  if (answer) {
    last = await fromAgent(settings, profile, answer, wait);
    if (last.kind === 'renewed') return last;
    reasons.push(last.reason);
  } else if (startedBy === 'program') {
    reasons.push(texts.NO_AGENT);
  }

  // The agent may not be able to ask, although the program has a user at its terminal.
  if (!answer || (startedBy === 'program' && last?.kind !== 'refused')) {
    const { prompt } = settings;
    const atTerminal = prompt === 'auto' ? ['mfa_process', 'terminal'] : prompt;
    // For a program, this process opens no window. A running agent has already tried the command.
    const possible = !answer && profile.mfaProcess !== undefined ? ['mfa_process', 'terminal'] : ['terminal'];
    const forProgram = atTerminal.filter((way) => possible.includes(way));
    const ways = startedBy === 'program' ? forProgram : person ? atTerminal : prompt;
    const limit = startedBy === 'program' ? Math.max(0, wait - (performance.now() - start)) : undefined;
    const request = { expiration, refused, min, ways, limit, startedBy };
    const renewal = ways.length > 0 ? await renewHere(settings, profile, request) : undefined;
    if (renewal?.kind === 'renewed') return renewal;
    if (renewal) reasons.push(renewal.reason);
    last = renewal ?? last;
  }

  // A user who was asked but gave no code does not want to continue with the old session.
  if ((state === 'due' || isShort) && last?.kind === 'unaskable') {
    const old = await sessionInFile(settings, profile, readHeldSession(settings, profile, Date.now()), 'working');
    if (old) return { session: old, endsSoon };
  }
  // The reason from AWS or the user is enough here.
  if (reasons.length === 1 && !answer && last?.kind === 'refused') throw new UserError(last.reason, 'no-session');
  throw new UserError(texts.sessionNotRefreshed(profile.profile, reasons.join('; ')), 'no-session');
}

/** Assumes the role of a profile with a session of its source, for which the user may be asked. */
async function assumedRole(
  settings: Settings,
  profile: ProfileSettings,
  ask: NonNullable<Need['ask']>,
): Promise<Usable | { reason: string }> {
  const [{ chained, refreshRoles }, { outcomeText }, { Clock }] = await Promise.all([
    import('./role.ts'),
    import('./outcome.ts'),
    import('../time/clock.ts'),
  ]);
  const [role, source] = [chained(profile), chosenProfile(profile.sourceProfile, settings)];
  if (!role) return { reason: texts.NO_AGENT };
  try {
    await usableSession(settings, source, { enough: 'working', ask });
  } catch (error) {
    if (error instanceof UserError && error.code === 'no-session') return { reason: error.message };
    throw error;
  }
  const outcome = (await refreshRoles(settings, [role], new Clock())).get(role.profile) ?? { kind: 'withdrawn' };
  const reason = outcomeText(profile, outcome, Date.now());
  // The command can use the session although it is not on disk.
  if (outcome.kind === 'unsaved') say(reason);
  return outcome.kind === 'refreshed' || outcome.kind === 'unsaved' ? { session: outcome.session } : { reason };
}

async function fromAgent(
  settings: Settings,
  profile: ProfileSettings,
  answer: AgentAnswer,
  wait: number,
): Promise<Renewal> {
  if ('problem' in answer) return { kind: 'unaskable', reason: answer.problem };
  const reason = standingText(answer.state, answer.standing, Date.now());
  switch (answer.standing.standing) {
    case 'fresh': {
      const held = readHeldSession(settings, profile, Date.now());
      const session = await sessionInFile(settings, profile, held, 'working');
      return session ? { kind: 'renewed', session } : { kind: 'unaskable', reason: texts.AGENT_KEEPS_OTHER_FILE };
    }
    case 'asking':
    case 'queued':
    case 'verifying':
    case 'unsaved':
    case 'assuming':
      return { kind: 'refused', reason: texts.stillWaiting(Math.round(wait / 1000)) };
    case 'stopped':
    case 'unanswered':
      // Asking again would not help, or would be too soon.
      return { kind: 'refused', reason };
    case 'snoozed':
    case 'forgotten':
    case 'quiet':
      return { kind: 'postponed', reason };
    case 'held':
    case 'waiting':
    case 'needs-source':
      return { kind: 'unaskable', reason };
  }
}
