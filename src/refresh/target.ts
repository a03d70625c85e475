import { UserError } from '../errors.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import * as texts from './texts.ts';

/** What one refresh is about. */
export interface RefreshTarget {
  profile: string;
  sourceProfile: string;
  serialNumber: string;
  /** 900 to 129600. */
  durationSeconds: number;
  /** How old it may become, in milliseconds; undefined when until it expires. */
  maxAge?: number | undefined;
  /** When the use of the session that the profile holds ends, in milliseconds since the epoch. */
  expiration: number | undefined;
  /** When AWS ends a session that `maxAge` ends earlier. */
  awsEnd?: number | undefined;
  /** The last try did not get through to AWS. Nobody is asked for a code until AWS answers again. */
  afterOutage?: boolean;
}

/**
 * Builds the target of a refresh.
 * @param expiration when the use of the session that the profile holds ends, in milliseconds since the epoch
 * @throws UserError (`usage`) when nothing names the MFA device
 */
export function refreshTarget(
  settings: Settings,
  profile: ProfileSettings,
  expiration: number | undefined,
): RefreshTarget {
  const { sourceProfile, durationSeconds, maxAge } = profile;
  const serialNumber = requireDevice(settings, profile);
  return { profile: profile.profile, sourceProfile, serialNumber, durationSeconds, maxAge, expiration };
}

/**
 * Returns the serial number of a profile's MFA device.
 * @throws UserError (`usage`) when nothing names the device
 */
export function requireDevice({ files }: Settings, { profile, serialNumber }: ProfileSettings): string {
  if (serialNumber === undefined) throw new UserError(texts.noSerial(profile, files.settings), 'usage');
  return serialNumber;
}
