import { parseCredentials } from '../credentials/document.ts';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import {
  aged,
  endOf,
  type SessionState,
  type SessionWithKeys,
  sessionIn,
  stateAt,
  type UsableSession,
} from '../session/session.ts';
import { readState } from '../session/state.ts';
import { dueBefore, type ProfileSettings, type Settings } from '../settings/settings.ts';
import * as texts from './usable-session-texts.ts';

/** What the credentials file holds for an MFA profile. */
export interface HeldSession {
  state: SessionState;
  /** When the session can no longer be used, in milliseconds since the epoch. */
  expiration: number | undefined;
  /** The session in the file, whether or not it still works. */
  session: UsableSession | undefined;
}

/**
 * Returns the MFA profile for a command: the named one, or the only one.
 * @throws UserError (status 2) if the profile does not exist, or there are several and none is named
 */
export function chosenProfile(name: string | undefined, settings: Settings): ProfileSettings {
  const [only, ...others] = chosenProfiles(name === undefined ? [] : [name], settings);
  if (!only || others.length > 0) throw new UserError(`name the MFA profile: ${known(settings)}`, 'usage');
  return only;
}

/**
 * Returns the MFA profiles for a command, in the order of the settings: the named ones, or all.
 * @throws UserError (status 2) if a profile does not exist
 */
export function chosenProfiles(names: readonly string[], settings: Settings): ProfileSettings[] {
  const { profiles, files } = settings;
  const missing = names.find((name) => !profiles.some(({ profile }) => profile === name));
  if (missing !== undefined) {
    throw new UserError(`no MFA profile [${missing}]: ${files.settings} knows ${known(settings)}`, 'usage');
  }
  return profiles.filter(({ profile }) => names.length === 0 || names.includes(profile));
}

function known({ profiles }: Settings): string {
  return profiles.map(({ profile }) => `[${profile}]`).join(', ');
}

/** Returns what these profiles of the credentials file hold, all from one read of the file. */
export function readSessions(files: Settings['files'], profiles: readonly string[]): Map<string, SessionWithKeys> {
  const bytes = readIfPresent(files.credentials);
  const document = bytes && parseCredentials(bytes);
  const remembered = readState(files.state).expiries[files.credentials] ?? {};
  return new Map(profiles.map((name) => [name, sessionIn(document?.profile(name), remembered[name])]));
}

/** Returns what the credentials file holds for a profile, and the state of the session. */
export function readHeldSession(settings: Settings, profile: ProfileSettings, now: number): HeldSession {
  const found = readSessions(settings.files, [profile.profile]).get(profile.profile) ?? { kind: 'none' };
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

/**
 * Returns the session that a profile holds, if it meets the requirement. If its end is not known, AWS is asked; if AWS does
 * not answer, the session counts as accepted.
 * @throws UserError (`usage`) if the profile holds long-term keys, which are not a session
 */
export async function sessionInFile(
  { files }: Settings,
  profile: ProfileSettings,
  { state, session }: HeldSession,
  enough: Enough,
): Promise<UsableSession | undefined> {
  switch (state) {
    case 'fresh':
      return session;
    case 'due':
      return enough === 'working' ? session : undefined;
    case 'unknown': {
      if (enough === 'fresh' || !session) return undefined;
      // Imported late: only sessions of other tools can have no known end.
      const [{ isAlive }, { Clock }] = await Promise.all([import('./effects.ts'), import('../time/clock.ts')]);
      return (await isAlive(session, profile, new Clock())) === false ? undefined : session;
    }
    case 'missing':
    case 'expired':
      return undefined;
    case 'long-term':
      throw new UserError(texts.holdsNoSession(profile.profile, files.credentials), 'usage');
  }
}
