import { BUS, type Bus, withSessionBus } from '../../bus/bus.ts';
import type { LeftNotification } from '../../session/state.ts';
import * as service from './notification-service.ts';

/** Remembers what is on the screen, for the agent or the next one: this process may be killed. */
export interface ScreenMemory {
  shown(notification: LeftNotification): Promise<void>;
  closed(notification: LeftNotification): Promise<void>;
}

/** Closes notifications of a process that was killed, if the service that shows them still runs. Never rejects. */
export async function closeLeft(left: readonly LeftNotification[], environment: NodeJS.ProcessEnv): Promise<void> {
  try {
    await withSessionBus(environment, async (bus) => {
      const [id, owner] = [await busId(bus), await service.ownerOf(bus)];
      const still = left.filter((one) => one.bus === id && one.owner === owner);
      await Promise.all(still.map((one) => service.closeNotification(bus, one)));
    });
  } catch {
    // Without a bus or a service, nothing is on the screen.
  }
}

/** Returns the identity of a bus: names of services on it are used again on another one. */
export async function busId(bus: Bus): Promise<string> {
  return String((await bus.call(BUS, 'GetId')).body[0]);
}
