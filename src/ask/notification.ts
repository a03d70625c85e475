import { EventEmitter, on } from 'node:events';
import { performance } from 'node:perf_hooks';
import * as messages from '../messages.ts';
import { type Answer, type Asking, type AskRequest, codeIn, type Way } from './ask.ts';
import { BUS, type Bus, type BusObject, connectBus } from './bus.ts';
import { inTurn } from './in-turn.ts';

/** @see https://specifications.freedesktop.org/notification-spec/latest/ */
export const SERVICE: BusObject = {
  name: 'org.freedesktop.Notifications',
  path: '/org/freedesktop/Notifications',
  interface: 'org.freedesktop.Notifications',
};

/** The bus starts the service on the first call, and gives up after 25 s by itself. */
export const START_TIMEOUT = 26_000;
/** How long a service that went away may take to come back before another way is tried. */
const RETURN_TIMEOUT = 30_000;
const MOST_RETURNS = 5;
export const CLOSE_TIMEOUT = 1_000;
/** A reminder takes the place of a code field only when it has been open for this long: nobody types that slowly. */
const FIELD_TIME = 120_000;

/**
 * A notification of the desktop (Linux, the BSDs). Where the service has a reply field, the code is typed there; else
 * a click opens one of the code fields. There is one prompt on the screen: the field takes the notification's place,
 * and a reminder takes the place of a field that was left alone. After a code that was not taken, the field in which
 * it was typed comes back at once.
 * @param fields code fields in the order of preference
 */
export function notification(fields: readonly Way[], environment: NodeJS.ProcessEnv = process.env): Way {
  let typedInField = false;
  return {
    name: 'notification',
    unfit: () => onBus(environment, async (bus) => whyUnfit(bus, fields)).catch((error: Error) => error.message),
    ask: async (request, asking) => {
      try {
        return await onBus(environment, async (bus) => {
          const question = new Question(bus, request, asking, fields);
          const answer = await question.settle(typedInField && request.problem !== undefined);
          typedInField = question.answeredInField;
          return answer;
        });
      } catch (error) {
        return asking.signal.aborted
          ? { kind: 'dismissed' }
          : { kind: 'unavailable', reason: reasonOf(error as Error & { type?: string }) };
      }
    },
  };
}

type Happening =
  | { kind: 'withdrawn' }
  | { kind: 'changed'; request: AskRequest }
  | { kind: 'signal'; sender: string; member: string; id: unknown; value: unknown }
  /** The service has another owner; an empty one when it has ended. */
  | { kind: 'owner'; owner: string }
  | { kind: 'field'; field: OpenField }
  | { kind: 'bus-gone'; reason: string }
  | { kind: 'service-gone' };

interface OpenField {
  since: number;
  controller: AbortController;
  answer: Promise<Answer>;
}

/** One question from the first notification to the answer. What happens is handled one after the other, in its order. */
class Question {
  answeredInField = false;
  readonly #bus: Bus;
  readonly #asking: Asking;
  readonly #fields: readonly Way[];
  readonly #events = new EventEmitter<{ happening: [Happening] }>();
  #request: AskRequest;
  /** Where the notification is, while there is one. */
  #shown: { id: number; owner: string } | undefined;
  #capabilities: readonly string[] | undefined;
  #field: OpenField | undefined;
  #token: string | undefined;
  #returns = 0;
  #returnTimer: NodeJS.Timeout | undefined;

  constructor(bus: Bus, request: AskRequest, asking: Asking, fields: readonly Way[]) {
    this.#bus = bus;
    this.#request = request;
    this.#asking = asking;
    this.#fields = fields;
  }

