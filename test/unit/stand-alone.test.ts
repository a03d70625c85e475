import { on, once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, AskRequest, Way } from '../../src/ask/ask.ts';
import { standAlone } from '../../src/ask/stand-alone.ts';
import { deferred } from '../../src/time/deferred.ts';
import { pause } from '../../src/time/pause.ts';
import { asking, expiredRequest, request } from '../desktop/asking.ts';
import { until, within } from '../within.ts';

const DISMISSED: Answer = { kind: 'dismissed' };

/** A dialog that the test closes. `opened` has what each shows. */
function dialog(more: Partial<Way> = {}) {
  const opened: AskRequest[] = [];
  const changes: AskRequest[] = [];
  let open = () => {};
  let answer: (answer: Answer) => void = () => {};
  const way: Way = {
    name: 'dialog',
    unfit: async () => undefined,
    ask: (shown, { signal, onChange, onOpen = () => {} }) => {
      opened.push(shown);
      open = onOpen;
      onChange((changed) => changes.push(changed));
      return new Promise((resolve) => {
        answer = resolve;
        signal.addEventListener('abort', () => resolve(DISMISSED));
        if (signal.aborted) resolve(DISMISSED);
      });
    },
    ...more,
  };
  const act = { open: () => open(), close: () => answer(DISMISSED), type: () => answer(CODE) };
  return { way: standAlone(way), opened, changes, ...act };
}
const CODE: Answer = { kind: 'code', code: '123456' };

const BEFORE = { ...request() };
const LATER = request({ now: BEFORE.now + 5 * 60_000, reminder: 1 });

/** Lets `ask` go on. */
const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);

describe('a dialog behind that of another device', () => {
  const path = () => join(folder, 'aws-mfa-agent/turn.sock');
  let folder: string;
  /** The other dialog. It has the turn. */
  let other: Server;
  let arrivals: AsyncIterator<[Socket]>;
  const others: Socket[] = [];
  const opened: string[] = [];
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stand-alone-'));
    mkdirSync(join(folder, 'aws-mfa-agent'));
    opened.length = 0;
    other = createServer((socket) => others.push(socket.on('error', () => {}))).listen(path());
    arrivals = on(other, 'connection') as typeof arrivals;
    await once(other, 'listening');
  });
  afterEach(() => {
    answerOther();
    rmSync(folder, { recursive: true });
  });

  const answerOther = () => {
    other.close();
    for (const socket of others.splice(0)) socket.destroy();
  };
  /** Until one more dialog waits for the turn. */
  const waits = () => within('a dialog that waits', arrivals.next(), () => opened);

  const ask = (shown: AskRequest) => {
    const question = asking();
    const isOpen = deferred();
    const way: Way = {
      name: 'dialog',
      unfit: async () => undefined,
      ask: async ({ profile, reminder }, { signal }) => {
        if (!signal.aborted) opened.push(`${profile} ${reminder}`);
        isOpen.resolve();
        await pause(60_000, signal);
        return DISMISSED;
      },
    };
    const answer = standAlone(way, { environment: { HOME: folder, XDG_RUNTIME_DIR: folder } }).ask(shown, question);
    return {
      ...question,
      isOpen: () => within(`the dialog of ${shown.profile}`, isOpen.promise, () => opened),
      close: () => {
        question.withdraw();
        return within('an answer', answer);
      },
    };
  };
  const end = BEFORE.expiration ?? 0;
  const lastCall = { now: end - 2 * 60_000, reminder: 2 };
  const aged = request({ expiration: BEFORE.now - 60_000, maxAge: 3_600_000, awsEnd: end });

  it.each([
    ['its session', request(), request(lastCall)],
    ['a session that is older than max_age', aged, request(lastCall)],
  ])('opens at the last call of %s', async (_, first, reminder) => {
    const dialog = ask(first);
    await waits();
    dialog.change(reminder);
    await dialog.isOpen();
    expect(opened).toEqual(['mfa 2']);
    await dialog.close();
  });

  it('opens at once if its first prompt is the last call', async () => {
    const dialog = ask(request({ ...lastCall, reminder: 0 }));
    await dialog.isOpen();
    await dialog.close();
  });

  it('waits if its session had ended before the first prompt', async () => {
    const dialog = ask(expiredRequest());
    await waits();
    dialog.change({ ...expiredRequest(), reminder: 2 });
    const later = ask(request({ profile: 'later' }));
    await waits();
    expect(opened).toEqual([]);
    answerOther();
    await Promise.race([dialog.isOpen(), later.isOpen()]);
    await Promise.all([dialog.close(), later.close()]);
  });

  it('takes its turn when that comes after the last call, and keeps it until it is closed', async () => {
    const dialog = ask(request());
    await waits();
    dialog.change(request(lastCall));
    await dialog.isOpen();
    answerOther();
    await until('the turn of the dialog', async () => {
      const socket = connect(path());
      return once(socket, 'connect').then(
        () => socket.destroy(),
        () => undefined,
      );
    });
    const next = ask(request({ profile: 'next' }));
    const order: string[] = [];
    const isOpen = next.isOpen().then(() => order.push('next opens'));
    await dialog.close().then(() => order.push('closes'));
    await isOpen;
    expect(order).toEqual(['closes', 'next opens']);
    await next.close();
  });

  it('leaves the queue when it is closed after its last call', async () => {
    const dialog = ask(request());
    const [socket] = (await waits()).value as [Socket];
    const left = once(socket.resume(), 'close');
    dialog.change(request(lastCall));
    await dialog.isOpen();
    await dialog.close();
    await within('the end of the connection', left);
  });
});

