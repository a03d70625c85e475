import { type Bus, withSessionBus } from '../../bus/bus.ts';
import type { Way } from '../ask.ts';
import { whyNoField } from '../open-field.ts';
import * as reasons from '../reasons.ts';
import type { ScreenMemory } from './left.ts';
import { NotificationQuestion, whyUnfit } from './notification-question.ts';
import * as service from './notification-service.ts';

/**
 * A desktop notification (Linux, the BSDs). If the service has a reply field, the user types the code there; otherwise a
 * click opens a code field. Only one prompt is visible: the field replaces the notification, and a reminder replaces a
 * field that was not used. After a refused code, the field in which it was typed opens again at once.
 * @param fields code fields in the order of preference
 * @param memory remembers what is on the screen
 */
export function notification(fields: readonly Way[], environment: NodeJS.ProcessEnv, memory?: ScreenMemory): Way {
  let typedInField = false;
  return {
    name: 'notification',
    unfit: () =>
      withSessionBus(environment, async (bus) => whyNone(bus, fields)).catch((error: Error) => error.message),
    ask: async (request, asking) => {
      try {
        return await withSessionBus(environment, async (bus) => {
          const question = new NotificationQuestion(bus, request, asking, fields, { memory });
          const answer = await question.settle(typedInField && request.problem !== undefined);
          typedInField = question.answeredInField;
          return answer;
        });
      } catch (error) {
        return asking.signal.aborted
          ? { kind: 'dismissed' }
          : { kind: 'unavailable', reason: reasonOf(error as Error & { type?: string }) };
      }
    },
  };
}

/** Returns why no notification can ask now, if so. Does not start the service. */
async function whyNone(bus: Bus, fields: readonly Way[]): Promise<string | undefined> {
  const noField = await whyNoField(fields);
  if (await service.isRunning(bus)) return whyUnfit(await service.capabilities(bus), noField);
  return (await service.canBeStarted(bus)) ? noField : reasons.NO_SERVICE;
}

function reasonOf({ message, type }: Error & { type?: string }): string {
  return type === 'org.freedesktop.DBus.Error.ServiceUnknown' ? reasons.NO_SERVICE : message;
}
