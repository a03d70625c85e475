import type { Snoozed } from '../agent/agent.ts';
import type { GlobalOptions } from '../cli/options.ts';
import { say } from '../cli/output.ts';
import { askAgent } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { SNOOZE_FORM, snoozeLength } from '../policy/snooze.ts';
import { userSettings } from '../settings/settings.ts';
import { localTime } from '../time/local-time.ts';

/**
 * Tells the running agent not to ask for this long.
 * @param duration `off` ends a snooze
 */
export async function snooze(duration: string, profile: string | undefined, options: GlobalOptions): Promise<void> {
  if (snoozeLength(duration) === undefined) throw new UserError(SNOOZE_FORM, 'usage');
  const { files } = userSettings(options);
  const answer = await askAgent(files.runtime, 'POST /v1/snooze', { duration, profile });
  if (!answer) throw new UserError('the agent is not running, so there is nothing to snooze');
  say(snoozed(answer, Date.now()));
}

function snoozed({ until, ending }: Snoozed, now: number): string {
  if (until === undefined) return 'the snooze is over: the agent asks when it needs a code';
  const ends = ending.map(
    ({ profile, expiration }) => `; the session of [${profile}] ends before that, at ${localTime(expiration, now)}`,
  );
  return `will not ask until ${localTime(until, now)}${ends.join('')}`;
}
