import {
  createCipheriv,
  createDecipheriv,
  type DiffieHellman,
  getDiffieHellman,
  hkdfSync,
  randomBytes,
} from 'node:crypto';
import type { Variant } from '@jellybrick/dbus-next';
import { BUS, type Bus, type BusObject, withSessionBus } from '../bus/bus.ts';
import { UserError } from '../errors.ts';
import { deferred } from '../time/deferred.ts';
import { pause } from '../time/pause.ts';
import { withTimeout } from '../time/timeout.ts';
import { type Keychain, SERVICE } from './keychain.ts';
import * as texts from './texts.ts';

/** How long the user may take to unlock the keychain, in milliseconds. */
const PROMPT_LIMIT = 120_000;

/**
 * How long a service may keep a new item only in memory, in milliseconds. KWallet writes its file 5 seconds after a change; GNOME
 * Keyring has written it before it answers.
 */
const UNTIL_ON_DISK = 7_000;

const NAME = 'org.freedesktop.secrets';
const PATH = '/org/freedesktop/secrets';
const NOTHING = '/';

/**
 * Returns the keychain of desktops other than macOS: GNOME Keyring, KWallet, KeePassXC.
 * @see https://specifications.freedesktop.org/secret-service-spec/latest/
 */
export function secretService(variables: NodeJS.ProcessEnv): Keychain {
  // Jobs of cron do not have the variable.
  const environment = { XDG_RUNTIME_DIR: `/run/user/${process.getuid?.()}`, ...variables };
  const withService = async <T>(use: (service: SecretService) => Promise<T>): Promise<T> => {
    try {
      return await withSessionBus(environment, (bus) => use(new SecretService(bus, environment)));
    } catch (error) {
      throw error instanceof UserError ? error : new UserError(texts.noKeychain((error as Error).message));
    }
  };
  return {
    name: texts.KEYCHAIN,
    isOpen: () => withService((service) => service.isOpen()),
    look: (profile) =>
      withService(async (service) => {
        const { unlocked, locked } = await service.search(profile);
        const item = unlocked[0] ?? locked[0];
        // GNOME Keyring returns an empty label while it is locked.
        if (item !== undefined) return { label: (await service.label(item)) || undefined, isLocked: !unlocked[0] };
        // A locked collection of KeePassXC or KWallet hides what it has.
        return (await service.isLocked()) ? { label: undefined, isLocked: true } : undefined;
      }),
    unlock: (profile) => withService(async (service) => (await service.find(profile)) !== undefined),
    read: (profile) =>
      withService(async (service) => {
        const item = await service.find(profile);
        return item === undefined ? undefined : service.secret(item);
      }),
    write: (profile, label, text) =>
      withService(async (service) => {
        await service.find(profile);
        await service.create(profile, label, text);
      }),
    remove: (profile) =>
      withService(async (service) => {
        await service.find(profile);
        for (const item of (await service.search(profile)).unlocked) await service.delete(item);
      }),
  };
}

/** Encrypts values on their way over the bus, which can be recorded. Without a key, they are sent as they are. */
interface Session {
  path: string;
  key: Buffer | undefined;
}

class SecretService {
  readonly #bus: Bus;
  readonly #environment: NodeJS.ProcessEnv;
  #opened: Promise<Session> | undefined;

  constructor(bus: Bus, environment: NodeJS.ProcessEnv) {
    this.#bus = bus;
    this.#environment = environment;
  }

  /** @param limit in milliseconds */
  async search(profile: string, limit?: number): Promise<{ unlocked: string[]; locked: string[] }> {
    const to = { name: NAME, path: PATH, interface: 'org.freedesktop.Secret.Service' };
    const { body } = await this.#bus.call(to, 'SearchItems', 'a{ss}', [attributesOf(profile)], limit);
    const [unlocked, locked] = body as [string[], string[]];
    return { unlocked, locked };
  }

  /** Returns the item of a profile, unlocked. If there is none, the collection is unlocked in which one would be made. */
  async find(profile: string): Promise<string | undefined> {
    // KeePassXC answers only when the user has unlocked its database.
    const { unlocked, locked } = await this.search(profile, PROMPT_LIMIT);
    if (unlocked[0] !== undefined) return unlocked[0];
    if (locked.length > 0) await this.#unlock(locked);
    else if (await this.isLocked()) await this.#unlock([await this.#collection()]);
    else return undefined;
    return (await this.search(profile)).unlocked[0];
  }

