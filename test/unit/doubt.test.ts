import { describe, expect, it } from 'vitest';
import { isDoubtful } from '../../src/policy/doubt.ts';
import { FRESH_START } from '../../src/policy/history.ts';
import { plan } from '../../src/policy/plan.ts';
import { acceptedAt, endOf, type StoredSession, stateAt, type Verdict } from '../../src/session/session.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOON = Date.parse('2030-01-31T12:00:00Z');
const HALF_A_DAY = 12 * 3600;

type Session = StoredSession & { kind: 'session' };
const session = (changes: Partial<Session> = {}): Session => ({
  ...{ kind: 'session', accessKeyId: 'ASIA', issued: NOON, expiration: NOON + 12 * HOUR },
  ...changes,
});
const alive = (at: number, askedAt = at): Verdict => ({ alive: true, at, askedAt });
const refused = (at: number): Verdict => ({ alive: false, at, askedAt: at });

describe('the doubt whether AWS still accepts a session', () => {
  it.each<[string, Session, number, number | undefined, boolean]>([
    ['a new session', session(), NOON + MINUTE, undefined, false],
    ['before a quarter of its life', session(), NOON + 3 * HOUR - 1, undefined, false],
    ['after a quarter of its life', session(), NOON + 3 * HOUR, undefined, true],
    ['accepted since', session({ verdict: alive(NOON + 3 * HOUR) }), NOON + 5 * HOUR, undefined, false],
    ['accepted a quarter ago', session({ verdict: alive(NOON + 3 * HOUR) }), NOON + 6 * HOUR, undefined, true],
    [
      'AWS could not be asked just now',
      session({ verdict: alive(0, NOON + 3 * HOUR) }),
      NOON + 3 * HOUR + MINUTE,
      undefined,
      false,
    ],
    [
      'AWS could not be asked a while ago',
      session({ verdict: alive(0, NOON + 3 * HOUR) }),
      NOON + 3 * HOUR + 15 * MINUTE,
      undefined,
      true,
    ],
    [
      'asked at a time ahead of the clock',
      session({ verdict: alive(NOON + 9 * HOUR) }),
      NOON + 3 * HOUR,
      undefined,
      true,
    ],
    ["the source's key changed", session(), NOON + 2 * MINUTE, NOON + MINUTE, true],
    [
      'asked since the key changed',
      session({ verdict: alive(NOON + MINUTE) }),
      NOON + 2 * MINUTE,
      NOON + MINUTE,
      false,
    ],
    [
      'asked just before the key changed',
      session({ verdict: alive(NOON + MINUTE - 1) }),
      NOON + 2 * MINUTE,
      NOON + MINUTE,
      true,
    ],
    [
      'the key changed without a network',
      session({ verdict: alive(0, NOON + MINUTE) }),
      NOON + 16 * MINUTE,
      NOON + MINUTE,
      true,
    ],
    ['refused just now', session({ verdict: refused(NOON) }), NOON + MINUTE, undefined, false],
    ['refused a while ago', session({ verdict: refused(NOON) }), NOON + 15 * MINUTE, undefined, true],
    [
      'refused, without a known end',
      session({ expiration: undefined, verdict: refused(NOON) }),
      NOON + 15 * MINUTE,
      undefined,
      true,
    ],
    ['without a known end', session({ expiration: undefined }), NOON + 9 * HOUR, undefined, false],
    [
      "without a known end, the source's key changed",
      session({ expiration: undefined }),
      NOON + 2 * MINUTE,
      NOON + MINUTE,
      false,
    ],
    ['that ends in 15 minutes', session(), NOON + 12 * HOUR - 15 * MINUTE, undefined, true],
    ['that ends sooner', session(), NOON + 12 * HOUR - 15 * MINUTE + 1, undefined, false],
    ['ended', session(), NOON + 12 * HOUR, undefined, false],
    ['of 15 minutes', session({ expiration: NOON + 15 * MINUTE }), NOON + 14 * MINUTE, undefined, false],
    [
      'of 40 minutes, after a quarter of them',
      session({ expiration: NOON + 40 * MINUTE }),
      NOON + 15 * MINUTE - 1,
      undefined,
      false,
    ],
    [
      'of 40 minutes, after 15 of them',
      session({ expiration: NOON + 40 * MINUTE }),
      NOON + 15 * MINUTE,
      undefined,
      true,
    ],
    ['of another tool, begun by its length', session({ issued: undefined }), NOON + 4 * HOUR, undefined, true],
    [
      'longer than the settings request',
      session({ issued: undefined, expiration: NOON + 36 * HOUR }),
      NOON,
      undefined,
      true,
    ],
  ])('%s', (_, one, now, sourceChangedAt, expected) => {
    expect(isDoubtful(one, HALF_A_DAY, now, { sourceChangedAt })).toBe(expected);
  });

  it('a session that another tool has just written counts as new, although its length does not say when it began', () => {
    const other = session({ issued: undefined, expiration: NOON + HOUR });
    expect(isDoubtful(other, HALF_A_DAY, NOON, {})).toBe(true);
    expect(isDoubtful(other, HALF_A_DAY, NOON, { writtenAt: NOON })).toBe(false);
    expect(isDoubtful(other, HALF_A_DAY, NOON, { writtenAt: NOON, sourceChangedAt: NOON + 1 })).toBe(true);
  });

  it('a session is accepted at no known time while neither its start nor an answer of AWS is known', () => {
    const unknown = session({ issued: undefined, expiration: undefined });
    for (const one of [unknown, session({ ...unknown, verdict: alive(NOON) }), { kind: 'none' } as const]) {
      expect(acceptedAt(one, HALF_A_DAY, NOON)).toBe(Number.NEGATIVE_INFINITY);
    }
  });

  it('a profile without a session is not doubted', () => {
    expect(isDoubtful({ kind: 'none' }, HALF_A_DAY, NOON, { sourceChangedAt: NOON })).toBe(false);
  });
});

describe('a session that AWS refuses', () => {
  it('a session that AWS refuses counts as expired, without a known end', () => {
    const one = session({ verdict: refused(NOON) });
    expect(stateAt(one, NOON + MINUTE, 25 * MINUTE)).toBe('expired');
    expect(endOf(one)).toBeUndefined();
    expect(stateAt({ ...one, expiration: undefined }, NOON, 0)).toBe('expired');
    expect(acceptedAt(one, HALF_A_DAY, NOON + HOUR)).toBe(NOON);
  });

  it('AWS is asked beside what the plan does otherwise, but not without a network', () => {
    const situation = { profile: 'mfa', serialNumber: 'GAHT12345678', expiration: NOON + HOUR, history: FRESH_START };
    const circumstances = {
      ...{ now: NOON, promptBefore: 25 * MINUTE, remindEvery: 5 * MINUTE },
      ...{ quietUntil: undefined, returnedAt: NOON },
    };
    const fresh = { ...situation, state: 'fresh', isDoubtful: true } as const;
    const planned = plan([fresh], circumstances);
    expect(planned.actions).toEqual([{ do: 'verify', profile: 'mfa' }]);
    expect(planned.standings.get('mfa')).toEqual({ standing: 'fresh' });
    expect(plan([fresh], { ...circumstances, held: 'no network' }).actions).toEqual([]);
    expect(plan([{ ...fresh, isDoubtful: false }], circumstances).actions).toEqual([]);
    const gone = { ...situation, state: 'expired', expiration: undefined, isDoubtful: true } as const;
    expect(plan([gone], circumstances).actions).toEqual([{ do: 'ask', profile: 'mfa', reminder: 0 }]);
  });
});
