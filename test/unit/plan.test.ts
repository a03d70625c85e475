import { describe, expect, it } from 'vitest';
import { after, FRESH_START, type History, type ProfileEvent } from '../../src/policy/history.ts';
import type { AwsFailure, RefreshOutcome } from '../../src/policy/outcome.ts';
import { type Action, plan, type Situation } from '../../src/policy/plan.ts';
import { quietUntil } from '../../src/policy/quiet.ts';
import { buttonSnoozeUntil } from '../../src/policy/snooze.ts';
import type { Standing } from '../../src/policy/standing.ts';
import { aged, endOf, type StoredSession, stateAt } from '../../src/session/session.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NINE = Date.UTC(2026, 2, 2, 9);
const SETTINGS = { promptBefore: 15 * MINUTE, remindEvery: 5 * MINUTE };
const STOPPED = { why: 'wrong serial', since: NINE - MINUTE, until: NINE + 59 * MINUTE };
const SESSION = { accessKeyId: 'ASIA', secretAccessKey: 'secret', sessionToken: 'token' };

const next = (history: History, event: ProfileEvent, now = NINE) => after(history, event, { now, ...SETTINGS });

interface Person {
  /** What the person does about a prompt on the screen at this instant. */
  answer?(now: number): 'code' | 'dismiss' | { snooze: number } | undefined;
  /** Until when the person snoozes by command at this instant, with or without a prompt on the screen. */
  snooze?(now: number): number | undefined;
  quietUntil?(now: number): number | undefined;
  held?(now: number): string | undefined;
  asleep?(now: number): boolean;
  /** How far the machine's clock goes wrong at this instant, in milliseconds; AWS's clock is not known. */
  clockStep?(now: number): number;
  /** How long a session is that AWS gives; 12 hours unless said otherwise. */
  sessions?: number;
  settings?: { maxAge: number };
}

/** Runs the plan once a minute through imagined hours, and notes what was done when. */
function imagine(hours: number, session: StoredSession, person: Person, start = NINE) {
  const notes: { at: number; action: Action['do']; reminder?: number }[] = [];
  let stored = session;
  let history: History = FRESH_START;
  let returnedAt = start;
  let slept = false;
  let wrong = 0;
  for (let real = start; real <= start + hours * HOUR; real += MINUTE) {
    if (person.asleep?.(real)) {
      slept = true;
      continue;
    }
    const step = person.clockStep?.(real) ?? 0;
    wrong += step;
    returnedAt += step;
    const now = real + wrong;
    const happened = (event: ProfileEvent) => {
      history = next(history, event, now);
    };
    const ended = (outcome: RefreshOutcome) => happened({ kind: 'prompt-ended', outcome, jitter: 0 });
    happened({ kind: 'clock-set', by: step });
    const snoozed = person.snooze?.(now);
    if (snoozed !== undefined) happened({ kind: 'snoozed', until: snoozed });
    if (slept) returnedAt = now;
    slept = false;
    const session = aged(stored, { durationSeconds: 43_200, ...person.settings });
    const state = stateAt(session, now, SETTINGS.promptBefore);
    happened({ kind: 'checked', state, mayBeFixed: false });
    const expiration = endOf(session);
    const awsEnd = session.kind === 'session' && session.expiration !== expiration ? session.expiration : undefined;
    const situation: Situation = { profile: 'mfa', serialNumber: 'phone', state, expiration, awsEnd, history };
    const held = person.held?.(now);
    const { actions } = plan([situation], {
      now,
      ...SETTINGS,
      quietUntil: person.quietUntil?.(now),
      returnedAt,
      ...(held === undefined ? {} : { held }),
    });
    for (const action of actions) {
      const noted = { at: (real - start) / MINUTE, action: action.do };
      notes.push('reminder' in action ? { ...noted, reminder: action.reminder } : noted);
      if (action.do === 'ask' || action.do === 'remind') {
        happened({ kind: 'prompted', reminder: action.reminder, expiration: awsEnd ?? expiration });
      }
      if (action.do === 'withdraw') ended({ kind: 'withdrawn' });
    }
    if (history.askingSince === undefined) continue;
    const answer = person.answer?.(now);
    if (answer === 'code') {
      const session = { ...SESSION, expiration: now + (person.sessions ?? 12 * HOUR) };
      const { accessKeyId, expiration } = session;
      stored = { kind: 'session', accessKeyId, expiration, issued: now };
      ended({ kind: 'refreshed', session });
    }
    if (answer === 'dismiss') ended({ kind: 'dismissed' });
    if (typeof answer === 'object') ended({ kind: 'snoozed', until: now + answer.snooze });
  }
  return notes;
}

const endsIn = (time: number): StoredSession => ({ kind: 'session', accessKeyId: 'ASIA', expiration: NINE + time });

