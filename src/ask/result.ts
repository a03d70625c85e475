import type { Ask, CodeResult } from './ask.ts';
import { announce } from './desktop/announcement.ts';
import * as texts from './texts.ts';

/** Milliseconds after which the prompt says that AWS has the code and has not answered. */
export const SILENCE = 1_000;

/** Seconds for which a notification with a result stays. A failure takes longer to read. */
const RESULT_TIME = { fresh: 6, failed: 20 };

/** Milliseconds after which a notification of the check disappears if this process cannot close it. */
const LONGEST_CHECK = 60_000;

/** Where the result of a code is shown. */
interface ResultPlace {
  say(text: string): void;
  /** Shows the last text for this many seconds. Resolves when it is shown. */
  leave(text: string, seconds: number): Promise<void>;
  close(): void;
}

/**
 * Asks, and shows the result of the code. If the way of asking has no place for the result, shows it in a notification or on the
 * terminal.
 * @param terminal writes a line to the terminal; undefined if the program itself shows the result there
 */
export function withResults(
  ask: Ask,
  environment: NodeJS.ProcessEnv,
  terminal?: (line: string) => void,
): { ask: Ask; shown(): Promise<void> } {
  let last: ReturnType<typeof follow> | undefined;
  return {
    ask: (request, asking) => {
      // The new prompt says why AWS refused the code.
      last?.close();
      last = undefined;
      const { outcome } = asking;
      const needsResult = (kind: 'desktop' | 'terminal') => {
        const onDesktop = () => announce(texts.askWindow(request), environment, LONGEST_CHECK);
        const place = kind === 'desktop' ? onDesktop() : onTerminal(terminal);
        if (outcome) last = follow(outcome, place);
      };
      return ask(request, { ...asking, needsResult });
    },
    shown: async () => last?.shown,
  };
}

function follow(outcome: Promise<CodeResult>, place: ResultPlace) {
  const checking = setTimeout(() => place.say(texts.CHECKING), SILENCE);
  const shown = outcome.then(({ kind, text, isNoticed }) => {
    clearTimeout(checking);
    return kind === 'over' || isNoticed ? place.close() : place.leave(text, RESULT_TIME[kind]);
  });
  const close = () => {
    clearTimeout(checking);
    place.close();
  };
  return { shown, close };
}

function onTerminal(write: (line: string) => void = () => {}): ResultPlace {
  return { say: write, leave: async (text) => write(text), close: () => {} };
}
