import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { Agent } from '../../src/agent/agent.ts';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withoutSession, withSession } from '../../src/credentials/edit.ts';
import { UserError } from '../../src/errors.ts';
import type { RefreshOutcome } from '../../src/policy/outcome.ts';
import { type MfaSession, type StoredSession, sessionIn } from '../../src/session/session.ts';
import type { ProfileSettings, Settings } from '../../src/settings/settings.ts';
import { quietEffects } from '../agent-effects.ts';
import { refusal } from '../refusal.ts';
import { holds } from '../within.ts';

const SESSION: MfaSession = {
  accessKeyId: 'ASIAAAAAAAAAAAAAAAAA',
  secretAccessKey: 'secret',
  sessionToken: 'token',
  expiration: Date.UTC(2030, 0, 31),
};
const without = (text: string, profile = 'mfa') => withoutSession(Buffer.from(text), profile).toString();

describe('a file without its session', () => {
  it('a file loses only the lines of the session', () => {
    const before = '# mine\n[default]\naws_access_key_id = AKIAKEEP\n\n[mfa]\nregion = eu-west-1\n; a note\n';
    const after = withSession(Buffer.from(before), 'mfa', SESSION).toString();
    expect(after).not.toBe(before);
    expect(without(after)).toBe(before);
    expect(without(before)).toBe(before);
    expect(without(before, 'other')).toBe(before);
  });

  it('a file loses the session in the form of every tool, and keeps what marks the tool', () => {
    const folder = new URL('../fixtures/dialects/', import.meta.url);
    const names = readdirSync(folder).filter((name) => name !== 'README.md');
    expect(names.length).toBeGreaterThan(8);
    for (const name of names) {
      const before = readFileSync(new URL(name, folder));
      const document = parseCredentials(before);
      const held = document.profileNames().filter((one) => sessionIn(document.profile(one)).kind === 'session');
      expect(held, name).not.toEqual([]);
      for (const profile of held) {
        const after = withoutSession(before, profile);
        const lines = parseCredentials(after).profile(profile)?.lines ?? [];
        expect(sessionIn(parseCredentials(after).profile(profile)), name).toEqual({ kind: 'none' });
        expect(lines.join('\n'), name).not.toMatch(/aws_(access|secret|session|security)|expir(es?|ation)/i);
        const left = (document.profile(profile)?.lines ?? []).filter((line) => lines.includes(line));
        expect(left, name).toEqual(lines);
      }
    }
  });

  it.each([
    [
      'every section of that name',
      '[mfa]\naws_session_token = x\n[mfa]\naws_session_token = y\na = b\n',
      '[mfa]\n[mfa]\na = b\n',
    ],
    ['a token that continues', '[mfa]\naws_session_token = a\n  b\nregion = r\n', '[mfa]\nregion = r\n'],
    ['a key in other letters, without a final line end', '[mfa]\r\nAWS_Access_Key_Id=ASIAX', '[mfa]\r\n'],
    ['an old security token', '[mfa]\naws_security_token = x\naws_session_token = x\n', '[mfa]\n'],
    [
      'a setting that seems to belong to the token',
      '[mfa]\naws_session_token = a\n  region = r\n',
      '[mfa]\nregion = r\n',
    ],
  ])('a file loses %s', (_, before, after) => {
    expect(without(before)).toBe(after);
  });

  it.each([
    ['long-term keys', '[mfa]\naws_access_key_id = AKIAKEEP\naws_secret_access_key = s\n'],
    ['long-term keys in a continuation', '[mfa]\naws_session_token = t\n  aws_access_key_id = AKIAKEEP\n'],
    ['a profile that is indented below the token', '[mfa]\naws_session_token = t\n  [other]\n  a = b\n'],
  ])('a file with %s is refused', (_, before) => {
    expect(() => without(before)).toThrow(refusal);
  });
});

const PROFILES: ProfileSettings[] = [
  { profile: 'mfa', sourceProfile: 'default', serialNumber: 'GAHT12345678', durationSeconds: 43_200 },
  roleProfile('admin', 'mfa'),
  roleProfile('reader', 'admin'),
];

function roleProfile(profile: string, sourceProfile: string): ProfileSettings {
  const role = { arn: `arn:aws:iam::123456789012:role/${profile}`, isChained: true, keysProfile: 'default' };
  return { profile, sourceProfile, serialNumber: undefined, durationSeconds: 3600, role };
}