describe('the plan on an ordinary day', () => {
  it('the plan asks once, at the lead time, when the user answers', () => {
    const notes = imagine(11, endsIn(8 * HOUR), { answer: () => 'code' });
    expect(notes).toEqual([{ at: 8 * 60 - 15, action: 'ask', reminder: 0 }]);
  });

  it('the plan asks at once for a missing session, and for each session of two days', () => {
    const notes = imagine(36, { kind: 'none' }, { answer: () => 'code' });
    expect(notes.map(({ at }) => at)).toEqual([0, 12 * 60 - 15, 2 * (12 * 60 - 15), 3 * (12 * 60 - 15)]);
  });

  it('the plan repeats an unanswered prompt at growing intervals, shortly before the end, at the end, and then not again', () => {
    const notes = imagine(10, endsIn(HOUR), {});
    expect(notes).toEqual([
      { at: 45, action: 'ask', reminder: 0 },
      { at: 50, action: 'remind', reminder: 1 },
      { at: 58, action: 'remind', reminder: 2 },
      { at: 60, action: 'remind', reminder: 3 },
    ]);
  });

  it('the plan asks again after a dismissal, with a new prompt', () => {
    const notes = imagine(2, endsIn(HOUR), { answer: () => 'dismiss' });
    expect(notes.map(({ at, action }) => [at, action])).toEqual([
      [45, 'ask'],
      [50, 'ask'],
      [58, 'ask'],
      [60, 'ask'],
    ]);
  });

  it('the plan asks once after a night in which the session expired, and reminds a few times', () => {
    const night = (now: number) => now > NINE + HOUR && now < NINE + 14 * HOUR;
    const notes = imagine(24, endsIn(6 * HOUR), { asleep: night });
    expect(notes.map(({ at, reminder }) => [at / 60, reminder])).toEqual([
      [14, 0],
      [14 + 5 / 60, 1],
      [14 + 15 / 60, 2],
      [14 + 35 / 60, 3],
    ]);
  });

  it('the plan reminds a few times after a night in which the session expired, also when a prompt was dismissed before', () => {
    const notes = imagine(24, endsIn(HOUR), {
      answer: (now) => (now < NINE + HOUR ? 'dismiss' : undefined),
      asleep: (now) => now > NINE + 46 * MINUTE && now < NINE + 14 * HOUR,
    });
    expect(notes.map(({ at, reminder }) => [at, reminder])).toEqual([
      [45, 0],
      [14 * 60, 0],
      [14 * 60 + 5, 1],
      [14 * 60 + 15, 2],
      [14 * 60 + 35, 3],
    ]);
  });

  it('the plan asks again when the user returns, however many prompts were not answered', () => {
    const notes = imagine(30, endsIn(HOUR), {
      answer: () => 'dismiss',
      asleep: (now) => now > NINE + 8 * HOUR && now < NINE + 20 * HOUR,
    });
    expect(notes.some(({ at, reminder }) => at === 20 * 60 && reminder === 0)).toBe(true);
    expect(notes.filter(({ at }) => at > 60 && at < 20 * 60)).toEqual([]);
  });

  it('the plan does not ask during a snooze, and asks once after it', () => {
    let snoozed = false;
    const notes = imagine(2, endsIn(2 * HOUR), {
      answer: () => {
        if (snoozed) return undefined;
        snoozed = true;
        return { snooze: 10 * MINUTE };
      },
    });
    expect(notes.map(({ at, reminder }) => [at, reminder])).toEqual([
      [105, 0],
      [115, 0],
      [118, 1],
      [120, 2],
    ]);
  });

  it('the plan asks as if for the first time after a snooze by command, however many reminders came before', () => {
    const snooze = (now: number) => (now === NINE + 3 * HOUR ? NINE + 3 * HOUR + 20 * MINUTE : undefined);
    const notes = imagine(4, { kind: 'none' }, { snooze });
    expect(notes.slice(-5, -1).map(({ at, action, reminder }) => [at, action, reminder])).toEqual([
      [180, 'withdraw', undefined],
      [200, 'ask', 0],
      [205, 'remind', 1],
      [215, 'remind', 2],
    ]);
  });

  it('the plan asks as if for the first time after a snooze by command that followed the last reminder', () => {
    const snooze = (now: number) => (now === NINE + 9 * HOUR ? NINE + 10 * HOUR : undefined);
    const notes = imagine(10, endsIn(HOUR), { snooze, answer: () => 'dismiss' });
    expect(notes.at(-1)).toEqual({ at: 600, action: 'ask', reminder: 0 });
  });

  it('the plan asks at once when it may ask again after it has closed its prompt itself', () => {
    const held = (now: number) => (now >= NINE + 46 * MINUTE && now < NINE + 48 * MINUTE ? 'no network' : undefined);
    const notes = imagine(1, endsIn(HOUR), { held });
    expect(notes.map(({ at, action }) => [at, action])).toEqual([
      [45, 'ask'],
      [46, 'withdraw'],
      [48, 'ask'],
      [53, 'remind'],
      [58, 'remind'],
      [60, 'remind'],
    ]);
  });

  it('the plan has a last call before the end, and a prompt at the end, however often the Snooze button was pressed', () => {
    const end = NINE + HOUR;
    const notes = imagine(1, endsIn(HOUR), {
      answer: (now) => ({ snooze: buttonSnoozeUntil(now, end) - now }),
    });
    const times = notes.map(({ at }) => at);
    expect(times.filter((at) => at >= 57 && at < 60)).not.toEqual([]);
    expect(times).toContain(60);
  });

  it('the plan reaches the last call in time after one press of the Snooze button at the first prompt', () => {
    let snoozed = false;
    const notes = imagine(1, endsIn(HOUR), {
      answer: (now) => {
        if (snoozed) return undefined;
        snoozed = true;
        return { snooze: buttonSnoozeUntil(now, NINE + HOUR) - now };
      },
    });
    expect(notes.map(({ at, reminder }) => [at, reminder])).toEqual([
      [45, 0],
      [52, 0],
      [57, 1],
      [60, 2],
    ]);
  });

  it('the plan keeps a snooze that began while the session was fresh', () => {
    const snooze = (now: number) => (now === NINE + 10 * MINUTE ? NINE + 55 * MINUTE : undefined);
    const notes = imagine(1, endsIn(HOUR), { snooze, answer: () => 'code' });
    expect(notes).toEqual([{ at: 55, action: 'ask', reminder: 0 }]);
  });

  it('the plan does not ask in quiet hours, and asks when they end', () => {
    const quiet = (now: number) => (now < NINE + 3 * HOUR ? NINE + 3 * HOUR : undefined);
    const notes = imagine(4, endsIn(HOUR), { quietUntil: quiet, answer: () => 'code' });
    expect(notes).toEqual([{ at: 180, action: 'ask', reminder: 0 }]);
  });

  it('the plan closes an open prompt when the screen is locked, and asks when the user returns', () => {
    const held = (now: number) => (now >= NINE + 47 * MINUTE && now < NINE + 55 * MINUTE ? 'screen locked' : undefined);
    const notes = imagine(1, endsIn(2 * HOUR - 60 * MINUTE), { held });
    expect(notes.map(({ at, action }) => [at, action])).toEqual([
      [45, 'ask'],
      [47, 'withdraw'],
      [55, 'ask'],
      [58, 'remind'],
      [60, 'remind'],
    ]);
  });

  it('the plan works with a session that is shorter than the lead time', () => {
    const notes = imagine(1, endsIn(5 * MINUTE), {});
    expect(notes.map(({ at }) => at)).toEqual([0, 3, 5]);
  });
});

