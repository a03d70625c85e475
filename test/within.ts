import { cpus } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { inspect } from 'node:util';

/** How long a test waits for what should happen at once, in milliseconds. */
export const LIMIT = 10_000;

/** The clock of this machine, also for a test that puts another one in its place. */
const now = performance.now.bind(performance);

/** The share of the processors' time below which the machine is too busy to judge a program by its time. */
const ENOUGH_IDLE = 0.25;
/** How many times its limit a test waits at most on such a machine. */
const MOST_LIMITS = 3;

/**
 * Waits for a promise, and rejects after a limit with what was seen instead. On a machine that is too busy, the limit is
 * longer; the error then says by how much, and why.
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
  const late = pastLimit(limit, over.signal).then(async (waited) => {
    error.message = `not within ${waited}: ${what}${seen ? `\nseen by then: ${text(await seen())}` : ''}`;
    throw error;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => {});
    over.abort();
  }
}

/** Resolves after the limit, and says how long that was. */
async function pastLimit(limit: number, signal: AbortSignal): Promise<string> {
  for (let limits = 1; ; limits++) {
    await setTimeout(limit / 2, undefined, { signal });
    const [before, since] = [idleTime(), now()];
    await setTimeout(limit / 2, undefined, { signal });
    const idle = (idleTime() - before) / (now() - since) / cpus().length;
    if (limits < MOST_LIMITS && idle < ENOUGH_IDLE) continue;
    const seconds = limit / 1000;
    if (limits === 1) return `${seconds} s`;
    return `${limits * seconds} s (instead of ${seconds} s: processors idle for ${Math.round(idle * 100)} % of the last ${seconds / 2} s)`;
  }
}

/** How long the processors have had nothing to do, all together, in milliseconds. */
function idleTime(): number {
  return cpus().reduce((sum, { times }) => sum + times.idle, 0);
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
      const since = now();
      const found = await look();
      if (found !== undefined && found !== false) return found as Exclude<T, false | undefined>;
      // Looking, often by another program, should not slow down what is looked for.
      await setTimeout(Math.min(Math.max(10, now() - since), 200));
    }
    throw over.signal.reason;
  };
  try {
    return await within(what, looking(), seen, limit);
  } finally {
    over.abort();
  }
}

/**
 * Repeats assertions until they hold, and fails as the last one did. For what has no event.
 * @param limit in milliseconds
 */
export async function holds(assertions: () => unknown, limit = LIMIT): Promise<void> {
  let failure: unknown;
  const look = async () => {
    try {
      await assertions();
      return true;
    } catch (error) {
      failure = error;
      return false;
    }
  };
  try {
    await until('this', look, undefined, limit);
  } catch (error) {
    if (!(failure instanceof Error)) throw error;
    failure.message = `${(error as Error).message}: ${failure.message}`;
    throw failure;
  }
}

function text(seen: unknown): string {
  return typeof seen === 'string' ? seen : inspect(seen, { depth: 6, maxArrayLength: null });
}
