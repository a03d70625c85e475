import type { Answer, Asking, AskRequest, Way } from './ask.ts';

/**
 * A dialog that is closed this soon, in milliseconds, was closed by a key that was meant for another window: 1.5 seconds, and
 * half a second for the dialog to open.
 */
const TOO_SOON = 2_000;

/** How long a dialog is left alone after it has opened, in milliseconds: the user may be typing. */
const TYPING_TIME = 20_000;

/**
 * Makes a way of a code field that opens by itself, without a notification before it. Each reminder opens it again, with the
 * text of that time, unless the way shows the change itself. If it is closed too soon, it opens once more.
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

/** A request that is shown later than it was made: its texts count from when they are shown. */
function aging(request: AskRequest): () => AskRequest {
  const made = performance.now();
  return () => ({ ...request, now: request.now + Math.floor((performance.now() - made) / 1_000) * 1_000 });
}