describe('the plan with max_age', () => {
  const settings = { maxAge: HOUR };
  /** Its age is an hour in an hour; AWS ends it after two. */
  const session: StoredSession = { kind: 'session', accessKeyId: 'ASIA', expiration: NINE + 2 * HOUR, issued: NINE };

  it('the plan asks before the session is too old and before AWS ends it, in growing pauses', () => {
    const notes = imagine(3, session, { settings });
    expect(notes.map(({ at, reminder }) => [at, reminder])).toEqual([
      [45, 0],
      [50, 1],
      [58, 2],
      [60, 3],
      [100, 4],
      [118, 5],
      [120, 6],
    ]);
  });
});

describe('the plan on unusual days', () => {
  const asked = (notes: ReturnType<typeof imagine>) => notes.filter(({ action }) => action === 'ask');

  it('the plan asks once on Tuesday morning after a long weekend asleep', () => {
    const weekend = (now: number) => now > NINE + 9 * HOUR && now < NINE + 96 * HOUR;
    const notes = imagine(105, endsIn(12 * HOUR), { asleep: weekend, answer: () => 'code' });
    expect(notes.map(({ at }) => at / 60)).toEqual([96]);
  });

  it('the plan asks once after a flight without a network', () => {
    const held = (now: number) => (now > NINE + 2 * HOUR && now < NINE + 14 * HOUR ? 'no network' : undefined);
    const notes = imagine(20, endsIn(10 * HOUR), { held, answer: () => 'code' });
    expect(notes.map(({ at }) => at / 60)).toEqual([14]);
  });

  it('the plan asks at most once each time the lid is opened', () => {
    const lidDown = (now: number) => Math.floor((now - NINE) / (20 * MINUTE)) % 2 === 1;
    const notes = imagine(8, endsIn(HOUR), { asleep: lidDown, answer: () => 'dismiss' });
    const atOpening = (at: number) => Math.floor(at / 40);
    const first = asked(notes).filter(({ reminder }) => reminder === 0);
    expect(new Set(first.map(({ at }) => atOpening(at))).size).toBe(first.length);
    expect(first.length).toBeGreaterThan(5);
  });

  it.each([
    ['forward', '2026-03-28T21:00:00+01:00', '2026-03-29T07:00:00+02:00'],
    ['back', '2026-10-24T21:00:00+02:00', '2026-10-25T07:00:00+01:00'],
  ])('the plan asks at seven by the clock after a night in which the clocks go %s', (_, evening, seven) => {
    const before = process.env.TZ;
    process.env.TZ = 'Europe/Berlin';
    try {
      const start = Date.parse(evening);
      const session: StoredSession = { kind: 'session', accessKeyId: 'ASIA', expiration: start + 6 * HOUR };
      const night = (now: number) => quietUntil({ from: 22 * 60, to: 7 * 60 }, now);
      const notes = imagine(14, session, { quietUntil: night, answer: () => 'code' }, start);
      expect(notes).toEqual([{ at: (Date.parse(seven) - start) / MINUTE, action: 'ask', reminder: 0 }]);
      expect(new Date(seven).getHours()).toBe(7);
    } finally {
      if (before === undefined) delete process.env.TZ;
      else process.env.TZ = before;
    }
  });

  it('the plan asks once when a session ends in a night in which the clocks change, without quiet hours', () => {
    const start = Date.parse('2026-03-28T21:00:00+01:00');
    const session: StoredSession = { kind: 'session', accessKeyId: 'ASIA', expiration: start + 6 * HOUR };
    const notes = imagine(14, session, { answer: () => 'code' }, start);
    expect(notes).toEqual([{ at: 6 * 60 - 15, action: 'ask', reminder: 0 }]);
  });

  it('the plan closes a prompt when the clock is set back an hour, and asks again when the session is due', () => {
    const step = (now: number) => (now === NINE + 50 * MINUTE ? -HOUR : 0);
    const notes = imagine(3, endsIn(HOUR), { clockStep: step });
    expect(notes.map(({ at, action }) => [at, action]).slice(0, 3)).toEqual([
      [45, 'ask'],
      [50, 'withdraw'],
      [105, 'ask'],
    ]);
  });

  it('the plan keeps one prompt when the clock is set forward an hour, past the end of the session', () => {
    const step = (now: number) => (now === NINE + 10 * MINUTE ? HOUR : 0);
    expect(asked(imagine(3, endsIn(HOUR), { clockStep: step }))).toHaveLength(1);
  });

  it('the plan asks once near the end of each session that is shorter than the lead time', () => {
    const notes = imagine(1, { kind: 'none' }, { sessions: 12 * MINUTE, answer: () => 'code' });
    expect(notes.map(({ at, action }) => [at, action])).toEqual([0, 9, 18, 27, 36, 45, 54].map((at) => [at, 'ask']));
  });

  it('the plan reminds of the last of several short sessions like of any other when the user does not answer', () => {
    let given = false;
    const answer = () => {
      if (given) return undefined;
      given = true;
      return 'code' as const;
    };
    const notes = imagine(2, { kind: 'none' }, { sessions: 12 * MINUTE, answer });
    expect(notes.map(({ at, reminder }) => [at, reminder])).toEqual([
      [0, 0],
      [9, 0],
      [12, 1],
    ]);
  });
});

const at = (now: number) => ({
  now,
  ...SETTINGS,
  quietUntil: undefined,
  returnedAt: NINE - HOUR,
});
const situation = (changes: Partial<Situation>): Situation => ({
  profile: 'mfa',
  serialNumber: 'phone',
  state: 'expired',
  expiration: NINE,
  history: FRESH_START,
  ...changes,
});

