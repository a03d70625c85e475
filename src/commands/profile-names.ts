import type { GlobalOptions } from '../cli/options.ts';
import { userSettings } from '../settings/settings.ts';
import { readAround } from '../setup/around.ts';
import { sourcesIn } from '../setup/found.ts';

/**
 * Prints profile names for the shell completion, one a line: the MFA profiles, or with `source` the profiles with long-term
 * keys, as `setup` finds them.
 */
export async function profileNames(options: GlobalOptions & { source?: boolean }): Promise<void> {
  const settings = userSettings(options);
  const profiles = options.source
    ? sourcesIn((await readAround(settings.files, async () => settings, undefined)).files)
    : settings.profiles;
  // A control character could be a command to the terminal.
  process.stdout.write(
    profiles
      .filter(({ profile }) => !/\p{Cc}/u.test(profile))
      .map(({ profile }) => `${profile}\n`)
      .join(''),
  );
}
