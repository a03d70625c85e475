import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import type { AwsFailure } from '../../src/policy/outcome.ts';
import type { StoredSession } from '../../src/session/session.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { quietEffects } from '../agent-effects.ts';
import { holds } from '../within.ts';

const MINUTE = 60_000;
const NOON = Date.parse('2030-01-31T12:00:00Z');

const SETTINGS: Settings = {
  files: { settings: '', credentials: '', config: '', state: '', runtime: '' },
  check: '* * * * *',
  promptBefore: 15 * MINUTE,
  remindEvery: 5 * MINUTE,
  prompt: 'auto',
  profiles: [{ profile: 'mfa', sourceProfile: 'default', serialNumber: 'GAHT12345678', durationSeconds: 43_200 }],
};

const NONE: StoredSession = { kind: 'none' };

type Refresh = ConstructorParameters<typeof Agent>[1]['refresh'];

function agentWith(
  refresh: Refresh,
  readSession: () => Promise<StoredSession>,
  effects: Partial<ConstructorParameters<typeof Agent>[1]> = {},
): Agent {
  return new Agent(SETTINGS, {
    ...quietEffects(),
    readSessions: async () => new Map([['mfa', await readSession()]]),
    refresh,
    ...effects,
  });
}

/** An agent at noon, whose prompts are only closed by the test. `prompts` says when each was shown or repeated. */
function agentAtNoon(session: StoredSession) {
  const prompts: number[] = [];
  let close = () => {};
  const refresh: Refresh = (_, { signal, onChange }) => {
    prompts.push(Date.now() - NOON);
    onChange(() => prompts.push(Date.now() - NOON));
    return new Promise((resolve) => {
      close = () => resolve({ kind: 'dismissed' });
      signal.addEventListener('abort', () => resolve({ kind: 'withdrawn' }));
    });
  };
  return { agent: agentWith(refresh, async () => session), prompts, close: () => close() };
}

const endsIn = (time: number): StoredSession => ({ kind: 'session', accessKeyId: 'ASIA', expiration: NOON + time });

