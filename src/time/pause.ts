import { deferred } from './deferred.ts';

/** Resolves after this many milliseconds, or as soon as the signal is aborted. Leaves no timer and no listener behind. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  const over = deferred();
  const end = () => over.resolve();
  const timer = setTimeout(end, milliseconds);
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  await over.promise;
  clearTimeout(timer);
  signal?.removeEventListener('abort', end);
}
