import { aging } from './aging.ts';
import type { Answer, Asking, AskRequest, Way } from './ask.ts';

/**
 * A dialog that is closed within this time, in milliseconds, was probably closed by a key meant for another window: 1.5 s, and
 * half a second for the dialog to open.
 */
const TOO_SOON = 2_000;

/** How long a dialog stays open before a reminder may reopen it, in milliseconds: the user may be typing. */
const TYPING_TIME = 20_000;

/**
 * Returns a way whose code field opens directly, without a notification. Each reminder reopens the field with new text, unless
 * the way updates it itself. A field that is closed too soon is opened once more.
 */
export function standAlone(way: Way, { tooSoon = TOO_SOON, typingTime = TYPING_TIME } = {}): Way {
  return { ...way, ask: (request, asking) => askAgain(way, request, asking, { tooSoon, typingTime }) };
}

async function askAgain(
  way: Way,
  request: AskRequest,
  asking: Asking,
  { tooSoon, typingTime }: { tooSoon: number; typingTime: number },
): Promise<Answer> {
  let current = aging(request);
  let wasTooSoon = false;
  let onChange = (_request: AskRequest) => {};
  asking.onChange((changed) => {
    current = aging(changed);
    onChange(changed);
  });
  for (;;) {
    const controller = new AbortController();
    const close = () => controller.abort();
    asking.signal.addEventListener('abort', close);
    if (asking.signal.aborted) close();
    const opened = performance.now();
    let reopening: NodeJS.Timeout | undefined;
    const reopen = () => {
      reopening ??= setTimeout(close, Math.max(0, opened + typingTime - performance.now()));
    };
    onChange = reopen;
    const answer = await way.ask(current(), {
      ...asking,
      signal: controller.signal,
      onChange: (listener) => {
        if (way.showsChanges) onChange = listener;
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
