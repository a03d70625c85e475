import { type CredentialsDocument, parseCredentials } from '../credentials/document.ts';
import { notAFile, readIfPresent } from '../files/read.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import type { Paths } from '../settings/paths.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import type { KnownProfiles } from './variables.ts';

/** A file that was read: without bytes if it is missing, with a problem if it cannot be read. */
export interface SeenFile {
  bytes: Buffer | undefined;
  problem?: string;
}

export type SeenFiles = Record<'settings' | 'config' | 'credentials', SeenFile>;

export function filesIn({ settings, config, credentials }: Paths): SeenFiles {
  return { settings: see(settings), config: see(config), credentials: see(credentials) };
}

function see(path: string): SeenFile {
  const problem = notAFile(path);
  if (problem !== undefined) return { bytes: undefined, problem };
  try {
    return { bytes: readIfPresent(path) };
  } catch (error) {
    return { bytes: undefined, problem: (error as Error).message };
  }
}

/** @param kept the profiles that the agent keeps fresh */
export function profilesIn(
  { config, credentials }: SeenFiles,
  kept: readonly ProfileSettings[],
): KnownProfiles & { document: CredentialsDocument | undefined } {
  let document: CredentialsDocument | undefined;
  try {
    document = credentials.bytes && parseCredentials(credentials.bytes);
  } catch {
    // The check of the file reports why.
  }
  return {
    kept,
    document,
    credentials: (profile: string) => document?.profile(profile),
    names: new Set([...(document?.profileNames() ?? []), ...readAwsConfig(config.bytes).profileNames()]),
  };
}
