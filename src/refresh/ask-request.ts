import type { AskRequest } from '../ask/ask.ts';
import { snoozeLabel } from '../ask/texts.ts';
import { buttonSnoozeUntil } from '../policy/snooze.ts';
import type { RefreshTarget } from './target.ts';

/**
 * Builds what a prompt for this target shows.
 * @param now milliseconds since the epoch
 */
export function askRequest(
  { profile, serialNumber, expiration }: RefreshTarget,
  now: number,
  { reminder, problem, byHand }: { reminder: number; problem?: string | undefined; byHand?: boolean },
): AskRequest {
  const until = buttonSnoozeUntil(now, expiration);
  return {
    ...{ profile, serialNumber, expiration, now, reminder },
    snooze: { until, label: snoozeLabel(until, now) },
    ...(problem !== undefined && { problem }),
    ...(byHand && { byHand }),
  };
}
