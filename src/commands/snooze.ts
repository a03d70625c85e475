import type { GlobalOptions } from '../cli/options.ts';
import { askAgent } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { userSettings } from '../settings/settings.ts';
import { localTime } from '../time/local-time.ts';

/** Tells the running agent to leave the person alone. */
export async function snooze(duration: string, profile: string | undefined, options: GlobalOptions): Promise<void> {
  const { files } = userSettings(options);
  const answer = await askAgent(files.runtime, 'POST /v1/snooze', { duration, profile });
  if (!answer) throw new UserError('the agent is not running, so there is nothing to snooze');
  process.stderr.write(`${snoozed(answer.until, Date.now())}\n`);
}

function snoozed(until: number, now: number): string {
  return `will not ask until ${localTime(until, now)}`;
}
