import { EventEmitter, on } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { Bus } from '../../bus/bus.ts';
import { FIELD_TIME } from '../../policy/field-time.ts';
import type { LeftNotification } from '../../session/state.ts';
import { aging } from '../aging.ts';
import { type Answer, type Asking, type AskRequest, codeIn, type Way } from '../ask.ts';
import { type OpenField, openField, whyNoField } from '../open-field.ts';
import * as reasons from '../reasons.ts';
import * as texts from '../texts.ts';
import { isUrgent, sessionBar } from '../time-left.ts';
import { type Habits, habitsOf } from './habits.ts';
import { busId, type ScreenMemory } from './left.ts';
import * as service from './notification-service.ts';

/** How long a service that stopped may take to return before another way asks, in milliseconds. */
const RETURN_TIMEOUT = 10_000;
const MOST_RETURNS = 5;
/** How often a bar is drawn again, in milliseconds. */
const BAR_STEP = 60_000;

type PromptEvent =
  | { kind: 'closed' }
  | { kind: 'changed'; request: AskRequest }
  | service.ServiceEvent
  | { kind: 'field'; field: OpenField }
  /** It is time to draw the bar again. */
  | { kind: 'bar' }
  | { kind: 'bus-gone'; reason: string }
  | { kind: 'service-gone' };

/** One prompt from its first notification to the answer. Handles its events one at a time, in their order. */
export class NotificationQuestion {
  /** Whether the user typed the code in a field, not in the notification. */
  answeredInField = false;
  readonly #bus: Bus;
  readonly #asking: Asking;
  readonly #fields: readonly Way[];
  readonly #command: readonly string[] | undefined;
  readonly #memory: ScreenMemory | undefined;
  /** What the memory holds, and the last change of it, which may still be under way. */
  #remembered: LeftNotification | undefined;
  #remembering: Promise<void> = Promise.resolve();
  readonly #events = new EventEmitter<{ event: [PromptEvent] }>();
  /** Returns the request with the present time. */
  #request: () => AskRequest;
  /** The visible notification. */
  #shown: service.Shown | undefined;
  #capabilities: readonly string[] | undefined;
  #habits: Habits = {};
  #barTimer: NodeJS.Timeout | undefined;
  #field: OpenField | undefined;
  #token: string | undefined;
  #returns = 0;
  #returnTimer: NodeJS.Timeout | undefined;

  /** @param command the arguments of the command that the notification names, if so; it then needs neither buttons nor a field */
  constructor(
    bus: Bus,
    request: AskRequest,
    asking: Asking,
    fields: readonly Way[],
    { command, memory }: { command?: readonly string[]; memory?: ScreenMemory | undefined } = {},
  ) {
    this.#memory = memory;
    this.#command = command;
    this.#bus = bus;
    this.#request = aging(request);
    this.#asking = asking;
    this.#fields = fields;
  }

