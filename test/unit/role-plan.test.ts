import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import { after, FRESH_START, type History, type ProfileEvent } from '../../src/policy/history.ts';
import type { RefreshOutcome } from '../../src/policy/outcome.ts';
import { type Circumstances, plan, type Situation } from '../../src/policy/plan.ts';
import type { SessionState, StoredSession } from '../../src/session/session.ts';
import { regionVariables } from '../../src/session/variables.ts';
import type { ProfileSettings, Settings } from '../../src/settings/settings.ts';
import { Clock } from '../../src/time/clock.ts';
import { quietEffects } from '../agent-effects.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOON = Date.parse('2030-01-31T12:00:00Z');
const CIRCUMSTANCES = {
  now: NOON,
  promptBefore: 25 * MINUTE,
  remindEvery: 5 * MINUTE,
  quietUntil: undefined,
  returnedAt: NOON - HOUR,
};

const next = (history: History, event: ProfileEvent) => after(history, event, CIRCUMSTANCES);

/** A role whose session ends at 12:50 and is due from 12:35. */
function role(changes: Partial<Situation> & { source?: string; isSourceNew?: boolean } = {}): Situation {
  const { source = 'mfa', isSourceNew = false, ...others } = changes;
  const expiration = 'expiration' in changes ? changes.expiration : NOON + 50 * MINUTE;
  return {
    profile: 'admin',
    serialNumber: '',
    state: 'fresh',
    expiration,
    due: expiration === undefined ? undefined : expiration - 15 * MINUTE,
    role: { source, isSourceNew },
    history: FRESH_START,
    ...others,
  };
}

const source = (state: SessionState, history: History = FRESH_START): Situation => ({
  profile: 'mfa',
  serialNumber: 'phone',
  state,
  expiration: NOON + 8 * HOUR,
  history,
});

/** What the plan does for the role, and says of it. */
function planned(situations: Situation[], circumstances: Partial<Circumstances> = {}) {
  const { actions, standings, nextLook } = plan(situations, { ...CIRCUMSTANCES, ...circumstances });
  const ofRoles = actions
    .filter(({ profile }) => profile !== 'mfa')
    .map(({ do: what, profile }) => `${what} ${profile}`);
  return { actions: ofRoles, standing: standings.get('admin'), standings, nextLook };
}

const MISSING = { state: 'missing', expiration: undefined } as const;

