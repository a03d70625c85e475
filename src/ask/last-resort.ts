import type { Ask, Way } from './ask.ts';

/**
 * Asks; if that is not possible, uses the last way.
 * @param onNoWay receives the reasons why only the last way is left, and the remedy in a few words
 */
export function withLastResort(ask: Ask, last: Way, onNoWay: (reason: string, summary: string) => void): Ask {
  return async (request, asking) => {
    let current = request;
    const answer = await ask(request, {
      ...asking,
      onChange: (listener) =>
        asking.onChange((changed) => {
          current = changed;
          listener(changed);
        }),
    });
    if (answer.kind !== 'unavailable' || asking.signal.aborted || (await last.unfit()) !== undefined) return answer;
    onNoWay(answer.reason, answer.summary ?? answer.reason);
    const lastAnswer = await last.ask(current, asking);
    return lastAnswer.kind === 'unavailable' ? answer : lastAnswer;
  };
}
