import { deferred } from '../time/deferred.ts';
import { aging } from './aging.ts';
import type { Answer, Asking, AskRequest, Way } from './ask.ts';
import { takeTurn } from './desktop/turn.ts';
import { heldTurn } from './held-turn.ts';
import { cannotWait } from './time-left.ts';

/**
 * A dialog that is closed within this time, in milliseconds, was probably closed by a key meant for another window: 1.5 s, and
 * half a second for a dialog that does not say when it has opened.
 */
const TOO_SOON = 2_000;

/** How long a dialog stays open before a reminder may reopen it, in milliseconds: the user may be typing. */
const TYPING_TIME = 20_000;

interface StandAlone {
  /** The session bus decides which of several fields is open. */
  environment?: NodeJS.ProcessEnv;
  tooSoon?: number;
  typingTime?: number;
}

/**
 * Returns a way whose code field opens directly, without a notification. Only one such field is open at a time, also those of
 * other processes; the last call does not wait for that. Each reminder reopens the field with new text, unless the way updates
 * it itself. A field that is closed too soon is opened once more.
 */
export function standAlone(way: Way, options: StandAlone = {}): Way {
  const { environment = {}, tooSoon = TOO_SOON, typingTime = TYPING_TIME } = options;
  const turn = heldTurn(async (opens: Promise<void>) => {
    if ((await way.unfit()) !== undefined) return undefined;
    // A prompt that opens at its last call keeps its place in the queue.
    const over = new AbortController();
    const taken = takeTurn(environment, over.signal, way.takesTurns);
    await Promise.race([taken, opens]);
    return () => {
      over.abort();
      void taken.then((leave) => leave());
    };
  });
  return {
    ...way,
    ask: async (request, asking) => {
      const answer = await askAgain(way, request, asking, { tooSoon, typingTime, waitForTurn: turn.begin });
      turn.end(answer, asking);
      return answer;
    },
  };
}

async function askAgain(
  way: Way,
  request: AskRequest,
  asking: Asking,
  {
    tooSoon,
    typingTime,
    waitForTurn,
  }: { tooSoon: number; typingTime: number; waitForTurn(opens: Promise<void>): Promise<void> },
): Promise<Answer> {
  let current = aging(request);
  let wasTooSoon = false;
  const { promise: opens, resolve: endWaiting } = deferred();
  const onAbort = () => endWaiting();
  asking.signal.addEventListener('abort', onAbort);
  if (asking.signal.aborted || cannotWait(request, request)) endWaiting();
  let onChange: (changed: AskRequest) => void = (changed) => cannotWait(changed, request) && endWaiting();
  asking.onChange((changed) => {
    current = aging(changed);
    onChange(changed);
  });
  await waitForTurn(opens);
  asking.signal.removeEventListener('abort', onAbort);
  for (;;) {
    const controller = new AbortController();
    const close = () => controller.abort();
    asking.signal.addEventListener('abort', close);
    if (asking.signal.aborted) close();
    let opened = performance.now();
    let reopening: NodeJS.Timeout | undefined;
    const reopen = () => {
      reopening ??= setTimeout(close, Math.max(0, opened + typingTime - performance.now()));
    };
    onChange = reopen;
    const answer = await way.ask(current(), {
      ...asking,
      signal: controller.signal,
      onChange: (listener) => {
        onChange = (changed) => (way.showsChanges?.() ? listener(changed) : reopen());
      },
      onOpen: () => {
        opened = performance.now();
      },
    });
    onChange = () => {};
    clearTimeout(reopening);
    asking.signal.removeEventListener('abort', close);
    if (answer.kind !== 'dismissed' || asking.signal.aborted) return answer;
    const isReminder = controller.signal.aborted;
    if (!isReminder && (wasTooSoon || performance.now() - opened >= tooSoon)) return answer;
    wasTooSoon = !isReminder;
  }
}
