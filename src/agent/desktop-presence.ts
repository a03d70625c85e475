import type { Message, Variant } from '@jellybrick/dbus-next';
import { BUS, type Bus, type BusObject, connectBus } from '../bus/bus.ts';
import type { PresenceFinding, PresenceSource } from './presence-source.ts';
import * as texts from './texts.ts';

/** Services on a bus. They are asked again after each signal that something has changed. */
interface Services {
  bus: 'session' | 'system';
  /** The match rules of these signals. */
  rules: readonly string[];
  look(bus: Bus): Promise<PresenceFinding>;
  /** Returns whether this signal says that the machine woke. */
  woke?(signal: Message): boolean;
}

function following(services: Services): PresenceSource {
  return async (environment, signal, tell) => {
    const bus = await connectBus(services.bus, environment, signal);
    try {
      await Promise.all(services.rules.map((rule) => bus.call(BUS, 'AddMatch', 's', [rule])));
      let looking = false;
      let again = false;
      let woke = false;
      const look = async () => {
        again = true;
        if (looking) return;
        looking = true;
        while (again) {
          again = false;
          const finding = await services.look(bus).catch(() => 'unknown' as const);
          // Answers from before the signal are out of date: nothing may be asked on a screen that was just locked.
          if (again) continue;
          const wasWoken = woke;
          woke = false;
          tell(finding, wasWoken);
        }
        looking = false;
      };
      bus.onSignal((message) => {
        woke ||= services.woke?.(message) ?? false;
        void look();
      });
      void look();
      await bus.gone;
    } finally {
      bus.close();
      tell('unknown');
    }
  };
}

const LOGIN = 'org.freedesktop.login1';

/** @see https://www.freedesktop.org/software/systemd/man/latest/org.freedesktop.login1.html */
const LOGIND: Services = {
  bus: 'system',
  rules: [
    `type='signal',sender='${LOGIN}',interface='${LOGIN}.Manager',member='SessionNew'`,
    `type='signal',sender='${LOGIN}',interface='${LOGIN}.Manager',member='SessionRemoved'`,
    `type='signal',sender='${LOGIN}',interface='${LOGIN}.Manager',member='PrepareForSleep'`,
    `type='signal',sender='${LOGIN}',member='PropertiesChanged',arg0='${LOGIN}.User'`,
    `type='signal',sender='${LOGIN}',member='PropertiesChanged',arg0='${LOGIN}.Session'`,
    ownerChanged(LOGIN),
  ],
  woke: ({ member, body }) => member === 'PrepareForSleep' && body[0] === false,
  look: async (bus) => {
    let user: Message;
    try {
      user = await bus.call(login('/org/freedesktop/login1', `${LOGIN}.Manager`), 'GetUser', 'u', [process.getuid?.()]);
    } catch (error) {
      if ((error as { type?: string }).type === `${LOGIN}.NoSuchUser`) return 'no session';
      throw error;
    }
    const ofUser = login(String(user.body[0]), PROPERTIES);
    const display = await bus.call(ofUser, 'Get', 'ss', [`${LOGIN}.User`, 'Display']);
    const [id, path] = (display.body[0] as Variant<[string, string]>).value;
    if (id === '') return 'no session';
    const session = await bus.call(login(path, PROPERTIES), 'GetAll', 's', [`${LOGIN}.Session`]);
    return findingOf(session.body[0] as Record<string, Variant>);
  },
};

const PROPERTIES = 'org.freedesktop.DBus.Properties';

function login(path: string, interfaceName: string): BusObject {
  return { name: LOGIN, path, interface: interfaceName, onlyRunning: true };
}

/** The session types in which the desktop tells logind whether the user is idle. */
const GRAPHICAL: unknown[] = ['x11', 'wayland', 'mir'];

function findingOf({ LockedHint, Active, IdleHint, Type }: Record<string, Variant>): PresenceFinding {
  if (LockedHint?.value === true) return { away: texts.SCREEN_LOCKED };
  if (Active?.value === false) return { away: texts.OTHER_SESSION };
  // On a text console, logind computes idleness from the last key press when it is asked, and reports no change: a prompt
  // that was postponed for this would never be shown.
  if (IdleHint?.value === true && GRAPHICAL.includes(Type?.value)) return { away: texts.NOBODY_THERE };
  return 'here';
}

/**
 * Screen savers of desktops and lockers that do not inform logind. KDE uses the first name; the others belong to their
 * desktops.
 */
const SAVER_NAMES = [
  'org.freedesktop.ScreenSaver',
  'org.gnome.ScreenSaver',
  'org.cinnamon.ScreenSaver',
  'org.mate.ScreenSaver',
  'org.xfce.ScreenSaver',
];

const SCREEN_SAVERS: Services = {
  bus: 'session',
  rules: [...SAVER_NAMES.map(ownerChanged), `type='signal',member='ActiveChanged'`],
  look: async (bus) => {
    const answers = await Promise.all(SAVER_NAMES.map((name) => isActive(bus, name)));
    if (answers.includes(true)) return { away: texts.SCREEN_SAVER_ON };
    return answers.includes(false) ? 'here' : 'unknown';
  },
};

/** @returns undefined if it is not running, or lacks the method, like GNOME's under the common name */
async function isActive(bus: Bus, name: string): Promise<boolean | undefined> {
  const saver: BusObject = { name, path: `/${name.replaceAll('.', '/')}`, interface: name, onlyRunning: true };
  try {
    return (await bus.call(saver, 'GetActive')).body[0] === true;
  } catch {
    return undefined;
  }
}

const NOTIFICATION_SERVICE: BusObject = {
  name: 'org.freedesktop.Notifications',
  path: '/org/freedesktop/Notifications',
  interface: PROPERTIES,
  onlyRunning: true,
};

/**
 * The properties that say that notifications are paused: dunst's `dunstctl set-paused true`, and Plasma's Do Not Disturb.
 * @see https://github.com/dunst-project/dunst/blob/master/docs/dunstctl.pod
 */
const PAUSES = [
  ['org.dunstproject.cmd0', 'paused'],
  ['org.freedesktop.Notifications', 'Inhibited'],
] as const;

const NOTIFICATIONS: Services = {
  bus: 'session',
  rules: [
    ownerChanged(NOTIFICATION_SERVICE.name),
    `type='signal',sender='${NOTIFICATION_SERVICE.name}',interface='${PROPERTIES}',member='PropertiesChanged'`,
  ],
  look: async (bus) => {
    const answers = await Promise.all(
      PAUSES.map(([interfaceName, property]) =>
        bus.call(NOTIFICATION_SERVICE, 'Get', 'ss', [interfaceName, property]).then(
          ({ body }) => (body[0] as Variant).value === true,
          () => undefined,
        ),
      ),
    );
    if (answers.includes(true)) return { away: texts.NOTIFICATIONS_PAUSED };
    if (answers.includes(false)) return 'here';
    return (await bus.call(BUS, 'NameHasOwner', 's', [NOTIFICATION_SERVICE.name])).body[0] ? 'here' : 'unknown';
  },
};

function ownerChanged(name: string): string {
  return `type='signal',sender='${BUS.name}',member='NameOwnerChanged',arg0='${name}'`;
}

export const logind = following(LOGIND);
export const screenSavers = following(SCREEN_SAVERS);
export const notifications = following(NOTIFICATIONS);
