import type { Snoozed } from '../agent/agent.ts';
import type { GlobalOptions } from '../cli/options.ts';
import { askAgent } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { plain } from '../plain.ts';
import { userSettings } from '../settings/settings.ts';
import { localTime } from '../time/local-time.ts';

/**
 * Tells the running agent not to ask for this long.
 * @param duration `off` ends a snooze
 */
export async function snooze(duration: string, profile: string | undefined, options: GlobalOptions): Promise<void> {
  const { files } = userSettings(options);
  const answer = await askAgent(files.runtime, 'POST /v1/snooze', { duration, profile });
  if (!answer) throw new UserError('the agent is not running, so there is nothing to snooze');
  process.stderr.write(`${snoozed(answer, Date.now())}\n`);
}

function snoozed({ until, ending }: Snoozed, now: number): string {
  if (until === undefined) return 'the snooze is over: the agent asks when it needs a code';
  const ends = ending.map(
    ({ profile, expiration }) => `; the session of [${profile}] ends before that, at ${localTime(expiration, now)}`,
  );
  return plain(`will not ask until ${localTime(until, now)}${ends.join('')}`);
}
