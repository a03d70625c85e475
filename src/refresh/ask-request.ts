import type { AskRequest } from '../ask/ask.ts';
import { snoozeLabel } from '../ask/texts.ts';
import { isLastCall } from '../policy/last-call.ts';
import { buttonSnoozeUntil, type Ends, endAhead } from '../policy/snooze.ts';
import type { RefreshTarget } from './target.ts';

/**
 * Builds what a prompt for this target shows.
 * @param now milliseconds since the epoch
 */
export function askRequest(
  target: RefreshTarget,
  now: number,
  { reminder, problem, byHand }: { reminder: number; problem?: string | undefined; byHand?: boolean },
): AskRequest {
  const { profile, serialNumber } = target;
  const until = buttonSnoozeUntil(now, endAhead(target, now));
  return {
    ...{ profile, serialNumber, ...shownEnd(target, now), now, reminder },
    snooze: { until, label: snoozeLabel(until, now) },
    ...(problem !== undefined && { problem }),
    ...(byHand && { byHand }),
  };
}

/** A session older than `max_age` still works. The prompt says so until AWS's own end is near. */
function shownEnd({ expiration, awsEnd, maxAge }: RefreshTarget, now: number): Ends & Pick<AskRequest, 'maxAge'> {
  if (awsEnd === undefined || maxAge === undefined) return { expiration };
  return isLastCall(now, awsEnd) ? { expiration: awsEnd } : { expiration, maxAge, awsEnd };
}
