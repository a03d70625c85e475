import { performance } from 'node:perf_hooks';
import { say } from '../../cli/output.ts';
import { formatDuration } from '../../time/duration.ts';
import { asOf } from '../aging.ts';
import type { Answer, Asking, AskRequest, Way } from '../ask.ts';
import { dialogEnvironment, untilCode } from '../field.ts';
import * as reasons from '../reasons.ts';
import * as askTexts from '../texts.ts';
import { nextCodeIn, sessionBar } from '../time-left.ts';
import { findOpener, isWsl, openLink } from './open-link.ts';
import type { PageView } from './page.ts';
import type { PageHost, PageServer } from './server.ts';
import * as texts from './texts.ts';

interface BrowserSettings {
  environment?: NodeJS.ProcessEnv;
  platform?: NodeJS.Platform;
  /** Whether the settings name this way: if no browser can be opened, the user then gets the link as text. */
  named?: boolean;
  /** Receives the link as one line of text. Written to standard error by default. */
  tell?: (text: string) => void;
}

/**
 * A page in the browser, served from this machine while the agent asks. Closing its tab dismisses the prompt.
 *
 * The page stays open after the answer: if AWS refuses the code, this way is asked again, and the same page shows why and
 * takes the next code. It ends when `asking.outcome` resolves, or after a minute.
 *
 * The link is in the arguments of the program that opens the browser: see SECURITY.md.
 */
export function browser(settings: BrowserSettings = {}): Way {
  const { environment = process.env, platform = process.platform, named = false, tell = toStandardError } = settings;
  /** The page that asks, or in which the user typed the last code. */
  let last: Page | undefined;

  const open = async (page: Page, request: AskRequest, { activationToken, signal }: Asking) => {
    if (page.visited) return;
    const opener = findOpener(environment, platform);
    const reason =
      'program' in opener
        ? await openLink(opener.program, page.link(opener.host), dialogEnvironment(environment, activationToken))
        : opener.reason;
    if (reason === undefined || page.visited || signal.aborted) return;
    if (named) tell(texts.pageLink(request, page.link('127.0.0.1')));
    else page.settle({ kind: 'unavailable', reason });
  };

  const unfit = async () => {
    const opener = findOpener(environment, platform);
    return named || 'program' in opener ? undefined : opener.reason;
  };

  return {
    name: 'browser',
    // A page that a browser has opened may be behind others, and its link works once: a reminder opens another page.
    showsChanges: () => !last?.visited,
    unfit,
    ask: async (request, asking) => {
      const reason = await unfit();
      if (reason !== undefined) return { kind: 'unavailable', reason };
      if (asking.signal.aborted) return { kind: 'dismissed' };
      const before = last;
      let page: Page;
      try {
        page = before?.takesAnother(request) ? before : await Page.serve(request, isWsl(environment));
      } catch (error) {
        return { kind: 'unavailable', reason: reasons.noPage((error as Error).message) };
      }
      if (page !== before) before?.end(texts.PAGE_DONE);
      last = page;
      const began = performance.now();
      const now = () => request.now + performance.now() - began;
      const answering = untilCode(request, (current) =>
        page.ask(asOf(current, now()), asking, () => {
          void open(page, request, asking);
        }),
      );
      void open(page, request, asking);
      const answer = await answering;
      if (answer.kind === 'code') page.awaitOutcome(asking);
      else page.end(answer.kind === 'snooze' ? texts.pageSnoozed(answer.until, now()) : texts.PAGE_OVER);
      return answer;
    },
  };
}

/** How long a page waits for AWS's answer, in milliseconds: longer than the slowest answer takes. */
const PATIENCE = 60_000;

/** One page, from its opening to its last message. It asks again if AWS refuses a code. */
class Page implements PageHost {
  #server: PageServer | undefined;
  #state: PageView['state'] = 'asking';
  #round = 0;
  #message = '';
  #request: AskRequest;
  /** When the request was made, by the monotonic clock. */
  #since = performance.now();
  #whole = 0;
  #resolve: ((typed: string | Answer) => void) | undefined;
  #patience: NodeJS.Timeout | undefined;
  #onOpen = () => {};
  /** Called if the user closes the page before AWS has answered. */
  #onLeft = () => {};

