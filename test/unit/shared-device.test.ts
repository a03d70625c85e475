import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { after, FRESH_START, type History, type ProfileEvent } from '../../src/policy/history.ts';
import { type Action, plan } from '../../src/policy/plan.ts';
import { dueAt, type StoredSession, stateAt } from '../../src/session/session.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const NINE = Date.UTC(2026, 2, 2, 9);

/** How long the prompts are ignored, in minutes. */
const HOURS = 240;

/** When the session of each profile ends, in minutes after nine; undefined: there is none. All use one device. */
type Ends = Record<string, number | undefined>;

interface Prompt {
  profile: string;
  /** In minutes after nine. */
  at: number;
  action: Action['do'];
}

interface Day {
  remindEvery?: number;
  /** How often the schedule checks, in minutes; undefined: only at the times that the plan names. */
  check?: number | undefined;
  /** What the user does about the prompt of a profile, when it has just been shown. Ignored by default. */
  answer?(prompt: Prompt): 'code' | 'dismiss' | undefined;
  minutes?: number;
}

/** Runs the plan for profiles that share a device. Returns the prompts, and when a prompt made room for another one. */
function imagine(ends: Ends, { remindEvery = 5, check, answer, minutes = HOURS }: Day = {}): Prompt[] {
  const settings = { promptBefore: 25 * MINUTE, remindEvery: remindEvery * MINUTE };
  const ended = new Map(Object.entries(ends));
  const histories = new Map<string, History>(Object.keys(ends).map((profile) => [profile, FRESH_START]));
  const notes: Prompt[] = [];
  let now = NINE;
  const happened = (profile: string, event: ProfileEvent) =>
    histories.set(profile, after(histories.get(profile) ?? FRESH_START, event, { now, ...settings }));
  const close = (profile: string, kind: 'withdrawn' | 'dismissed') =>
    happened(profile, { kind: 'prompt-ended', outcome: { kind }, jitter: 0 });

  const look = () => {
    const situations = [...ended].map(([profile, end]) => {
      const expiration = end === undefined ? undefined : NINE + end * MINUTE;
      const session: StoredSession =
        expiration === undefined ? { kind: 'none' } : { kind: 'session', accessKeyId: 'ASIA', expiration };
      const state = stateAt(session, now, settings.promptBefore);
      happened(profile, { kind: 'checked', state, mayBeFixed: false });
      const history = histories.get(profile) ?? FRESH_START;
      const due = dueAt(session, settings.promptBefore);
      return { profile, serialNumber: 'phone', state, expiration, due, history };
    });
    let closed = false;
    const { actions, nextLook } = plan(situations, { now, ...settings, quietUntil: undefined, returnedAt: NINE - 1 });
    for (const { do: action, profile, ...rest } of actions) {
      const { expiration } = situations.find((one) => one.profile === profile) ?? {};
      const note = { profile, at: (now - NINE) / MINUTE, action };
      notes.push(note);
      if ('reminder' in rest) happened(profile, { kind: 'prompted', reminder: rest.reminder, expiration });
      if (action === 'yield') happened(profile, { kind: 'yielded' });
      if (action === 'yield' || action === 'withdraw') {
        close(profile, 'withdrawn');
        closed = true;
        continue;
      }
      const does = answer?.(note);
      if (does !== undefined) closed = true;
      if (does === 'dismiss') close(profile, 'dismissed');
      if (does === 'code') {
        ended.set(profile, note.at + 720);
        histories.set(profile, FRESH_START);
      }
    }
    // The outcome of a prompt is followed by a check. A prompt that is shown or repeated is not.
    return { isOver: !closed, nextLook };
  };

  while (now <= NINE + minutes * MINUTE) {
    let looked = look();
    for (let times = 0; !looked.isOver; times += 1) {
      if (times > 20) throw new Error(`the prompts displace each other: ${JSON.stringify(notes.slice(-6))}`);
      looked = look();
    }
    const scheduled = check === undefined ? Number.POSITIVE_INFINITY : now + check * MINUTE;
    now = Math.min(scheduled, looked.nextLook ?? Number.POSITIVE_INFINITY);
  }
  return notes;
}

const prompts = (notes: Prompt[], profile: string) =>
  notes.filter((one) => one.profile === profile && /^(ask|remind)$/.test(one.action)).map(({ at }) => at);

