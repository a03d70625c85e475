import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';

/** How long a test waits for what should happen at once, on a busy machine too, in milliseconds. */
export const LIMIT = 10_000;

/**
 * Waits for a promise, and rejects after a limit with what was seen instead.
 * @param what completes "not within 10 s: …"
 * @param seen returns what there is by then: an output, the text of a file, the requests
 * @param limit in milliseconds
 */
export async function within<T>(
  what: string,
  promise: PromiseLike<T>,
  seen?: () => unknown,
  limit = LIMIT,
): Promise<T> {
  // Made here, its stack leads to the test.
  const error = new Error();
  const over = new AbortController();
  const late = setTimeout(limit, undefined, { signal: over.signal }).then(async () => {
    error.message = `not within ${limit / 1000} s: ${what}${seen ? `\nseen by then: ${text(await seen())}` : ''}`;
    throw error;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    over.abort();
  }
}

/**
 * Looks until something is there: not false, and not undefined. For what has no event.
 * @param what completes "not within 10 s: …"
 * @param seen returns what there is by then
 * @param limit in milliseconds
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  seen?: () => unknown,
  limit = LIMIT,
): Promise<Exclude<T, false | undefined>> {
  const over = new AbortController();
  const looking = async () => {
    while (!over.signal.aborted) {
      const found = await look();
      if (found !== undefined && found !== false) return found as Exclude<T, false | undefined>;
      await setTimeout(10);
    }
    throw over.signal.reason;
  };
  try {
    return await within(what, looking(), seen, limit);
  } finally {
    over.abort();
  }
}

function text(seen: unknown): string {
  return typeof seen === 'string' ? seen : inspect(seen, { depth: 6, maxArrayLength: null });
}
