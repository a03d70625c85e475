import type { GlobalOptions } from '../cli/program.ts';
import { loadSettings, type Settings } from '../settings/settings.ts';

/**
 * The settings of whoever runs a command.
 * @throws UserError (status 2): see {@link loadSettings}
 */
export async function userSettings({ config }: GlobalOptions): Promise<Settings> {
  // What `homedir` gives where it is set: most often, nothing need be loaded to find it.
  const home = process.env.HOME ?? (await import('node:os')).homedir();
  return loadSettings({ env: process.env, home, configFile: config });
}
