import { plain } from '../plain.ts';
import { standingText } from '../policy/standing.ts';
import { localTime } from '../time/local-time.ts';
import type { ProfileStatus } from './kept-profile.ts';

/** Reasons to postpone a prompt: the user would not see it now. */
export const SCREEN_LOCKED = 'screen locked';
export const SCREEN_SAVER_ON = 'screen saver on';
export const NOBODY_THERE = 'the user is away';
export const NOTIFICATIONS_PAUSED = 'notifications are paused';
export const NO_NETWORK = 'no network';
export const OTHER_SESSION = 'another session is on the screen';

/** @param detail why the child process failed */
export function notAssumed(detail: string): string {
  return `the role could not be assumed: ${detail}`;
}

/** All profiles in one line, for `systemctl status`. */
export function serviceStatus(profiles: ProfileStatus[], now: number): string {
  return profiles.map((one) => plain(`[${one.profile}] ${inShort(one, now)}`)).join('; ');
}

function inShort({ state, expiration, standing: where }: ProfileStatus, now: number): string {
  if (where.standing === 'fresh' && expiration !== undefined) return `fresh until ${localTime(expiration, now)}`;
  return standingText(state, where, now);
}
