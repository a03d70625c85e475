import { randomUUID } from 'node:crypto';
import type { Answer, Way } from './ask.ts';
import { untilCode } from './field.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/**
 * A macOS notification with a reply field, shown by node-notifier's terminal-notifier. That program is built for Intel: on
 * Apple silicon without Rosetta it does not start, and the next way asks. Not tried on macOS.
 */
export function macosNotification(): Way {
  return {
    name: 'notification',
    unfit: async () => (process.platform === 'darwin' ? undefined : reasons.NOT_ON_THIS_SYSTEM),
    ask: async (request, { signal, needsResult }) => {
      const answer = await untilCode(request, async (current) => {
        const { default: NotificationCenter } = await import('node-notifier/notifiers/notificationcenter.js');
        const center = new NotificationCenter();
        // We cannot end its process, but we can remove the notification by its group.
        const group = randomUUID();
        const remove = () => center.notify({ remove: group } as object, () => {});
        return new Promise<string | Answer>((resolve) => {
          const close = () => {
            remove();
            resolve({ kind: 'dismissed' });
          };
          if (signal.aborted) return resolve({ kind: 'dismissed' });
          signal.addEventListener('abort', close, { once: true });
          const notification = {
            title: texts.askTitle(current),
            message: texts.askBody(current).join('\n'),
            group,
            reply: true,
            closeLabel: texts.CANCEL,
            // Without it, node-notifier would use five seconds.
            timeout: false as const,
          };
          center.notify(notification, (error, response, details) => {
            signal.removeEventListener('abort', close);
            if (error) return resolve({ kind: 'unavailable', reason: String(error.message ?? error) });
            if (response === 'replied') return resolve(details?.activationValue ?? '');
            return resolve({ kind: 'dismissed' });
          });
        });
      });
      if (answer.kind === 'code') needsResult?.('desktop');
      return answer;
    },
  };
}
