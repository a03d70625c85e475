import type { Answer, Ask, Asking, AskRequest, Way } from './ask.ts';
import { summaryOf } from './reasons.ts';

/**
 * Asks in the first of these ways that is available. If none is, the answer has all reasons.
 * @param warn receives the `problem` of a way that failed, which the prompt of the next way also shows
 */
export function inTurn(ways: readonly Way[], warn: (problem: string) => void = () => {}): Ask {
  return async (request, asking) => {
    const failed: { name: string; reason: string }[] = [];
    let current = request;
    let listener: (request: AskRequest) => void = () => {};
    asking.onChange((changed) => {
      // The reason why the last code was not accepted stays.
      current = current.problem === undefined ? changed : { problem: current.problem, ...changed };
      listener(current);
    });
    for (const way of ways) {
      if (asking.signal.aborted) return { kind: 'dismissed' };
      listener = () => {};
      const onChange: Asking['onChange'] = (one) => {
        listener = one;
      };
      const answer = await attempt(way, current, { ...asking, onChange });
      if (answer.kind !== 'unavailable') return answer;
      failed.push({ name: way.name, reason: answer.reason });
      if (answer.problem === undefined) continue;
      warn(answer.problem);
      const problems = current.problem === undefined ? [answer.problem] : [answer.problem, current.problem];
      current = { ...current, problem: problems.join(' ') };
    }
    const reason = failed.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
    return { kind: 'unavailable', reason, summary: summaryOf(failed) };
  };
}

/** A fault of one way must not keep the next one from asking. */
async function attempt(way: Way, request: AskRequest, asking: Asking): Promise<Answer> {
  try {
    return await way.ask(request, asking);
  } catch (error) {
    return { kind: 'unavailable', reason: (error as Error).message };
  }
}
