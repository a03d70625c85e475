import type { Asking, AskRequest } from '../../src/ask/ask.ts';
import { within } from '../within.ts';

const NOW = Date.parse('2030-01-31T14:20:00Z');

/** What a press of the Snooze button of {@link request} answers. */
export const SNOOZED = { kind: 'snooze', until: NOW + 7 * 60_000 } as const;

/** A question that any way can be asked with. */
export function request(changes: Partial<AskRequest> = {}): AskRequest {
  return {
    profile: 'mfa',
    serialNumber: 'arn:aws:iam::123456789012:mfa/alice',
    expiration: NOW + 15 * 60_000,
    now: NOW,
    reminder: 0,
    snooze: { until: NOW + 7 * 60_000, label: 'Snooze until 14:27' },
    ...changes,
  };
}

/** The same question when its session has ended. */
export function expiredRequest(): AskRequest {
  const snooze = { until: SNOOZED_AT_END.until, label: 'Snooze until 14:51' };
  return request({ now: NOW + 16 * 60_000, reminder: 1, snooze });
}

/** What a press of its Snooze button answers. */
export const SNOOZED_AT_END = { kind: 'snooze', until: NOW + 31 * 60_000 } as const;

/** The Snooze button of a prompt that has been open until the time on the button has nearly come. */
export const STALE_SNOOZE = { until: NOW + 30_000, label: 'Snooze until 14:20' };

/** The asker's end of a question: to withdraw it, or to say that time has passed. */
export function asking(): Asking & { withdraw(): void; change(request: AskRequest): void } {
  const controller = new AbortController();
  let listener: (request: AskRequest) => void = () => {};
  return {
    signal: controller.signal,
    withdraw: () => controller.abort(),
    onChange: (one) => {
      listener = one;
    },
    change: (changed) => listener(changed),
  };
}

/**
 * The answer to a question, as soon as it comes; to be called when nothing is left to do for it.
 * @param seen returns what a person sees by then
 */
export function answered<T>(answer: PromiseLike<T>, seen?: () => unknown): Promise<T> {
  return within('an answer to the question', answer, seen);
}