  /** Whether there is a collection in which items are made, and it is unlocked. */
  async isOpen(): Promise<boolean> {
    const collection = await this.#collection();
    return collection !== NOTHING && (await this.#locked(collection)) === false;
  }

  /** Whether the collection is locked in which items are made. */
  async isLocked(): Promise<boolean> {
    const collection = await this.#collection();
    return collection !== NOTHING && (await this.#locked(collection)) === true;
  }

  async label(item: string): Promise<string> {
    return String(await this.#property(item, 'Item', 'Label'));
  }

  async secret(item: string): Promise<string> {
    const session = await this.#session();
    const [secret] = await this.#call<[[string, Buffer, Buffer]]>(item, 'Item', 'GetSecret', 'o', [session.path]);
    const [, parameters, value] = secret;
    return decrypted(session, parameters, value);
  }

  async create(profile: string, label: string, text: string): Promise<void> {
    const { Variant } = await import('@jellybrick/dbus-next');
    const session = await this.#session();
    let collection = await this.#collection();
    if (collection === NOTHING) {
      const properties = { 'org.freedesktop.Secret.Collection.Label': new Variant('s', texts.NEW_COLLECTION) };
      const [made, prompt] = await this.#call<[string, string]>(PATH, 'Service', 'CreateCollection', 'a{sv}s', [
        properties,
        'default',
      ]);
      const prompted = await this.#prompt(prompt);
      collection = made === NOTHING ? String(prompted?.value) : made;
    }
    const properties = {
      'org.freedesktop.Secret.Item.Label': new Variant('s', label),
      'org.freedesktop.Secret.Item.Attributes': new Variant('a{ss}', attributesOf(profile)),
    };
    const secret = [session.path, ...encrypted(session, text), 'application/json'];
    const signature = 'a{sv}(oayays)b';
    const [made, prompt] = await this.#call<[string, string]>(collection, 'Collection', 'CreateItem', signature, [
      properties,
      secret,
      true,
    ]);
    await this.#prompt(prompt);
    // KWallet does not change the label of an item that was there.
    if (made !== NOTHING && (await this.label(made)) !== label) {
      const to = ['org.freedesktop.Secret.Item', 'Label', new Variant('s', label)];
      await this.#bus.call(propertiesOf(made), 'Set', 'ssv', to);
    }
    if (!(await this.#isGnome())) await pause(UNTIL_ON_DISK);
  }

  async delete(item: string): Promise<void> {
    const [prompt] = await this.#call<[string]>(item, 'Item', 'Delete');
    await this.#prompt(prompt);
  }

  /** Returns the collection in which items are made; `/` if there is none. */
  async #collection(): Promise<string> {
    const [collection] = await this.#call<[string]>(PATH, 'Service', 'ReadAlias', 's', ['default']);
    // GNOME Keyring also names one that does not exist yet.
    return collection === NOTHING || (await this.#locked(collection)) === undefined ? NOTHING : collection;
  }

  /** Returns whether a collection is locked; undefined if it does not exist. */
  async #locked(collection: string): Promise<boolean | undefined> {
    try {
      return (await this.#property(collection, 'Collection', 'Locked')) === true;
    } catch (error) {
      if (/NoSuchObject|UnknownObject|UnknownMethod/.test(typeOf(error))) return undefined;
      throw error;
    }
  }

  /** Whether the service is GNOME Keyring. */
  async #isGnome(): Promise<boolean> {
    const owner = async (name: string) =>
      (await this.#bus.call(BUS, 'GetNameOwner', 's', [name]).catch(() => undefined))?.body[0];
    return (await owner('org.gnome.keyring')) === (await owner(NAME));
  }

  async #unlock(objects: string[]): Promise<void> {
    const [, prompt] = await this.#call<[string[], string]>(PATH, 'Service', 'Unlock', 'ao', [objects]);
    await this.#prompt(prompt);
  }

