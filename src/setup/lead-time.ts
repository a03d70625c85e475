import { DURATION_SECONDS, promptBeforeFor } from '../settings/defaults.ts';
import { parseDuration } from '../time/duration.ts';
import type { Questions } from './questions.ts';
import * as texts from './texts.ts';

/**
 * Asks how long before the end of a session the agent should ask for a code.
 * @param present values of the settings, the preferred default first
 * @param durationSeconds the length of the session, as it is written in `config.ini`
 * @returns the value of `prompt_before`
 */
export function askPromptBefore(
  questions: Questions,
  present: (string | undefined)[],
  durationSeconds = String(DURATION_SECONDS),
): Promise<string> {
  const usual = inUnits(promptBeforeFor(Number(durationSeconds) * 1000));
  return questions.text({
    option: '--prompt-before',
    message: texts.PROMPT_BEFORE,
    initial: present.find((text) => text !== undefined && parseDuration(text) !== undefined) ?? usual,
    problem: (text) => leadProblem(text, durationSeconds),
  });
}

/** Returns what is wrong with a value of `prompt_before`, undefined if nothing is. */
export function leadProblem(text: string, durationSeconds: string): string | undefined {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) return 'must be a duration, such as 15m, 90s or 1h30m';
  return milliseconds < Number(durationSeconds) * 1000
    ? undefined
    : `must be shorter than the session, which lasts ${durationSeconds} seconds`;
}

/** Formats a duration as people write it: `15m`, or `90s`. */
export function inUnits(milliseconds: number): string {
  return milliseconds % 60_000 === 0 ? `${milliseconds / 60_000}m` : `${Math.floor(milliseconds / 1000)}s`;
}
