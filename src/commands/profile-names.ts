import type { GlobalOptions } from '../cli/options.ts';
import { parseCredentials } from '../credentials/document.ts';
import { readIfPresent } from '../files/read.ts';
import { longTermKeyIn } from '../session/session.ts';
import { userSettings } from '../settings/settings.ts';

/**
 * Prints names of profiles for the completion of a shell, each on a line of its own: the MFA profiles, or, with `source`,
 * those of the credentials file that hold long-term credentials.
 */
export async function profileNames(options: GlobalOptions & { source?: boolean }): Promise<void> {
  const { profiles, files } = userSettings(options);
  const names = options.source ? await sourceNames(files.credentials) : profiles.map(({ profile }) => profile);
  // Any other control character would be a command to the terminal that shows the name.
  process.stdout.write(
    names
      .filter((name) => !/\p{Cc}/u.test(name))
      .map((name) => `${name}\n`)
      .join(''),
  );
}

async function sourceNames(file: string): Promise<string[]> {
  const bytes = readIfPresent(file);
  if (!bytes) return [];
  const document = parseCredentials(bytes);
  return document
    .profileNames()
    .filter((name) => longTermKeyIn(document.profile(name)?.values ?? new Map()) !== undefined);
}
