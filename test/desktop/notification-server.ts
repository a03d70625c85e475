import { EventEmitter, once } from 'node:events';
import { Message, MessageType, sessionBus, type Variant } from '@jellybrick/dbus-next';
import { within } from '../within.ts';

const NAME = 'org.freedesktop.Notifications';
const PATH = '/org/freedesktop/Notifications';

interface Shown {
  id: number;
  replaces: number;
  icon: string;
  summary: string;
  body: string;
  actions: string[];
  hints: Record<string, unknown>;
  expireTimeout: number;
}

/** A notification service that does what a test tells it: for what dunst cannot do (reply fields, tokens, crashes). */
export interface NotificationServer {
  /** All notifications so far. */
  shown: Shown[];
  closed: number[];
  /** The n-th notification (from 1), as soon as it has come. */
  nth(count: number): Promise<Shown>;
  /** Resolves when so many have been closed by their sender. */
  closedCount(count: number): Promise<void>;
  emit(member: 'ActionInvoked' | 'NotificationReplied' | 'ActivationToken', id: number, text: string): void;
  emitClosed(id: number, reason: number): void;
  /** From now on, nothing is answered. */
  hang(): void;
  stop(): Promise<void>;
}

export async function startNotificationServer(
  environment: NodeJS.ProcessEnv,
  capabilities: string[],
  name = 'test',
): Promise<NotificationServer> {
  const bus = sessionBus({ busAddress: environment.DBUS_SESSION_BUS_ADDRESS ?? '' });
  const errors = new EventEmitter();
  (bus as EventEmitter).on('error', (error) => errors.emit('error', error));
  errors.on('error', () => {});
  const happened = new EventEmitter();
  const shown: Shown[] = [];
  const closed: number[] = [];
  let hangs = false;
  let lastId = 0;

  bus.addMethodHandler((message: Message) => {
    if (message.type !== MessageType.METHOD_CALL || message.interface !== NAME) return false;
    if (hangs) return true;
    const { member, body } = message;
    if (member === 'GetCapabilities') bus.send(Message.newMethodReturn(message, 'as', [capabilities]));
    if (member === 'GetServerInformation') {
      bus.send(Message.newMethodReturn(message, 'ssss', [name, 'us', '1.9 (2022-06-27)', '1.2']));
    }
    if (member === 'Notify') {
      const [, replaces, icon, summary, text, actions, hints, expireTimeout] = body as [
        ...[string, number, string, string, string, string[], Record<string, Variant>, number],
      ];
      lastId = replaces || lastId + 1;
      const plain = Object.fromEntries(Object.entries(hints).map(([key, { value }]) => [key, value]));
      shown.push({ id: lastId, replaces, icon, summary, body: text, actions, hints: plain, expireTimeout });
      bus.send(Message.newMethodReturn(message, 'u', [lastId]));
      happened.emit('shown');
    }
    if (member === 'CloseNotification') {
      closed.push(Number(body[0]));
      bus.send(Message.newSignal(PATH, NAME, 'NotificationClosed', 'uu', [body[0], 3]));
      bus.send(Message.newMethodReturn(message));
      happened.emit('closed');
    }
    return true;
  });
  await within(`a connection to ${environment.DBUS_SESSION_BUS_ADDRESS}`, once(bus, 'connect'));
  await bus.requestName(NAME, 0);

  return {
    shown,
    closed,
    async nth(count) {
      const come = async () => {
        while (shown.length < count) await once(happened, 'shown');
      };
      await within(`${count} notifications`, come(), () => shown);
      return shown[count - 1] as Shown;
    },
    async closedCount(count) {
      const gone = async () => {
        while (closed.length < count) await once(happened, 'closed');
      };
      await within(`${count} notifications closed by their sender`, gone(), () => ({ shown, closed }));
    },
    emit: (member, id, text) => bus.send(Message.newSignal(PATH, NAME, member, 'us', [id, text])),
    emitClosed: (id, reason) => bus.send(Message.newSignal(PATH, NAME, 'NotificationClosed', 'uu', [id, reason])),
    hang: () => {
      hangs = true;
    },
    async stop() {
      const connection = (
        bus as unknown as { _connection: { stream?: EventEmitter & { closed: boolean; destroy(): void } } }
      )._connection;
      const { stream } = connection;
      // Closed already, where its bus has ended.
      if (!stream || stream.closed) return;
      const ended = once(stream, 'close');
      stream.destroy();
      await within('the end of the connection to the bus', ended);
    },
  };
}