  /** Shows the service's own dialog to the user, if it needs one. @throws UserError if the user closes it or does not answer */
  async #prompt(path: string): Promise<Variant | undefined> {
    if (path === NOTHING) return undefined;
    const { DISPLAY, WAYLAND_DISPLAY } = this.#environment;
    if (!DISPLAY && !WAYLAND_DISPLAY) throw new UserError(texts.LOCKED_WITHOUT_DESKTOP);
    const answered = deferred<[dismissed: boolean, result: Variant | undefined]>();
    this.#bus.onSignal(({ path: from, member, body }) => {
      if (from === path && member === 'Completed') answered.resolve(body as [boolean, Variant]);
    });
    await this.#bus.call(BUS, 'AddMatch', 's', [`type='signal',path='${path}'`]);
    await this.#call(path, 'Prompt', 'Prompt', 's', ['']);
    const gone = this.#bus.gone.then((reason): never => {
      throw new Error(reason);
    });
    const [dismissed, result] = await withTimeout(Promise.race([answered.promise, gone]), PROMPT_LIMIT, async () => {
      await this.#call(path, 'Prompt', 'Dismiss').catch(() => {});
      throw new UserError(texts.NOT_UNLOCKED_IN_TIME);
    });
    if (dismissed) throw new UserError(texts.NOT_UNLOCKED);
    return result;
  }

  #session(): Promise<Session> {
    this.#opened ??= this.#openSession();
    return this.#opened;
  }

  async #openSession(): Promise<Session> {
    const { Variant } = await import('@jellybrick/dbus-next');
    const open = (algorithm: string, input: Variant) =>
      this.#call<[Variant<Buffer>, string]>(PATH, 'Service', 'OpenSession', 'sv', [algorithm, input]);
    try {
      const ours = getDiffieHellman('modp2') as DiffieHellman;
      const [theirs, path] = await open('dh-ietf1024-sha256-aes128-cbc-pkcs7', new Variant('ay', ours.generateKeys()));
      return { path, key: keyFrom(ours.computeSecret(theirs.value)) };
    } catch (error) {
      // KWallet without a plugin of libqca cannot encrypt.
      if (typeOf(error) === '') throw error;
      const [, path] = await open('plain', new Variant('s', ''));
      return { path, key: undefined };
    }
  }

  async #property(path: string, type: string, name: string): Promise<unknown> {
    const { body } = await this.#bus.call(propertiesOf(path), 'Get', 'ss', [`org.freedesktop.Secret.${type}`, name]);
    return (body[0] as Variant).value;
  }

  async #call<Answer extends unknown[]>(
    path: string,
    type: string,
    member: string,
    signature?: string,
    body?: unknown[],
  ): Promise<Answer> {
    const to = { name: NAME, path, interface: `org.freedesktop.Secret.${type}` };
    return (await this.#bus.call(to, member, signature, body)).body as Answer;
  }
}

function propertiesOf(path: string): BusObject {
  return { name: NAME, path, interface: 'org.freedesktop.DBus.Properties' };
}

/** Returns the D-Bus name of an error; empty if it is not one of a service. */
function typeOf(error: unknown): string {
  return (error as { type?: string }).type ?? '';
}

function attributesOf(profile: string): Record<string, string> {
  return { service: SERVICE, profile };
}

/** @see https://specifications.freedesktop.org/secret-service-spec/latest/transfer-secrets.html */
function keyFrom(shared: Buffer): Buffer {
  // The shared number has 128 bytes, also if it begins with zeros.
  const padded = Buffer.concat([Buffer.alloc(128 - shared.length), shared]);
  return Buffer.from(hkdfSync('sha256', padded, Buffer.alloc(0), '', 16));
}

function encrypted({ key }: Session, text: string): [parameters: Buffer, value: Buffer] {
  if (!key) return [Buffer.alloc(0), Buffer.from(text)];
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-128-cbc', key, iv);
  return [iv, Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])];
}

function decrypted({ key }: Session, iv: Buffer, value: Buffer): string {
  if (!key) return value.toString('utf8');
  const decipher = createDecipheriv('aes-128-cbc', key, iv);
  return Buffer.concat([decipher.update(value), decipher.final()]).toString('utf8');
}
