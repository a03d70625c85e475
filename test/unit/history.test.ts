import { describe, expect, it } from 'vitest';
import { after, FRESH_START, type History, type ProfileEvent } from '../../src/policy/history.ts';

const NOW = Date.UTC(2030, 0, 31, 12);
const next = (history: History, event: ProfileEvent) =>
  after(history, event, { now: NOW, promptBefore: 900_000, remindEvery: 300_000 });

describe('the history of a session that the user has removed', () => {
  const forgotten = next(FRESH_START, { kind: 'forgotten' });
  const isForgotten = (event: ProfileEvent) => next(forgotten, event).forgotten === true;

  it.each<[ProfileEvent]>([
    [{ kind: 'clock-set', by: 1 }],
    [{ kind: 'checked', state: 'expired', mayBeFixed: true }],
    [{ kind: 'checked', state: 'fresh', mayBeFixed: true, isNew: false }],
    [{ kind: 'prompted', reminder: 0, expiration: undefined }],
    [{ kind: 'assuming' }],
    [{ kind: 'no-way', reason: 'no display' }],
    [{ kind: 'desktop-changed' }],
    [{ kind: 'prompt-ended', outcome: { kind: 'dismissed' }, jitter: 0 }],
    [{ kind: 'written' }],
    [{ kind: 'verified', alive: true }],
    [{ kind: 'forgotten' }],
    [{ kind: 'snoozed', until: NOW + 1 }],
    [{ kind: 'awaited', person: false }],
  ])('it stays forgotten after %o', (event) => {
    expect(isForgotten(event)).toBe(true);
  });

  it.each<[ProfileEvent]>([
    [{ kind: 'checked', state: 'fresh', mayBeFixed: false, isNew: true }],
    [{ kind: 'wanted' }],
    [{ kind: 'snoozed', until: undefined }],
    [{ kind: 'awaited', person: true }],
  ])('it is wanted again after %o', (event) => {
    expect(isForgotten(event)).toBe(false);
  });

  it('only an open prompt is remembered', () => {
    const before: History = { reminders: 2, lastCall: true, lastAskedAt: NOW, snoozedUntil: NOW, problem: 'wrong' };
    expect(next(before, { kind: 'forgotten' })).toStrictEqual({ ...FRESH_START, forgotten: true });
    expect(next({ ...before, askingSince: NOW }, { kind: 'forgotten' })).toStrictEqual({
      ...FRESH_START,
      askingSince: NOW,
      forgotten: true,
    });
  });

  it('a session that was not removed does not become forgotten', () => {
    expect(next(FRESH_START, { kind: 'wanted' })).toStrictEqual(FRESH_START);
  });
});

describe('a prompt that the user closed', () => {
  it('it has shown its problem, and the outage before it is over', () => {
    const before = { problem: 'AWS did not answer', outage: { kind: 'unreachable', times: 1 }, yielded: true } as const;
    const open: History = { ...FRESH_START, ...before, askingSince: NOW, lastAskedAt: NOW, fieldOpenedAt: NOW };
    const closed = next(open, { kind: 'prompt-ended', outcome: { kind: 'dismissed' }, jitter: 0 });
    expect(closed).toStrictEqual({ ...FRESH_START, lastAskedAt: NOW });
  });
});

describe('the times of a history', () => {
  it('all times follow the clock when it is set', () => {
    const history: History = {
      ...FRESH_START,
      askingSince: 1,
      lastAskedAt: 2,
      fieldOpenedAt: 8,
      snoozedUntil: 3,
      wait: { until: 4, why: 'busy' },
      stopped: { why: 'no keys', since: 5, until: 6 },
      verdict: { alive: true, until: 7 },
    };
    expect(next(history, { kind: 'clock-set', by: 1000 })).toStrictEqual({
      ...FRESH_START,
      askingSince: 1001,
      lastAskedAt: 1002,
      fieldOpenedAt: 1008,
      snoozedUntil: 1003,
      wait: { until: 1004, why: 'busy' },
      stopped: { why: 'no keys', since: 1005, until: 1006 },
      verdict: { alive: true, until: 1007 },
    });
  });

  it('times that are not known stay unknown when the clock is set', () => {
    expect(next(FRESH_START, { kind: 'clock-set', by: 1000 })).toStrictEqual(FRESH_START);
  });
});

describe('a prompt that a command waits for', () => {
  const open: History = { ...FRESH_START, askingSince: NOW - 600_000, lastAskedAt: NOW - 300_000, reminders: 1 };
  const closed: History = { ...FRESH_START, lastAskedAt: NOW - 300_000, reminders: 1 };
  const recent = { lastAskedAt: NOW - 299_999 };
  const awaited = (history: History, person: boolean) => next(history, { kind: 'awaited', person });

  it('it is repeated for a program once remind_every has passed, and not before', () => {
    expect(awaited(open, false)).toStrictEqual({ ...open, lastAskedAt: Number.NEGATIVE_INFINITY });
    expect(awaited({ ...open, ...recent }, false)).toStrictEqual({ ...open, ...recent });
  });

  it('it is shown again as if for the first time if it was closed', () => {
    expect(awaited(closed, false)).toStrictEqual(FRESH_START);
    expect(awaited({ ...closed, ...recent }, false)).toStrictEqual({ ...closed, ...recent });
  });

  it('it is shown at once for a person, in spite of a snooze or a pause', () => {
    const paused: History = { ...closed, snoozedUntil: NOW + 1, wait: { until: NOW + 1, why: 'busy' }, unaskable: 'x' };
    expect(awaited(paused, true)).toStrictEqual(FRESH_START);
    expect(awaited({ ...open, ...recent, lastCall: true }, true)).toStrictEqual({
      ...open,
      lastAskedAt: Number.NEGATIVE_INFINITY,
    });
  });
});