describe('the plan of a role', () => {
  it('the plan assumes a role that ended during sleep only after a while, so that many machines do not ask at once', () => {
    const ended = role({ state: 'expired', expiration: NOON - HOUR });
    const woken = { wokeAt: NOON - 1_000, jitter: 0.5 };
    expect(planned([source('fresh'), ended], woken)).toMatchObject({
      actions: [],
      standing: { standing: 'assuming' },
      nextLook: NOON + 4_000,
    });
    expect(planned([source('fresh'), ended], { ...woken, now: NOON + 4_000 }).actions).toEqual(['assume admin']);
    // While a command waits, the agent passes no time of waking. With a new session of the source, the user is there.
    expect(planned([source('fresh'), ended], { jitter: 0.5 }).actions).toEqual(['assume admin']);
    const isNew = role({ state: 'expired', expiration: NOON - HOUR, isSourceNew: true });
    expect(planned([source('fresh'), isNew], woken).actions).toEqual(['assume admin']);
  });

  it('the plan asks AWS about a session only a while after the machine woke', () => {
    const doubtful = { ...source('fresh'), isDoubtful: true };
    const at = (now: number) => plan([doubtful], { ...CIRCUMSTANCES, now, wokeAt: NOON, jitter: 0.3 });
    expect(at(NOON + 1_000)).toMatchObject({ actions: [], nextLook: NOON + 3_000 });
    expect(at(NOON + 3_000).actions).toEqual([{ do: 'verify', profile: 'mfa' }]);
  });

  it('the plan leaves a fresh role alone, and looks again when it becomes due', () => {
    expect(planned([source('fresh'), role()])).toMatchObject({
      actions: [],
      standing: { standing: 'fresh' },
      nextLook: NOON + 35 * MINUTE,
    });
  });

  it('the plan assumes a role in the first third of its last quarter, by the jitter of the agent', () => {
    const at = (minutes: number, jitter: number) =>
      planned([source('fresh'), role({ state: 'due' })], { now: NOON + minutes * MINUTE, jitter } as object);
    expect(at(35, 0).actions).toEqual(['assume admin']);
    expect(at(35, 1)).toMatchObject({ actions: [], standing: { standing: 'fresh' }, nextLook: NOON + 40 * MINUTE });
    expect(at(40, 1)).toMatchObject({ actions: ['assume admin'], standing: { standing: 'assuming' } });
  });

  it.each(['missing', 'expired', 'unknown'] as const)(
    'the plan assumes a role whose session is %s at once',
    (state) => {
      expect(planned([source('fresh'), role({ state, expiration: undefined })]).actions).toEqual(['assume admin']);
    },
  );

  it('the plan assumes a fresh role again when its source has a new session', () => {
    expect(planned([source('fresh'), role({ isSourceNew: true })]).actions).toEqual(['assume admin']);
  });

  it.each([
    ['missing', true],
    ['expired', true],
    ['due', false],
    ['fresh', false],
  ] as const)('the plan with a source that is %s waits for it: %s', (state, waits) => {
    // The role may come first in the settings.
    const { actions, standing } = planned([role(MISSING), source(state)]);
    expect(actions).toEqual(waits ? [] : ['assume admin']);
    expect(standing).toEqual(waits ? { standing: 'needs-source', source: 'mfa' } : { standing: 'assuming' });
  });

  it('the plan says that a role waits when its source has no MFA device', () => {
    expect(planned([role(MISSING)]).standing).toEqual({ standing: 'needs-source', source: 'mfa' });
  });

  it('the plan never asks for a role: neither quiet hours nor a locked screen nor a snooze postpone it', () => {
    const away = { quietUntil: NOON + HOUR, held: 'screen locked' } as object;
    const snoozed = { ...FRESH_START, snoozedUntil: NOON + HOUR };
    expect(planned([source('fresh'), role({ ...MISSING, history: snoozed })], away).actions).toEqual(['assume admin']);
  });

  it('the plan assumes no role without a network', () => {
    expect(planned([source('fresh'), role(MISSING)], { offline: 'no network' } as object)).toMatchObject({
      actions: [],
      standing: { standing: 'held', why: 'no network' },
    });
  });

  it('the plan goes along a chain of roles one after the other', () => {
    const second = role({ ...MISSING, profile: 'second', source: 'admin' });
    expect(planned([second, role(MISSING), source('fresh')]).actions).toEqual(['assume admin']);
    const assuming = { ...FRESH_START, askingSince: NOON };
    expect(planned([second, role({ isSourceNew: true, history: assuming }), source('fresh')]).actions).toEqual([]);
    expect(planned([second, role(), source('fresh')]).actions).toEqual(['assume second']);
  });

  it('the plan does not overwrite long-term keys, and writes a session that is not on disk yet', () => {
    expect(planned([source('fresh'), role({ ...MISSING, state: 'long-term' })])).toMatchObject({
      actions: [],
      standing: { standing: 'stopped', why: 'it holds long-term keys' },
    });
    expect(planned([source('fresh'), role({ history: { ...FRESH_START, unsaved: true } })]).actions).toEqual([
      'save admin',
    ]);
  });

  it('the plan stops after a refusal until a file changes, the user returns, or an hour is over', () => {
    const refused: RefreshOutcome = {
      kind: 'refused',
      failure: { kind: 'forbidden', detail: 'no' },
      reason: 'AWS refused: no',
      message: 'cannot refresh [admin]: AWS refused: no',
    };
    const assuming = next(FRESH_START, { kind: 'assuming' });
    const history = next(assuming, { kind: 'prompt-ended', outcome: refused, jitter: 0 });
    const situations = [source('fresh'), role({ ...MISSING, history })];
    expect(planned(situations)).toMatchObject({
      actions: [],
      standing: { standing: 'stopped', source: 'mfa', until: NOON + HOUR },
      nextLook: NOON + HOUR,
    });
    expect(planned(situations, { now: NOON + HOUR }).actions).toEqual(['assume admin']);
    expect(planned(situations, { returnedAt: NOON + 1 }).actions).toEqual(['assume admin']);
    const fixed = next(history, { kind: 'checked', state: 'missing', mayBeFixed: true });
    expect(planned([source('fresh'), role({ ...MISSING, history: fixed })]).actions).toEqual(['assume admin']);
  });

  it('the plan waits while AWS is busy', () => {
    const wait = { until: NOON + MINUTE, why: 'AWS is busy' };
    expect(planned([source('fresh'), role({ ...MISSING, history: { ...FRESH_START, wait } })])).toMatchObject({
      actions: [],
      standing: { standing: 'waiting', source: 'mfa', ...wait },
      nextLook: NOON + MINUTE,
    });
  });
});

