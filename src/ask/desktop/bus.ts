import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Message, MessageBus } from '@jellybrick/dbus-next';
import { deferred } from '../../time/deferred.ts';
import { withTimeout } from '../../time/timeout.ts';
import * as reasons from '../reasons.ts';

/** Whom a D-Bus message is for: one interface of one object. */
export interface BusObject {
  name: string;
  path: string;
  interface: string;
  /** A call fails where the bus would have to start the service for it. */
  onlyRunning?: true;
}

/** @see https://dbus.freedesktop.org/doc/dbus-specification.html#message-bus-messages */
export const BUS: BusObject = {
  name: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

/** A connection to a message bus. */
export interface Bus {
  /**
   * Calls a method.
   * @param timeout in milliseconds
   * @throws when the other side answers with an error, not in time, or the bus is gone
   */
  call(to: BusObject, member: string, signature?: string, body?: unknown[], timeout?: number): Promise<Message>;
  onSignal(listener: (signal: Message) => void): void;
  /** Resolves with the reason when the connection has ended, by itself or by {@link Bus.close}. */
  gone: Promise<string>;
  /** Sends what is left to be sent, and ends the connection. Calls that nobody has answered yet fail. */
  close(): void;
}

const TIMEOUT = 5_000;

const ADDRESS = { session: 'DBUS_SESSION_BUS_ADDRESS', system: 'DBUS_SYSTEM_BUS_ADDRESS' } as const;
const SYSTEM_SOCKET = '/var/run/dbus/system_bus_socket';

/** What the library knows and does not show: its connection alone tells when the bus goes away. */
interface BusConnection {
  stream?: Socket;
  on(event: 'end', listener: () => void): void;
}

type BusName = 'session' | 'system';

/**
 * Connects to the user's session bus, or to the machine's system bus. The library is loaded here and not at the top: an
 * idle agent has no use for it.
 * @param signal ends the connection when aborted, also while it is being made
 * @throws Error with a reason for a person
 */
export async function connectBus(name: BusName, environment: NodeJS.ProcessEnv, signal?: AbortSignal): Promise<Bus> {
  const busAddress = name === 'session' ? sessionBusAddress(environment) : systemBusAddress(environment);
  if (busAddress === undefined) throw new Error(reasons.noBus(name, ADDRESS[name]));
  const { Message, MessageFlag, MessageType, sessionBus } = await import('@jellybrick/dbus-next');
  signal?.throwIfAborted();
  const bus = sessionBus({ busAddress });
  const connection = (bus as unknown as { _connection: BusConnection })._connection;
  const { promise: gone, resolve: end } = deferred<string>();
  const close = () => {
    signal?.removeEventListener('abort', close);
    connection.stream?.destroySoon();
    end('no longer wanted');
  };
  signal?.addEventListener('abort', close);
  // Without a listener for it, an error would end the process. Calls never settle once there was one.
  (bus as EventEmitter).on('error', (error: Error) => end(reasons.busUnreachable(name, error.message)));
  connection.on('end', () => end(reasons.busGone(name)));
  const limited = <T>(work: Promise<T>, timeout: number) => withLimits(work, gone, timeout, name);
  try {
    await limited(connected(bus), TIMEOUT);
  } catch (error) {
    close();
    // Nothing is left to be sent, and a socket that is still connecting would wait for that.
    connection.stream?.destroy();
    throw error;
  }
  return {
    gone,
    close,
    call: async (to, member, signature = '', body = [], timeout = TIMEOUT) => {
      const { name: destination, path, interface: interfaceName, onlyRunning } = to;
      const flags = onlyRunning ? MessageFlag.NO_AUTO_START : 0;
      const message = new Message({ destination, path, interface: interfaceName, member, signature, body, flags });
      const reply = await limited(bus.call(message), timeout);
      if (!reply) throw new Error(`no reply to ${member}`);
      return reply;
    },
    onSignal: (listener) => {
      bus.on('message', (message) => {
        if (message.type === MessageType.SIGNAL) listener(message);
      });
    },
  };
}

function connected(bus: MessageBus): Promise<void> {
  return new Promise((resolve) => bus.once('connect', resolve));
}

/** @see https://www.freedesktop.org/software/systemd/man/latest/systemd.html#%24DBUS_SESSION_BUS_ADDRESS for the second */
function sessionBusAddress({ DBUS_SESSION_BUS_ADDRESS, XDG_RUNTIME_DIR }: NodeJS.ProcessEnv): string | undefined {
  if (DBUS_SESSION_BUS_ADDRESS) return DBUS_SESSION_BUS_ADDRESS;
  const socket = XDG_RUNTIME_DIR && `${XDG_RUNTIME_DIR}/bus`;
  return socket && existsSync(socket) ? `unix:path=${socket}` : undefined;
}

/** @see https://dbus.freedesktop.org/doc/dbus-specification.html#message-bus-types-system */
function systemBusAddress({ DBUS_SYSTEM_BUS_ADDRESS }: NodeJS.ProcessEnv): string | undefined {
  if (DBUS_SYSTEM_BUS_ADDRESS) return DBUS_SYSTEM_BUS_ADDRESS;
  return existsSync(SYSTEM_SOCKET) ? `unix:path=${SYSTEM_SOCKET}` : undefined;
}

async function withLimits<T>(work: Promise<T>, gone: Promise<string>, timeout: number, name: BusName): Promise<T> {
  const failed = (reason: string): never => {
    throw new Error(reason);
  };
  const ended = Promise.race([work, gone.then(failed)]);
  return withTimeout(ended, timeout, () => failed(reasons.busLate(name, timeout)));
}