describe('the agent between scheduled checks', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('the agent repeats an open prompt at the second when the session ends, and then sleeps', async () => {
    const { agent, prompts } = agentAtNoon(endsIn(2 * MINUTE + 30_000));
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(2 * MINUTE + 29_000);
    expect(agent.status()).toMatchObject([{ state: 'due', standing: { standing: 'asking' } }]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(agent.status()).toMatchObject([{ state: 'expired', standing: { standing: 'asking' } }]);
    expect(prompts).toEqual([0, 2 * MINUTE + 30_000]);
    expect(vi.getTimerCount()).toBe(0);
    await agent.stop();
  });

  it('the agent asks once more at the end of a session whose prompt was closed', async () => {
    const { agent, prompts, close } = agentAtNoon(endsIn(90_000));
    await agent.check('start');
    close();
    await vi.advanceTimersByTimeAsync(89_000);
    expect(prompts).toEqual([0]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(prompts).toEqual([0, 90_000]);
    await agent.stop();
  });

  it('the agent repeats an open prompt at the second that status would say, shortly before the end, and at the end', async () => {
    const { agent, prompts } = agentAtNoon(endsIn(14 * MINUTE + 20_000));
    await vi.advanceTimersByTimeAsync(17_000);
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(20 * MINUTE);
    const second = 1_000;
    expect(prompts.map((at) => Math.round(at / second))).toEqual([17, 5 * 60 + 17, 12 * 60 + 20, 14 * 60 + 20]);
    await agent.stop();
  });

  it('the agent asks again after a closed prompt at the time that it says', async () => {
    const { agent, prompts, close } = agentAtNoon(NONE);
    await vi.advanceTimersByTimeAsync(17_000);
    await agent.check('start');
    close();
    await vi.advanceTimersByTimeAsync(1_000);
    const [status] = agent.status();
    expect(status?.standing).toEqual({ standing: 'unanswered', until: NOON + 5 * MINUTE + 17_000 });
    await vi.advanceTimersByTimeAsync(5 * MINUTE - 1_000);
    expect(prompts).toEqual([17_000, 5 * MINUTE + 17_000]);
    await agent.stop();
  });

  it('the agent asks at the end of a snooze by command, as if for the first time', async () => {
    const { agent, prompts } = agentAtNoon(NONE);
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(3 * 60 * MINUTE);
    const before = prompts.length;
    await agent.snooze(20_000, undefined);
    expect(agent.status()).toMatchObject([{ standing: { standing: 'snoozed' } }]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(prompts.slice(before).map((at) => at - 3 * 60 * MINUTE)).toEqual([20_000]);
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(prompts.slice(before + 1).map((at) => at - 3 * 60 * MINUTE)).toEqual([5 * MINUTE + 20_000]);
    await agent.stop();
  });

  it('the agent asks at the second when a session becomes due, however rare the checks are, and sleeps until then', async () => {
    const { agent, prompts } = agentAtNoon(endsIn(60 * MINUTE + 30_000));
    await agent.check('start');
    expect(agent.status()).toMatchObject([{ state: 'fresh' }]);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersToNextTimer();
    expect(Date.now() - NOON).toBe(45 * MINUTE + 30_000);
    await vi.advanceTimersByTimeAsync(0);
    expect(prompts).toEqual([45 * MINUTE + 30_000]);
    await agent.stop();
  });

  it('the agent closes an ignored prompt for a profile of the same device, and shows it again when that has its session', async () => {
    const [mfa] = SETTINGS.profiles;
    if (!mfa) throw new Error('the settings have a profile');
    const prompts: string[] = [];
    let give = () => {};
    let stored = endsIn(25 * MINUTE);
    const agent = new Agent(
      { ...SETTINGS, profiles: [{ ...mfa, profile: 'deploy' }, mfa] },
      {
        ...quietEffects(),
        readSessions: async () => new Map([['mfa', stored]]),
        refresh: ({ profile }, { reminder, signal, onChange }) => {
          const note = (what: string) => prompts.push(`${(Date.now() - NOON) / MINUTE} ${what} ${profile} ${reminder}`);
          note('shows');
          onChange(() => note('repeats'));
          return new Promise((resolve) => {
            give = () => {
              stored = endsIn(12 * 60 * MINUTE);
              const keys = { accessKeyId: 'ASIA', secretAccessKey: '', sessionToken: '' };
              resolve({ kind: 'refreshed', session: { ...keys, expiration: NOON + 12 * 60 * MINUTE } });
            };
            signal.addEventListener('abort', () => {
              note('closes');
              resolve({ kind: 'withdrawn' });
            });
          });
        },
      },
    );
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    expect(agent.status()).toMatchObject([{ standing: { standing: 'queued', behind: 'mfa' } }, { profile: 'mfa' }]);
    give();
    await vi.advanceTimersByTimeAsync(MINUTE);
    expect(prompts).toEqual([
      '0 shows deploy 0',
      '5 repeats deploy 0',
      '10 closes deploy 0',
      '10 shows mfa 0',
      '10 shows deploy 2',
    ]);
    await agent.stop();
  });

  it('the agent sleeps as long as a timer can last until a session becomes due that lasts for years', async () => {
    const { agent, prompts } = agentAtNoon(endsIn(60 * 24 * 60 * MINUTE));
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(vi.getTimerCount()).toBe(1);
    for (let times = 0; prompts.length === 0 && times < 10; times += 1) await vi.advanceTimersToNextTimerAsync();
    expect(prompts).toEqual([60 * 24 * 60 * MINUTE - 15 * MINUTE]);
    await agent.stop();
  });

  it('the agent sets no timer for a session of which it does not know when it becomes due', async () => {
    const { agent } = agentAtNoon({ kind: 'session', accessKeyId: 'ASIA', expiration: undefined });
    await agent.check('start');
    expect(agent.status()).toMatchObject([{ state: 'unknown', standing: { standing: 'fresh' } }]);
    expect(vi.getTimerCount()).toBe(0);
    await agent.stop();
  });

  it('the agent sets no timer after it was stopped', async () => {
    const { agent } = agentAtNoon(endsIn(MINUTE));
    await agent.check('start');
    expect(vi.getTimerCount()).toBe(1);
    await agent.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a session that another tool writes', () => {
  it.each<[string, number, 'fresh' | 'due']>([
    ['15 minutes', 15 * MINUTE, 'fresh'],
    ['less than STS makes', 10 * MINUTE, 'due'],
  ])(
    'a session of %s, written by another tool while the agent looks, counts by its own length',
    async (_, left, state) => {
      vi.useFakeTimers({ now: NOON });
      const remembered: unknown[] = [];
      let stored: StoredSession = endsIn(5 * 60 * MINUTE);
      const agent = agentWith(
        () => Promise.resolve({ kind: 'dismissed' }),
        async () => stored,
        { rememberExpiry: async (_, expiry) => void remembered.push(expiry) },
      );
      try {
        await agent.check('start');
        stored = { ...endsIn(left), accessKeyId: 'ASIAOTHER' } as StoredSession;
        await agent.check('file');
        await agent.check('schedule');
        expect(agent.status()).toMatchObject([{ state }]);
        const expiry = { accessKeyId: 'ASIAOTHER', expiration: NOON + left, issued: NOON };
        expect(remembered).toEqual(state === 'fresh' ? [expiry] : []);
        await vi.advanceTimersByTimeAsync((left * 3) / 4);
        await agent.check('schedule');
        expect(agent.status()).toMatchObject([{ state: 'due' }]);
      } finally {
        await agent.stop();
        vi.useRealTimers();
      }
    },
  );

  it('a session that the agent finds when it starts is due by the settings alone', async () => {
    // Before the agent reads the time of its check: a millisecond later, the session would still be fresh.
    const expiration = Date.now() + 15 * MINUTE;
    const agent = agentWith(
      () => Promise.resolve({ kind: 'dismissed' }),
      async () => ({ kind: 'session', accessKeyId: 'ASIA', expiration }),
    );
    await agent.check('start');
    expect(agent.status()).toMatchObject([{ state: 'due' }]);
    await agent.stop();
  });
});

describe('an agent that starts before the desktop', () => {
  it('the agent asks within a minute after a display appears, however rare its checks and reminders are', async () => {
    vi.useFakeTimers({ now: NOON });
    let environment = '';
    let seen = '';
    const prompts: number[] = [];
    const refresh: Refresh = async () => {
      prompts.push(Date.now() - NOON);
      return seen === '' ? { kind: 'unaskable', reason: 'no display' } : { kind: 'dismissed' };
    };
    const agent = agentWith(refresh, async () => NONE, {
      desktopMark: () => seen,
      takeDesktop: async () => {
        seen = environment;
      },
    });
    try {
      await agent.check('start');
      await vi.advanceTimersByTimeAsync(90_000);
      expect(prompts).toEqual([0]);
      environment = ':0';
      await vi.advanceTimersByTimeAsync(MINUTE);
      expect(prompts).toEqual([0, 2 * MINUTE]);
      await vi.advanceTimersByTimeAsync(MINUTE);
      expect(prompts).toEqual([0, 2 * MINUTE]);
    } finally {
      await agent.stop();
      vi.useRealTimers();
    }
  });

  it('the agent closes a notification that only names a command, and asks properly, when a display appears', async () => {
    let mark = '';
    const prompts: string[] = [];
    const refresh: Refresh = (_, { signal, onNoWay }) => {
      prompts.push(mark);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ kind: 'withdrawn' }));
        if (mark === '') setImmediate(onNoWay, 'zenity: no display', 'no display');
      });
    };
    const agent = agentWith(refresh, async () => NONE, { desktopMark: () => mark });
    await agent.check('start');
    const why = 'only a notification is possible: no display';
    await holds(() => expect(agent.status()).toMatchObject([{ standing: { standing: 'asking', why } }]));
    await agent.check('schedule');
    expect(prompts).toEqual(['']);
    mark = ':0';
    await agent.check('schedule');
    await holds(() => expect(prompts).toEqual(['', ':0']));
    expect(agent.status()).toMatchObject([{ standing: { standing: 'asking' } }]);
    await agent.stop();
  });
});

