import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answer, AskRequest, CodeResult } from '../../src/ask/ask.ts';
import type { AwsAnswer } from '../../src/aws/call.ts';
import { UserError } from '../../src/errors.ts';
import { after, FRESH_START } from '../../src/policy/history.ts';
import type { AwsFailure, RefreshOutcome } from '../../src/policy/outcome.ts';
import { rememberCodes } from '../../src/refresh/codes.ts';
import { roleSession } from '../../src/refresh/effects.ts';
import { type RefreshEffects, refresh, type WaitingState } from '../../src/refresh/refresh.ts';
import type { RefreshTarget } from '../../src/refresh/target.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { Clock } from '../../src/time/clock.ts';
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

/** A user who gives these codes and answers, in their order, and then closes the prompt; and AWS, which grants a session. */
function world(codes: (string | Answer)[], changes: Partial<RefreshEffects> = {}, more: Partial<RefreshTarget> = {}) {
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
      return typeof code === 'string' ? { kind: 'code', code } : (code ?? { kind: 'dismissed' });
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
    refresh: (how = asking()) => refresh({ ...TARGET, ...more }, { ...how, reminder: 0 }, effects),
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

  it.each([
    ['the name of the endpoint does not resolve', { detail: 'EAI_AGAIN', unresolved: true }],
    ['the certificate is not trusted', { detail: 'self-signed certificate', untrusted: true }],
  ] as const)('a code is sent again while %s, unless a user waits at a terminal', async (_, properties) => {
    const failure = { kind: 'unreachable', sent: false, ...properties } as const;
    const agent = world(['123456']);
    agent.refuse(failure);
    await agent.refresh();
    expect(agent.sent).toHaveLength(31);
    const command = world(['123456'], { waiting: () => () => {} });
    command.refuse(failure);
    await command.refresh();
    expect(command.sent).toHaveLength(1);
  });

  it('a code can be used again if the request before that with the code failed', async () => {
    const keys = { accessKeyId: 'AKIA', secretAccessKey: 'secret' };
    const role = { arn: 'arn:aws:iam::123456789012:role/deploy', isChained: false, keysProfile: 'default' };
    const { refresh, sent } = world(['123456', '123456'], {
      getSessionToken: async (request) => {
        sent.push({ code: request.tokenCode, at: 0 });
        return roleSession(request, keys, { ...TARGET, role }, new Clock(), async () => {
          return { ok: false, failure: { kind: 'busy', detail: 'Throttling' }, endpoint: 'sts', clockOffset: 0 };
        });
      },
    });
    for (let time = 1; time <= 2; time++) {
      expect(await refresh()).toMatchObject({ kind: 'refused', failure: { kind: 'busy' } });
      expect(sent).toHaveLength(time);
    }
  });

  it('a code that may have reached AWS is sent once', async () => {
    const { refresh, refuse, sent } = world(['123456']);
    refuse({ kind: 'unreachable', detail: 'no answer', sent: true });
    expect(await refresh()).toMatchObject({ kind: 'refused', failure: { kind: 'unreachable' } });
    expect(sent).toHaveLength(1);
  });
});

