import type { GlobalOptions } from '../cli/options.ts';
import { parseCredentials } from '../credentials/document.ts';
import { readIfPresent } from '../files/read.ts';
import { longTermKeyIn } from '../session/session.ts';
import { userSettings } from '../settings/settings.ts';

/**
 * Prints profile names for the shell completion, one a line: the MFA profiles, or with `source` the profiles of the
 * credentials file that contain long-term keys.
 */
export async function profileNames(options: GlobalOptions & { source?: boolean }): Promise<void> {
  const { profiles, files } = userSettings(options);
  const names = options.source ? await sourceNames(files.credentials) : profiles.map(({ profile }) => profile);
  // A control character could be a command to the terminal.
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
