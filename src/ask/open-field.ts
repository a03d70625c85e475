import { performance } from 'node:perf_hooks';
import type { Answer, Asking, AskRequest, Way } from './ask.ts';
import { inTurn } from './in-turn.ts';
import * as reasons from './reasons.ts';

/** A code field that a click has opened. */
export interface OpenField {
  /** When it was opened, by `performance.now()`. */
  since: number;
  answer: Promise<Answer>;
  /** Takes it from the screen. Resolves with its answer: dismissed when it had none yet. */
  close(): Promise<Answer>;
}

/**
 * Opens the first of these fields that can be opened.
 * @param activationToken of the click
 */
export function openField(
  fields: readonly Way[],
  request: AskRequest,
  { outcome }: Asking,
  activationToken: string | undefined,
): OpenField {
  const controller = new AbortController();
  const { signal } = controller;
  const answer = inTurn(fields)(request, { signal, onChange: () => {}, activationToken, outcome });
  return {
    since: performance.now(),
    answer,
    close: () => {
      controller.abort();
      return answer;
    },
  };
}

/** Why no code field can be opened, or undefined when one can. */
export async function whyNoField(fields: readonly Way[]): Promise<string | undefined> {
  const all: string[] = [];
  for (const field of fields) {
    const reason = await field.unfit();
    if (reason === undefined) return undefined;
    all.push(`${field.name}: ${reason}`);
  }
  return reasons.noField(all);
}
