import { parseCredentials } from '../credentials/document.ts';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import { aged, endOf, type SessionState, sessionIn, stateAt } from '../session/session.ts';
import { readState } from '../session/state.ts';
import type { UsableSession } from '../session/variables.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import * as texts from './texts.ts';

/** What the credentials file holds for an MFA profile. */
export interface HeldSession {
  state: SessionState;
  /** When its use ends, in milliseconds since the epoch. */
  expiration: number | undefined;
  /** As it stands there, whether or not it still works. */
  session: UsableSession | undefined;
}

/**
 * The MFA profile that a command is about: the one that is named, or the only one there is.
 * @throws UserError (status 2) when there is no such profile, or several and none is named
 */
export function chosenProfile(name: string | undefined, settings: Settings): ProfileSettings {
  const [only, ...others] = chosenProfiles(name === undefined ? [] : [name], settings);
  if (!only || others.length > 0) throw new UserError(`name the MFA profile: ${known(settings)}`, 'usage');
  return only;
}

/**
 * The MFA profiles that a command is about, in the order of the settings: those that are named, or all.
 * @throws UserError (status 2) when there is no such profile
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

/**
 * The session of a profile, keys and state, by one read of the credentials file.
 * @throws UserError (status 2) when long-term credentials stand there, which are nobody's session
 */
export function readHeldSession(
  { files, promptBefore, profiles }: Settings,
  profile: string,
  now: number,
): HeldSession {
  const bytes = readIfPresent(files.credentials);
  const remembered = readState(files.state);
  const section = bytes && parseCredentials(bytes).profile(profile);
  const settings = profiles.find((one) => one.profile === profile);
  const found = sessionIn(section, remembered.expiries[files.credentials]?.[profile]);
  const stored = settings ? aged(found, settings) : found;
  const state = stateAt(stored, now, promptBefore);
  if (state === 'long-term') throw new UserError(texts.holdsNoSession(profile, files.credentials), 'usage');
  const expiration = stored.kind === 'session' ? stored.expiration : undefined;
  const value = (key: string) => section?.values.get(key) ?? '';
  const session = {
    accessKeyId: value('aws_access_key_id'),
    secretAccessKey: value('aws_secret_access_key'),
    sessionToken: value('aws_session_token') || value('aws_security_token'),
    expiration,
  };
  return { state, expiration: endOf(stored), session: stored.kind === 'session' ? session : undefined };
}

/**
 * The session that is held, if AWS takes it. One that nothing tells the end of is tried with AWS; where AWS cannot be
 * asked, it counts as alive.
 */
export async function workingSession(
  settings: Settings,
  profile: ProfileSettings,
  { state, session }: HeldSession,
): Promise<UsableSession | undefined> {
  switch (state) {
    case 'fresh':
    case 'due':
      return session;
    case 'unknown': {
      // Loaded late: only a session of another tool has no end.
      const [{ isAlive }, { Clock }] = await Promise.all([import('./effects.ts'), import('../time/clock.ts')]);
      return (await isAlive(settings.files, profile, new Clock())) === false ? undefined : session;
    }
    case 'missing':
    case 'expired':
    case 'long-term':
      return undefined;
  }
}
