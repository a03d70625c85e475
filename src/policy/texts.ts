import { plain } from '../plain.ts';
import { localTime } from '../time/local-time.ts';

/** Reasons of a profile's standing, for `status` and the log. */
export const CODES_REFUSED = 'AWS refused the codes';
export const HOLDS_LONG_TERM = 'it holds long-term keys';

/** For the next prompt. */
export function lastTry(reason: string): string {
  return `The last try failed: ${reason}.`;
}

/** For `status`, while a notification is all that there is. */
export function onlyNamesCommand(reason: string): string {
  return `only a notification is possible: ${reason}`;
}

/** For `status`, with the remedy. */
export function nothingToAskWith(summary: string): string {
  return `nothing to ask with: ${summary}`;
}

export function cannotAskHere(reason: string): string {
  return `cannot ask here: ${reason}`;
}

/** @param problem why the last try failed, as a sentence */
export function endedInOutage(profile: string, expiration: number, problem: string | undefined, now: number): string {
  const ended = `The session of [${profile}] ended at ${localTime(expiration, now)}.`;
  return plain([ended, problem, 'The agent asks again as soon as AWS answers.'].filter(Boolean).join(' '));
}
