import { describe, expect, it } from 'vitest';
import type { Answer, AskRequest, CodeResult } from '../../src/ask/ask.ts';
import type { AwsAnswer } from '../../src/aws/call.ts';
import { UserError } from '../../src/errors.ts';
import { after, FRESH_START } from '../../src/policy/history.ts';
import type { AwsFailure, RefreshOutcome } from '../../src/policy/outcome.ts';
import { rememberCodes } from '../../src/refresh/codes.ts';
import { type RefreshEffects, refresh } from '../../src/refresh/refresh.ts';
import type { RefreshTarget } from '../../src/refresh/target.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { localTime, localTimeWithSeconds } from '../../src/time/local-time.ts';
import { asking } from '../desktop/asking.ts';

const HOUR = 3_600_000;
/** When a device begins to show another code. */
const NOON = Date.parse('2030-01-31T12:00:00Z');

const TARGET = {
  profile: 'mfa',
  sourceProfile: 'default',
  serialNumber: 'GAHT12345678',
  durationSeconds: 3600,
  expiration: undefined,
};

/** A user who answers with these codes, in their order, and then closes the prompt; and AWS, which grants a session. */
function world(codes: string[], changes: Partial<RefreshEffects> = {}, more: Partial<RefreshTarget> = {}) {
  let now = NOON;
  const sent: { code: string; at: number }[] = [];
  const prompts: AskRequest[] = [];
  let told: Promise<CodeResult> | undefined;
  const effects: RefreshEffects = {
    now: () => now,
    ask: async (request, { outcome }): Promise<Answer> => {
      prompts.push(request);
      told = outcome;
      const code = codes.shift();
      return code === undefined ? { kind: 'dismissed' } : { kind: 'code', code };
    },
    rehearse: async () => {},
    requireKeys: async () => {},
    outage: async () => undefined,
    longTermKeys: async () => ({ accessKeyId: 'AKIA', secretAccessKey: 'secret' }),
    getSessionToken: async ({ tokenCode }) => {
      sent.push({ code: tokenCode, at: now - NOON });
      const session = { accessKeyId: 'ASIA', secretAccessKey: 'secret', sessionToken: 'token', expiration: now + HOUR };
      return { ok: true, value: session, endpoint: 'sts', clockOffset: 0 };
    },
    save: async () => undefined,
    codes: rememberCodes(),
    pause: async (milliseconds) => {
      now += milliseconds;
    },
    ...changes,
  };
  return {
    sent,
    prompts,
    refresh: () => refresh({ ...TARGET, ...more }, { ...asking(), reminder: 0 }, effects),
    later: (milliseconds: number) => {
      now += milliseconds;
    },
    /** What the prompt was told last of what came of its code. */
    told: () => told,
    refuse: (failure: AwsFailure) => {
      effects.getSessionToken = async ({ tokenCode }): Promise<AwsAnswer<MfaSession>> => {
        sent.push({ code: tokenCode, at: now - NOON });
        // These pauses take no time: nothing else would end a loop.
        if (sent.length === 100) throw new Error('the code was sent 100 times');
        return { ok: false, failure, endpoint: 'sts', clockOffset: 0 };
      };
    },
  };
}

describe('a sent code', () => {
  it('a sent code is not sent again for 90 seconds, and the prompt says that it was used', async () => {
    const { refresh, later, sent, prompts } = world(['123456', '123456', '123456']);
    expect(await refresh()).toMatchObject({ kind: 'refreshed' });
    later(89_999);
    expect(await refresh()).toMatchObject({ kind: 'dismissed' });
    expect(sent).toEqual([{ code: '123456', at: 0 }]);
    expect(prompts.at(-1)?.problem).toMatch(/^That code was already used/);
  });

  it('a code that occurs again after 90 seconds is sent', async () => {
    const { refresh, later, sent } = world(['123456', '123456']);
    await refresh();
    later(90_000);
    expect(await refresh()).toMatchObject({ kind: 'refreshed' });
    expect(sent.map(({ at }) => at)).toEqual([0, 90_000]);
  });

  it('a mistyped code may be typed again, and one that AWS has refused is not sent again nor called used', async () => {
    const { refresh, refuse, sent, prompts, later } = world(['111111', '111111', '222222']);
    refuse({ kind: 'wrong-code' });
    await refresh();
    const next = localTimeWithSeconds(NOON + 30_000);
    expect(prompts.map(({ problem }) => problem)).toEqual([
      undefined,
      `AWS refused that code. If you mistyped it, type it again; otherwise the next one comes at ${next}.`,
      `AWS has already refused that code; the next one comes at ${next}.`,
      `AWS refused that code. If you mistyped it, type it again; otherwise the next one comes at ${next}.`,
    ]);
    expect(sent.map(({ code }) => code)).toEqual(['111111', '222222']);
    // The code that the device shows now is another one, and was not used.
    later(1_000);
    await refresh();
    expect(prompts.at(-1)?.problem).toBeUndefined();
  });

  it('a code that certainly did not reach AWS is sent again each second for half a minute, and then not any more', async () => {
    const { refresh, refuse, sent } = world(['123456']);
    refuse({ kind: 'unreachable', detail: 'no route', sent: false });
    expect(await refresh()).toMatchObject({ kind: 'refused', failure: { kind: 'unreachable' } });
    expect(sent).toEqual(Array.from({ length: 31 }, (_, second) => ({ code: '123456', at: second * 1_000 })));
  });

  it('a code is sent again while the name of the endpoint does not resolve, unless a user waits at a terminal', async () => {
    const failure = { kind: 'unreachable', detail: 'EAI_AGAIN', sent: false, unresolved: true } as const;
    const agent = world(['123456']);
    agent.refuse(failure);
    await agent.refresh();
    expect(agent.sent).toHaveLength(31);
    const command = world(['123456'], { waiting: () => () => {} });
    command.refuse(failure);
    await command.refresh();
    expect(command.sent).toHaveLength(1);
  });

  it('a code that may have reached AWS is sent once', async () => {
    const { refresh, refuse, sent } = world(['123456']);
    refuse({ kind: 'unreachable', detail: 'no answer', sent: true });
    expect(await refresh()).toMatchObject({ kind: 'refused', failure: { kind: 'unreachable' } });
    expect(sent).toHaveLength(1);
  });
});

