import { BUS, type Bus, type BusObject } from '../../bus/bus.ts';
import * as texts from '../texts.ts';
import { DESKTOP_ENTRY, iconName } from './desktop-entry.ts';

/** @see https://specifications.freedesktop.org/notification-spec/latest/ */
const SERVICE: BusObject = {
  name: 'org.freedesktop.Notifications',
  path: '/org/freedesktop/Notifications',
  interface: 'org.freedesktop.Notifications',
};

/** The bus starts the service at the first call, and waits up to 25 s. Another way asks sooner. In milliseconds. */
const START_TIMEOUT = 5_000;
export const CLOSE_TIMEOUT = 1_000;

/** A notification. Its texts are plain: they are escaped if the service reads markup. */
export interface Notification {
  title: string;
  /** Lines separated by `\n`. */
  text: string;
  /** The name of an icon of the desktop; ours by default. */
  icon?: string;
  /** Names of actions, each followed by its label. */
  actions: readonly string[];
  isUrgent: boolean;
  /** Numbers are whole. */
  hints: Readonly<Record<string, boolean | string | number>>;
  /** Milliseconds after which the service may close it by itself; 0: never. */
  limit: number;
}

/** A visible notification. Its number is valid while the service has this owner. */
export interface Shown {
  id: number;
  /** The service's unique name on the bus. */
  owner: string;
}

/** Returns what the service can do. The bus starts it if it can. Throws if there is no service. */
export async function capabilities(bus: Bus): Promise<readonly string[]> {
  const reply = await bus.call(SERVICE, 'GetCapabilities', '', [], START_TIMEOUT);
  return reply.body[0] as string[];
}

/** Returns the name and version of the service. */
export async function serviceIdentity(bus: Bus): Promise<{ name: string; version: string }> {
  const { body } = await bus.call(SERVICE, 'GetServerInformation');
  return { name: String(body[0]), version: String(body[2]) };
}

const SIGNATURES = { string: 's', boolean: 'b', number: 'i' };

/** Shows a notification, in the place of another one that is still visible. */
export async function show(
  bus: Bus,
  { title, text, icon = iconName(process.env), actions, isUrgent, hints, limit }: Notification,
  can: readonly string[],
  replaces: Shown | undefined,
): Promise<Shown> {
  const { Variant } = await import('@jellybrick/dbus-next');
  const variants = Object.entries({ 'desktop-entry': DESKTOP_ENTRY, ...hints }).map(([name, value]) => [
    name,
    new Variant(SIGNATURES[typeof value as keyof typeof SIGNATURES], value),
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

/** Closes a notification. Never rejects. */
export async function closeNotification(bus: Bus, { id }: Shown): Promise<void> {
  await bus.call(SERVICE, 'CloseNotification', 'u', [id], CLOSE_TIMEOUT).catch(() => {});
}

export type ServiceEvent =
  /** A signal of the service about the notification with this number. */
  | { kind: 'signal'; sender: string; member: string; id: unknown; value: unknown }
  /** The service has a new owner; an empty one if it has ended. */
  | { kind: 'owner'; owner: string };

/** Reports the signals of the service, and its end and return, from now on. */
export async function follow(bus: Bus, report: (event: ServiceEvent) => void): Promise<void> {
  bus.onSignal(({ sender, path, interface: interfaceName, member, body }) => {
    const [first, second, third] = body;
    if (sender === BUS.name && member === 'NameOwnerChanged' && first === SERVICE.name) {
      report({ kind: 'owner', owner: String(third) });
    }
    if (path === SERVICE.path && interfaceName === SERVICE.interface) {
      report({ kind: 'signal', sender, member, id: first, value: second });
    }
  });
  for (const rule of [
    `type='signal',sender='${SERVICE.name}',interface='${SERVICE.interface}'`,
    `type='signal',sender='${BUS.name}',member='NameOwnerChanged',arg0='${SERVICE.name}'`,
  ]) {
    await bus.call(BUS, 'AddMatch', 's', [rule]);
  }
}

/** Asks the bus to start the service again. {@link follow} reports whether it did. */
export function startAgain(bus: Bus): void {
  bus.call(BUS, 'StartServiceByName', 'su', [SERVICE.name, 0]).catch(() => {});
}

export async function isRunning(bus: Bus): Promise<boolean> {
  return (await bus.call(BUS, 'NameHasOwner', 's', [SERVICE.name])).body[0] === true;
}

/** Returns the unique name of the service on the bus. Throws if it does not run. */
export async function ownerOf(bus: Bus): Promise<string> {
  return String((await bus.call(BUS, 'GetNameOwner', 's', [SERVICE.name])).body[0]);
}

/** Whether the bus can start the service. */
export async function canBeStarted(bus: Bus): Promise<boolean> {
  return ((await bus.call(BUS, 'ListActivatableNames')).body[0] as string[]).includes(SERVICE.name);
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
