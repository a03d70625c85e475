import { BUS, type Bus, connectBus, sessionBusAddress } from '../../bus/bus.ts';
import { deferred } from '../../time/deferred.ts';
import { takeTurnWithoutBus } from './turn-without-bus.ts';

/** The prompt that opened by itself owns this name on the session bus. `gtk-window.js` requests the name for our window. */
const NAME = 'aws_mfa_agent.Window';

/** The answer to RequestName: another one has the name, and we are in the queue for it. */
const IN_QUEUE = 2;

/**
 * Waits until no other prompt that opened by itself is on the screen. The bus keeps a queue of the waiting processes, and notices
 * when one has ended. Without a bus, a socket does that. Never rejects; does not wait when the signal is aborted.
 * @param isOnBus whether the prompt itself takes its turn on the bus
 * @returns a function that gives the turn to the next one
 */
export async function takeTurn(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
  isOnBus = false,
): Promise<() => void> {
  if (sessionBusAddress(environment) === undefined) return takeTurnWithoutBus(environment, signal);
  if (isOnBus) return () => {};
  let bus: Bus;
  try {
    bus = await connectBus('session', environment, signal);
  } catch {
    return () => {};
  }
  const acquired = deferred();
  bus.onSignal(({ sender, member, body }) => {
    if (sender === BUS.name && member === 'NameAcquired' && body[0] === NAME) acquired.resolve();
  });
  try {
    const { body } = await bus.call(BUS, 'RequestName', 'su', [NAME, 0]);
    if (body[0] === IN_QUEUE) await Promise.race([acquired.promise, bus.gone]);
  } catch {
    // The bus has ended.
  }
  return bus.close;
}
