import type { Way } from '../ask.ts';
import { whyNoField } from '../open-field.ts';
import * as reasons from '../reasons.ts';
import { type Bus, connectBus } from './bus.ts';
import { NotificationQuestion, whyUnfit } from './notification-question.ts';
import * as service from './notification-service.ts';

/**
 * A notification of the desktop (Linux, the BSDs). Where the service has a reply field, the code is typed there; else
 * a click opens one of the code fields. There is one prompt on the screen: the field takes the notification's place,
 * and a reminder takes the place of a field that was left alone. After a code that was not taken, the field in which
 * it was typed comes back at once.
 * @param fields code fields in the order of preference
 */
export function notification(fields: readonly Way[], environment: NodeJS.ProcessEnv = process.env): Way {
  let typedInField = false;
  return {
    name: 'notification',
    unfit: () => onBus(environment, async (bus) => whyNone(bus, fields)).catch((error: Error) => error.message),
    ask: async (request, asking) => {
      try {
        return await onBus(environment, async (bus) => {
          const question = new NotificationQuestion(bus, request, asking, fields);
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

async function onBus<T>(environment: NodeJS.ProcessEnv, use: (bus: Bus) => Promise<T>): Promise<T> {
  const bus = await connectBus('session', environment);
  try {
    return await use(bus);
  } finally {
    bus.close();
  }
}

/** Looks without starting the service. */
async function whyNone(bus: Bus, fields: readonly Way[]): Promise<string | undefined> {
  const noField = await whyNoField(fields);
  if (await service.isRunning(bus)) return whyUnfit(await service.capabilities(bus), noField);
  return (await service.canBeStarted(bus)) ? noField : reasons.NO_SERVICE;
}

function reasonOf({ message, type }: Error & { type?: string }): string {
  return type === 'org.freedesktop.DBus.Error.ServiceUnknown' ? reasons.NO_SERVICE : message;
}
