import type { AskRequest } from './ask.ts';

/** Returns a function that returns the request with the present time, for a prompt that is shown later. */
export function aging(request: AskRequest): () => AskRequest {
  const made = performance.now();
  return () => ({ ...request, now: request.now + Math.floor((performance.now() - made) / 1_000) * 1_000 });
}
