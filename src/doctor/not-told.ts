import type { AwsFailure } from '../policy/outcome.ts';
import { type Check, type Finding, warning } from './finding.ts';

/**
 * The finding about keys of which AWS has said nothing.
 * @param whose as in "the keys of [default]"
 * @param failure undefined when AWS was not asked
 */
export function notTold(check: Check, whose: string, failure: AwsFailure | undefined, profile: string): Finding {
  const found = `whether AWS takes ${whose} is not known: ${failure ? whyNot(failure) : 'it was not asked'}`;
  return warning(check, found, 'mend the way to AWS first: the section AWS says how', profile);
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
