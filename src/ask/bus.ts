import type { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Message, MessageBus } from '@jellybrick/dbus-next';

/** Whom a D-Bus message is for: one interface of one object. */
export interface BusObject {
  name: string;
  path: string;
  interface: string;
}

/** @see https://dbus.freedesktop.org/doc/dbus-specification.html#message-bus-messages */
export const BUS: BusObject = {
  name: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
};

/** A connection to the user's session bus. */
export interface SessionBus {
  /**
   * Calls a method.
   * @param timeout in milliseconds
   * @throws when the other side answers with an error, not in time, or the bus is gone
   */
  call(to: BusObject, member: string, signature?: string, body?: unknown[], timeout?: number): Promise<Message>;
  onSignal(listener: (signal: Message) => void): void;
  /** Resolves with the reason when the connection ends by itself. */
  gone: Promise<string>;
  /** Sends what is left to be sent, and ends the connection. */
  close(): void;
}

const TIMEOUT = 5_000;

/** What the library knows and does not show: its connection alone tells when the bus goes away. */
interface Connection {
  stream?: Socket;
  on(event: 'end', listener: () => void): void;
}

/**
 * Connects to the session bus. The library is loaded here and not at the top: an idle agent has no use for it.
 * @throws Error with a reason for a person
 */
export async function connectSessionBus(environment: NodeJS.ProcessEnv): Promise<SessionBus> {
  const busAddress = sessionBusAddress(environment);
  if (busAddress === undefined) throw new Error('no session bus: DBUS_SESSION_BUS_ADDRESS is not set');
  const { Message, MessageType, sessionBus } = await import('@jellybrick/dbus-next');
  const bus = sessionBus({ busAddress });
  const connection = (bus as unknown as { _connection: Connection })._connection;
  // Without a listener for it, an error would end the process. Calls never settle once there was one.
  const gone = new Promise<string>((resolve) => {
    (bus as EventEmitter).on('error', (error: Error) => resolve(`the session bus cannot be reached: ${error.message}`));
    connection.on('end', () => resolve('the session bus went away'));
  });
  const close = () => connection.stream?.destroySoon();
  try {
    await withLimits(connected(bus), gone, TIMEOUT);
  } catch (error) {
    close();
    throw error;
  }
  return {
    gone,
    close,
    call: async (to, member, signature = '', body = [], timeout = TIMEOUT) => {
      const { name: destination, path, interface: interfaceName } = to;
      const message = new Message({ destination, path, interface: interfaceName, member, signature, body });
      const reply = await withLimits(bus.call(message), gone, timeout);
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

async function withLimits<T>(work: Promise<T>, gone: Promise<string>, timeout: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, timeout, `no answer over the session bus within ${timeout / 1000} s`);
  });
  const failed = Promise.race([gone, late]).then((reason) => {
    throw new Error(reason);
  });
  try {
    return await Promise.race([work, failed]);
  } finally {
    clearTimeout(timer);
  }
}
