import type { Answer, Asking } from './ask.ts';

/**
 * Keeps a way's turn from its prompt until AWS has answered the code: the same way may ask again.
 * @param take waits for the turn, or until the prompt opens without it; resolves with a function that gives it to the next prompt, if there is a turn
 */
export function heldTurn<Wait>(take: (wait: Wait) => Promise<(() => void) | undefined>) {
  let leave: (() => void) | undefined;
  const end = () => {
    leave?.();
    leave = undefined;
  };
  return {
    async begin(wait: Wait): Promise<void> {
      leave ??= await take(wait);
    },
    end({ kind }: Answer, { outcome }: Asking): void {
      if (kind === 'code' && outcome) void outcome.then(end);
      else end();
    },
  };
}
