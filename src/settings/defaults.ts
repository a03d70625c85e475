/** The defaults: for the settings, `setup` and the help texts. */

/** When to check, as a cron expression: every minute. */
export const CHECK = '* * * * *';

/** How long a session lasts, in seconds: 12 hours. */
export const DURATION_SECONDS = 43_200;

/** How long the session of a role lasts, in seconds: an hour, which every role allows. */
export const ROLE_SECONDS = 3600;

/**
 * How long before the end of a session to ask for a code, in milliseconds: 25 minutes, since botocore asks for the session with
 * every request in the last 15. See {@link promptBeforeFor}.
 */
export const PROMPT_BEFORE = 25 * 60_000;

/** How long to wait for an answer before asking again, in milliseconds: 5 minutes. */
export const REMIND_EVERY = 5 * 60_000;

/**
 * Returns how long before its end to ask for a code: {@link PROMPT_BEFORE}, or a quarter of a short session.
 * @param lasts how long the session lasts, in milliseconds
 */
export function promptBeforeFor(lasts: number): number {
  return Math.min(PROMPT_BEFORE, lasts / 4);
}
