import { withSessionBus } from '../../bus/bus.ts';
import type { Way } from '../ask.ts';
import * as reasons from '../reasons.ts';
import { terminalWindow } from '../terminal-window.ts';
import type { ScreenMemory } from './left.ts';
import { NotificationQuestion } from './notification-question.ts';
import * as service from './notification-service.ts';

/**
 * A notification that names the command to run, where nothing can open a code field. If there is a terminal emulator, its
 * button opens one with that command.
 * @param config the option that names `config.ini`, if the command needs it
 */
export function commandNotification(
  config: readonly string[],
  environment: NodeJS.ProcessEnv,
  memory?: ScreenMemory,
): Way {
  return {
    name: 'notification',
    unfit: () =>
      withSessionBus(environment, async (bus) =>
        (await service.isRunning(bus)) || (await service.canBeStarted(bus)) ? undefined : reasons.NO_SERVICE,
      ).catch((error: Error) => error.message),
    ask: async (request, asking) => {
      const command = [...config, 'refresh', request.profile];
      const fields = [terminalWindow(command, environment)];
      try {
        return await withSessionBus(environment, (bus) =>
          new NotificationQuestion(bus, request, asking, fields, { command, memory }).settle(false),
        );
      } catch (error) {
        return asking.signal.aborted
          ? { kind: 'dismissed' }
          : { kind: 'unavailable', reason: (error as Error).message };
      }
    },
  };
}
