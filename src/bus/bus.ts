import { type EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Message } from '@jellybrick/dbus-next';
import { deferred } from '../time/deferred.ts';
import { withTimeout } from '../time/timeout.ts';
import * as reasons from './reasons.ts';

/** The receiver of a D-Bus message: one interface of one object. */
export interface BusObject {
  name: string;
  path: string;
  interface: string;
  /** Calls fail instead of having the bus start the service. */
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
   * @throws when the answer is an error or late, or when the connection has ended
   */
  call(to: BusObject, member: string, signature?: string, body?: unknown[], timeout?: number): Promise<Message>;
  onSignal(listener: (signal: Message) => void): void;
  /** Resolves with the reason when the connection has ended, also after {@link Bus.close}. */
  gone: Promise<string>;
  /** Sends what is still to be sent, and ends the connection. Unanswered calls fail. */
  close(): void;
}

const TIMEOUT = 5_000;

const ADDRESS = { session: 'DBUS_SESSION_BUS_ADDRESS', system: 'DBUS_SYSTEM_BUS_ADDRESS' } as const;
const SYSTEM_SOCKET = '/var/run/dbus/system_bus_socket';

/** A private part of the library: only this reports the end of the connection. */
interface BusConnection {
  stream?: Socket;
  on(event: 'end', listener: () => void): void;
}

type BusName = 'session' | 'system';

/**
 * Connects to the user's session bus, or to the machine's system bus. Loads the D-Bus library here, since an idle agent
 * does not need it.
 * @param signal ends the connection when aborted, also while it is being made
 * @throws Error with a reason for the user
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
    end('the connection was closed');
  };
  signal?.addEventListener('abort', close);
  // Without a listener, an error would end the process. After an error, the library's calls never settle.
  (bus as EventEmitter).on('error', (error: Error) => end(reasons.busUnreachable(name, error.message)));
  connection.on('end', () => end(reasons.busGone(name)));
  const limited = <T>(work: Promise<T>, timeout: number) => withLimits(work, gone, timeout, name);
  try {
    await limited(once(bus as EventEmitter, 'connect'), TIMEOUT);
  } catch (error) {
    close();
    // destroySoon would wait for a socket that is still connecting.
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

/** Connects to the session bus for one use, and closes the connection after it. */
export async function withSessionBus<T>(environment: NodeJS.ProcessEnv, use: (bus: Bus) => Promise<T>): Promise<T> {
  const bus = await connectBus('session', environment);
  try {
    return await use(bus);
  } finally {
    bus.close();
  }
}

/** @see https://www.freedesktop.org/software/systemd/man/latest/systemd.html#%24DBUS_SESSION_BUS_ADDRESS for the default */
export function sessionBusAddress({
  DBUS_SESSION_BUS_ADDRESS,
  XDG_RUNTIME_DIR,
}: NodeJS.ProcessEnv): string | undefined {
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
