import { endAhead, pressedSnoozeUntil } from '../policy/snooze.ts';
import type { AskRequest } from './ask.ts';
import { snoozeLabel } from './texts.ts';

/** Returns a function that returns the request with the present time, for a prompt that is shown later. */
export function aging(request: AskRequest): () => AskRequest {
  const made = performance.now();
  return () => asOf(request, request.now + Math.floor((performance.now() - made) / 1_000) * 1_000);
}

/** Returns the request with a later time. The Snooze button then says what pressing it does at that time. */
export function asOf(request: AskRequest, now: number): AskRequest {
  const until = pressedSnoozeUntil(request.snooze.until, now, endAhead(request, now));
  return {
    ...request,
    now,
    ...(until !== request.snooze.until && { snooze: { until, label: snoozeLabel(until, now) } }),
  };
}