describe('a dialog that opens by itself', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('a dialog that is closed within two seconds opens once more, with the time of then', async () => {
    const { way, opened, close } = dialog();
    const answer = way.ask(BEFORE, asking());
    await pass(1_000);
    close();
    await pass(0);
    expect(opened.map(({ now }) => now - BEFORE.now)).toEqual([0, 1_000]);
    await pass(400);
    close();
    expect(await answer).toEqual(DISMISSED);
    expect(opened).toHaveLength(2);
  });

  it('a dialog that is closed later was answered', async () => {
    const { way, opened, close } = dialog();
    const answer = way.ask(BEFORE, asking());
    await pass(2_000);
    close();
    expect(await answer).toEqual(DISMISSED);
    expect(opened).toHaveLength(1);
  });

  it('a dialog that appears late is closed too soon by when it appeared', async () => {
    const { way, opened, open, close } = dialog();
    const answer = way.ask(BEFORE, asking());
    await pass(3_000);
    open();
    await pass(400);
    close();
    await pass(0);
    expect(opened).toHaveLength(2);
    await pass(3_000);
    close();
    expect(await answer).toEqual(DISMISSED);
  });

  it('a dialog opens again with each reminder, with its text', async () => {
    const { way, opened, type } = dialog();
    const question = asking();
    const answer = way.ask(BEFORE, question);
    await pass(5 * 60_000);
    question.change(LATER);
    await pass(0);
    expect(opened).toEqual([BEFORE, LATER]);
    await pass(10_000);
    type();
    expect(await answer).toEqual(CODE);
  });

  it('a dialog that a reminder has opened again counts as new when it is closed too soon', async () => {
    const { way, opened, close } = dialog();
    const question = asking();
    const answer = way.ask(BEFORE, question);
    await pass(0);
    close();
    await pass(60_000);
    question.change(LATER);
    await pass(100);
    close();
    await pass(100);
    expect(opened).toHaveLength(4);
    close();
    expect(await answer).toEqual(DISMISSED);
  });

  it('a dialog that has just opened is left for 20 seconds, and then shows the newest text', async () => {
    const { way, opened } = dialog();
    const question = asking();
    void way.ask(BEFORE, question);
    await pass(5_000);
    question.change(LATER);
    await pass(10_000);
    question.change({ ...LATER, reminder: 2 });
    await pass(4_999);
    expect(opened).toHaveLength(1);
    await pass(1);
    expect(opened[1]).toMatchObject({ reminder: 2, now: LATER.now + 5_000 });
    question.withdraw();
  });

  it('a dialog that shows changes itself stays open', async () => {
    const { way, opened, changes } = dialog({ showsChanges: () => true });
    const question = asking();
    void way.ask(BEFORE, question);
    await pass(60_000);
    question.change(LATER);
    await pass(60_000);
    expect([opened, changes]).toEqual([[BEFORE], [LATER]]);
    question.withdraw();
  });

  it('a dialog that is no longer needed does not open again', async () => {
    const { way, opened } = dialog();
    const question = asking();
    const answer = way.ask(BEFORE, question);
    await pass(100);
    question.withdraw();
    expect(await answer).toEqual(DISMISSED);
    expect(opened).toHaveLength(1);
  });
});
