import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { startChild } from '../../start-child.ts';
import { deferred } from '../../time/deferred.ts';
import { pause } from '../../time/pause.ts';
import { withTimeout } from '../../time/timeout.ts';
import { asOf } from '../aging.ts';
import { type Answer, type Asking, type AskRequest, type CodeResult, codeIn, type Way } from '../ask.ts';
import { dialogEnvironment, meaningOf } from '../field.ts';
import * as reasons from '../reasons.ts';
import { SILENCE } from '../result.ts';
import * as texts from '../texts.ts';
import { CODE_STEP, cannotWait, sessionBar } from '../time-left.ts';
import { hostOn, type WindowHost } from './host.ts';
import { answerIn, type Question, type WindowAnswer, type WindowRequest } from './protocol.ts';

/**
 * Our own window: a script that the desktop's JavaScript runs (`host.ts`). `protocol.ts` describes the messages.
 *
 * The window stays after the answer and shows the result. If AWS refuses the code, this way is asked again, and the same
 * window takes the next code.
 */
export function window(environment: NodeJS.ProcessEnv = process.env, platform = process.platform): Way {
  const host = hostOn(platform);
  /** The window in which the last code was typed. */
  let last: CodeWindow | undefined;
  return {
    name: 'window',
    showsChanges: () => true,
    takesTurns: true,
    unfit: async () => host.whyNone(environment),
    ask: async (request, asking) => {
      const reason = host.whyNone(environment);
      if (reason !== undefined) return { kind: 'unavailable', reason };
      if (asking.signal.aborted) return { kind: 'dismissed' };
      const before = last;
      last = undefined;
      const takesAnother = before?.takesAnother(request);
      if (!takesAnother) await before?.close();
      let own: CodeWindow;
      try {
        own = before && takesAnother ? before : new CodeWindow(host, environment, asking);
      } catch (error) {
        return { kind: 'unavailable', reason: (error as Error).message };
      }
      const answer = await own.ask(request, asking);
      if (answer.kind === 'code') {
        last = own;
        own.awaitResult(asking);
      } else {
        await own.close();
      }
      return answer;
    },
  };
}

/** How long the window may take to appear, in milliseconds. */
const START_LIMIT = 15_000;

/** Seconds for which a result stays on the screen. A failure takes longer to read; the next prompt repeats it. */
const RESULT_TIME = { fresh: 2, failed: 20 };

/** How long the script may take to end, in milliseconds. */
const END_LIMIT = 1_000;

/** How long the last message of a script that has ended may take, in milliseconds. */
const LAST_MESSAGE = 200;

/** The script, with all of its streams. */
type WindowProcess = ChildProcess & { stdin: Writable; stdout: Readable; stderr: Readable };

/** One window, from its opening to its result: more than one question if AWS refuses a code. */
class CodeWindow {
  readonly #host: WindowHost;
  readonly #child: WindowProcess;
  readonly #ready = deferred();
  #wasReady = false;
  readonly #ended = deferred<Answer>();
  /** Whether it waits for its turn. */
  #byItself: boolean;
  readonly #onOpen: () => void;
  #stderr = '';
  #state: 'asking' | 'given' | 'over' = 'asking';
  #id = 0;
  #request: AskRequest | undefined;
  #session: Question['session'];
  /** How far AWS's clock is ahead of the machine's, in milliseconds. */
  #ahead = 0;
  /** The last message, so that only changes are sent. */
  #shown = '';
  #resolve: (answer: Answer) => void = () => {};
  /** Called if the user closes the window before AWS has answered. */
  #onLeft = () => {};

