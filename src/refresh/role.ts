import type { AwsAnswer } from '../aws/call.ts';
import { UserError } from '../errors.ts';
import type { RefreshOutcome } from '../policy/outcome.ts';
import type { MfaSession } from '../session/session.ts';
import type { ProfileSettings, RoleSettings, Settings } from '../settings/settings.ts';
import type { Clock } from '../time/clock.ts';
import { callerIdentity, roleSession, saveSessions } from './effects.ts';
import { readHeldSession } from './held-session.ts';
import * as texts from './texts.ts';
import { notUsable } from './usable-session-texts.ts';

/** A profile whose role is assumed with the session of its source profile. */
export type ChainedProfile = ProfileSettings & { role: RoleSettings };

/** Returns the profile if its role is assumed with the session of its source profile. */
export function chained(profile: ProfileSettings): ChainedProfile | undefined {
  const { role } = profile;
  return role?.isChained ? { ...profile, role } : undefined;
}

/** How many roles are assumed at the same time. */
const AT_ONCE = 5;

/**
 * Refreshes role profiles with the sessions in their source profiles, and writes all of them at once. Needs no code. Never
 * rejects.
 * @param options `save` writes the sessions, by profile: see {@link saveSessions}. When `signal` is aborted, no further role
 *   is assumed
 * @returns the outcome for each profile whose role was tried
 */
export async function refreshRoles(
  settings: Settings,
  profiles: readonly ChainedProfile[],
  clock: Clock,
  {
    signal,
    save = (sessions: ReadonlyMap<string, MfaSession>) => saveSessions(settings.files, sessions),
  }: { signal?: AbortSignal; save?: SaveAll } = {},
): Promise<Map<string, RefreshOutcome>> {
  const outcomes = new Map<string, RefreshOutcome>();
  const given = new Map<string, MfaSession>();
  const identities = new Map<string, ReturnType<typeof callerIdentity>>();
  const waiting = [...profiles];
  const assumeNext = async () => {
    for (let next = waiting.shift(); next && !signal?.aborted; next = waiting.shift()) {
      const assumed = await assume(settings, next, clock, identities);
      if ('session' in assumed) given.set(next.profile, assumed.session);
      else outcomes.set(next.profile, assumed);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, assumeNext));
  if (given.size > 0) for (const [profile, outcome] of await saved(given, save)) outcomes.set(profile, outcome);
  return outcomes;
}

type SaveAll = (sessions: ReadonlyMap<string, MfaSession>) => Promise<string | undefined>;

type NotAssumed = Extract<RefreshOutcome, { kind: 'no-keys' | 'refused' }>;

async function assume(
  settings: Settings,
  profile: ChainedProfile,
  clock: Clock,
  identities: Map<string, ReturnType<typeof callerIdentity>>,
): Promise<{ session: MfaSession } | NotAssumed> {
  let answer: AwsAnswer<MfaSession>;
  try {
    const { sourceProfile } = profile;
    const source = settings.profiles.find((one) => one.profile === sourceProfile);
    if (!source) throw new UserError(texts.noSuchSource(sourceProfile, settings.files.settings), 'usage');
    const { session: keys, state, expiration } = readHeldSession(settings, source, clock.now());
    if (!keys || state === 'expired') {
      return { kind: 'no-keys', reason: notUsable(sourceProfile, state, expiration, clock.now()) };
    }
    // Roles with the same source have the same caller, who is asked for once.
    const identify = () => {
      const known = identities.get(keys.accessKeyId) ?? callerIdentity(keys, profile, clock);
      identities.set(keys.accessKeyId, known);
      return known;
    };
    answer = await roleSession(profile, keys, profile, clock, identify);
  } catch (error) {
    return { kind: 'no-keys', reason: texts.reasonOf(error) };
  }
  if (answer.ok) return { session: answer.value };
  return { kind: 'refused', failure: answer.failure, ...texts.stsFailure(profile, answer) };
}

/** Writes all sessions at once. If that fails, writes them one by one, so that one profile does not stop the others. */
async function saved(sessions: ReadonlyMap<string, MfaSession>, save: SaveAll): Promise<[string, RefreshOutcome][]> {
  try {
    const lost = await save(sessions);
    return [...sessions].map(([profile, session]) => [
      profile,
      { kind: 'refreshed', session, ...(lost !== undefined && { lost }) },
    ]);
  } catch (error) {
    if (sessions.size > 1) {
      const outcomes: [string, RefreshOutcome][] = [];
      for (const [profile, session] of sessions) outcomes.push(...(await saved(new Map([[profile, session]]), save)));
      return outcomes;
    }
    return [...sessions].map(([profile, session]) => [
      profile,
      { kind: 'unsaved', session, reason: texts.reasonOf(error) },
    ]);
  }
}