/** How many prompts docs/asking.md allows: the first, its reminders, the last call, and the one at the end. */
function most(end: number | undefined, remindEvery: number): number {
  let count = end === undefined ? 0 : 2;
  let pause = remindEvery;
  for (let at = Math.max(0, (end ?? 0) - 25); end === undefined ? at <= HOURS : at < end; at += pause / 2) {
    count += 1;
    pause *= 2;
  }
  return count;
}

describe('the plan for profiles that share a device', () => {
  it('the plan asks for a session that ends although another prompt is ignored, and then goes on with that one', () => {
    const notes = imagine({ deploy: undefined, mfa: 35 });
    expect(prompts(notes, 'mfa')).toEqual([10, 20, 30, 33, 35]);
    expect(prompts(notes, 'deploy')).toEqual([0, 5, 15, 40, 80, 160]);
  });

  it('the plan asks for the profile that made room as soon as the other one has its session', () => {
    const notes = imagine(
      { deploy: undefined, mfa: 35 },
      { answer: ({ profile }) => (profile === 'mfa' ? 'code' : undefined), minutes: 12 },
    );
    expect(notes.map(({ at, action, profile }) => [at, action, profile])).toEqual([
      [0, 'ask', 'deploy'],
      [5, 'remind', 'deploy'],
      [10, 'yield', 'deploy'],
      [10, 'ask', 'mfa'],
      [10, 'ask', 'deploy'],
    ]);
  });

  it('the plan lets a prompt stay for remind_every before it asks for another profile without a session', () => {
    const notes = imagine({ a: undefined, b: undefined }, { minutes: 60 });
    expect(prompts(notes, 'a')).toEqual([0, 10, 20, 40]);
    expect(prompts(notes, 'b')).toEqual([5, 15, 25, 45]);
  });

  it('the plan lets a prompt stay for remind_every, or half of the time left, before the first prompt for a session that ends', () => {
    expect(prompts(imagine({ deploy: undefined, mfa: 26 }), 'mfa')[0]).toBe(5);
    expect(prompts(imagine({ deploy: undefined, mfa: 26 }, { remindEvery: 30 }), 'mfa')[0]).toBe(13);
  });

  it('the plan makes room at once for a last call', () => {
    // At 19, half of the time left since the other prompt was repeated is not over.
    const notes = imagine({ deploy: undefined, mfa: 21 }, { remindEvery: 2 });
    expect(prompts(notes, 'deploy')).toContain(18);
    expect(prompts(notes, 'mfa')).toContain(19);
  });

  it('the plan asks first for the session that ends first', () => {
    expect(
      imagine({ a: undefined, b: 9, c: 8 }, { answer: () => 'code', minutes: 1 }).map(({ profile }) => profile),
    ).toEqual(['c', 'b', 'a']);
  });

  it('the plan shows a first prompt and a last call before the end of each session, and no more prompts than for one profile', () => {
    const end = fc.oneof(
      { weight: 1, arbitrary: fc.constant(undefined) },
      { weight: 2, arbitrary: fc.integer({ min: 20, max: 40 }) },
      { weight: 2, arbitrary: fc.integer({ min: 20 * 60, max: 60 * 60 }).map((seconds) => seconds / 60) },
    );
    const day = fc.record({
      remindEvery: fc.integer({ min: 1, max: 40 }),
      check: fc.option(fc.double({ min: 0.3, max: 60, noNaN: true }), { nil: undefined }),
    });
    fc.assert(
      fc.property(fc.array(end, { minLength: 2, maxLength: 3 }), day, (ends, day) => {
        const all = Object.fromEntries(ends.map((one, index) => [`p${index}`, one]));
        const notes = imagine(all, day);
        for (const [profile, end] of Object.entries(all)) {
          const own = prompts(notes, profile);
          expect(own.length).toBeGreaterThan(0);
          expect(own.length).toBeLessThanOrEqual(most(end, day.remindEvery));
          if (end === undefined) continue;
          expect(own[0]).toBeLessThan(end);
          const lastCalls = own.filter((at) => at < end && Math.round((end - at) * MINUTE) <= 3 * MINUTE);
          expect(lastCalls).not.toEqual([]);
        }
      }),
      { numRuns: 150 },
    );
  });
});