  constructor(host: WindowHost, environment: NodeJS.ProcessEnv, asking: Asking) {
    const { activationToken, isClicked = false, onOpen = () => {} } = asking;
    this.#host = host;
    this.#onOpen = onOpen;
    this.#byItself = !isClicked;
    const env = { ...host.variables, ...dialogEnvironment(environment, activationToken) };
    const child = startChild(host.program, host.words, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
    if (child instanceof Error) throw child;
    this.#child = child as WindowProcess;
    const { stdin, stdout, stderr } = this.#child;
    // The script may end before it has read its input.
    stdin.on('error', () => {});
    stderr.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk).slice(-4096);
    });
    createInterface(stdout).on('line', (line) => this.#take(answerIn(line)));
    this.#child.once('error', (error) => this.#end({ kind: 'unavailable', reason: error.message }));
    const said = new Promise((resolve) => stderr.once('close', resolve));
    this.#child.once('exit', async (status, signal) => {
      // Its last message may still be on its way.
      await withTimeout(said, LAST_MESSAGE, () => undefined);
      this.#end(this.#meaningOf(signal ?? status ?? 0));
    });
    void withTimeout(Promise.race([this.#ready.promise, this.#ended.promise]), START_LIMIT, () => {
      this.#end({ kind: 'unavailable', reason: reasons.windowLate(START_LIMIT) });
      this.#kill();
    });
  }

  /** Returns whether the window waits for AWS's answer to a code for the same profile and device. */
  takesAnother({ problem, profile, serialNumber }: AskRequest): boolean {
    if (this.#state !== 'given' || problem === undefined) return false;
    return profile === this.#request?.profile && serialNumber === this.#request.serialNumber;
  }

  /** Asks once. */
  async ask(request: AskRequest, { signal, onChange }: Asking): Promise<Answer> {
    const answered = deferred<Answer>();
    const withdraw = () => answered.resolve({ kind: 'dismissed' });
    this.#resolve = answered.resolve;
    this.#state = 'asking';
    this.#id += 1;
    signal.addEventListener('abort', withdraw);
    onChange((changed) => {
      if (cannotWait(changed, request)) this.#byItself = false;
      if (this.#state === 'asking') this.#show(changed, true);
    });
    this.#show(request, false);
    if (cannotWait(request, request)) {
      // Sent after the first message, which puts the window into the queue.
      this.#byItself = false;
      this.#update(false);
    }
    const ticking = setInterval(() => this.#update(false), 1_000);
    const answer = await Promise.race([answered.promise, this.#ended.promise]);
    clearInterval(ticking);
    signal.removeEventListener('abort', withdraw);
    if (this.#state === 'asking') this.#state = 'given';
    return answer;
  }

  /** Shows the result as soon as there is one. Until then the window can be asked again. */
  awaitResult({ outcome, needsResult }: Asking): void {
    if (outcome === undefined) {
      void this.close();
      return;
    }
    this.#onLeft = () => needsResult?.('desktop');
    const id = this.#id;
    const over = new AbortController();
    const checking = async () => {
      await pause(SILENCE, over.signal);
      if (!over.signal.aborted && this.#id === id) this.#send({ show: 'checking', text: texts.CHECKING });
    };
    void checking();
    void outcome.then((result) => {
      over.abort();
      this.#finish(result);
    });
  }

  /** Closes the window. Resolves when its process has ended. */
  async close(): Promise<void> {
    this.#state = 'over';
    this.#child.stdin.end();
    await withTimeout(this.#ended.promise, END_LIMIT, () => this.#kill());
  }

  /** Leaves the window on the screen with the result; it then closes by itself, also when this process is gone. */
  #finish({ kind, text }: CodeResult): void {
    if (this.#state !== 'given') return;
    if (kind === 'over') {
      void this.close();
      return;
    }
    this.#state = 'over';
    this.#send({ show: 'result', text, good: kind === 'fresh', seconds: RESULT_TIME[kind] });
    this.#child.stdin.end();
    for (const one of [this.#child, this.#child.stdout, this.#child.stderr]) (one as { unref?(): void }).unref?.();
  }

  #take(answer: WindowAnswer | undefined): void {
    switch (answer?.answer) {
      case undefined:
        break;
      case 'waiting':
      case 'ready':
        if (answer.answer === 'ready') this.#onOpen();
        this.#wasReady = true;
        this.#ready.resolve();
        break;
      case 'closed':
        if (this.#state === 'given') this.#onLeft();
        this.#state = 'over';
        this.#resolve({ kind: 'dismissed' });
        break;
      case 'snooze':
        if (answer.id === this.#id && this.#request)
          this.#resolve({ kind: 'snooze', until: asOf(this.#request, this.#now()).snooze.until });
        break;
      case 'code': {
        const code = codeIn(answer.code);
        if (answer.id === this.#id && code !== undefined) this.#resolve({ kind: 'code', code });
      }
    }
  }

  #show(request: AskRequest, raise: boolean): void {
    this.#request = request;
    this.#session = sessionBar(request);
    this.#ahead = request.now - Date.now();
    this.#update(raise);
  }

  /** Returns the time by AWS's clock. */
  #now(): number {
    return Date.now() + this.#ahead;
  }

  /** Sends what has changed: the times in the texts. */
  #update(raise: boolean): void {
    if (this.#request === undefined || this.#state !== 'asking') return;
    const now = this.#now();
    const session = this.#session && this.#session.until > now ? this.#session : undefined;
    const question: Question = {
      ...{ show: 'question', id: this.#id, raise, byItself: this.#byItself },
      ...contents(asOf(this.#request, now)),
      ...(session && { session }),
    };
    const shown = JSON.stringify({ ...question, now: 0 });
    if (shown === this.#shown && !raise) return;
    this.#shown = shown;
    this.#send(question);
  }

  #send(request: WindowRequest): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(`${JSON.stringify(request)}\n`);
  }

  #end(answer: Answer): void {
    this.#state = 'over';
    this.#ended.resolve(answer);
  }

  #meaningOf(ended: number | NodeJS.Signals): Answer {
    const detail = lastMessage(this.#stderr);
    // What a crashed program said before is not the reason.
    const reason = detail && typeof ended === 'number' ? detail : reasons.endedWith(this.#host.program, ended);
    if (!this.#wasReady) return { kind: 'unavailable', reason };
    // The display is gone, or another program has closed the window.
    if (typeof ended === 'number') return { kind: 'dismissed' };
    return meaningOf({ ok: false, ended, how: reason, reason, stdout: '', stderr: this.#stderr });
  }

  #kill(): void {
    try {
      if (this.#child.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // The script has already ended.
    }
  }
}

/** Returns the last line of a program's messages, without what GLib writes before it: `(program:123): Gtk-WARNING **: 11:20:30.123: `. */
function lastMessage(stderr: string): string {
  const line = stderr.trim().split('\n').at(-1) ?? '';
  return line.replace(/^\(.*?:\d+\): [\w-]+ \*\*: ([\d:.]+: )?/, '');
}

/** The texts and times of a question. */
function contents(request: AskRequest) {
  return {
    now: request.now,
    codeStep: CODE_STEP,
    title: texts.askWindow(request),
    heading: texts.askCountdown(request),
    device: texts.askDevice(request),
    problem: texts.askProblem(request) ?? '',
    words: {
      submit: texts.OK,
      snooze: request.snooze.label,
      close: texts.CLOSE,
      sessionLeft: texts.SESSION_LEFT,
      codeLeft: texts.CODE_LEFT,
      nextCode: texts.NEXT_CODE,
      notSixDigits: texts.NOT_SIX_DIGITS,
    },
  };
}
