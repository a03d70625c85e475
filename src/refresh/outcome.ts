import type { CodeResult } from '../ask/ask.ts';
import type { History } from '../policy/history.ts';
import type { RefreshOutcome } from '../policy/outcome.ts';
import type { RefreshTarget } from './target.ts';
import * as texts from './texts.ts';

/** Describes the outcome of a refresh in one line. */
export function outcomeText(
  { profile, durationSeconds, maxAge }: Pick<RefreshTarget, 'profile' | 'durationSeconds' | 'maxAge'>,
  outcome: RefreshOutcome,
  now: number,
): string {
  switch (outcome.kind) {
    case 'refreshed':
      return [
        texts.refreshed(profile, outcome.session.expiration, now, { durationSeconds, maxAge }),
        ...(outcome.lost === undefined ? [] : [outcome.lost]),
      ].join('; ');
    case 'unsaved':
      return texts.unsaved(profile, outcome.reason);
    case 'snoozed':
    case 'dismissed':
    case 'withdrawn':
      return texts.notAnswered(profile);
    case 'unaskable':
      return texts.cannotAsk(profile, outcome.reason);
    case 'unwritable':
    case 'no-keys':
      return texts.cannotRefresh(profile, outcome.reason);
    case 'refused':
      return outcome.message;
  }
}

/**
 * Describes the outcome of a refresh where the user typed the code.
 * @param follows what the agent does next; undefined in a command
 */
export function codeResult(
  target: Parameters<typeof outcomeText>[0],
  outcome: RefreshOutcome,
  now: number,
  follows?: History,
): CodeResult {
  const kind = RESULTS[outcome.kind];
  if (outcome.kind === 'refused' && follows?.wait) {
    const text = follows.outage ? texts.asksWhenAwsAnswers : texts.asksAgain;
    return { kind, text: text(target.profile, outcome.reason, follows.wait.until, now) };
  }
  const isNoticed = follows && (follows.stopped !== undefined || outcome.kind === 'unsaved');
  return { kind, text: outcomeText(target, outcome, now), ...(isNoticed && { isNoticed }) };
}

const RESULTS: Record<RefreshOutcome['kind'], CodeResult['kind']> = {
  refreshed: 'fresh',
  unsaved: 'failed',
  refused: 'failed',
  unwritable: 'failed',
  'no-keys': 'failed',
  unaskable: 'failed',
  snoozed: 'over',
  dismissed: 'over',
  withdrawn: 'over',
};
