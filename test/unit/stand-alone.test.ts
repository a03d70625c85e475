import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Answer, AskRequest, Way } from '../../src/ask/ask.ts';
import { standAlone } from '../../src/ask/stand-alone.ts';
import { asking, request } from '../desktop/asking.ts';

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
