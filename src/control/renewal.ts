import type { ProfileStatus } from '../agent/kept-profile.ts';
import type { Settings } from '../settings/settings.ts';
import { askAgent } from './client.ts';

/**
 * Has the running agent ask now, and waits for it.
 * @param asking `wait`: milliseconds; 0 has the agent look, and waits for nothing. `person`: somebody sits at the command
 * @returns undefined when no agent runs
 * @throws UserError when one runs and does not answer, or knows no such profile
 */
export function askThroughAgent(
  { files }: Settings,
  profile: string,
  { wait, person }: { wait: number; person: boolean },
): Promise<ProfileStatus | undefined> {
  const query = { profile, timeout: `${Math.ceil(wait / 1000)}s`, person: person ? 'yes' : 'no' } as const;
  return askAgent(files.runtime, 'POST /v1/refresh', query, wait === 0 ? 1_000 : wait + 5_000);
}
