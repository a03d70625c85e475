import { randomUUID } from 'node:crypto';
import type { Answer, Way } from './ask.ts';
import { untilCode } from './field.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/**
 * A notification of macOS with a reply field, by the terminal-notifier that comes with node-notifier. That program is
 * built for Intel: on Apple silicon without Rosetta it cannot be started, and the next way is taken. Not tried on macOS.
 */
export function macosNotification(): Way {
  return {
    name: 'notification',
    unfit: async () => (process.platform === 'darwin' ? undefined : reasons.NOT_ON_THIS_SYSTEM),
    ask: (request, { signal }) =>
      untilCode(request, async (current) => {
        const { default: NotificationCenter } = await import('node-notifier/notifiers/notificationcenter.js');
        const center = new NotificationCenter();
        // Its process is out of our reach; what it shows is not: a group can be removed.
        const group = randomUUID();
        const remove = () => center.notify({ remove: group } as object, () => {});
        return new Promise<string | Answer>((resolve) => {
          const withdraw = () => {
            remove();
            resolve({ kind: 'dismissed' });
          };
          if (signal.aborted) return resolve({ kind: 'dismissed' });
          signal.addEventListener('abort', withdraw, { once: true });
          const notification = {
            title: texts.askTitle(current),
            message: texts.askBody(current).join('\n'),
            group,
            reply: true,
            closeLabel: texts.CANCEL,
            // `wait` without a timeout would mean five seconds.
            timeout: false as const,
          };
          center.notify(notification, (error, response, details) => {
            signal.removeEventListener('abort', withdraw);
            if (error) return resolve({ kind: 'unavailable', reason: String(error.message ?? error) });
            if (response === 'replied') return resolve(details?.activationValue ?? '');
            return resolve({ kind: 'dismissed' });
          });
        });
      }),
  };
}
