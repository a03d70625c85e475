import { deferred } from './deferred.ts';

/** Settles like `work`, or like `late()` if `work` takes longer than this many milliseconds. Leaves no timer behind. */
export async function withTimeout<Value, Late>(
  work: Promise<Value>,
  milliseconds: number,
  late: () => Late,
): Promise<Value | Late> {
  const limit = deferred();
  const timer = setTimeout(limit.resolve, milliseconds);
  return Promise.race([work, limit.promise.then(late)]).finally(() => clearTimeout(timer));
}