describe('the history', () => {
  const asked: History = { ...FRESH_START, askingSince: NINE - MINUTE, lastAskedAt: NINE - MINUTE, reminders: 2 };
  const ended = (outcome: RefreshOutcome) =>
    next({ ...asked, lastCall: true }, { kind: 'prompt-ended', outcome, jitter: 0 });

  it('the history after a snooze holds when it ends, and nothing of the prompts before', () => {
    expect(ended({ kind: 'snoozed', until: NINE + HOUR })).toEqual({ ...FRESH_START, snoozedUntil: NINE + HOUR });
  });

  it('the history after a snooze by command keeps what is true whether or not the user is asked', () => {
    const before: History = {
      ...asked,
      lastCall: true,
      unsaved: true,
      stopped: STOPPED,
      outage: { kind: 'busy', times: 2 },
    };
    const { unsaved, stopped, outage, askingSince } = before;
    const kept = { ...FRESH_START, unsaved, stopped, outage, askingSince };
    expect(next(before, { kind: 'snoozed', until: NINE + HOUR })).toEqual({ ...kept, snoozedUntil: NINE + HOUR });
    const snoozed = { ...before, snoozedUntil: NINE + HOUR };
    expect(next(snoozed, { kind: 'snoozed', until: undefined })).toEqual(kept);
  });

  it('a snooze survives a file that changes, also while the agent had stopped asking', () => {
    const snoozed = { ...FRESH_START, snoozedUntil: NINE + HOUR };
    const fixed = { kind: 'checked', state: 'expired', mayBeFixed: true } as const;
    expect(next({ ...snoozed, stopped: STOPPED }, fixed)).toEqual(snoozed);
    expect(next({ ...snoozed, unaskable: 'cannot ask here: no desktop' }, fixed)).toEqual(snoozed);
  });

  it('the history after a dismissal holds when the prompt was last shown', () => {
    expect(ended({ kind: 'dismissed' })).toEqual({
      reminders: 2,
      lastCall: true,
      lastAskedAt: NINE - MINUTE,
    });
  });

  it('the history after AWS was asked about a session holds the answer for 15 minutes', () => {
    for (const [alive, verdict] of [
      [true, true],
      [false, false],
      [undefined, true],
    ] as const) {
      expect(next(FRESH_START, { kind: 'verified', alive })).toEqual({
        ...FRESH_START,
        verdict: { alive: verdict, until: NINE + 15 * MINUTE },
      });
    }
  });

  it('the pause is 30 to 90 seconds when AWS does not answer, and twice as long from the second time on', () => {
    for (const kind of ['busy', 'unreachable'] as const) {
      const failure: AwsFailure = kind === 'busy' ? { kind, detail: '' } : { kind, detail: '', sent: true };
      const again = (history: History, jitter: number) =>
        next(history, {
          kind: 'prompt-ended',
          outcome: { kind: 'refused', failure, reason: 'no route', message: 'no answer' },
          jitter,
        });
      let [shortest, longest] = [asked, asked];
      for (const [times, seconds] of [
        [1, [30, 90]],
        [2, [60, 180]],
        [3, [60, 180]],
      ] as const) {
        const waiting = (pause: number): History => ({
          ...FRESH_START,
          problem: 'The last try failed: no route.',
          outage: { kind, times },
          wait: { until: NINE + pause * 1_000, why: 'no answer' },
        });
        shortest = again(shortest, 0);
        longest = again(longest, 1);
        expect([shortest, longest]).toEqual(seconds.map(waiting));
      }
    }
  });

  it('the next prompt waits for the time of a reminder when three codes were wrong, or the clock is', () => {
    for (const [kind, why, reason] of [
      ['wrong-code', 'AWS refused the codes', 'AWS refused the codes'],
      ['clock', 'set the clock', 'the clock is slow'],
    ] as const) {
      const refused = {
        kind: 'refused',
        failure: { kind },
        reason: 'the clock is slow',
        message: 'set the clock',
      } as const;
      expect(ended(refused)).toEqual({
        ...FRESH_START,
        problem: `The last try failed: ${reason}.`,
        wait: { until: NINE + SETTINGS.remindEvery, why },
      });
    }
  });

  it.each<[string, number, number]>([
    ['long before the end', 20 * MINUTE, 5 * MINUTE],
    ['some minutes before the end', 4 * MINUTE, 2 * MINUTE],
    ['shortly before the end', MINUTE, MINUTE],
    ['after the end', -MINUTE, 5 * MINUTE],
  ])('the next prompt after three wrong codes %s does not come later than the last call', (_, left, pause) => {
    for (const kind of ['wrong-code', 'clock', 'wrong-serial'] as const) {
      const outcome = { kind: 'refused', failure: { kind }, reason: '', message: '' } as const;
      const session = situation({ state: left > 0 ? 'due' : 'expired', expiration: NINE + left });
      const history = next(asked, { kind: 'prompt-ended', outcome, expiration: NINE + left, jitter: 0 });
      const [early, due] = [NINE + pause - 1, NINE + pause];
      expect(plan([{ ...session, history }], at(NINE)).nextLook).toBe(due);
      expect(plan([{ ...session, history }], at(early)).actions).toEqual([]);
      expect(plan([{ ...session, history }], at(due)).actions).toEqual([{ do: 'ask', profile: 'mfa', reminder: 0 }]);
    }
  });

  it('nothing that AWS or this machine says stops the asking for longer than an hour, whatever the settings', () => {
    const kinds = ['wrong-code', 'wrong-serial', 'clock', 'session-keys', 'forbidden', 'bad-keys', 'expired'] as const;
    const others = ['invalid-request', 'refused', 'not-sts', 'busy', 'unreachable'] as const;
    const outcomes: RefreshOutcome[] = [
      ...[...kinds, ...others].map((kind) => {
        const failure = { kind, detail: '', code: 'InvalidClientTokenId', sent: true } as AwsFailure;
        return { kind: 'refused', failure, reason: '', message: '' } as const;
      }),
      { kind: 'no-keys', reason: '' },
      { kind: 'unaskable', reason: '' },
    ];
    for (const outcome of outcomes) {
      const moment = { ...SETTINGS, remindEvery: 4 * HOUR, now: NINE };
      const history = after(asked, { kind: 'prompt-ended', outcome, jitter: 1 }, moment);
      const later = { ...at(NINE + HOUR), remindEvery: 4 * HOUR };
      const { actions } = plan([situation({ state: 'expired', expiration: NINE - HOUR, history })], later);
      expect(actions, JSON.stringify(outcome)).toEqual([{ do: 'ask', profile: 'mfa', reminder: 0 }]);
    }
  });

  it('the next prompt repeats why the last try failed, until the user has seen it or there is a session', () => {
    const outcome = { kind: 'refused', failure: { kind: 'wrong-code' }, reason: '', message: '' } as const;
    const refused = next(asked, { kind: 'prompt-ended', outcome, jitter: 0 });
    const problem = 'The last try failed: AWS refused the codes.';
    const prompted = next(refused, { kind: 'prompted', reminder: 0, expiration: undefined });
    const close = (outcome: RefreshOutcome) => next(prompted, { kind: 'prompt-ended', outcome, jitter: 0 });
    for (const seen of [
      prompted,
      next(prompted, { kind: 'prompted', reminder: 1, expiration: undefined }),
      close({ kind: 'withdrawn' }),
      close({ kind: 'unaskable', reason: 'no display' }),
      next(refused, { kind: 'checked', state: 'expired', mayBeFixed: true }),
      next({ ...refused, stopped: STOPPED }, { kind: 'checked', state: 'expired', mayBeFixed: true }),
    ]) {
      expect(seen.problem).toBe(problem);
    }
    expect(close({ kind: 'dismissed' }).problem).toBeUndefined();
    expect(next(refused, { kind: 'checked', state: 'fresh', mayBeFixed: false }).problem).toBeUndefined();
  });

  it('a check of a fresh session keeps a snooze and what was logged, and nothing else', () => {
    const { askingSince: _, ...closed } = asked;
    const history: History = { ...closed, snoozedUntil: NINE + HOUR, unaskable: 'no display', stopped: STOPPED };
    const checked = (seen: History) => next(seen, { kind: 'checked', state: 'fresh', mayBeFixed: false });
    expect(checked(history)).toEqual({ ...FRESH_START, snoozedUntil: NINE + HOUR, unaskable: 'no display' });
    expect(checked({ ...FRESH_START, unsaved: true })).toEqual({ ...FRESH_START, unsaved: true });
    expect(checked(asked)).toEqual(asked);
  });

  it('a check after a change of a file lifts a stop and keeps a snooze', () => {
    const checked = (seen: History) => next(seen, { kind: 'checked', state: 'due', mayBeFixed: true });
    const snoozed = { ...FRESH_START, snoozedUntil: NINE + HOUR };
    expect(checked({ ...snoozed, lastAskedAt: NINE, stopped: STOPPED })).toEqual(snoozed);
    expect(checked({ ...snoozed, lastAskedAt: NINE, unaskable: 'no display' })).toEqual(snoozed);
    expect(checked({ ...FRESH_START, stopped: STOPPED })).toEqual(FRESH_START);
    const verdict = { alive: true, until: NINE + HOUR };
    expect(checked({ ...FRESH_START, lastAskedAt: NINE, verdict })).toEqual({ ...FRESH_START, lastAskedAt: NINE });
  });

  it('an open prompt is repeated after its last call when a command waits: for a person at once, for a program after a while', () => {
    const last: History = { ...asked, lastAskedAt: NINE - MINUTE, lastCall: true };
    const actions = (history: History, person: boolean) => {
      const waited = next(history, { kind: 'awaited', person });
      return plan([situation({ history: waited, expiration: NINE - 2 * MINUTE })], at(NINE)).actions;
    };
    const remind = [{ do: 'remind', profile: 'mfa', reminder: 3 }];
    expect(actions(last, true)).toEqual(remind);
    expect(actions(last, false)).toEqual([]);
    expect(actions({ ...last, lastAskedAt: NINE - SETTINGS.remindEvery }, false)).toEqual(remind);
  });

  it('what stops or delays the prompts of a profile stays in force when a command waits for it', () => {
    const wait = { until: NINE + MINUTE, why: 'AWS is busy' };
    const outage = { kind: 'busy', times: 2 } as const;
    const lastAskedAt = NINE - SETTINGS.remindEvery;
    const held: History = { ...FRESH_START, lastAskedAt, reminders: 2, stopped: STOPPED, outage, wait };
    const stays = { ...FRESH_START, stopped: held.stopped, outage };
    expect(next(held, { kind: 'awaited', person: false })).toEqual({ ...stays, wait });
    expect(next(held, { kind: 'awaited', person: true })).toEqual(stays);
  });
});

