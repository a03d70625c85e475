import { UserError } from '../errors.ts';
import type { ProfileSettings, RoleSettings, Settings } from '../settings/settings.ts';
import * as texts from './texts.ts';

/** What one refresh needs to know about its profile. */
export interface RefreshTarget {
  profile: string;
  sourceProfile: string;
  serialNumber: string;
  /** The role that the session is for. */
  role?: RoleSettings;
  /** In seconds, 900 to 129600. */
  durationSeconds: number;
  /** How old a session may become, in milliseconds; undefined: it is used until it expires. */
  maxAge?: number | undefined;
  /** When the present session can no longer be used, in milliseconds since the epoch. */
  expiration: number | undefined;
  /** When AWS ends the session, if that is later than `expiration`. */
  awsEnd?: number | undefined;
  /** The last try did not reach AWS. The user is not asked for a code until AWS answers again. */
  afterOutage?: boolean;
  /** Why the last try failed: one line for the prompt. */
  problem?: string | undefined;
}

/**
 * Returns the target of a refresh.
 * @param expiration when the present session can no longer be used, in milliseconds since the epoch
 * @throws UserError (`usage`) if no setting names the MFA device
 */
export function refreshTarget(
  settings: Settings,
  profile: ProfileSettings,
  expiration: number | undefined,
): RefreshTarget {
  const { sourceProfile, role, durationSeconds, maxAge } = profile;
  const serialNumber = requireDevice(settings, profile);
  const ofRole = role === undefined ? {} : { role };
  return { profile: profile.profile, sourceProfile, serialNumber, ...ofRole, durationSeconds, maxAge, expiration };
}

/**
 * Returns the serial number of a profile's MFA device.
 * @throws UserError (`usage`) if no setting names it
 */
export function requireDevice({ files }: Settings, profile: ProfileSettings): string {
  if (profile.serialNumber === undefined) throw new UserError(texts.noSerial(profile, files.settings), 'usage');
  return profile.serialNumber;
}