  /** @throws when the service cannot be reached at all */
  async settle(fieldFirst: boolean): Promise<Answer> {
    const { signal } = this.#asking;
    const happenings = on(this.#events, 'happening') as AsyncIterableIterator<[Happening]>;
    const withdraw = () => this.#put({ kind: 'withdrawn' });
    signal.addEventListener('abort', withdraw);
    this.#asking.onChange((request) => this.#put({ kind: 'changed', request }));
    void this.#bus.gone.then((reason) => this.#put({ kind: 'bus-gone', reason }));
    try {
      await this.#listen();
      if (fieldFirst) this.#openField();
      else await this.#begin();
      if (signal.aborted) return { kind: 'dismissed' };
      for await (const [happening] of happenings) {
        const answer = await this.#handle(happening);
        if (answer) return answer;
      }
      return { kind: 'dismissed' };
    } finally {
      signal.removeEventListener('abort', withdraw);
      clearTimeout(this.#returnTimer);
      void happenings.return?.();
      await Promise.all([this.#closeField(), this.#close()]);
    }
  }

  #put(happening: Happening): void {
    this.#events.emit('happening', happening);
  }

  async #begin(): Promise<void> {
    const { signal } = this.#asking;
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    // Nothing is on the screen before this is answered, so a withdrawn question need not wait for it.
    this.#capabilities = await Promise.race([capabilities(this.#bus), aborted]);
    const reason = whyCapabilitiesUnfit(this.#capabilities, await whyNoField(this.#fields));
    if (reason !== undefined) throw new Error(reason);
    await this.#show();
  }

  async #listen(): Promise<void> {
    this.#bus.onSignal(({ sender, path, interface: interfaceName, member, body }) => {
      const [first, second, third] = body;
      if (sender === BUS.name && member === 'NameOwnerChanged' && first === SERVICE.name) {
        this.#put({ kind: 'owner', owner: String(third) });
      }
      if (path === SERVICE.path && interfaceName === SERVICE.interface) {
        this.#put({ kind: 'signal', sender, member, id: first, value: second });
      }
    });
    for (const rule of [
      `type='signal',sender='${SERVICE.name}',interface='${SERVICE.interface}'`,
      `type='signal',sender='${BUS.name}',member='NameOwnerChanged',arg0='${SERVICE.name}'`,
    ]) {
      await this.#bus.call(BUS, 'AddMatch', 's', [rule]);
    }
  }

  async #handle(happening: Happening): Promise<Answer | undefined> {
    switch (happening.kind) {
      case 'withdrawn':
        return { kind: 'dismissed' };
      case 'bus-gone':
        // A field that is open needs no bus.
        return this.#field ? undefined : { kind: 'unavailable', reason: happening.reason };
      case 'service-gone':
        return { kind: 'unavailable', reason: 'the notification service went away' };
      case 'field':
        return happening.field === this.#field ? this.#closeField() : undefined;
      case 'changed':
        this.#request = happening.request;
        if (this.#field && performance.now() - this.#field.since < FIELD_TIME) return undefined;
        return this.#remind();
      case 'owner':
        if (this.#shown?.owner === happening.owner) return undefined;
        this.#shown = undefined;
        this.#capabilities = undefined;
        return this.#field ? undefined : this.#await(happening.owner);
      case 'signal':
        if (happening.sender !== this.#shown?.owner || happening.id !== this.#shown.id) return undefined;
        return this.#onSignal(happening.member, happening.value);
    }
  }

  async #remind(): Promise<Answer | undefined> {
    const answer = await this.#closeField();
    // Typed in the moment of the reminder.
    if (answer && answer.kind !== 'dismissed') return answer;
    return this.#showAgain();
  }

  async #onSignal(member: string, value: unknown): Promise<Answer | undefined> {
    if (member === 'ActivationToken') this.#token = String(value);
    if (member === 'ActionInvoked' && value === 'snooze') return { kind: 'snooze', duration: messages.SNOOZE };
    if (member === 'ActionInvoked' && (value === 'default' || value === 'enter')) {
      this.#openField();
      await this.#close();
    }
    if (member === 'NotificationReplied') {
      const code = codeIn(String(value));
      if (code !== undefined) return { kind: 'code', code };
      this.#request = { ...this.#request, problem: messages.notSixDigits };
      // The service may close the old one because of the reply: the new one must be another.
      await this.#close();
      return this.#showAgain();
    }
    // Reason 1: it was put away by time, where the service does as it likes; it may still be found, and clicked.
    if (member === 'NotificationClosed' && value !== 1) return { kind: 'dismissed' };
    return undefined;
  }

  /** The service has ended (an empty owner), or come back. */
  async #await(owner: string): Promise<Answer | undefined> {
    if (owner !== '') return this.#showAgain();
    this.#returns += 1;
    if (this.#returns > MOST_RETURNS) return { kind: 'unavailable', reason: 'the notification service keeps crashing' };
    this.#startReturnTimer();
    // Whether this starts it or something else does, the bus tells of its new owner.
    this.#bus.call(BUS, 'StartServiceByName', 'su', [SERVICE.name, 0], START_TIMEOUT).catch(() => {});
    return undefined;
  }