describe('an agent with role profiles', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const ofRole = (profile: string, sourceProfile: string): ProfileSettings => ({
    profile,
    sourceProfile,
    serialNumber: undefined,
    durationSeconds: 3600,
    role: { arn: `arn:aws:iam::123456789012:role/${profile}`, isChained: true, keysProfile: 'default' },
  });
  const MFA: ProfileSettings = {
    profile: 'mfa',
    sourceProfile: 'default',
    serialNumber: 'phone',
    durationSeconds: 43_200,
  };

  /** An agent whose roles are assumed by the test. */
  function world(
    profiles: ProfileSettings[],
    outcome: (profile: string) => RefreshOutcome['kind'] = () => 'refreshed',
  ) {
    const held = new Map<string, StoredSession>();
    const [jobs, notices, prompts] = [[] as string[][], [] as string[], [] as string[]];
    let [made, asleep] = [0, 0];
    const session = (seconds: number) => ({
      accessKeyId: `ASIA${++made}`,
      secretAccessKey: 'secret',
      sessionToken: 'token',
      expiration: Date.now() + seconds * 1000,
      issued: Date.now(),
    });
    const settings = (): Settings => ({
      files: { settings: '', credentials: '', config: '', state: '', runtime: '' },
      check: '* * * * *',
      promptBefore: 25 * MINUTE,
      remindEvery: 5 * MINUTE,
      prompt: 'auto',
      profiles,
    });
    const agent = new Agent(settings(), {
      ...quietEffects(),
      clock: new Clock({ wall: Date.now, sinceBoot: Date.now, awake: () => Date.now() - asleep }),
      readSessions: async () => held,
      refresh: ({ profile }, { signal }) => {
        prompts.push(profile);
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ kind: 'withdrawn' })));
      },
      assume: async (names) => {
        jobs.push(names);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        return Object.fromEntries(
          names.map((name): [string, RefreshOutcome] => {
            const kind = outcome(name);
            const failure = { kind: 'forbidden', detail: 'no' } as const;
            if (kind === 'refused')
              return [name, { kind, failure, reason: 'AWS refused: no', message: `[${name}]: no` }];
            const given = session(3600);
            if (kind === 'unsaved') return [name, { kind, session: given, reason: 'disk full' }];
            held.set(name, { kind: 'session', ...given });
            return [name, { kind: 'refreshed', session: given }];
          }),
        );
      },
      save: async (name, given) => {
        held.set(name, { kind: 'session', ...given });
        return undefined;
      },
      notice: (text) => notices.push(text),
    });
    const newSource = () => held.set('mfa', { kind: 'session', ...session(43_200) });
    const minutes = async (count: number) => {
      for (let minute = 0; minute < count; minute++) {
        await vi.advanceTimersByTimeAsync(MINUTE);
        await agent.check('schedule');
      }
    };
    const reload = (changed: ProfileSettings[]) => agent.reload({ ...settings(), profiles: changed });
    const standings = () => Object.fromEntries(agent.status().map((one) => [one.profile, one.standing.standing]));
    /** No timer fires during sleep. */
    const sleep = (hours: number) => {
      asleep += hours * HOUR;
      vi.setSystemTime(Date.now() + hours * HOUR);
    };
    return { agent, held, jobs, notices, prompts, newSource, minutes, reload, standings, sleep };
  }

  it('the agent assumes fifty roles of one source in one child process, without a code', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `role-${index}`);
    const { agent, jobs, prompts, newSource, minutes, standings } = world([
      ...names.map((one) => ofRole(one, 'mfa')),
      MFA,
    ]);
    await agent.check('start');
    expect(standings()).toMatchObject({ mfa: 'asking', 'role-0': 'needs-source' });
    expect(prompts).toEqual(['mfa']);
    newSource();
    await agent.check('file');
    expect(jobs).toEqual([names]);
    expect(standings()).toMatchObject({ mfa: 'fresh', 'role-0': 'assuming', 'role-49': 'assuming' });
    await minutes(43);
    expect(jobs).toHaveLength(1);
    await minutes(12);
    expect(jobs).toEqual([names, names]);
    expect(prompts).toEqual(['mfa']);
    await agent.stop();
  });

  it('the agent assumes roles a few seconds after the machine woke, or at once for a command', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0.9);
    const { agent, jobs, newSource, sleep } = world([MFA, ofRole('admin', 'mfa')]);
    newSource();
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(jobs).toHaveLength(1);
    sleep(2);
    await agent.check('schedule');
    await vi.advanceTimersByTimeAsync(8_900);
    expect(jobs).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(jobs).toHaveLength(2);
    sleep(2);
    await agent.check('schedule');
    expect(jobs).toHaveLength(2);
    const asked = agent.refresh('admin', { wait: 5_000, person: true, gone: new AbortController().signal });
    await vi.advanceTimersByTimeAsync(1_500);
    expect(jobs).toHaveLength(3);
    expect(await asked).toMatchObject({ state: 'fresh' });
    vi.restoreAllMocks();
    await agent.stop();
  });

  it('the agent keeps a role fresh for as long as its source is', async () => {
    const { agent, held, minutes, newSource } = world([MFA, ofRole('admin', 'mfa')]);
    newSource();
    await agent.check('start');
    await minutes(1);
    for (let hour = 0; hour < 10; hour++) {
      await minutes(60);
      const session = held.get('admin');
      expect(session?.kind === 'session' && (session.expiration ?? 0) - Date.now()).toBeGreaterThan(9 * MINUTE);
    }
    await agent.stop();
  });

  it('the agent assumes a fresh role again when its source was refreshed, and when its settings change', async () => {
    const { agent, jobs, newSource, minutes, reload } = world([MFA, ofRole('admin', 'mfa')]);
    newSource();
    await agent.check('start');
    await minutes(2);
    newSource();
    await agent.check('file');
    await minutes(2);
    expect(jobs).toHaveLength(2);
    await reload([MFA, { ...ofRole('admin', 'mfa'), durationSeconds: 1800 }]);
    await minutes(2);
    expect(jobs).toHaveLength(3);
    await agent.stop();
  });

  it('the agent assumes a role once more when its source was refreshed while the role was assumed', async () => {
    const { agent, jobs, newSource, minutes, standings } = world([MFA, ofRole('admin', 'mfa')]);
    newSource();
    await agent.check('start');
    newSource();
    await agent.check('file');
    expect(jobs).toHaveLength(1);
    await minutes(2);
    expect(jobs).toHaveLength(2);
    expect(standings()).toEqual({ mfa: 'fresh', admin: 'fresh' });
    await agent.stop();
  });

  it('the agent goes along a chain with one child for each step', async () => {
    const { agent, jobs, newSource, minutes, standings } = world([
      ofRole('second', 'admin'),
      ofRole('admin', 'mfa'),
      MFA,
    ]);
    newSource();
    await agent.check('start');
    await minutes(1);
    expect(jobs).toEqual([['admin'], ['second']]);
    expect(standings()).toEqual({ second: 'fresh', admin: 'fresh', mfa: 'fresh' });
    await agent.stop();
  });

  it('the agent shows one notice for all roles that AWS refuses, and tries again after an hour or when a file changes', async () => {
    const { agent, jobs, notices, newSource, minutes, standings } = world(
      [MFA, ofRole('one', 'mfa'), ofRole('two', 'mfa')],
      () => 'refused',
    );
    newSource();
    await agent.check('start');
    await minutes(30);
    expect(standings()).toMatchObject({ one: 'stopped', two: 'stopped' });
    expect(jobs).toHaveLength(1);
    expect(notices).toEqual(['[one]: no']);
    await agent.check('file');
    await minutes(1);
    expect(jobs).toHaveLength(2);
    await minutes(61);
    expect(jobs).toHaveLength(3);
    await agent.stop();
  });

  it('the agent does not try a refused role again with every check while its old session is fresh', async () => {
    let kind: RefreshOutcome['kind'] = 'refreshed';
    const { agent, jobs, newSource, minutes, standings } = world([MFA, ofRole('admin', 'mfa')], () => kind);
    newSource();
    await agent.check('start');
    await minutes(2);
    kind = 'refused';
    newSource();
    await agent.check('schedule');
    await minutes(10);
    expect(jobs).toHaveLength(2);
    expect(agent.status()).toMatchObject([{}, { profile: 'admin', state: 'fresh', standing: { standing: 'stopped' } }]);
    expect(standings()).toMatchObject({ mfa: 'fresh' });
    await agent.stop();
  });

  it('the agent writes the session of a role that could not be written as soon as it can', async () => {
    const { agent, held, newSource, minutes, standings } = world([MFA, ofRole('admin', 'mfa')], () => 'unsaved');
    newSource();
    await agent.check('start');
    await minutes(1);
    expect(held.get('admin')).toMatchObject({ kind: 'session' });
    expect(standings()).toEqual({ mfa: 'fresh', admin: 'fresh' });
    await agent.stop();
  });

  it('the agent waits before it tries again when the child fails', async () => {
    const { agent, jobs, newSource, minutes, standings } = world([MFA, ofRole('admin', 'mfa')], () => {
      throw new Error('out of memory');
    });
    newSource();
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(10_000);
    await agent.check('schedule');
    expect(jobs).toHaveLength(1);
    expect(standings()).toMatchObject({ admin: 'waiting' });
    await minutes(2);
    expect(jobs.length).toBeGreaterThan(1);
    await agent.stop();
  });

  it('the agent asks for the source of a role that a command waits for, and snoozes it', async () => {
    const { agent, prompts, newSource } = world([MFA, ofRole('admin', 'mfa')]);
    await agent.snooze(HOUR, 'admin');
    expect(agent.status()).toMatchObject([{ profile: 'mfa', standing: { standing: 'snoozed' } }, { profile: 'admin' }]);
    const waiting = agent.refresh('admin', { wait: 5 * MINUTE, person: true, gone: new AbortController().signal });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(prompts).toEqual(['mfa']);
    newSource();
    await agent.check('file');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(await waiting).toMatchObject({ profile: 'admin', state: 'fresh', standing: { standing: 'fresh' } });
    await agent.stop();
  });
});

describe('the region of a profile', () => {
  const both = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1', AWS_MFA_AGENT_REGION: 'eu-west-1' };
  const none = { AWS_REGION: undefined, AWS_DEFAULT_REGION: undefined, AWS_MFA_AGENT_REGION: undefined };

  it.each([
    ['is set', 'eu-west-1', {}, both],
    ['is not set if the user has set one', 'eu-west-1', { AWS_REGION: 'us-east-1' }, {}],
    ['is not set if the user has set the other variable', 'eu-west-1', { AWS_DEFAULT_REGION: 'us-east-1' }, {}],
    ['replaces that of another profile', 'eu-west-1', { ...both, AWS_REGION: 'eu-west-1' }, both],
    ['takes away that of another profile', undefined, both, none],
    ['changes nothing without a region', undefined, {}, {}],
  ])('the region of a profile %s', (_, region, environment, expected) => {
    expect(regionVariables(region, environment)).toStrictEqual(expected);
  });
});