describe('a snooze', () => {
  it('a snooze is remembered for the next agent, by button and by command, and forgotten when the user is asked', async () => {
    vi.useFakeTimers({ now: NOON });
    const remembered: (number | undefined)[] = [];
    let press = () => {};
    const refresh: Refresh = () =>
      new Promise((resolve) => {
        press = () => resolve({ kind: 'snoozed', until: NOON + 12 * MINUTE });
      });
    const agent = agentWith(refresh, async () => NONE, {
      snoozedUntil: () => NOON + 10 * MINUTE,
      rememberSnooze: async (_, until) => void remembered.push(until === undefined ? until : until - NOON),
    });
    try {
      await agent.check('start');
      expect(agent.status()).toMatchObject([{ standing: { standing: 'snoozed', until: NOON + 10 * MINUTE } }]);
      await vi.advanceTimersByTimeAsync(10 * MINUTE);
      press();
      await vi.advanceTimersByTimeAsync(MINUTE);
      await agent.snooze(60 * MINUTE, 'mfa');
      await agent.snooze(undefined, 'mfa');
      expect(remembered).toEqual([undefined, 12 * MINUTE, 71 * MINUTE, undefined]);
      expect(agent.status()).toMatchObject([{ standing: { standing: 'asking' } }]);
      press();
      await agent.stop();
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('two profiles of one device', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /**
   * An agent for [deploy], which has no session, and [mfa]. `notes` has the minute at which each prompt was shown or repeated;
   * `onOpen` says that the code field of the last one was opened.
   */
  function twoProfiles(mfaEnd: number) {
    const [mfa] = SETTINGS.profiles;
    const profiles = ['deploy', 'mfa'].map((profile) => ({ ...(mfa as (typeof SETTINGS.profiles)[0]), profile }));
    const notes: [number, string][] = [];
    const field = { onOpen: () => {} };
    const note = (profile: string) => void notes.push([(Date.now() - NOON) / MINUTE, profile]);
    const agent = new Agent(
      { ...SETTINGS, profiles },
      {
        ...quietEffects(),
        readSessions: async () => new Map([['mfa', endsIn(mfaEnd)]]),
        refresh: ({ profile }, { signal, onChange, onOpen = () => {} }) => {
          note(profile);
          field.onOpen = onOpen;
          onChange(() => note(profile));
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ kind: 'withdrawn' })));
        },
      },
    );
    return { agent, notes, field };
  }

  it('a prompt stays open for two minutes after its code field was opened, also when another session comes due', async () => {
    const { agent, notes, field } = twoProfiles(24 * MINUTE);
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(9.5 * MINUTE);
    field.onOpen();
    await vi.advanceTimersByTimeAsync(3 * MINUTE);
    expect(notes).toEqual([
      [0, 'deploy'],
      [5, 'deploy'],
      [11.5, 'mfa'],
    ]);
    await agent.stop();
  });

  it('a prompt that a user waits for at a command stays open when another session comes due', async () => {
    const { agent, notes } = twoProfiles(16 * MINUTE);
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(MINUTE / 2);
    void agent.refresh('deploy', { wait: 8 * MINUTE, person: true, gone: new AbortController().signal });
    await vi.advanceTimersByTimeAsync(8 * MINUTE);
    expect(notes).toEqual([
      [0, 'deploy'],
      [0.5, 'deploy'],
    ]);
    await vi.advanceTimersByTimeAsync(7 * MINUTE);
    expect(notes.map(([, profile]) => profile)).toContain('mfa');
    await agent.stop();
  });
});