  #startReturnTimer(): void {
    this.#returnTimer ??= setTimeout(() => this.#put({ kind: 'service-gone' }), RETURN_TIMEOUT);
  }

  async #showAgain(): Promise<undefined> {
    try {
      await this.#show();
      clearTimeout(this.#returnTimer);
      this.#returnTimer = undefined;
    } catch {
      this.#startReturnTimer();
    }
  }

  async #show(): Promise<void> {
    const { Variant } = await import('@jellybrick/dbus-next');
    this.#capabilities ??= await capabilities(this.#bus);
    const reply = this.#capabilities.includes('inline-reply');
    const markup = this.#capabilities.includes('body-markup');
    const { expiration, now } = this.#request;
    const body = messages.askBody(this.#request).join('\n');
    const open = (await whyNoField(this.#fields)) === undefined;
    const actions = [
      ...(open ? ['default', messages.ENTER_CODE] : []),
      ...(reply ? ['inline-reply', messages.ENTER_CODE] : ['enter', messages.ENTER_CODE]),
      ...['snooze', messages.SNOOZE_LABEL],
    ];
    const hints = {
      urgency: new Variant('y', expiration !== undefined && expiration <= now ? 2 : 1),
      resident: new Variant('b', true),
      'x-kde-reply-placeholder-text': new Variant('s', messages.SIX_DIGITS),
    };
    const answer = await this.#bus.call(SERVICE, 'Notify', 'susssasa{sv}i', [
      messages.APPLICATION,
      this.#shown?.id ?? 0,
      'dialog-password',
      messages.askTitle(this.#request),
      markup ? escapeMarkup(body) : body,
      actions,
      hints,
      // Never put away by time.
      0,
    ]);
    this.#shown = { id: Number(answer.body[0]), owner: answer.sender };
  }

  async #close(): Promise<void> {
    const shown = this.#shown;
    this.#shown = undefined;
    if (shown) await this.#bus.call(SERVICE, 'CloseNotification', 'u', [shown.id], CLOSE_TIMEOUT).catch(() => {});
  }

  #openField(): void {
    const controller = new AbortController();
    const asking = {
      signal: controller.signal,
      onChange: () => {},
      activationToken: this.#token,
      outcome: this.#asking.outcome,
    };
    const answer = inTurn(this.#fields)(this.#request, asking);
    const field: OpenField = { since: performance.now(), controller, answer };
    void answer.then(() => this.#put({ kind: 'field', field }));
    this.#field = field;
  }

  /** @returns the answer of the field; dismissed when it had none yet */
  async #closeField(): Promise<Answer | undefined> {
    this.#field?.controller.abort();
    const answer = await this.#field?.answer;
    this.#field = undefined;
    if (answer) this.answeredInField = answer.kind === 'code';
    return answer;
  }
}

async function onBus<T>(environment: NodeJS.ProcessEnv, use: (bus: Bus) => Promise<T>): Promise<T> {
  const bus = await connectBus('session', environment);
  try {
    return await use(bus);
  } finally {
    bus.close();
  }
}

/** Looks without starting the service. */
async function whyUnfit(bus: Bus, fields: readonly Way[]): Promise<string | undefined> {
  const noField = await whyNoField(fields);
  const running = await bus.call(BUS, 'NameHasOwner', 's', [SERVICE.name]);
  if (running.body[0] === true) return whyCapabilitiesUnfit(await capabilities(bus), noField);
  const startable = await bus.call(BUS, 'ListActivatableNames');
  return (startable.body[0] as string[]).includes(SERVICE.name) ? noField : NO_SERVICE;
}

const NO_SERVICE = 'no notification service is running';

function whyCapabilitiesUnfit(offered: readonly string[], noField: string | undefined): string | undefined {
  if (offered.includes('inline-reply')) return undefined;
  return offered.includes('actions') ? noField : 'the notification service offers no buttons';
}

/** Why no code field can be opened, or undefined when one can. */
async function whyNoField(fields: readonly Way[]): Promise<string | undefined> {
  const reasons: string[] = [];
  for (const field of fields) {
    const reason = await field.unfit();
    if (reason === undefined) return undefined;
    reasons.push(`${field.name}: ${reason}`);
  }
  return `no code field to open: ${reasons.join(', ')}`;
}

export async function capabilities(bus: Bus): Promise<string[]> {
  const reply = await bus.call(SERVICE, 'GetCapabilities', '', [], START_TIMEOUT);
  return reply.body[0] as string[];
}

function reasonOf({ message, type }: Error & { type?: string }): string {
  return type === 'org.freedesktop.DBus.Error.ServiceUnknown' ? NO_SERVICE : message;
}

export function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
