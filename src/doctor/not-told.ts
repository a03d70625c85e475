import type { AwsFailure } from '../policy/outcome.ts';
import { type Check, type Finding, warning } from './finding.ts';

/**
 * Returns the finding about keys for which AWS gave no answer.
 * @param whose "the keys of [default]"
 * @param failure undefined when AWS was not asked
 */
export function notTold(check: Check, whose: string, failure: AwsFailure | undefined, profile: string): Finding {
  const found = `it is not known whether AWS accepts ${whose}: ${failure ? whyNot(failure) : 'AWS was not asked'}`;
  return warning(check, found, 'fix the connection to AWS first (see "AWS")', profile);
}

function whyNot(failure: AwsFailure): string {
  switch (failure.kind) {
    case 'unreachable':
    case 'not-sts':
    case 'busy':
      return 'AWS does not answer';
    case 'clock':
      return 'the clock is wrong';
    case 'forbidden':
    case 'invalid-request':
      return failure.detail;
    case 'bad-keys':
    case 'expired':
    case 'session-keys':
    case 'wrong-code':
    case 'wrong-serial':
      return failure.kind;
  }
}
