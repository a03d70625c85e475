import { UserError } from '../errors.ts';
import {
  acceptedAt,
  aged,
  endOf,
  isRefused,
  type SessionState,
  type SessionWithKeys,
  sessionIn,
  stateAt,
  type UsableSession,
} from '../session/session.ts';
import { isForgotten, readState } from '../session/state.ts';
import { dueBefore, type ProfileSettings, readCredentials, type Settings, sessionChain } from '../settings/settings.ts';
import * as texts from './usable-session-texts.ts';

/** What the credentials file holds for a profile. */
export interface HeldSession {
  state: SessionState;
  /** When the session can no longer be used, in milliseconds since the epoch. */
  expiration: number | undefined;
  /** The session in the file, whether or not it still works. */
  session: SessionInProfile | undefined;
}

type SessionInProfile = SessionWithKeys & { kind: 'session' };

/**
 * Returns the profile for a command: the named one, or the only one.
 * @throws UserError (status 2) if the profile does not exist, or there are several and none is named
 */
export function chosenProfile(name: string | undefined, settings: Settings): ProfileSettings {
  const [only, ...others] = chosenProfiles(name === undefined ? [] : [name], settings);
  if (!only || others.length > 0) throw new UserError(`name the profile: ${known(settings)}`, 'usage');
  return only;
}

/**
 * Returns the profiles for a command, in the order of the settings: the named ones, or all.
 * @throws UserError (status 2) if a profile does not exist
 */
export function chosenProfiles(names: readonly string[], settings: Settings): ProfileSettings[] {
  const { profiles, files } = settings;
  const missing = names.find((name) => !profiles.some(({ profile }) => profile === name));
  if (missing !== undefined) {
    throw new UserError(`no profile [${missing}]: ${files.settings} has ${known(settings)}`, 'usage');
  }
  return profiles.filter(({ profile }) => names.length === 0 || names.includes(profile));
}

function known({ profiles }: Settings): string {
  return profiles.map(({ profile }) => `[${profile}]`).join(', ');
}

/** Returns what these profiles of the credentials file hold, all from one read of the file. */
export function readSessions(
  files: Settings['files'],
  profiles: readonly Pick<ProfileSettings, 'profile' | 'sourceProfile'>[],
): Map<string, SessionWithKeys> {
  const document = readCredentials(files.credentials);
  const { expiries, verdicts } = readState(files.state);
  const read = ({ profile, sourceProfile }: (typeof profiles)[number]): SessionWithKeys => {
    const found = sessionIn(document?.profile(profile), expiries[files.credentials]?.[profile]);
    if (found.kind !== 'session') return found;
    const verdict = verdicts[files.credentials]?.[profile];
    const sourceKeyId = document?.profile(sourceProfile)?.values.get('aws_access_key_id');
    return {
      ...found,
      ...(verdict?.accessKeyId === found.accessKeyId && { verdict }),
      ...(sourceKeyId !== undefined && { sourceKeyId }),
    };
  };
  return new Map(profiles.map((one) => [one.profile, read(one)]));
}

/** Returns which of a profile and the sources of its session is forgotten, so that a program gets no session. */
export function forgottenIn(settings: Settings, profile: ProfileSettings): string | undefined {
  return sessionChain(profile, settings).find((one) => isForgotten(settings.files, one.profile))?.profile;
}

/** Returns what the credentials file holds for a profile, and the state of the session. */
export function readHeldSession(settings: Settings, profile: ProfileSettings, now: number): HeldSession {
  const found = readSessions(settings.files, [profile]).get(profile.profile) ?? { kind: 'none' };
  const stored = aged(found, profile);
  return {
    state: stateAt(stored, now, dueBefore(settings, profile)),
    expiration: endOf(stored),
    session: stored.kind === 'session' ? stored : undefined,
  };
}

/**
 * What a command requires of a session. `working`: it works. `lasting`: it is not due either. `fresh`: its end is also
 * known.
 */
export type Enough = 'working' | 'lasting' | 'fresh';

/** How long AWS's acceptance of a session is relied on by commands that need the session, in milliseconds. */
const TRUSTED = 3_600_000;

/**
 * Returns the session that a profile holds, if it meets the requirement. If its end is not known, or AWS gave or accepted it
 * too long ago, AWS is asked; if AWS does not answer, the session counts as accepted.
 * @param trusted how long ago AWS may have given or accepted a session whose end is known, in milliseconds
 * @throws UserError (`usage`) if the profile holds long-term keys, which are not a session
 */
export async function sessionInFile(
  { files }: Settings,
  profile: ProfileSettings,
  { state, session }: HeldSession,
  enough: Enough,
  trusted = TRUSTED,
): Promise<UsableSession | undefined> {
  const accepted = async () => {
    if (!session) return undefined;
    const now = Date.now();
    const isTrusted = now - acceptedAt(session, profile.durationSeconds, now) <= trusted;
    if (isTrusted && state !== 'unknown' && !isRefused(session)) return session;
    // Imported late: usually AWS gave or accepted the session not long ago.
    return (await (await import('./verdict.ts')).isAccepted(files, profile, session, trusted)) ? session : undefined;
  };
  switch (state) {
    case 'fresh':
      return accepted();
    case 'due':
      return enough === 'working' ? accepted() : undefined;
    case 'unknown':
      return enough === 'fresh' ? undefined : accepted();
    case 'expired': {
      const hasEnded = (session?.expiration ?? Number.POSITIVE_INFINITY) <= Date.now();
      return session && isRefused(session) && !hasEnded ? accepted() : undefined;
    }
    case 'missing':
      return undefined;
    case 'long-term':
      throw new UserError(texts.holdsNoSession(profile.profile, files.credentials), 'usage');
  }
}