const SETTINGS: Settings = {
  files: { settings: '', defaults: '', credentials: '', config: '', state: '', runtime: '' },
  check: '* * * * *',
  promptBefore: 900_000,
  remindEvery: 300_000,
  prompt: 'auto',
  profiles: PROFILES,
} as Settings;

const agents: Agent[] = [];
afterEach(async () => {
  for (const agent of agents.splice(0)) await agent.stop();
});

/** An agent, the file in which it writes, and a user who answers when the test says so. */
function world({ held = [] as string[], forgotten = [] as string[], problem = '' } = {}) {
  const now = Date.parse('2030-01-31T12:00:00Z');
  let sessions = 0;
  const stored = (): StoredSession & { kind: 'session' } => {
    sessions += 1;
    return { kind: 'session', accessKeyId: `ASIA${sessions}`, expiration: now + 3_000_000 };
  };
  const file = new Map<string, StoredSession>(held.map((profile) => [profile, stored()]));
  const remembered = new Set(forgotten);
  let answer: ((outcome: RefreshOutcome) => void) | undefined;
  let isSent = false;
  let prompts = 0;
  let saves = 0;
  const assumed: string[] = [];
  const outcomeOf = (profile: string): RefreshOutcome => {
    const session = stored();
    file.set(profile, session);
    return { kind: 'refreshed', session: { ...SESSION, accessKeyId: session.accessKeyId } };
  };
  const agent = new Agent(SETTINGS, {
    ...quietEffects(() => now),
    readSessions: async () => new Map(file),
    refresh: (_, { signal }) => {
      prompts += 1;
      return new Promise((resolve) => {
        answer = resolve;
        signal.addEventListener('abort', () => isSent || resolve({ kind: 'withdrawn' }));
      });
    },
    assume: async (profiles) => {
      assumed.push(...profiles);
      return Object.fromEntries(profiles.map((profile) => [profile, outcomeOf(profile)]));
    },
    save: async () => {
      saves += 1;
      throw new Error('full');
    },
    isForgotten: (profile) => remembered.has(profile),
    rememberForgotten: async (profile, isForgotten) => {
      if (isForgotten) remembered.add(profile);
      else remembered.delete(profile);
    },
    forget: async (profile, roles) => {
      // The agent may look at the file before it has changed.
      await agent.check('file');
      if (problem !== '') throw new UserError(problem);
      return { removed: [profile, ...roles].filter((one) => file.delete(one)) };
    },
  });
  agents.push(agent);
  return {
    agent,
    file,
    remembered,
    assumed,
    prompts: () => prompts,
    saves: () => saves,
    /** The user has typed the code: closing the prompt does not stop the request any more. */
    send: () => {
      isSent = true;
    },
    answer: (outcome: RefreshOutcome = outcomeOf('mfa')) => answer?.(outcome),
    standings: () => Object.fromEntries(agent.status().map(({ profile, standing }) => [profile, standing.standing])),
    ask: (profile: string, person: boolean) =>
      agent.refresh(profile, { wait: 60_000, person, gone: new AbortController().signal }),
  };
}

const FORGOTTEN = { mfa: 'forgotten', admin: 'needs-source', reader: 'needs-source' };
const FRESH = { mfa: 'fresh', admin: 'fresh', reader: 'fresh' };

