import { afterEach, describe, expect, it } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import * as texts from '../../src/agent/texts.ts';
import type { RefreshOutcome } from '../../src/policy/outcome.ts';
import type { Settings } from '../../src/settings/settings.ts';
import { quietEffects } from '../agent-effects.ts';
import { holds } from '../within.ts';

const SETTINGS: Settings = {
  files: { settings: '', credentials: '', config: '', state: '', runtime: '' },
  check: '* * * * *',
  promptBefore: 900_000,
  remindEvery: 300_000,
  prompt: 'auto',
  profiles: [
    {
      profile: 'mfa',
      sourceProfile: 'default',
      serialNumber: 'arn:aws:iam::123456789012:mfa/alice',
      durationSeconds: 43_200,
    },
  ],
};

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
});

/** An agent with a missing session. Each question is settled by the person of the test, or withdrawn. */
function world(held: string | undefined) {
  let now = Date.parse('2030-01-31T12:00:00Z');
  const questions: ((outcome: RefreshOutcome) => void)[] = [];
  let raised = 0;
  const agent = new Agent(SETTINGS, {
    ...quietEffects(() => now),
    refresh: (_, { signal, onChange }) => {
      raised += 1;
      onChange(() => {
        raised += 1;
      });
      return new Promise((resolve) => {
        questions.push(resolve);
        signal.addEventListener('abort', () => resolve({ kind: 'withdrawn' }));
      });
    },
    watchPresence: async () => ({ held: () => held, paused: () => undefined, notifies: () => true, close: () => {} }),
  });
  agents.push(agent);
  const gone = new AbortController();
  return {
    agent,
    raised: () => raised,
    dismiss: () => questions.at(-1)?.({ kind: 'dismissed' }),
    later: (milliseconds: number) => {
      now += milliseconds;
    },
    gone,
    wait: (person: boolean) => agent.refresh('mfa', { wait: 60_000, person, gone: gone.signal }),
  };
}

describe('a client that waits for a session', () => {
  it('a waiting client makes the agent ask an absent user only if the client is a person', async () => {
    const { wait, raised, dismiss } = world(texts.NOBODY_THERE);
    expect(await wait(false)).toMatchObject({ standing: { standing: 'held', why: texts.NOBODY_THERE } });
    expect(raised()).toBe(0);
    const waiting = wait(true);
    await holds(() => expect(raised()).toBe(1));
    dismiss();
    // By then the user counts as absent.
    expect(await waiting).toMatchObject({ standing: { standing: expect.stringMatching(/unanswered|held/) } });
  });

  it('a waiting client never makes the agent ask on a locked screen', async () => {
    const { wait, raised } = world(texts.SCREEN_LOCKED);
    for (const person of [true, false]) {
      expect(await wait(person)).toMatchObject({ standing: { standing: 'held', why: texts.SCREEN_LOCKED } });
    }
    expect(raised()).toBe(0);
  });

  it('a waiting client makes the agent ask again after a dismissal: at once for a person, later for a program', async () => {
    const { agent, wait, raised, dismiss, later } = world(undefined);
    await agent.check('start');
    expect(raised()).toBe(1);
    const first = wait(false);
    dismiss();
    expect(await first).toMatchObject({ standing: { standing: 'unanswered' } });
    expect(await wait(false)).toMatchObject({ standing: { standing: 'unanswered' } });
    expect(raised()).toBe(1);

    const person = wait(true);
    await holds(() => expect(raised()).toBe(2));
    dismiss();
    expect(await person).toMatchObject({ standing: { standing: 'unanswered' } });

    later(SETTINGS.remindEvery);
    const program = wait(false);
    await holds(() => expect(raised()).toBe(3));
    dismiss();
    expect(await program).toMatchObject({ standing: { standing: 'unanswered' } });
  });

  it('a waiting client makes the agent repeat an open prompt: at once for a person, later for a program', async () => {
    const { agent, wait, raised, later, gone } = world(undefined);
    await agent.check('start');
    void wait(false);
    await agent.check('request');
    expect(raised()).toBe(1);
    void wait(true);
    await holds(() => expect(raised()).toBe(2));
    later(SETTINGS.remindEvery - 1);
    void wait(false);
    await agent.check('request');
    expect(raised()).toBe(2);
    gone.abort();
    expect(agent.status()).toMatchObject([{ standing: { standing: 'asking' } }]);
  });
});
