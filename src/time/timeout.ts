import { deferred } from './deferred.ts';

/** Settles as `work` does, or as `late()` does if that takes longer than so many milliseconds. Leaves no timer behind. */
export async function withTimeout<Value, Late>(
  work: Promise<Value>,
  milliseconds: number,
  late: () => Late,
): Promise<Value | Late> {
  const limit = deferred();
  const timer = setTimeout(limit.resolve, milliseconds);
  return Promise.race([work, limit.promise.then(late)]).finally(() => clearTimeout(timer));
}