  /**
   * Asks until there is an answer.
   * @param fieldFirst whether to open a field at once, without a notification
   * @throws when the service cannot be reached
   */
  async settle(fieldFirst: boolean): Promise<Answer> {
    const { signal } = this.#asking;
    const events = on(this.#events, 'event') as AsyncIterableIterator<[PromptEvent]>;
    const onAbort = () => this.#put({ kind: 'closed' });
    signal.addEventListener('abort', onAbort);
    this.#asking.onChange((request) => this.#put({ kind: 'changed', request }));
    void this.#bus.gone.then((reason) => this.#put({ kind: 'bus-gone', reason }));
    try {
      await service.follow(this.#bus, (event) => this.#put(event));
      if (fieldFirst) this.#openField();
      else await this.#begin();
      if (signal.aborted) return { kind: 'dismissed' };
      for await (const [event] of events) {
        const answer = await this.#handle(event);
        if (answer) return answer;
      }
      return { kind: 'dismissed' };
    } finally {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(this.#returnTimer);
      clearTimeout(this.#barTimer);
      void events.return?.();
      await Promise.all([this.#closeField(), this.#close()]);
      await this.#remembering;
    }
  }

  #put(event: PromptEvent): void {
    this.#events.emit('event', event);
  }

  async #begin(): Promise<void> {
    const { signal } = this.#asking;
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    // Nothing is visible before the service answers, so a prompt that is closed need not wait for it.
    const capabilities = await Promise.race([this.#meetService(), aborted]);
    const reason = whyUnfit(capabilities, await whyNoField(this.#fields));
    if (reason !== undefined && !this.#command) throw new Error(reason);
    await this.#show();
  }

  async #handle(event: PromptEvent): Promise<Answer | undefined> {
    switch (event.kind) {
      case 'closed':
        return { kind: 'dismissed' };
      case 'bus-gone':
        // An open field does not need the bus.
        return this.#field ? undefined : { kind: 'unavailable', reason: event.reason };
      case 'service-gone':
        return { kind: 'unavailable', reason: reasons.SERVICE_GONE };
      case 'bar':
        return this.#shown && this.#showAgain();
      case 'field':
        return event.field === this.#field ? this.#closeField() : undefined;
      case 'changed':
        this.#request = aging(event.request);
        if (this.#field && performance.now() - this.#field.since < FIELD_TIME) return undefined;
        return this.#remind();
      case 'owner':
        if (this.#shown?.owner === event.owner) return undefined;
        this.#shown = undefined;
        this.#capabilities = undefined;
        return this.#field ? undefined : this.#onOwner(event.owner);
      case 'signal':
        if (event.sender !== this.#shown?.owner || event.id !== this.#shown.id) return undefined;
        return this.#onSignal(event.member, event.value);
    }
  }

  async #remind(): Promise<Answer | undefined> {
    const answer = await this.#closeField();
    // The user may have typed the code at the moment of the reminder.
    if (answer && answer.kind !== 'dismissed') return answer;
    return this.#showAgain();
  }

  async #onSignal(member: string, value: unknown): Promise<Answer | undefined> {
    if (member === 'ActivationToken') this.#token = String(value);
    if (member === 'ActionInvoked' && value === 'snooze')
      return { kind: 'snooze', until: this.#request().snooze.until };
    if (member === 'ActionInvoked' && (value === 'default' || value === 'enter')) {
      this.#openField();
      await this.#close();
    }
    if (member === 'NotificationReplied') {
      const code = codeIn(String(value));
      if (code !== undefined) {
        this.#asking.needsResult?.('desktop');
        return { kind: 'code', code };
      }
      this.#request = aging({ ...this.#request(), problem: texts.NOT_SIX_DIGITS });
      // The service may close the old notification because of the reply, so the new one must not reuse its number.
      await this.#close();
      return this.#showAgain();
    }
    // Reason 1 (expired): some services ignore our time limit. The user may still find the notification and click it.
    if (member === 'NotificationClosed') clearTimeout(this.#barTimer);
    if (member === 'NotificationClosed' && value !== 1) return { kind: 'dismissed' };
    return undefined;
  }

  /** Handles the end of the service (an empty owner), or its return. */
  async #onOwner(owner: string): Promise<Answer | undefined> {
    if (owner !== '') return this.#showAgain();
    this.#returns += 1;
    if (this.#returns > MOST_RETURNS) return { kind: 'unavailable', reason: reasons.SERVICE_CRASHES };
    this.#startReturnTimer();
    // The bus reports the new owner, even if another program starts the service.
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
    const capabilities = await this.#meetService();
    const request = this.#request();
    const open = (await whyNoField(this.#fields)) === undefined;
    const reply = capabilities.includes('inline-reply');
    const command = this.#command ? [texts.refreshCommand(this.#command)] : [];
    const howTo = open && !reply ? this.#habits.howTo?.(this.#command !== undefined) : undefined;
    const notification: service.Notification = {
      title: texts.askTitle(request),
      text: [
        ...(this.#habits.cutsTitle ? [texts.askTitle(request)] : []),
        ...texts.askBody(request),
        ...command,
        ...(howTo === undefined ? [] : [howTo]),
      ].join('\n'),
      actions: [
        // A click outside the buttons. With a label, Xfce would show it as a button.
        ...(open ? ['default', ''] : []),
        ...(this.#command
          ? [...(open ? ['enter', texts.OPEN_TERMINAL] : [])]
          : [reply ? 'inline-reply' : 'enter', texts.ENTER_CODE]),
        ...['snooze', request.snooze.label],
      ],
      isUrgent: isUrgent(request),
      hints: { resident: true, 'x-kde-reply-placeholder-text': texts.SIX_DIGITS, ...this.#bar(request) },
      limit: 0,
    };
    this.#shown = await service.show(this.#bus, notification, capabilities, this.#shown);
    this.#remember(this.#shown);
  }

  /** Returns what the service can do. Asks a service that is new. */
  async #meetService(): Promise<readonly string[]> {
    if (this.#capabilities) return this.#capabilities;
    const capabilities = await service.capabilities(this.#bus);
    const identity = await service.serviceIdentity(this.#bus).catch(() => undefined);
    this.#habits = habitsOf(identity?.name);
    this.#capabilities = capabilities;
    return capabilities;
  }

  /** Returns how much of the session is left, in percent, where the service draws a bar. The bar is drawn again every minute. */
  #bar(request: AskRequest): { value?: number } {
    clearTimeout(this.#barTimer);
    const bar = sessionBar(request);
    if (!this.#habits.drawsBar || !bar) return {};
    this.#barTimer = setTimeout(() => this.#put({ kind: 'bar' }), BAR_STEP);
    return { value: Math.round((100 * (bar.until - request.now)) / (bar.until - bar.from)) };
  }

  async #close(): Promise<void> {
    const shown = this.#shown;
    this.#shown = undefined;
    if (shown) await service.closeNotification(this.#bus, shown);
    this.#remember(undefined);
  }

  /** Makes the agent, or the next one, close what is on the screen in case this process is killed. */
  #remember(shown: service.Shown | undefined): void {
    const memory = this.#memory;
    if (!memory) return;
    const change = async () => {
      const before = this.#remembered;
      if (shown?.id === before?.id && shown?.owner === before?.owner) return;
      this.#remembered = shown && {
        bus: await busId(this.#bus),
        owner: shown.owner,
        id: shown.id,
        shownBy: process.pid,
      };
      if (this.#remembered) await memory.shown(this.#remembered);
      if (before) await memory.closed(before);
    };
    // Without the memory, a killed agent leaves a notification: nothing more.
    this.#remembering = this.#remembering.then(change).catch(() => {});
  }

  #openField(): void {
    const field = openField(this.#fields, this.#request(), this.#asking, this.#token);
    this.#asking.onOpen?.();
    void field.answer.then(() => this.#put({ kind: 'field', field }));
    this.#field = field;
  }

  /** Returns the field's answer, `dismissed` if it had none yet; undefined without a field. */
  async #closeField(): Promise<Answer | undefined> {
    const answer = await this.#field?.close();
    this.#field = undefined;
    if (answer) this.answeredInField = answer.kind === 'code';
    return answer;
  }
}

/**
 * Returns why a notification service cannot ask, or undefined if it can.
 * @param noField why no code field can be opened, if so
 */
export function whyUnfit(offered: readonly string[], noField: string | undefined): string | undefined {
  if (offered.includes('inline-reply')) return undefined;
  return offered.includes('actions') ? noField : reasons.NO_BUTTONS;
}
