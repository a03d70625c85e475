import type { AwsFailure } from '../policy/outcome.ts';
import { refusalText } from '../refresh/texts.ts';
import { type Check, type Finding, warning } from './finding.ts';

/**
 * Returns the finding about keys for which AWS gave no answer.
 * @param whose "the keys of [default]"
 * @param failure undefined if AWS was not asked
 */
export function unverified(check: Check, whose: string, failure: AwsFailure | undefined, profile: string): Finding {
  const found = `it is not known whether AWS accepts ${whose}: ${reasonOf(failure)}`;
  return warning(check, found, 'fix the connection to AWS first (see "AWS")', profile);
}

function reasonOf(failure: AwsFailure | undefined): string {
  if (failure === undefined) return 'AWS was not asked';
  if (failure.kind === 'clock') return 'the clock is wrong';
  // AWS's own message.
  if (failure.kind === 'forbidden' || failure.kind === 'invalid-request') return failure.detail;
  if (failure.kind === 'refused') return refusalText(failure);
  return 'AWS does not answer';
}