describe('the memory of sent codes', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'codes-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('the memory is shared by all processes of a user, for each device alone', async () => {
    const [one, other] = [rememberCodes(folder), rememberCodes(folder)];
    expect(await one.claim('a', '111111', NOON)).toBe(true);
    expect(await other.claim('a', '111111', NOON + 1)).toBe(false);
    expect(await other.claim('b', '111111', NOON + 2)).toBe(true);
    expect(other.fate('a', '111111', NOON + 1)).toBe('used');
    expect(other.fate('a', '222222', NOON + 1)).toBeUndefined();
    expect(['a', 'b', 'c'].map((device) => one.lastUsed(device, NOON + 3))).toEqual([
      NOON,
      NOON + 2,
      Number.NEGATIVE_INFINITY,
    ]);
  });

  it('the memory tells a refused code from a used one, and forgets one that was not sent', async () => {
    const memory = rememberCodes(folder);
    for (const code of ['111111', '222222']) await memory.claim('a', code, NOON);
    await memory.refused('a', '111111', NOON);
    await memory.unsent('a', '222222', NOON);
    expect(['111111', '222222'].map((code) => memory.fate('a', code, NOON))).toEqual(['refused', undefined]);
    expect(memory.lastUsed('a', NOON)).toBe(Number.NEGATIVE_INFINITY);
  });

  it('the memory counts by the clock of the machine, whatever AWS’s clock is', async () => {
    const ahead = rememberCodes(folder, { offset: HOUR });
    await ahead.claim('a', '111111', NOON + HOUR);
    expect(ahead.lastUsed('a', NOON + HOUR)).toBe(NOON + HOUR);
    const other = rememberCodes(folder);
    expect(other.lastUsed('a', NOON)).toBe(NOON);
    expect(other.fate('a', '111111', NOON + 89_999)).toBe('used');
    expect(other.fate('a', '111111', NOON + 90_000)).toBeUndefined();
  });

  it('the memory contains neither codes nor devices, and only its user may read it', async () => {
    await rememberCodes(folder).claim('GAHT12345678', '123456', NOON);
    const file = join(folder, 'codes.json');
    expect(readFileSync(file, 'utf8')).not.toMatch(/GAHT12345678|"123456"/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each(['', '[]', '{"key":1,"sent":[]}', '{"key":"a"}'])(
    'the memory begins again when its file contains %j',
    async (text) => {
      writeFileSync(join(folder, 'codes.json'), text);
      const memory = rememberCodes(folder);
      expect(memory.fate('a', '111111', NOON)).toBeUndefined();
      expect(await memory.claim('a', '111111', NOON)).toBe(true);
      expect(rememberCodes(folder).fate('a', '111111', NOON)).toBe('used');
    },
  );

  it('the memory lasts as long as its process where it cannot be written', async () => {
    writeFileSync(join(folder, 'file'), '');
    const memory = rememberCodes(join(folder, 'file', 'state'));
    expect(await memory.claim('a', '111111', NOON)).toBe(true);
    expect(await memory.claim('a', '111111', NOON)).toBe(false);
  });
});

describe('a refresh', () => {
  const fails = async () => {
    throw new UserError('no room', 'failed');
  };
  const busy: AwsAnswer<never> = {
    ok: false,
    failure: { kind: 'busy', detail: 'HTTP 503' },
    endpoint: 'sts',
    clockOffset: 0,
  };
  const down = { outage: async () => busy };

  it.each<[string, Partial<RefreshEffects>, Partial<RefreshTarget>, object]>([
    ['the file cannot be written', { rehearse: fails }, {}, { kind: 'unwritable', reason: 'no room' }],
    ['the source has no keys', { requireKeys: fails }, {}, { kind: 'no-keys', reason: 'no room' }],
    ['the outage lasts', down, { afterOutage: true }, { kind: 'refused', reason: 'AWS is busy (HTTP 503)' }],
  ])('a refresh does not ask for a code when %s', async (_, changes, more, outcome) => {
    const { refresh, prompts, sent } = world(['123456'], changes, more);
    expect(await refresh()).toMatchObject(outcome);
    expect([prompts, sent]).toEqual([[], []]);
  });

  it('a refresh asks AWS about an outage only after one', async () => {
    expect(await world(['123456'], down).refresh()).toMatchObject({ kind: 'refreshed' });
    const over = world(['123456'], {}, { afterOutage: true });
    expect(await over.refresh()).toMatchObject({ kind: 'refreshed' });
  });

  it('a refresh that is withdrawn sends no code, and does not ask if that was before the prompt', async () => {
    const early = world(['123456']);
    const how = asking();
    how.withdraw();
    expect(await early.refresh(how)).toEqual({ kind: 'withdrawn' });
    expect([early.prompts, early.sent]).toEqual([[], []]);
    const later = asking();
    const open = world([], {
      ask: async () => {
        later.withdraw();
        return { kind: 'code', code: '123456' };
      },
    });
    expect(await open.refresh(later)).toEqual({ kind: 'withdrawn' });
    expect(open.sent).toEqual([]);
  });

  it.each<[Answer, object]>([
    [
      { kind: 'snooze', until: NOON + 600_000 },
      { kind: 'snoozed', until: NOON + 600_000 },
    ],
    [{ kind: 'dismissed' }, { kind: 'dismissed' }],
    [
      { kind: 'unavailable', reason: 'no desktop', summary: 'install zenity' },
      { kind: 'unaskable', reason: 'no desktop', summary: 'install zenity' },
    ],
  ])('a refresh ends as the user answers: %o', async (answer, outcome) => {
    const { refresh, prompts } = world([answer]);
    expect(await refresh()).toEqual(outcome);
    expect(prompts).toHaveLength(1);
  });

  it('a refresh reads the keys only when it sends a code, and sends none without them', async () => {
    const { refresh, sent } = world(['123456'], { longTermKeys: fails });
    expect(await refresh()).toEqual({ kind: 'no-keys', reason: 'no room' });
    expect(sent).toEqual([]);
  });

  it('a refresh returns a session that cannot be written, so that it is not lost', async () => {
    const { refresh } = world(['123456'], { save: fails });
    const session = { accessKeyId: 'ASIA', secretAccessKey: 'secret', sessionToken: 'token', expiration: NOON + HOUR };
    expect(await refresh()).toEqual({ kind: 'unsaved', session, reason: 'no room' });
  });

  it('a refresh does not send a code that another process has sent meanwhile', async () => {
    const codes = rememberCodes();
    const { refresh, sent, prompts } = world(['123456'], {
      codes,
      longTermKeys: async () => {
        await codes.claim(TARGET.serialNumber, '123456', NOON);
        return { accessKeyId: 'AKIA', secretAccessKey: 'secret' };
      },
    });
    expect(await refresh()).toEqual({ kind: 'dismissed' });
    expect(sent).toEqual([]);
    expect(prompts.at(-1)?.problem).toMatch(/^That code was already used/);
  });
});

describe('a code that a command prints', () => {
  const printed = (code: string): Answer => ({ kind: 'code', code, automatic: true });
  const nobody: Answer = { kind: 'unavailable', reason: 'no desktop' };
  const refusedCode = 'AWS refused the code of mfa_process (too old, or from another device).';

  it.each([
    ['is sent at once while it is valid for two seconds', 28_000, 28_000],
    ['is not sent when it expires before AWS has it: the next one is', 28_001, 30_000],
  ])('a code that a command prints %s', async (_, at, sentAt) => {
    const { refresh, later, sent } = world([printed('111111'), printed('111111')]);
    later(at);
    expect(await refresh()).toMatchObject({ kind: 'refreshed' });
    expect(sent).toEqual([{ code: '111111', at: sentAt }]);
  });

  it('a code that a command prints once more after its use is sent when the device shows the next one', async () => {
    const { refresh, sent } = world([printed('111111'), printed('111111'), printed('222222')]);
    await refresh();
    expect(await refresh()).toMatchObject({ kind: 'refreshed' });
    expect(sent).toEqual([
      { code: '111111', at: 0 },
      { code: '222222', at: 30_000 },
    ]);
  });

  it('the user is asked when AWS has refused the code of a command and it prints it again', async () => {
    const { refresh, refuse, sent, prompts } = world([printed('111111'), printed('111111')]);
    refuse({ kind: 'wrong-code' });
    expect(await refresh()).toEqual({ kind: 'dismissed' });
    expect(sent).toHaveLength(1);
    expect(prompts.map(({ problem, byHand }) => [problem, byHand])).toEqual([
      [undefined, undefined],
      [refusedCode, undefined],
      [refusedCode, true],
    ]);
  });

  it('the last of three codes must be typed', async () => {
    const { refresh, refuse, sent, prompts } = world([printed('111111'), printed('222222'), '333333', '444444']);
    refuse({ kind: 'wrong-code' });
    expect(await refresh()).toMatchObject({ kind: 'refused', failure: { kind: 'wrong-code' } });
    expect(sent.map(({ code }) => code)).toEqual(['111111', '222222', '333333']);
    expect(prompts.map(({ byHand }) => byHand)).toEqual([undefined, undefined, true]);
  });

  it('a command gets one chance to print the next code when the user cannot be asked', async () => {
    const again = [printed('111111'), nobody];
    const { refresh, refuse, sent, prompts } = world([printed('111111'), ...again, ...again, printed('222222')]);
    refuse({ kind: 'wrong-code' });
    expect(await refresh()).toMatchObject({ kind: 'refused', failure: { kind: 'wrong-code' } });
    expect(sent).toEqual([{ code: '111111', at: 0 }]);
    expect(prompts.map(({ now }) => now - NOON)).toEqual([0, 0, 0, 30_000, 30_000]);
  });
});

describe('what a terminal says while it waits', () => {
  it('the terminal says whether the code can be used again, and stops saying so', async () => {
    let state: (() => WaitingState) | undefined;
    const said: (string | undefined)[] = [];
    let ends = 0;
    let tries = 0;
    const { refresh } = world(['123456'], {
      waiting: (current) => {
        state = current;
        return () => {
          ends += 1;
        };
      },
      pause: async () => {
        said.push(state?.().ifStopped);
      },
      getSessionToken: async () => {
        tries += 1;
        said.push(state?.().ifStopped);
        const failure: AwsFailure = { kind: 'unreachable', detail: 'no route', sent: tries === 2 };
        return { ok: false, failure, endpoint: 'sts', clockOffset: 0 };
      },
    });
    await refresh();
    const maybe = 'Stopped before AWS answered. AWS may have accepted the code: wait for the next one.';
    expect(said).toEqual([maybe, 'Stopped. The code was not sent to AWS: you can use it again.', maybe]);
    expect(ends).toBe(1);
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

it.each([
  ['at its first second', 0, 0, true],
  ['while the device shows it', 5_000, 10_000, true],
  ['until the device shows the next one', 5_000, 29_999, true],
  ['not when the device shows the next one', 29_999, 30_000, false],
])('a prompt says that the present code was used, %s', async (_, used, now, isSaid) => {
  const { refresh, later, prompts } = world(['123456']);
  later(used);
  await refresh();
  later(now - used);
  await refresh();
  expect(prompts.at(-1)?.problem !== undefined).toBe(isSaid);
});

it('a refresh says if other users have lost access to the file', async () => {
  const lost = 'only the owner can access the file now';
  const { refresh, told } = world(['123456'], { save: async () => lost });
  expect(await refresh()).toMatchObject({ kind: 'refreshed', lost });
  expect(await told()).toEqual({ kind: 'fresh', text: expect.stringMatching(/^\[mfa\] is fresh until .*; only the/) });
  expect(await world(['123456']).refresh()).not.toHaveProperty('lost');
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
