import { pause } from '../time/pause.ts';

/** A change counter that clients can long-poll. */
export interface Revisions {
  /** Increases the number if the text differs from the last one. */
  tell(text: string): void;
  current(): number;
  /**
   * Resolves as soon as the number differs from the one that the client has seen, or the client is gone.
   * @param limit milliseconds after which it resolves in any case
   */
  other(seen: number, limit: number, gone: AbortSignal): Promise<void>;
}

export function countRevisions(): Revisions {
  let current = 0;
  let last: string | undefined;
  const waiting = new Set<() => void>();
  return {
    tell: (text) => {
      if (text === last) return;
      last = text;
      current += 1;
      for (const wake of waiting) wake();
    },
    current: () => current,
    other: async (seen, limit, gone) => {
      if (current !== seen || gone.aborted) return;
      const over = new AbortController();
      const wake = () => over.abort();
      gone.addEventListener('abort', wake);
      waiting.add(wake);
      await pause(limit, over.signal);
      waiting.delete(wake);
    },
  };
}
