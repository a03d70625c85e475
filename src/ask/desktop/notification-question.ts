import { EventEmitter, on } from 'node:events';
import { performance } from 'node:perf_hooks';
import { type Answer, type Asking, type AskRequest, codeIn, type Way } from '../ask.ts';
import { type OpenField, openField, whyNoField } from '../open-field.ts';
import * as reasons from '../reasons.ts';
import * as texts from '../texts.ts';
import type { Bus } from './bus.ts';
import * as service from './notification-service.ts';

/** How long a service that went away may take to come back before another way is tried. */
const RETURN_TIMEOUT = 10_000;
const MOST_RETURNS = 5;
/** A reminder takes the place of a code field only when it has been open for this long: nobody types that slowly. */
const FIELD_TIME = 120_000;

type Happening =
  | { kind: 'withdrawn' }
  | { kind: 'changed'; request: AskRequest }
  | service.ServiceEvent
  | { kind: 'field'; field: OpenField }
  | { kind: 'bus-gone'; reason: string }
  | { kind: 'service-gone' };

/** One question from the first notification to the answer. What happens is handled one after the other, in its order. */
export class NotificationQuestion {
  /** Whether the code was typed in a field, and not in the notification. */
  answeredInField = false;
  readonly #bus: Bus;
  readonly #asking: Asking;
  readonly #fields: readonly Way[];
  readonly #events = new EventEmitter<{ happening: [Happening] }>();
  #request: AskRequest;
  /** Where the notification is, while there is one. */
  #shown: service.Shown | undefined;
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
      await service.follow(this.#bus, (event) => this.#put(event));
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
    this.#capabilities = await Promise.race([service.capabilities(this.#bus), aborted]);
    const reason = whyUnfit(this.#capabilities, await whyNoField(this.#fields));
    if (reason !== undefined) throw new Error(reason);
    await this.#show();
  }

  async #handle(happening: Happening): Promise<Answer | undefined> {
    switch (happening.kind) {
      case 'withdrawn':
        return { kind: 'dismissed' };
      case 'bus-gone':
        // A field that is open needs no bus.
        return this.#field ? undefined : { kind: 'unavailable', reason: happening.reason };
      case 'service-gone':
        return { kind: 'unavailable', reason: reasons.SERVICE_GONE };
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
    if (member === 'ActionInvoked' && value === 'snooze') return { kind: 'snooze', until: this.#request.snooze.until };
    if (member === 'ActionInvoked' && (value === 'default' || value === 'enter')) {
      this.#openField();
      await this.#close();
    }
    if (member === 'NotificationReplied') {
      const code = codeIn(String(value));
      if (code !== undefined) return { kind: 'code', code };
      this.#request = { ...this.#request, problem: texts.NOT_SIX_DIGITS };
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
    if (this.#returns > MOST_RETURNS) return { kind: 'unavailable', reason: reasons.SERVICE_CRASHES };
    this.#startReturnTimer();
    // Whether this starts it or something else does, the bus tells of its new owner.
    service.startAgain(this.#bus);
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
    this.#capabilities ??= await service.capabilities(this.#bus);
    const { expiration, now } = this.#request;
    const open = (await whyNoField(this.#fields)) === undefined;
    const reply = this.#capabilities.includes('inline-reply');
    const notification: service.Notification = {
      title: texts.askTitle(this.#request),
      text: texts.askBody(this.#request).join('\n'),
      actions: [
        // A click beside the buttons. With a label, Xfce makes it a button, too.
        ...(open ? ['default', ''] : []),
        ...[reply ? 'inline-reply' : 'enter', texts.ENTER_CODE],
        ...['snooze', this.#request.snooze.label],
      ],
      isUrgent: expiration !== undefined && expiration <= now,
      hints: { resident: true, 'x-kde-reply-placeholder-text': texts.SIX_DIGITS },
      limit: 0,
    };
    this.#shown = await service.show(this.#bus, notification, this.#capabilities, this.#shown);
  }

  async #close(): Promise<void> {
    const shown = this.#shown;
    this.#shown = undefined;
    if (shown) await service.takeAway(this.#bus, shown);
  }

  #openField(): void {
    const field = openField(this.#fields, this.#request, this.#asking, this.#token);
    void field.answer.then(() => this.#put({ kind: 'field', field }));
    this.#field = field;
  }

  /** @returns the answer of the field; dismissed when it had none yet */
  async #closeField(): Promise<Answer | undefined> {
    const answer = await this.#field?.close();
    this.#field = undefined;
    if (answer) this.answeredInField = answer.kind === 'code';
    return answer;
  }
}

/** Why a service with these capabilities cannot ask, given why no code field can be opened, if so. */
export function whyUnfit(offered: readonly string[], noField: string | undefined): string | undefined {
  if (offered.includes('inline-reply')) return undefined;
  return offered.includes('actions') ? noField : reasons.NO_BUTTONS;
}
