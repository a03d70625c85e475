import { type ChildProcess, spawn } from 'node:child_process';
import { type EventEmitter, once } from 'node:events';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Message, type MessageBus, MessageType, sessionBus, Variant } from '@jellybrick/dbus-next';
import { until, within } from '../within.ts';

/** A private bus, on which there is only what the test starts. */
export interface PrivateBus {
  address: string;
  /** Lets the bus start a service by this shell script when it is called. */
  offer(name: string, script: string): Promise<void>;
  /** Resolves when the bus has this many connections, not counting that of the test. */
  connections(count: number): Promise<void>;
  kill(): Promise<void>;
  /** Starts again, at the same address. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Any user of the machine may connect, if only the daemon knows him. */
export const busConfiguration = (
  folder: string,
) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${folder}/services</servicedir>
  <policy context="default">
    <allow user="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
`;

export async function startBus(): Promise<PrivateBus> {
  const folder = await mkdtemp(join(tmpdir(), 'bus-'));
  await mkdir(join(folder, 'services'));
  await writeFile(join(folder, 'bus.conf'), busConfiguration(folder));
  const address = `unix:path=${folder}/bus`;
  let daemon: ChildProcess;
  const start = async () => {
    daemon = spawn('dbus-daemon', [`--config-file=${folder}/bus.conf`, '--nofork', '--print-address=1'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await within('the address of dbus-daemon', once(daemon.stdout as EventEmitter, 'data'));
  };
  const kill = async () => {
    if (daemon.exitCode !== null || daemon.signalCode !== null) return;
    const exited = once(daemon, 'exit');
    daemon.kill('SIGKILL');
    await within('the end of dbus-daemon', exited);
    await rm(join(folder, 'bus'), { force: true });
  };
  await start();
  return {
    address,
    async offer(name, script) {
      const file = join(folder, `${name}.sh`);
      await writeFile(file, `#!/bin/sh\n${script}\n`);
      await chmod(file, 0o755);
      await writeFile(join(folder, 'services', `${name}.service`), `[D-BUS Service]\nName=${name}\nExec=${file}\n`);
      const bus = await connect(address);
      await call(bus, 'ReloadConfig');
      bus.disconnect();
    },
    async connections(count) {
      let names: string[] = [];
      const look = async () => {
        const bus = await connect(address);
        names = ((await call(bus, 'ListNames')).body[0] as string[]).filter((name) => name !== bus.name);
        bus.disconnect();
        return names.filter((name) => name.startsWith(':')).length === count;
      };
      await until(`${count} connections to the bus`, look, () => names);
    },
    kill,
    restart: start,
    async stop() {
      await kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function connect(busAddress: string): Promise<MessageBus> {
  const bus = sessionBus({ busAddress });
  (bus as EventEmitter).on('error', () => {});
  await within(`a connection to ${busAddress}`, once(bus, 'connect'));
  return bus;
}

async function call(bus: MessageBus, member: string): Promise<Message> {
  const [destination, path] = ['org.freedesktop.DBus', '/org/freedesktop/DBus'];
  const message = new Message({ destination, path, interface: destination, member });
  const reply = await within(`a reply to ${member}`, bus.call(message));
  if (!reply) throw new Error(`no reply to ${member}`);
  return reply;
}

/** What all services of a test can do. */
interface Service {
  /** From now on, nothing is answered. */
  hang(): void;
  /** Ends as a process does that is killed. */
  die(): Promise<void>;
}

async function serve(
  address: string,
  name: string,
  answer: (message: Message) => Message | undefined,
): Promise<{ bus: MessageBus } & Service> {
  const bus = await connect(address);
  let hangs = false;
  bus.addMethodHandler((message: Message) => {
    if (message.type !== MessageType.METHOD_CALL) return false;
    const reply = hangs ? undefined : answer(message);
    if (reply) bus.send(reply);
    return hangs || reply !== undefined;
  });
  await bus.requestName(name, 0);
  return {
    bus,
    hang: () => {
      hangs = true;
    },
    async die() {
      const { stream } = (bus as unknown as { _connection: { stream: EventEmitter & { destroy(): void } } })
        ._connection;
      const closed = once(stream, 'close');
      stream.destroy();
      await within(`the end of ${name}`, closed);
    },
  };
}

interface Session {
  LockedHint: boolean;
  IdleHint: boolean;
  Active: boolean;
  Type: 'x11' | 'wayland' | 'tty';
}

const LOGIN = 'org.freedesktop.login1';
const MANAGER = '/org/freedesktop/login1';
const USER = '/org/freedesktop/login1/user/_1000';
const SESSION = '/org/freedesktop/login1/session/_32';
const SOMEBODY_ELSES = '/org/freedesktop/login1/session/c1';
const PROPERTIES = 'org.freedesktop.DBus.Properties';

/** A logind with one user who has one session. It sends the signals that logind sends. */
export interface Logind extends Service {
  change(hints: Partial<Session>): void;
  logIn(hints?: Partial<Session>): void;
  logOut(): void;
  sleep(): void;
  wake(): void;
  /** A hint of a session that is not the user's. */
  changeSomebodyElses(): void;
}

const UNLOCKED: Session = { LockedHint: false, IdleHint: false, Active: true, Type: 'wayland' };

export async function startLogind(address: string, hints: Partial<Session> | 'logged out' = {}): Promise<Logind> {
  let session: Session | undefined = hints === 'logged out' ? undefined : { ...UNLOCKED, ...hints };
  const service = await serve(address, LOGIN, (message) => {
    const { path, member, body } = message;
    if (path === MANAGER && member === 'GetUser') {
      if (session && body[0] === process.getuid?.()) return Message.newMethodReturn(message, 'o', [USER]);
      return Message.newError(message, `${LOGIN}.NoSuchUser`, `User ID ${body[0]} is not logged in`);
    }
    if (path === USER && member === 'Get' && body[1] === 'Display') {
      const display = new Variant('(so)', session ? ['2', SESSION] : ['', '/']);
      return Message.newMethodReturn(message, 'v', [display]);
    }
    if (path === SESSION && member === 'GetAll' && session) {
      const variants = Object.entries(session).map(([name, value]) => [name, variant(value)]);
      return Message.newMethodReturn(message, 'a{sv}', [Object.fromEntries(variants)]);
    }
    return undefined;
  });
  const emit = (path: string, interfaceName: string, member: string, signature: string, body: unknown[]) =>
    service.bus.send(Message.newSignal(path, interfaceName, member, signature, body));
  const manager = (member: string, signature: string, body: unknown[]) =>
    emit(MANAGER, `${LOGIN}.Manager`, member, signature, body);
  const changed = (path: string, of: string, values: object) =>
    emit(path, PROPERTIES, 'PropertiesChanged', 'sa{sv}as', [
      `${LOGIN}.${of}`,
      Object.fromEntries(Object.entries(values).map(([name, value]) => [name, variant(value)])),
      [],
    ]);
  return {
    ...service,
    change(hints) {
      session = { ...UNLOCKED, ...session, ...hints };
      changed(SESSION, 'Session', hints);
    },
    logIn(hints = {}) {
      session = { ...UNLOCKED, ...hints };
      manager('SessionNew', 'so', ['2', SESSION]);
    },
    logOut() {
      session = undefined;
      manager('SessionRemoved', 'so', ['2', SESSION]);
    },
    sleep: () => manager('PrepareForSleep', 'b', [true]),
    wake: () => manager('PrepareForSleep', 'b', [false]),
    changeSomebodyElses: () => changed(SOMEBODY_ELSES, 'Session', { LockedHint: true }),
  };
}

function variant(value: boolean | string): Variant {
  return new Variant(typeof value === 'boolean' ? 'b' : 's', value);
}

export interface Notifications extends Service {
  pause(paused: boolean): void;
}

/** A notification service with one property. @param interfaceName Plasma's or dunst's */
export async function startNotifications(
  address: string,
  interfaceName: string,
  property: string,
): Promise<Notifications> {
  let is = false;
  const [name, path] = ['org.freedesktop.Notifications', '/org/freedesktop/Notifications'];
  const service = await serve(address, name, (message) => {
    if (message.member !== 'Get') return undefined;
    const [asked, wanted] = message.body;
    if (asked === interfaceName && wanted === property) return Message.newMethodReturn(message, 'v', [variant(is)]);
    return Message.newError(message, 'org.freedesktop.DBus.Error.UnknownProperty', 'no such property');
  });
  return {
    ...service,
    pause(paused) {
      is = paused;
      const change = [interfaceName, { [property]: variant(is) }, []];
      service.bus.send(
        Message.newSignal(path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged', 'sa{sv}as', change),
      );
    },
  };
}

export interface ScreenSaver extends Service {
  turn(active: boolean): void;
}

/** @param active undefined: it has no `GetActive`, as the one of GNOME under the common name */
export async function startScreenSaver(address: string, name: string, active?: boolean): Promise<ScreenSaver> {
  let is = active;
  const path = `/${name.replaceAll('.', '/')}`;
  const service = await serve(address, name, (message) => {
    if (message.path !== path || message.member !== 'GetActive' || is === undefined) return undefined;
    return Message.newMethodReturn(message, 'b', [is]);
  });
  return {
    ...service,
    turn(active) {
      is = active;
      service.bus.send(Message.newSignal(path, name, 'ActiveChanged', 'b', [active]));
    },
  };
}
