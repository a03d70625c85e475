import { readFile } from 'node:fs/promises';
import { type CredentialsDocument, parseCredentials } from '../credentials/document.ts';
import { notAFile } from '../files/read.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import type { Paths } from '../settings/paths.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import type { KnownProfiles } from './variables.ts';

/** A file as it was read: without bytes when it is missing, and with a reason when it cannot be read. */
export interface Seen {
  bytes: Buffer | undefined;
  problem?: string;
}

export type SeenFiles = Record<'settings' | 'config' | 'credentials', Seen>;

/** The files, read once. */
export async function filesIn({ settings, config, credentials }: Paths): Promise<SeenFiles> {
  const [ofSettings, ofConfig, ofCredentials] = await Promise.all([see(settings), see(config), see(credentials)]);
  return { settings: ofSettings, config: ofConfig, credentials: ofCredentials };
}

async function see(path: string): Promise<Seen> {
  try {
    const problem = notAFile(path);
    return problem === undefined ? { bytes: await readFile(path) } : { bytes: undefined, problem };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { bytes: undefined } : { bytes: undefined, problem: `${path} cannot be read (${code})` };
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
    // The check of the file says why.
  }
  return {
    kept,
    document,
    credentials: (profile: string) => document?.profile(profile),
    names: new Set([...(document?.profileNames() ?? []), ...readAwsConfig(config.bytes).profileNames()]),
  };
}
