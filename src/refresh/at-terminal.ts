import { isatty } from 'node:tty';
import type { Ask } from '../ask/ask.ts';
import { tellOnTerminal } from '../ask/terminal.ts';
import type { WaitingState } from './refresh.ts';

/** In milliseconds. */
const UNTIL_SHOWN = 1_000;

/**
 * Shows what is being waited for, after a second. Ctrl-C ends the program, and says what became of the code.
 * @returns ends it
 */
export function waitingAtTerminal(state: () => WaitingState): () => void {
  const timer = setTimeout(() => tellOnTerminal(state().text), UNTIL_SHOWN);
  const onInterrupt = () => {
    const { ifStopped } = state();
    if (ifStopped !== undefined) tellOnTerminal(`\n${ifStopped}`);
    process.kill(process.pid, 'SIGINT');
  };
  // Once: the second signal, which the listener sends, ends the program.
  process.once('SIGINT', onInterrupt);
  return () => {
    clearTimeout(timer);
    process.off('SIGINT', onInterrupt);
  };
}

/** Notes whether the last code was typed: its result is then shown on the terminal, also if standard error is not. */
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