  /** @param anyUser whether the browser may run as another user */
  static async serve(request: AskRequest, anyUser: boolean): Promise<Page> {
    // Imported late, since an idle agent does not need it.
    const { servePage } = await import('./server.ts');
    const page = new Page(request);
    page.#server = await servePage(page, anyUser);
    return page;
  }

  private constructor(request: AskRequest) {
    this.#request = request;
  }

  get visited(): boolean {
    return this.#server?.visited() ?? false;
  }

  link(host: string): string {
    return `http://${host}:${this.#server?.port}${this.#server?.path}`;
  }

  /** Whether it is visible and waits for AWS's answer to a code for the same profile and device. */
  takesAnother({ problem, profile, serialNumber }: AskRequest): boolean {
    if (this.#state !== 'given' || problem === undefined || !this.#server?.watched()) return false;
    return profile === this.#request.profile && serialNumber === this.#request.serialNumber;
  }

  /** Asks once. Resolves with what the user typed, or with an answer if they did not type. */
  ask(
    request: AskRequest,
    { signal, onChange, onOpen = () => {} }: Asking,
    onReminder: () => void,
  ): Promise<string | Answer> {
    return new Promise((resolve) => {
      clearTimeout(this.#patience);
      this.#state = 'asking';
      this.#round += 1;
      this.#message = '';
      this.#onOpen = onOpen;
      this.#take(request);
      const onAbort = () => this.settle({ kind: 'dismissed' });
      this.#resolve = (typed) => {
        this.#resolve = undefined;
        signal.removeEventListener('abort', onAbort);
        resolve(typed);
      };
      if (signal.aborted) return onAbort();
      signal.addEventListener('abort', onAbort);
      onChange((changed) => {
        if (!this.#resolve) return;
        this.#take(changed);
        onReminder();
      });
      this.#server?.hold(true);
    });
  }

  settle(typed: string | Answer): void {
    this.#resolve?.(typed);
  }

  /** Shows that there is a code, and then its result. Until then, the page can ask again. */
  awaitOutcome({ outcome, needsResult }: Asking): void {
    this.#state = 'given';
    this.#onLeft = () => needsResult?.('desktop');
    this.#message = askTexts.CHECKING;
    this.#server?.hold(false);
    this.#server?.update();
    void outcome?.then(({ text }) => this.end(text));
    this.#patience = setTimeout(() => this.end(texts.PAGE_DONE), PATIENCE).unref();
  }

  /** Shows the last message and closes the server. */
  end(message: string): void {
    if (this.#state === 'over') return;
    clearTimeout(this.#patience);
    this.#state = 'over';
    this.#message = message;
    this.#server?.close();
  }

  view(): PageView {
    const request = this.#present();
    const left = timeLeft(request);
    return {
      state: this.#state,
      round: this.#round,
      tab: askTexts.askWindow(request),
      title: askTexts.askCountdown(request),
      device: askTexts.askDevice(request),
      snooze: request.snooze.label,
      problem: this.#state === 'asking' ? (askTexts.askProblem(request) ?? '') : '',
      message: this.#message,
      left: Math.round(left),
      whole: left === 0 ? 0 : this.#whole,
      leftText: formatDuration(left),
      codeLeft: Math.round(nextCodeIn(request.now)),
    };
  }

  submitted({ round, code, snooze }: { round: number; code: string; snooze: boolean }): void {
    // From an outdated form, or the same form again.
    if (round !== this.#round) return;
    this.settle(snooze ? { kind: 'snooze', until: this.#present().snooze.until } : code);
  }

  opened(): void {
    this.#onOpen();
  }

  left(): void {
    if (this.#state === 'given') this.#onLeft();
    this.settle({ kind: 'dismissed' });
  }

  #present(): AskRequest {
    return asOf(this.#request, this.#request.now + performance.now() - this.#since);
  }

  #take(request: AskRequest): void {
    const bar = sessionBar(request);
    this.#whole = bar ? bar.until - bar.from : 0;
    this.#request = request;
    this.#since = performance.now();
    this.#server?.update();
  }
}

function timeLeft({ expiration, now }: AskRequest): number {
  return Math.max(0, (expiration ?? now) - now);
}

function toStandardError(text: string): void {
  say(text);
}
