import * as texts from '../texts.ts';
import { BUS, type Bus, type BusObject } from './bus.ts';

/** @see https://specifications.freedesktop.org/notification-spec/latest/ */
const SERVICE: BusObject = {
  name: 'org.freedesktop.Notifications',
  path: '/org/freedesktop/Notifications',
  interface: 'org.freedesktop.Notifications',
};

/** The bus starts the service on the first call. It would wait for 25 s; a person is better asked in another way. */
const START_TIMEOUT = 5_000;
export const CLOSE_TIMEOUT = 1_000;

/** What a notification shows. Texts are plain: what would be markup is escaped where the service takes markup. */
export interface Notification {
  title: string;
  /** Lines are separated by `\n`. */
  text: string;
  /** Of the desktop's icons; that of a password unless given. */
  icon?: string;
  /** Names of actions, each followed by its label. */
  actions: readonly string[];
  isUrgent: boolean;
  hints: Readonly<Record<string, boolean | string>>;
  /** Milliseconds after which the service may take it away by itself; 0: never. */
  limit: number;
}

/** Where a notification is: its number counts only while the service has this owner. */
export interface Shown {
  id: number;
  /** The unique name on the bus of who shows it. */
  owner: string;
}

/** What the service can do; it is started for that where the bus knows how. Throws when there is none. */
export async function capabilities(bus: Bus): Promise<readonly string[]> {
  const reply = await bus.call(SERVICE, 'GetCapabilities', '', [], START_TIMEOUT);
  return reply.body[0] as string[];
}

/** The name of the service and its version. */
export async function serviceName(bus: Bus): Promise<string> {
  const { body } = await bus.call(SERVICE, 'GetServerInformation');
  return `${body[0]} ${body[2]}`;
}

/** Shows a notification in the place of another one, if there is one still. */
export async function show(
  bus: Bus,
  { title, text, icon = 'dialog-password', actions, isUrgent, hints, limit }: Notification,
  can: readonly string[],
  replaces: Shown | undefined,
): Promise<Shown> {
  const { Variant } = await import('@jellybrick/dbus-next');
  const variants = Object.entries(hints).map(([name, value]) => [
    name,
    new Variant(typeof value === 'string' ? 's' : 'b', value),
  ]);
  const answer = await bus.call(SERVICE, 'Notify', 'susssasa{sv}i', [
    texts.APPLICATION,
    replaces?.id ?? 0,
    icon,
    title,
    can.includes('body-markup') ? escapeMarkup(text) : text,
    actions,
    { urgency: new Variant('y', isUrgent ? 2 : 1), ...Object.fromEntries(variants) },
    limit,
  ]);
  return { id: Number(answer.body[0]), owner: answer.sender };
}

/** Takes a notification from the screen, or gives up soon. */
export async function takeAway(bus: Bus, { id }: Shown): Promise<void> {
  await bus.call(SERVICE, 'CloseNotification', 'u', [id], CLOSE_TIMEOUT).catch(() => {});
}

export type ServiceEvent =
  /** One of the service's signals, about the notification with this number of theirs. */
  | { kind: 'signal'; sender: string; member: string; id: unknown; value: unknown }
  /** The service has another owner; an empty one when it has ended. */
  | { kind: 'owner'; owner: string };

/** Tells from now on what the service says, and what becomes of it. */
export async function follow(bus: Bus, tell: (event: ServiceEvent) => void): Promise<void> {
  bus.onSignal(({ sender, path, interface: interfaceName, member, body }) => {
    const [first, second, third] = body;
    if (sender === BUS.name && member === 'NameOwnerChanged' && first === SERVICE.name) {
      tell({ kind: 'owner', owner: String(third) });
    }
    if (path === SERVICE.path && interfaceName === SERVICE.interface) {
      tell({ kind: 'signal', sender, member, id: first, value: second });
    }
  });
  for (const rule of [
    `type='signal',sender='${SERVICE.name}',interface='${SERVICE.interface}'`,
    `type='signal',sender='${BUS.name}',member='NameOwnerChanged',arg0='${SERVICE.name}'`,
  ]) {
    await bus.call(BUS, 'AddMatch', 's', [rule]);
  }
}

/** Has the bus start the service again, if it knows how. Whether it does, {@link follow} tells. */
export function startAgain(bus: Bus): void {
  bus.call(BUS, 'StartServiceByName', 'su', [SERVICE.name, 0]).catch(() => {});
}

export async function isRunning(bus: Bus): Promise<boolean> {
  return (await bus.call(BUS, 'NameHasOwner', 's', [SERVICE.name])).body[0] === true;
}

/** Whether the bus would start the service for whoever calls it. */
export async function canBeStarted(bus: Bus): Promise<boolean> {
  return ((await bus.call(BUS, 'ListActivatableNames')).body[0] as string[]).includes(SERVICE.name);
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