describe('an agent that forgets a session', () => {
  it('the agent removes the session and those of the roles made from it, and asks for no other one', async () => {
    const { agent, file, standings, remembered, prompts, assumed } = world({ held: ['mfa', 'admin', 'reader'] });
    await agent.check('start');
    expect(standings()).toEqual(FRESH);
    expect(await agent.forget('mfa')).toEqual({ removed: ['mfa', 'admin', 'reader'] });
    expect([...file.keys()]).toEqual([]);
    for (const reason of ['schedule', 'file', 'request', 'settings', 'presence'] as const) await agent.check(reason);
    expect(standings()).toEqual(FORGOTTEN);
    expect([...remembered]).toEqual(['mfa']);
    expect([prompts(), assumed]).toEqual([0, []]);
  });

  it('forget of a role also removes the roles made from it, and leaves its source', async () => {
    const { agent, file, standings, assumed } = world({ held: ['mfa', 'admin', 'reader'] });
    await agent.check('start');
    await agent.forget('admin');
    await agent.check('file');
    expect([...file.keys()]).toEqual(['mfa']);
    expect(standings()).toEqual({ mfa: 'fresh', admin: 'forgotten', reader: 'needs-source' });
    expect(assumed).toEqual([]);
  });

  it('the prompt closes, and is not shown again', async () => {
    const { agent, standings, prompts } = world();
    await agent.check('start');
    expect(standings()).toMatchObject({ mfa: 'asking' });
    await agent.forget('mfa');
    await agent.check('schedule');
    expect(standings()).toEqual(FORGOTTEN);
    expect(prompts()).toBe(1);
  });

  it('a session for a code that was sent before is removed, too', async () => {
    const { agent, file, standings, send, answer, assumed } = world();
    await agent.check('start');
    send();
    const forgetting = agent.forget('mfa');
    answer();
    expect(await forgetting).toEqual({ removed: ['mfa'] });
    await agent.check('file');
    expect([...file.keys()]).toEqual([]);
    expect(standings()).toEqual(FORGOTTEN);
    expect(assumed).toEqual([]);
  });

  it('a session that could not be written is dropped', async () => {
    const { agent, standings, answer, saves } = world();
    await agent.check('start');
    answer({
      kind: 'unsaved',
      session: { ...SESSION, expiration: Date.parse('2030-01-31T13:00:00Z') },
      reason: 'full',
    });
    await holds(() => expect(standings()).toMatchObject({ mfa: 'unsaved' }));
    await agent.forget('mfa');
    expect(standings()).toEqual(FORGOTTEN);
    const before = saves();
    expect(before).toBeGreaterThan(0);
    await agent.check('schedule');
    await agent.stop();
    expect(saves()).toBe(before);
  });

  it('nothing is forgotten if the file cannot be changed', async () => {
    const { agent, standings, remembered } = world({ held: ['mfa', 'admin', 'reader'], problem: 'read-only' });
    await agent.check('start');
    await expect(agent.forget('mfa')).rejects.toThrow('read-only');
    expect(standings()).toEqual(FRESH);
    expect([...remembered]).toEqual([]);
  });

  it('the next agent does not ask either', async () => {
    const { agent, standings, prompts } = world({ forgotten: ['mfa'] });
    await agent.check('start');
    await agent.check('schedule');
    expect(standings()).toEqual(FORGOTTEN);
    expect(prompts()).toBe(0);
  });
});

describe('a session that is wanted again', () => {
  it.each(['mfa', 'reader'])('a user who waits for [%s] is asked, and the roles follow', async (profile) => {
    const { agent, standings, ask, answer, remembered, prompts } = world({ forgotten: ['mfa', 'admin'] });
    await agent.check('start');
    const waiting = ask(profile, true);
    await holds(() => expect(prompts()).toBe(1));
    answer();
    expect(await waiting).toMatchObject({ standing: { standing: 'fresh' } });
    // [admin] was forgotten by itself: only who wants it gets it.
    expect(standings()).toMatchObject(profile === 'reader' ? FRESH : { mfa: 'fresh', admin: 'forgotten' });
    expect([...remembered]).toEqual(profile === 'reader' ? [] : ['admin']);
  });

  it('a program that waits gets no session, and the user is not asked', async () => {
    const { agent, ask, prompts } = world({ forgotten: ['mfa'] });
    await agent.check('start');
    expect(await ask('mfa', false)).toMatchObject({ standing: { standing: 'forgotten' } });
    expect(await ask('reader', false)).toMatchObject({ standing: { standing: 'needs-source' } });
    expect(prompts()).toBe(0);
  });

  it('snooze off asks again', async () => {
    const { agent, standings, remembered } = world({ forgotten: ['mfa', 'admin'] });
    await agent.check('start');
    await agent.snooze(60_000, undefined);
    expect(standings()).toMatchObject({ mfa: 'forgotten' });
    await agent.snooze(undefined, 'admin');
    expect(standings()).toMatchObject({ mfa: 'asking', admin: 'needs-source' });
    expect([...remembered]).toEqual([]);
  });

  it('a session that a command writes is kept fresh', async () => {
    const { agent, file, standings, remembered, assumed } = world({ forgotten: ['mfa'] });
    await agent.check('start');
    file.set('mfa', { kind: 'session', accessKeyId: 'ASIANEW', expiration: Date.parse('2030-01-31T20:00:00Z') });
    await agent.check('file');
    await holds(() => expect(standings()).toEqual(FRESH));
    expect([...remembered]).toEqual([]);
    expect(assumed).toEqual(['admin', 'reader']);
  });
});