describe('an open prompt', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each(['file', 'settings', 'request'] as const)(
    'an open prompt stays the only one of its device when it followed a failure and a check comes for the reason %s',
    async (reason) => {
      const [prompts, withdrawn] = [[] as number[], [] as number[]];
      const agent = agentWith(
        (_, { signal }) => {
          prompts.push(Date.now() - NOON);
          if (prompts.length === 1) return Promise.resolve({ kind: 'unaskable', reason: 'no desktop' });
          return new Promise((resolve) => {
            signal.addEventListener('abort', () => {
              withdrawn.push(Date.now() - NOON);
              resolve({ kind: 'withdrawn' });
            });
          });
        },
        async () => NONE,
      );
      await agent.check('start');
      await vi.advanceTimersByTimeAsync(SETTINGS.remindEvery);
      await agent.check('schedule');
      expect(prompts).toHaveLength(2);
      await agent.check(reason);
      await agent.check('schedule');
      expect(prompts).toHaveLength(2);
      expect(withdrawn).toEqual([]);
      expect(agent.status()).toMatchObject([{ standing: { standing: 'asking' } }]);
      await agent.stop();
    },
  );

  it('an open prompt is not counted when the profile lost its device in a reload during the check', async () => {
    let prompts = 0;
    let read = () => {};
    const blocked = new Promise<void>((resolve) => {
      read = resolve;
    });
    const agent = agentWith(
      (_, { signal }) => {
        prompts += 1;
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve({ kind: 'withdrawn' })));
      },
      () => blocked.then(() => NONE),
    );
    const check = agent.check('start');
    const profiles = SETTINGS.profiles.map((one) => ({ ...one, serialNumber: undefined }));
    const reload = agent.reload({ ...SETTINGS, profiles });
    read();
    await check;
    await reload;
    expect(prompts).toBe(0);
    await agent.reload(SETTINGS);
    expect(prompts).toBe(1);
    await agent.stop();
  });
});