describe('a prompt after a failed try', () => {
  it('a prompt repeats why the last try failed, and says that the present code was used', async () => {
    const { refresh, prompts } = world(['123456'], {}, { problem: 'The last try failed: AWS is busy (HTTP 503).' });
    await refresh();
    await refresh();
    expect(prompts.map(({ problem }) => problem)).toEqual([
      'The last try failed: AWS is busy (HTTP 503).',
      expect.stringMatching(/^The last try failed: AWS is busy \(HTTP 503\)\. The code that your device shows now was/),
    ]);
  });
});

describe('the place where a code was typed', () => {
  const noKeys = async () => {
    throw new UserError('no long-term keys of [default]', 'usage');
  };
  const fullDisk = async () => {
    throw new UserError('cannot write credentials: no space left', 'failed');
  };

  it.each<[string, string[], Partial<RefreshEffects>, CodeResult['kind'], RegExp]>([
    ['there is a session', ['123456'], {}, 'fresh', /^\[mfa\] is fresh until /],
    [
      'the keys are missing',
      ['123456'],
      { longTermKeys: noKeys },
      'failed',
      /^cannot refresh \[mfa\]: no long-term keys/,
    ],
    ['the disk is full', ['123456'], { save: fullDisk }, 'failed', /not on disk yet: .* no space left/],
    ['the prompt was closed', [], {}, 'over', /no code was entered/],
  ])('the place where a code was typed gets the result when %s', async (_, codes, changes, kind, text) => {
    const { refresh, told } = world(codes, changes);
    await refresh();
    expect(await told()).toEqual({ kind, text: expect.stringMatching(text) });
  });

  /** What the agent does after an outcome, 20 minutes before the end of the session. */
  const follows = (outcome: RefreshOutcome) =>
    after(
      FRESH_START,
      { kind: 'prompt-ended', outcome, expiration: NOON + 20 * 60_000, jitter: 0.5 },
      { now: NOON, promptBefore: 0, remindEvery: 5 * 60_000 },
    );
  const at = (minutes: number) => localTime(NOON + minutes * 60_000, NOON);

  it.each<[AwsFailure, string]>([
    [
      { kind: 'wrong-code' },
      `[mfa] was not refreshed: AWS refused the code for GAHT12345678 (mistyped, late or already used). The agent asks again at ${at(5)}.`,
    ],
    [
      { kind: 'busy', detail: 'HTTP 503' },
      `[mfa] was not refreshed: AWS is busy (HTTP 503). The agent asks again when AWS answers, at ${at(1)} at the earliest.`,
    ],
    [
      { kind: 'unreachable', detail: 'no answer', sent: true },
      `[mfa] was not refreshed: no answer from sts (no answer). The agent asks again when AWS answers, at ${at(1)} at the earliest.`,
    ],
  ])('the place where a code was typed says when the agent asks again: %o', async (failure, text) => {
    const { refresh, refuse, told } = world(['111111', '222222', '333333'], { follows });
    refuse(failure);
    await refresh();
    expect(await told()).toEqual({ kind: 'failed', text });
  });

  it('the place where a code was typed also shows what the agent shows in a notice', async () => {
    const { refresh, refuse, told } = world(['111111'], { follows });
    refuse({ kind: 'wrong-serial' });
    await refresh();
    expect(await told()).toEqual({
      kind: 'failed',
      text: expect.stringMatching(/GAHT12345678.*aws iam resync-mfa-device$/),
      isNoticed: true,
    });
  });
});
