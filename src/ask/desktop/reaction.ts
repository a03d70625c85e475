import type { Bus } from '../../bus/bus.ts';
import { deferred } from '../../time/deferred.ts';
import { withTimeout } from '../../time/timeout.ts';
import * as service from './notification-service.ts';

type Signal = Extract<service.ServiceEvent, { kind: 'signal' }>;

/**
 * Shows a notification, waits for what the user does with it, and closes it.
 * @param reactionTo returns what a signal about the notification means; undefined: nothing, so the waiting goes on
 * @param limit how long to wait, in milliseconds
 * @param signal ends the waiting when aborted
 * @returns undefined without a reaction
 * @throws if it cannot be shown
 */
export async function untilReaction<Reaction>(
  bus: Bus,
  notification: service.Notification,
  can: readonly string[],
  reactionTo: (event: Signal) => Reaction | undefined,
  limit: number,
  signal?: AbortSignal,
): Promise<Reaction | undefined> {
  /** The events of all notifications: ours can come before its id is known. */
  const happened: service.ServiceEvent[] = [];
  let look = () => {};
  await service.follow(bus, (event) => {
    happened.push(event);
    look();
  });
  const shown = await service.show(bus, notification, can, undefined);
  const { promise, resolve } = deferred<Reaction | undefined>();
  look = () => {
    for (const event of happened.splice(0)) {
      const reaction = event.kind === 'signal' && event.id === shown.id ? reactionTo(event) : undefined;
      if (reaction !== undefined) resolve(reaction);
    }
  };
  look();
  const end = () => resolve(undefined);
  void bus.gone.then(end);
  signal?.addEventListener('abort', end);
  if (signal?.aborted) end();
  const reaction = await withTimeout(promise, limit, () => undefined);
  await service.closeNotification(bus, shown);
  return reaction;
}
