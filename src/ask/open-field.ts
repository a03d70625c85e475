import { performance } from 'node:perf_hooks';
import type { Answer, Asking, AskRequest, Way } from './ask.ts';
import { inTurn } from './in-turn.ts';
import * as reasons from './reasons.ts';

/** A code field opened by a click. */
export interface OpenField {
  /** The value of `performance.now()` when it opened. */
  since: number;
  answer: Promise<Answer>;
  /** Closes it. Resolves with its answer: `dismissed` if there was none yet. */
  close(): Promise<Answer>;
}

/**
 * Opens the first of these fields that is available.
 * @param activationToken the desktop's permission to take the focus, from the click
 */
export function openField(
  fields: readonly Way[],
  request: AskRequest,
  { outcome, needsResult }: Asking,
  activationToken: string | undefined,
): OpenField {
  const controller = new AbortController();
  const { signal } = controller;
  const asking = { signal, onChange: () => {}, activationToken, isClicked: true, outcome, needsResult };
  const answer = inTurn(fields)(request, asking);
  return {
    since: performance.now(),
    answer,
    close: () => {
      controller.abort();
      return answer;
    },
  };
}

/** Returns why no code field can be opened, or undefined if one can. */
export async function whyNoField(fields: readonly Way[]): Promise<string | undefined> {
  const all: string[] = [];
  for (const field of fields) {
    const reason = await field.unfit();
    if (reason === undefined) return undefined;
    all.push(`${field.name}: ${reason}`);
  }
  return reasons.noField(all);
}