describe('an open prompt when the settings change', () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: NOON });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each<[string, Settings]>([
    ['other ways of asking', { ...SETTINGS, prompt: ['zenity'] }],
    ['another device', { ...SETTINGS, profiles: SETTINGS.profiles.map((one) => ({ ...one, serialNumber: 'GAHT1' })) }],
  ])('an open prompt is asked again at once with %s, and does not count as unanswered', async (_, settings) => {
    const { agent, prompts } = agentAtNoon(endsIn(10 * MINUTE));
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(2 * MINUTE);
    await agent.reload(settings);
    await vi.advanceTimersByTimeAsync(0);
    expect(prompts).toEqual([0, 2 * MINUTE]);
    expect(agent.status()).toMatchObject([{ standing: { standing: 'asking', since: NOON + 2 * MINUTE } }]);
    // The next reminder comes as after a first prompt.
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(prompts).toEqual([0, 2 * MINUTE, 7 * MINUTE]);
    await agent.stop();
  });

  it('an open prompt stays when only other settings change', async () => {
    const { agent, prompts } = agentAtNoon(endsIn(10 * MINUTE));
    await agent.check('start');
    await agent.reload({ ...SETTINGS, check: '*/2 * * * *' });
    await vi.advanceTimersByTimeAsync(0);
    expect(prompts).toEqual([0]);
    await agent.stop();
  });
});

describe('the prompt after a failed try', () => {
  it.each<[AwsFailure, string]>([
    [{ kind: 'wrong-code' }, 'The last try failed: AWS refused the codes.'],
    [{ kind: 'busy', detail: 'HTTP 503' }, 'The last try failed: AWS is busy.'],
    [{ kind: 'wrong-serial' }, 'The last try failed: AWS is busy.'],
  ])('the prompt after a failed try says why: %o', async (failure, problem) => {
    vi.useFakeTimers({ now: NOON });
    const targets: Parameters<Refresh>[0][] = [];
    const refresh: Refresh = async (target) => {
      targets.push(target);
      if (targets.length > 1) return { kind: 'dismissed' };
      return { kind: 'refused', failure, reason: 'AWS is busy', message: 'cannot refresh [mfa]: AWS is busy' };
    };
    const agent = agentWith(refresh, async () => NONE);
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(targets.map((target) => target.problem)).toEqual([undefined, problem]);
    await agent.stop();
    vi.useRealTimers();
  });
});

