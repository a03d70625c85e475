import { isatty } from 'node:tty';
import type { Ask } from '../ask/ask.ts';
import { tellOnTerminal } from '../ask/terminal.ts';
import type { WaitingState } from './refresh.ts';

/** How long to wait before the line is shown, in milliseconds. */
const UNTIL_SHOWN = 1_000;

/**
 * Shows after a second what the program is waiting for. Ctrl-C ends the program and says whether the code can still be
 * used.
 * @returns a function that ends this
 */
export function waitingAtTerminal(state: () => WaitingState): () => void {
  const timer = setTimeout(() => tellOnTerminal(state().text), UNTIL_SHOWN);
  const onInterrupt = () => {
    const { ifStopped } = state();
    if (ifStopped !== undefined) tellOnTerminal(`\n${ifStopped}`);
    process.kill(process.pid, 'SIGINT');
  };
  // With `once`, the signal that `onInterrupt` sends is not caught, so it ends the program.
  process.once('SIGINT', onInterrupt);
  return () => {
    clearTimeout(timer);
    process.off('SIGINT', onInterrupt);
  };
}

/**
 * Remembers whether the user typed the last code. If so, `show` writes its result to the terminal even if standard error is
 * redirected.
 */
export function resultAtTerminal(ask: Ask): { ask: Ask; show(text: string): void } {
  let isTyped = false;
  return {
    ask: async (request, asking) => {
      const answer = await ask(request, asking);
      isTyped = answer.kind === 'code' && !answer.automatic;
      return answer;
    },
    show: (text) => {
      if (isTyped && !isatty(2)) tellOnTerminal(text);
    },
  };
}