describe('the plan for several profiles and states', () => {
  it('the plan asks for one profile of a device at a time, and for other devices in parallel', () => {
    const all = [
      situation({ profile: 'a' }),
      situation({ profile: 'b' }),
      situation({ profile: 'c', serialNumber: 'yubikey' }),
    ];
    const { actions, standings } = plan(all, at(NINE));
    expect(actions.map(({ profile }) => profile)).toEqual(['a', 'c']);
    expect(standings.get('b')).toEqual({ standing: 'queued', behind: 'a' });
  });

  it('the plan closes the prompt when another process has refreshed the session', () => {
    const history = { ...FRESH_START, askingSince: NINE, lastAskedAt: NINE };
    expect(plan([situation({ state: 'fresh', history })], at(NINE)).actions).toEqual([
      { do: 'withdraw', profile: 'mfa' },
    ]);
  });

  it('the plan never asks for a profile that holds long-term keys', () => {
    const { actions, standings } = plan([situation({ state: 'long-term' })], at(NINE));
    expect(actions).toEqual([]);
    expect(standings.get('mfa')).toMatchObject({ standing: 'stopped' });
  });

  it('the plan asks STS, not the user, about a session without an expiry', () => {
    const unknown = situation({ state: 'unknown', expiration: undefined });
    expect(plan([unknown], at(NINE)).actions).toEqual([{ do: 'verify', profile: 'mfa' }]);
  });

  it('the plan treats a session as fresh for as long as STS confirmed it, and asks the user when it is dead', () => {
    const told = (alive: boolean) =>
      situation({
        state: 'unknown',
        expiration: undefined,
        history: { ...FRESH_START, verdict: { alive, until: NINE + HOUR } },
      });
    expect(plan([told(true)], at(NINE)).actions).toEqual([]);
    expect(plan([told(false)], at(NINE)).actions).toEqual([{ do: 'ask', profile: 'mfa', reminder: 0 }]);
  });

  it('the plan asks AWS about a session without an expiry again when the last answer is too old', () => {
    const history = { ...FRESH_START, verdict: { alive: true, until: NINE } };
    const unknown = situation({ state: 'unknown', expiration: undefined, history });
    expect(plan([unknown], at(NINE - 1)).actions).toEqual([]);
    expect(plan([unknown], at(NINE)).actions).toEqual([{ do: 'verify', profile: 'mfa' }]);
  });

  it.each<[Partial<Situation>, Standing]>([
    [{ state: 'fresh' }, { standing: 'fresh' }],
    [
      { state: 'unknown', history: { ...FRESH_START, verdict: { alive: true, until: NINE + HOUR } } },
      { standing: 'fresh' },
    ],
    [{ state: 'unknown' }, { standing: 'verifying' }],
    [{ history: { ...FRESH_START, unsaved: true } }, { standing: 'unsaved' }],
    [
      { history: { ...FRESH_START, stopped: STOPPED } },
      { standing: 'stopped', why: STOPPED.why, until: STOPPED.until },
    ],
    [{ history: { ...FRESH_START, snoozedUntil: NINE + 1 } }, { standing: 'snoozed', until: NINE + 1 }],
    [{}, { standing: 'asking', since: NINE }],
  ])('the plan reports the standing of the profile: %j', (changes, standing) => {
    expect(plan([situation(changes)], at(NINE)).standings.get('mfa')).toEqual(standing);
  });

  it('the plan asks for a session that is due whatever AWS said of an earlier one without an expiry', () => {
    const history = { ...FRESH_START, verdict: { alive: true, until: NINE + HOUR } };
    for (const state of ['due', 'expired', 'missing'] as const) {
      expect(plan([situation({ state, history })], at(NINE)).actions).toEqual([
        { do: 'ask', profile: 'mfa', reminder: 0 },
      ]);
    }
  });

  it('the plan waits no longer than four hours between two reminders, however many there were', () => {
    const history: History = { ...FRESH_START, lastAskedAt: NINE, askingSince: NINE, reminders: 12 };
    const due = situation({ state: 'due', expiration: NINE + 100 * HOUR, history });
    expect(plan([due], at(NINE + 4 * HOUR - MINUTE)).actions).toEqual([]);
    expect(plan([due], at(NINE + 4 * HOUR)).actions).toEqual([{ do: 'remind', profile: 'mfa', reminder: 13 }]);
  });

  it('the plan writes a kept session before it asks anything', () => {
    const { actions } = plan([situation({ history: { ...FRESH_START, unsaved: true } })], at(NINE));
    expect(actions).toEqual([{ do: 'save', profile: 'mfa' }]);
  });

  it('the plan waits as long as it must, and does not ask while an answer could not help', () => {
    const waiting = situation({ history: { ...FRESH_START, wait: { until: NINE + MINUTE, why: 'AWS is busy' } } });
    expect(plan([waiting], at(NINE)).actions).toEqual([]);
    expect(plan([waiting], at(NINE + MINUTE)).actions).toHaveLength(1);
    const stopped = situation({ history: { ...FRESH_START, stopped: STOPPED } });
    expect(plan([stopped], at(NINE + 58 * MINUTE)).actions).toEqual([]);
  });

  describe('the plan while notifications are paused', () => {
    const paused = (now: number) => ({ ...at(now), paused: 'notifications are paused' });
    const due = (left: number, history: Partial<History> = {}) =>
      situation({
        state: left > 0 ? 'due' : 'expired',
        expiration: NINE + left,
        byNotification: true,
        history: { ...FRESH_START, ...history },
      });

    it('the plan does not ask, says why, and looks again in time for the last call', () => {
      const { actions, standings, nextLook } = plan([due(14 * MINUTE)], paused(NINE));
      expect(actions).toEqual([]);
      expect(standings.get('mfa')).toEqual({ standing: 'held', why: 'notifications are paused' });
      expect(nextLook).toBe(NINE + 12 * MINUTE);
    });

    it('the plan closes an open prompt, which is no longer on the screen', () => {
      const open = due(14 * MINUTE, { askingSince: NINE - MINUTE, lastAskedAt: NINE - MINUTE });
      expect(plan([open], paused(NINE)).actions).toEqual([{ do: 'withdraw', profile: 'mfa' }]);
    });

    it('the plan still makes the last call, and leaves it on the screen', () => {
      const ask = { do: 'ask', profile: 'mfa', reminder: 0 };
      expect(plan([due(2 * MINUTE)], paused(NINE)).actions).toEqual([ask]);
      const asked = { askingSince: NINE - 2 * MINUTE, lastAskedAt: NINE - 2 * MINUTE };
      expect(plan([due(0, asked)], paused(NINE)).actions).toEqual([{ do: 'remind', profile: 'mfa', reminder: 1 }]);
      const called = { ...asked, lastAskedAt: NINE, lastCall: true };
      expect(plan([due(0, called)], paused(NINE + HOUR)).actions).toEqual([]);
    });

    it('the plan does not ask for a session that has ended, until notifications are wanted again', () => {
      expect(plan([due(-HOUR)], paused(NINE)).standings.get('mfa')).toMatchObject({ standing: 'held' });
      const asked = due(-HOUR, { lastAskedAt: NINE - 90 * MINUTE, lastCall: true });
      const back = { ...at(NINE), returnedAt: NINE };
      expect(plan([asked], back).actions).toEqual([{ do: 'ask', profile: 'mfa', reminder: 0 }]);
    });

    it('the plan asks where the user is not asked by a notification', () => {
      const dialog = { ...due(14 * MINUTE), byNotification: false };
      expect(plan([dialog], paused(NINE)).actions).toMatchObject([{ do: 'ask' }]);
    });
  });

  describe('the plan where no way of asking works', () => {
    const moment = {
      kind: 'prompt-ended',
      outcome: { kind: 'unaskable', reason: 'zenity: no display' },
      jitter: 0,
    } as const;
    const unaskable = next({ ...FRESH_START, askingSince: NINE, lastAskedAt: NINE }, moment);
    const ask = { do: 'ask', profile: 'mfa', reminder: 0 };

    it('the plan waits, and looks for a desktop every minute', () => {
      const { actions, standings, nextLook } = plan([situation({ history: unaskable })], at(NINE));
      expect(actions).toEqual([]);
      expect(standings.get('mfa')).toMatchObject({ standing: 'waiting', why: 'cannot ask here: zenity: no display' });
      expect(nextLook).toBe(NINE + MINUTE);
    });

    it('the plan gives the remedy in a few words if it is known', () => {
      const outcome = { ...moment.outcome, summary: 'install gjs or zenity; run `aws-mfa-agent doctor`' };
      const history = next({ ...FRESH_START, askingSince: NINE, lastAskedAt: NINE }, { ...moment, outcome });
      expect(plan([situation({ history })], at(NINE)).standings.get('mfa')).toMatchObject({
        standing: 'waiting',
        why: 'nothing to ask with: install gjs or zenity; run `aws-mfa-agent doctor`',
      });
    });

    it('the plan asks at once when the desktop has changed', () => {
      const history = next(unaskable, { kind: 'desktop-changed' });
      expect(plan([situation({ history })], at(NINE)).actions).toEqual([ask]);
      const wait = { until: NINE + MINUTE, why: 'AWS is busy' };
      expect(next({ ...FRESH_START, wait }, { kind: 'desktop-changed' })).toEqual({ ...FRESH_START, wait });
    });

    it('the plan says so while a notification names the command, reminds as always, and looks for a desktop', () => {
      const asking: History = { ...FRESH_START, askingSince: NINE, lastAskedAt: NINE };
      const history = next(asking, { kind: 'no-way', reason: 'zenity: not installed' });
      const { actions, standings, nextLook } = plan([situation({ history })], at(NINE + MINUTE));
      expect(actions).toEqual([]);
      const why = 'only a notification is possible: zenity: not installed';
      expect(standings.get('mfa')).toEqual({ standing: 'asking', since: NINE, why });
      expect(nextLook).toBe(NINE + 2 * MINUTE);
      expect(plan([situation({ history })], at(NINE + 5 * MINUTE)).actions).toMatchObject([{ do: 'remind' }]);
      const closed = { kind: 'prompt-ended', outcome: { kind: 'dismissed' }, jitter: 0 } as const;
      expect(next(history, { ...closed, noWay: 'zenity: not installed' }).unaskable).toBe('zenity: not installed');
      expect(next(history, closed).unaskable).toBeUndefined();
    });
  });

  describe('the plan after a refusal that another code cannot change', () => {
    const message = 'cannot refresh [mfa]: AWS refused';
    const failure = { kind: 'forbidden', detail: 'no' } as const;
    const refused = { kind: 'refused', failure, reason: 'AWS refused', message } as const;
    const history = next(
      { ...FRESH_START, askingSince: NINE - MINUTE, lastAskedAt: NINE - MINUTE, reminders: 7 },
      { kind: 'prompt-ended', outcome: refused, jitter: 0 },
    );
    const ask = [{ do: 'ask', profile: 'mfa', reminder: 0 }];

    it('the plan says why it does not ask, and when it asks once more', () => {
      const { actions, standings } = plan([situation({ history })], at(NINE));
      expect(actions).toEqual([]);
      expect(standings.get('mfa')).toEqual({ standing: 'stopped', why: message, until: NINE + HOUR });
    });

    it('the plan asks once more after remind_every when AWS cannot validate the device, which may be out of step', () => {
      const outcome = { ...refused, failure: { kind: 'wrong-serial' } } as const;
      const asked = next(FRESH_START, { kind: 'prompt-ended', outcome, jitter: 0 });
      expect(plan([situation({ history: asked })], at(NINE + 5 * MINUTE - 1)).actions).toEqual([]);
      expect(plan([situation({ history: asked })], at(NINE + 5 * MINUTE)).actions).toEqual(ask);
      const back = { ...at(NINE + 2 * MINUTE), returnedAt: NINE + 2 * MINUTE };
      expect(plan([situation({ history: asked })], back).actions).toEqual(ask);
      const checked = next(asked, { kind: 'checked', state: 'expired', mayBeFixed: true });
      expect(plan([situation({ history: checked })], at(NINE)).actions).toEqual(ask);
    });

    it('the plan does not ask until an hour has passed', () => {
      expect(plan([situation({ history })], at(NINE + HOUR - 1)).actions).toEqual([]);
      expect(plan([situation({ history })], at(NINE + HOUR)).actions).toEqual(ask);
    });

    it('the plan asks once more when the user comes back', () => {
      const back = { ...at(NINE + 2 * MINUTE), returnedAt: NINE + 2 * MINUTE };
      expect(plan([situation({ history })], back).actions).toEqual(ask);
    });

    it('the plan asks once more when a file changes or the user asks for a check', () => {
      const checked = next(history, { kind: 'checked', state: 'expired', mayBeFixed: true });
      expect(plan([situation({ history: checked })], at(NINE)).actions).toEqual(ask);
    });

    it('the plan asks once, and then stops again for as long', () => {
      const shown = next(history, { kind: 'prompted', reminder: 0, expiration: NINE }, NINE + HOUR);
      expect(shown.stopped).toBeUndefined();
      const again = next(shown, { kind: 'prompt-ended', outcome: refused, jitter: 0 }, NINE + HOUR);
      expect(plan([situation({ history: again })], at(NINE + HOUR + MINUTE)).standings.get('mfa')).toMatchObject({
        standing: 'stopped',
        until: NINE + 2 * HOUR,
      });
    });
  });

  describe('the next look of the plan', () => {
    const due = (profile: string, time: number, history: Partial<History> = {}) =>
      situation({
        profile,
        serialNumber: profile,
        state: 'due',
        expiration: NINE + time,
        history: { ...FRESH_START, ...history },
      });
    const nextLook = (...situations: Situation[]) => plan(situations, at(NINE)).nextLook;

    it('the next look is shortly before the next end of a session that is being asked for', () => {
      const [a, b] = [due('a', 6 * MINUTE), due('b', 4 * MINUTE + 30_000, { askingSince: NINE, lastAskedAt: NINE })];
      expect(nextLook(a, b)).toBe(NINE + 2 * MINUTE + 30_000);
    });

    it('the next look is at the end of a session whose last call was closed', () => {
      expect(nextLook(due('a', MINUTE, { lastAskedAt: NINE - MINUTE }))).toBe(NINE + MINUTE);
    });

    it('the next look is at the next reminder, whether or not the prompt was closed', () => {
      const asked = { lastAskedAt: NINE - MINUTE - 20_000, reminders: 1 };
      expect(nextLook(due('a', 14 * MINUTE, asked))).toBe(NINE + 8 * MINUTE + 40_000);
      expect(nextLook(due('a', 14 * MINUTE, { ...asked, askingSince: NINE - HOUR }))).toBe(NINE + 8 * MINUTE + 40_000);
    });

    it('the next look is at the first reminder, when the prompt is shown only now', () => {
      expect(nextLook(due('a', 14 * MINUTE))).toBe(NINE + SETTINGS.remindEvery);
      expect(nextLook(situation({ state: 'missing', expiration: undefined }))).toBe(NINE + SETTINGS.remindEvery);
    });

    it.each<[string, Partial<History>]>([
      ['the end of a snooze', { snoozedUntil: NINE + 130_000 }],
      ['the end of a pause', { wait: { until: NINE + 130_000, why: 'AWS is busy' } }],
      ['the end of a stop', { stopped: { ...STOPPED, until: NINE + 130_000 } }],
    ])('the next look is at %s', (_, history) => {
      expect(nextLook(due('a', 14 * MINUTE, history))).toBe(NINE + 130_000);
    });

    it('the next look is when a fresh session becomes due', () => {
      const fresh = situation({ state: 'fresh', expiration: NINE + 5 * HOUR, due: NINE + 4 * HOUR });
      expect(plan([fresh], at(NINE))).toMatchObject({ actions: [], nextLook: NINE + 4 * HOUR });
    });

    it('the next look is at the end of the quiet hours', () => {
      const quiet = { ...at(NINE), quietUntil: NINE + HOUR };
      expect(plan([due('a', 5 * MINUTE)], quiet).nextLook).toBe(NINE + HOUR);
    });

    it('the next look is at the time that the standing says', () => {
      for (const standing of ['snoozed', 'waiting', 'unanswered', 'stopped', 'quiet'] as const) {
        const history: Partial<History> = {
          snoozed: { snoozedUntil: NINE + 2 * MINUTE },
          waiting: { wait: { until: NINE + 3 * MINUTE, why: 'AWS is busy' } },
          unanswered: { lastAskedAt: NINE - MINUTE },
          stopped: { stopped: STOPPED },
          quiet: {},
        }[standing];
        const circumstances = { ...at(NINE), quietUntil: standing === 'quiet' ? NINE + HOUR : undefined };
        const { standings, nextLook } = plan([due('a', 14 * MINUTE, history)], circumstances);
        expect(standings.get('a')).toMatchObject({ standing, until: nextLook });
      }
    });

    it.each<[string, Situation]>([
      ['fresh', situation({ state: 'fresh', expiration: NINE + 5 * HOUR })],
      [
        'expired, after the last reminder',
        situation({ history: { ...FRESH_START, lastAskedAt: NINE, lastCall: true } }),
      ],
      ['not the agent’s to refresh', situation({ state: 'long-term' })],
    ])('the plan names no next look for a session that is %s', (_, one) => {
      expect(nextLook(one)).toBeUndefined();
    });
  });

  it('the plan leaves the prompt at the end to the check at the very end of the session', () => {
    const asked = { ...FRESH_START, askingSince: NINE - 2 * MINUTE, lastAskedAt: NINE - 2 * MINUTE };
    const ending = situation({ state: 'due', expiration: NINE + 500, history: asked });
    expect(plan([ending], at(NINE))).toMatchObject({ actions: [], nextLook: NINE + 500 });
    expect(plan([{ ...ending, state: 'expired' }], at(NINE + 500)).actions).toEqual([
      { do: 'remind', profile: 'mfa', reminder: 1 },
    ]);
  });

  it('the history keeps the length of every pause when the clock is set', () => {
    const history = (now: number): History => ({
      ...FRESH_START,
      askingSince: now - 2 * MINUTE,
      lastAskedAt: now - MINUTE,
      snoozedUntil: now + HOUR,
      wait: { until: now + 2 * HOUR, why: 'AWS is busy' },
      verdict: { alive: true, until: now + 3 * HOUR },
    });
    for (const by of [-HOUR, HOUR]) {
      const stopped = next({ ...FRESH_START, stopped: STOPPED }, { kind: 'clock-set', by }).stopped;
      expect(stopped).toEqual({ ...STOPPED, since: STOPPED.since + by, until: STOPPED.until + by });
      expect(next(history(NINE), { kind: 'clock-set', by })).toEqual(history(NINE + by));
      expect(next(FRESH_START, { kind: 'clock-set', by })).toEqual(FRESH_START);
    }
  });
});