describe('the end of a session while AWS does not answer', () => {
  const unreachable = {
    kind: 'refused',
    failure: { kind: 'unreachable', detail: 'no route', sent: true },
    reason: 'AWS does not answer',
    message: 'cannot refresh [mfa]: AWS does not answer',
  } as const;

  /** An agent for a session that ends at 12:10, at whose first try AWS does not answer. @param next the outcome of the next tries */
  async function afterOutage(next: () => ReturnType<Refresh>) {
    vi.useFakeTimers({ now: NOON });
    const notices: number[] = [];
    let tries = 0;
    let offline: string | undefined;
    const disconnect = () => {
      offline = 'no network';
    };
    const refresh: Refresh = async () => {
      tries += 1;
      return tries === 1 ? unreachable : next();
    };
    const notice = () => void notices.push(Date.now() - NOON);
    const agent = agentWith(refresh, async () => endsIn(10 * MINUTE), { notice, obstacle: () => offline });
    await agent.check('start');
    return { agent, notices, disconnect };
  }

  it('the user is not told of an outage that is over: the prompt is on the screen, or was closed', async () => {
    for (const outcome of ['open', 'dismissed'] as const) {
      const { agent, notices, disconnect } = await afterOutage(async () =>
        outcome === 'open' ? new Promise(() => {}) : { kind: 'dismissed' },
      );
      await vi.advanceTimersByTimeAsync(5 * MINUTE);
      if (outcome === 'dismissed') disconnect();
      await vi.advanceTimersByTimeAsync(15 * MINUTE);
      await agent.check('schedule');
      expect(agent.status()).toMatchObject([{ state: 'expired' }]);
      expect(notices, outcome).toEqual([]);
      vi.useRealTimers();
    }
  });

  it('the user is told when the session ends and there is no network either', async () => {
    const { agent, notices, disconnect } = await afterOutage(async () => unreachable);
    disconnect();
    await vi.advanceTimersByTimeAsync(10 * MINUTE);
    await agent.check('schedule');
    await agent.check('schedule');
    expect(agent.status()).toMatchObject([{ state: 'expired', standing: { standing: 'held' } }]);
    expect(notices).toHaveLength(1);
    vi.useRealTimers();
  });

  it('the user is told when the session ended while the agent tried to reach AWS', async () => {
    const { agent, notices } = await afterOutage(
      () => new Promise((resolve) => setTimeout(() => resolve(unreachable), 11 * MINUTE)),
    );
    await vi.advanceTimersByTimeAsync(11 * MINUTE);
    expect(agent.status()).toMatchObject([{ state: 'expired', standing: { standing: 'asking' } }]);
    expect(notices).toEqual([]);
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(notices).toHaveLength(1);
    vi.useRealTimers();
  });

  it('the user is told at once, and once', async () => {
    vi.useFakeTimers({ now: NOON });
    const notices: [number, string][] = [];
    const refresh: Refresh = async () => unreachable;
    const notice = (text: string) => void notices.push([Date.now() - NOON, text]);
    const agent = agentWith(refresh, async () => endsIn(10_000), { notice });
    await agent.check('start');
    await vi.advanceTimersByTimeAsync(5 * MINUTE);
    expect(notices).toEqual([
      [
        10_000,
        expect.stringMatching(
          /^The session of \[mfa\] ended at .*\. The last try failed: AWS does not answer\. The agent asks again as soon as AWS answers\.$/,
        ),
      ],
    ]);
    await agent.stop();
    vi.useRealTimers();
  });
});

describe('checks requested during a check', () => {
  it('a requested check reads a change of the file that lifts a stop, also when another check was requested later', async () => {
    let prompts = 0;
    let blocked: Promise<void> | undefined;
    const refresh: Refresh = async () => {
      prompts += 1;
      return { kind: 'no-keys', reason: 'no long-term keys of [default]' };
    };
    const agent = agentWith(refresh, async () => {
      await blocked;
      return NONE;
    });
    await agent.check('start');
    await agent.check('schedule');
    expect(agent.status()).toMatchObject([{ standing: { standing: 'stopped' } }]);
    expect(prompts).toBe(1);

    let unblock = () => {};
    blocked = new Promise((resolve) => {
      unblock = resolve;
    });
    const running = agent.check('schedule');
    void agent.check('file');
    void agent.check('schedule');
    unblock();
    await running;
    expect(prompts).toBe(2);
    await agent.stop();
  });
});

describe('a refresh that AWS refused', () => {
  it.each<[string, AwsFailure, string[]]>([
    ['the device is wrong, which only the user can correct', { kind: 'wrong-serial' }, ['correct mfa_serial']],
    ['the keys are wrong, which only the user can correct', { kind: 'expired' }, ['correct mfa_serial']],
    ['AWS is busy', { kind: 'busy', detail: 'Throttling' }, []],
    ['AWS is unreachable', { kind: 'unreachable', detail: 'no answer', sent: true }, []],
    ['the codes were wrong', { kind: 'wrong-code' }, []],
  ])('the user gets a notice of a refusal only if it stops the prompts: %s', async (_, failure, expected) => {
    const notices: string[] = [];
    const refresh: Refresh = async () => ({
      kind: 'refused',
      failure,
      reason: 'wrong mfa_serial',
      message: 'correct mfa_serial',
    });
    const agent = agentWith(refresh, async () => NONE, { notice: (text) => void notices.push(text) });
    await agent.check('start');
    // The prompt ends after the check that showed it.
    await agent.check('schedule');
    const standing = expected.length > 0 ? 'stopped' : 'waiting';
    expect(agent.status()).toMatchObject([{ standing: { standing } }]);
    expect(notices).toEqual(expected);
    await agent.stop();
  });
});
