import { readdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { refreshJob } from '../../src/agent/jobs.ts';
import { getSessionToken } from '../../src/aws/sts.ts';
import { type RotationEffects, rotate, tend } from '../../src/keys/rotate.ts';
import { FRESH_START } from '../../src/policy/history.ts';
import { awsTarget, keyRequests } from '../../src/refresh/effects.ts';
import { rotationEffects } from '../../src/refresh/key-rotation.ts';
import { refreshTarget } from '../../src/refresh/target.ts';
import { keysOf } from '../../src/sandbox/access-keys.ts';
import type { StsFault } from '../../src/sandbox/sts.ts';
import { loadSettings, type ProfileSettings } from '../../src/settings/settings.ts';
import { Clock } from '../../src/time/clock.ts';
import { run, start } from '../program.ts';
import { behind, type Sandbox, type SandboxOptions, startSandbox } from '../sandbox.ts';
import { until } from '../within.ts';

let environment: NodeJS.ProcessEnv;
beforeEach(() => {
  environment = { ...process.env };
});
afterEach(() => {
  process.env = environment;
});

/** A home with a session in [mfa], whose rotation needs no time. */
interface World {
  sandbox: Sandbox;
  profile: ProfileSettings;
  effects: RotationEffects;
  /** What the user was told, also by errors. */
  said: string[];
  /** The credentials file as it was. */
  before: string;
  /** How often a code was needed. */
  refreshes(): number;
  /** Rotates; returns what it failed with. */
  rotate(options?: { delete?: boolean; keep?: boolean }, effects?: RotationEffects): Promise<Error | undefined>;
}

/** AWS ends the sessions of a key that is deactivated, as it may. @param timeout of each request to IAM, in milliseconds */
async function inWorld(
  use: (world: World) => Promise<void>,
  { timeout, ...options }: SandboxOptions & { timeout?: number | undefined } = {},
): Promise<void> {
  const sandbox = await startSandbox({ tolerance: 9, sessionsEndWithKey: true, ...options });
  try {
    for (const name of Object.keys(process.env)) if (/^AWS_|_proxy$/i.test(name)) delete process.env[name];
    Object.assign(process.env, sandbox.env);
    await sandbox.put(sandbox.sts.issue('alice', 3600));
    const settings = loadSettings({ env: sandbox.env, home: sandbox.home });
    const [profile] = settings.profiles;
    if (!profile) throw new Error('no profile');
    const said: string[] = [];
    const clock = new Clock();
    let refreshes = 0;
    const refresh = async () => {
      refreshes += 1;
      const pair = await effects.store.read();
      if (!pair) throw new Error('no pair');
      const request = { serialNumber: sandbox.serialNumber, tokenCode: sandbox.code(), durationSeconds: 3600 };
      const answer = await getSessionToken(request, pair, awsTarget('STS', profile, clock));
      if (!answer.ok) throw new Error(`no session: ${answer.failure.kind}`);
      await sandbox.put(answer.value);
    };
    const effects: RotationEffects = {
      ...rotationEffects(settings, profile, { clock, refresh, say: (text) => said.push(text) }),
      requests: keyRequests(profile, clock, timeout),
      pause: async () => {},
    };
    const attempt = (options = {}, own = effects) =>
      rotate('default', options, own).then(
        () => undefined,
        (error: Error) => {
          said.push(error.message);
          return error;
        },
      );
    const before = await readFile(sandbox.credentialsFile, 'utf8');
    await use({ sandbox, profile, effects, said, before, refreshes: () => refreshes, rotate: attempt });
    expectNoSecret({ sandbox, said, before });
  } finally {
    await sandbox.close();
  }
}

/** Asks AWS once whose a key is. Several requests in a row about it are for a key that AWS forgets at times. */
function asksOnce(effects: RotationEffects): RotationEffects {
  const known = new Map<string, Awaited<ReturnType<RotationEffects['identity']>>>();
  const identity: RotationEffects['identity'] = async (keys) => {
    const answer = known.get(keys.accessKeyId) ?? (await effects.identity(keys));
    if (answer.ok) known.set(keys.accessKeyId, answer);
    return answer;
  };
  return { ...effects, identity };
}

/** No secret is in what was said, or in a file other than the credentials file. */
function expectNoSecret({ sandbox, said, before }: Pick<World, 'sandbox' | 'said' | 'before'>) {
  const state = join(sandbox.home, '.local', 'state', 'aws-mfa-agent');
  const written = readdirSync(state).filter((name) => !name.endsWith('.lock'));
  expect(written).toContain('rotations.json');
  const texts = [...said, ...written.map((name) => readFileSync(join(state, name), 'utf8'))].join('\n');
  const files = before + readFileSync(sandbox.credentialsFile, 'utf8');
  const secrets = [...files.matchAll(/(?:secret_access_key|session_token)\s*=\s*(\S+)/g)].map(([, secret]) => secret);
  expect(secrets.length).toBeGreaterThan(4);
  for (const secret of [...secrets, ...keysOf(sandbox.alice).map((key) => key.secretAccessKey)]) {
    expect(texts).not.toContain(secret);
  }
}

/** The stored pair is an active key of alice. */
async function expectWorkingKey({ effects, sandbox }: World) {
  const stored = await effects.store.read();
  const found = keysOf(sandbox.alice).find(({ accessKeyId }) => accessKeyId === stored?.accessKeyId);
  expect(found).toMatchObject({ secretAccessKey: stored?.secretAccessKey });
  expect(found?.active).not.toBe(false);
}

/** The new key is stored, only its two lines and the session have changed, and the old one is inactive. */
async function expectRotated(world: World, oldId: string) {
  await expectWorkingKey(world);
  const { effects, sandbox, before } = world;
  const stored = await effects.store.read();
  const now = await readFile(sandbox.credentialsFile, 'utf8');
  const ofSession = /^(\[mfa\]\n)(?:.+\n)*/m;
  const expected = before
    .replace(/(\[default\]\naws_access_key_id = ).*/, `$1${stored?.accessKeyId}`)
    .replace(/(\[default\]\n.*\naws_secret_access_key = ).*/, `$1${stored?.secretAccessKey}`);
  expect(now.replace(ofSession, '$1')).toBe(expected.replace(ofSession, '$1'));
  const keys = keysOf(sandbox.alice).map(({ accessKeyId, active = true }) => ({ accessKeyId, active }));
  expect(keys).toEqual([
    { accessKeyId: oldId, active: false },
    { accessKeyId: stored?.accessKeyId, active: true },
  ]);
  // The session is of the new key.
  expect(await effects.requests.list(await effects.session())).toMatchObject({ ok: true });
}

describe('a rotation', () => {
  it('a rotation replaces the key, and leaves the old key inactive until the first refresh after its own', () =>
    inWorld(async (world) => {
      const { sandbox, effects, said, refreshes } = world;
      const { accessKeyId: oldId } = sandbox.alice;
      expect(await world.rotate()).toBeUndefined();
      await expectRotated(world, oldId);
      expect(refreshes()).toBe(1);
      expect(said.at(-1)).toContain(`${oldId} is inactive, and is deleted after the next refresh`);
      const newId = (await effects.store.read())?.accessKeyId ?? '';
      expect(await tend(newId, undefined, effects)).toEqual({ retired: { id: oldId } });
      expect(keysOf(sandbox.alice).map(({ accessKeyId }) => accessKeyId)).toEqual([newId]);
      expect(effects.journal.read().rotation).toBeUndefined();
      const { length } = sandbox.sts.requests;
      expect(await tend(newId, undefined, effects)).toEqual({});
      expect(sandbox.sts.requests).toHaveLength(length);
    }));

  it('a rotation deletes the old key at once with --delete, never with --keep', async () => {
    await inWorld(async ({ sandbox, effects, ...world }) => {
      expect(await world.rotate({ delete: true })).toBeUndefined();
      expect(keysOf(sandbox.alice)).toHaveLength(1);
      expect(effects.journal.read().rotation).toBeUndefined();
    });
    await inWorld(async (world) => {
      const { accessKeyId: oldId } = world.sandbox.alice;
      expect(await world.rotate({ keep: true })).toBeUndefined();
      await expectRotated(world, oldId);
      const stored = await world.effects.store.read();
      expect(await tend(stored?.accessKeyId ?? '', undefined, world.effects)).toEqual({});
      expect(keysOf(world.sandbox.alice)).toHaveLength(2);
      expect((await world.rotate())?.message).toMatch(new RegExp(`another one, ${oldId} \\(inactive, created on 2025`));
    });
  });

  it('a rotation waits until AWS accepts the new key several times in a row', () =>
    inWorld(
      async (world) => {
        expect(await world.rotate()).toBeUndefined();
        const { requests } = world.sandbox.sts;
        const stored = await world.effects.store.read();
        const asked = requests.filter(
          ({ action, accessKeyId }) => action === 'GetCallerIdentity' && accessKeyId === stored?.accessKeyId,
        );
        expect(asked.map(({ outcome }) => (outcome === 'granted' ? '+' : '-')).join('')).toBe('---+-+++++');
        const deactivated = requests.findIndex(({ action }) => action === 'UpdateAccessKey');
        expect(deactivated).toBeGreaterThan(requests.indexOf(asked.at(-1) as (typeof asked)[number]));
        expect(world.said).toContainEqual(expect.stringContaining('Waiting until AWS accepts the new key'));
      },
      { isKnown: (_, n) => n > 3 && n !== 5 },
    ));

  it('a rotation leaves the old key active if AWS does not accept the new one in time, and continues later', async () => {
    let isKnown = false;
    await inWorld(
      async (world) => {
        const { effects, sandbox } = world;
        let late = 0;
        const slow: RotationEffects = {
          ...effects,
          now: () => Date.now() + late,
          pause: async () => {
            late += 20_000;
          },
        };
        expect((await world.rotate({}, slow))?.message).toMatch(/not accepted the new key of \[default\] within 60 s/);
        expect(sandbox.alice.active).not.toBe(false);
        isKnown = true;
        const { accessKeyId: oldId } = sandbox.alice;
        expect(await world.rotate()).toBeUndefined();
        await expectRotated(world, oldId);
      },
      { isKnown: () => isKnown },
    );
  });

  it('a rotation stops at a second key that it did not create, and says which', () =>
    inWorld(async (world) => {
      const { sandbox, said, before } = world;
      const other = { accessKeyId: 'AKIAOTHEROTHEROTHER1', secretAccessKey: 'x'.repeat(40) };
      sandbox.alice.otherKeys = [{ ...other, createdAt: Date.UTC(2026, 1, 3), usedAt: Date.UTC(2026, 2, 4) }];
      await world.effects.journal.change((memory) => memory);
      expect((await world.rotate())?.message).toMatch(
        /AKIAOTHEROTHEROTHER1 \(active, created on 2026-02-03, last used on 2026-03-04\).*aws iam delete-access-key/,
      );
      sandbox.alice.mayNot = ['GetAccessKeyLastUsed'];
      expect((await world.rotate())?.message).toContain('(active, created on 2026-02-03)');
      expect(await readFile(sandbox.credentialsFile, 'utf8')).toBe(before);
      expect(said).toHaveLength(2);
      expect(keysOf(sandbox.alice)).toHaveLength(2);
    }));

  it('a rotation that AWS forbids names the policy, and has changed nothing', () =>
    inWorld(async (world) => {
      const { sandbox, before } = world;
      sandbox.alice.mayNot = ['CreateAccessKey'];
      expect((await world.rotate())?.message).toMatch(/iam:CreateAccessKey.*docs\/iam\.md/);
      expect(await readFile(sandbox.credentialsFile, 'utf8')).toBe(before);
      expect(world.effects.journal.read().rotation).toBeUndefined();
    }));

  it('a rotation deletes the new key if it cannot be stored', () =>
    inWorld(async (world) => {
      const { sandbox, effects } = world;
      const write = async () => {
        throw new Error('disk full');
      };
      const failing = { ...effects, store: { ...effects.store, write } };
      expect((await world.rotate({}, failing))?.message).toBe('disk full');
      expect(keysOf(sandbox.alice)).toHaveLength(1);
      const { accessKeyId: oldId } = sandbox.alice;
      expect(await world.rotate()).toBeUndefined();
      await expectRotated(world, oldId);
    }));

  it('a rotation leaves the old key active if the stored pair is of another user', () =>
    inWorld(async (world) => {
      const { effects, sandbox } = world;
      const identity: RotationEffects['identity'] = async (keys) => {
        const answer = await effects.identity(keys);
        const arn = 'arn:aws:iam::123456789012:user/bob';
        return answer.ok && !keys.sessionToken ? { ...answer, value: { arn } } : answer;
      };
      expect((await world.rotate({}, { ...effects, identity }))?.message).toMatch(
        /user\/bob now, not of .*user\/alice/,
      );
      expect(sandbox.alice.active).not.toBe(false);
    }));
});

describe('rotate_every', () => {
  const DAY = 86_400_000;
  const EVERY = 90 * DAY;

  it('rotate_every offers a rotation after a refresh with an old key, once a day, and asks AWS once for the age of the key', () =>
    inWorld(async ({ sandbox, effects }) => {
      let late = 0;
      const later = { ...effects, now: () => Date.now() + late };
      sandbox.alice.createdAt = Date.now() - EVERY + 1.5 * DAY;
      const { accessKeyId } = sandbox.alice;
      const offers: boolean[] = [];
      for (late = 0; late < 4 * DAY; late += DAY / 2) {
        offers.push((await tend(accessKeyId, EVERY, later)).age !== undefined);
      }
      expect(offers).toEqual([false, false, false, true, false, true, false, true]);
      expect(sandbox.sts.requests.filter(({ action }) => action === 'ListAccessKeys')).toHaveLength(1);
    }));

  it('rotate_every asks AWS for the age of a key at most once a day if AWS does not say it', () =>
    inWorld(async ({ sandbox, effects }) => {
      let late = 0;
      const later = { ...effects, now: () => Date.now() + late };
      sandbox.alice.mayNot = ['ListAccessKeys'];
      for (; late < 2 * DAY; late += DAY / 4) {
        expect(await tend(sandbox.alice.accessKeyId, EVERY, later)).toEqual({});
      }
      expect(sandbox.sts.requests.filter(({ action }) => action === 'ListAccessKeys')).toHaveLength(2);
    }));

  it('rotate_every counts the key of a rotation as new, and does not ask AWS for its age', () =>
    inWorld(async ({ effects, ...world }) => {
      expect(await world.rotate({ delete: true })).toBeUndefined();
      const { length } = world.sandbox.sts.requests;
      const stored = await effects.store.read();
      expect(await tend(stored?.accessKeyId ?? '', EVERY, effects)).toEqual({});
      expect(world.sandbox.sts.requests).toHaveLength(length);
    }));
});

describe("the agent's refresh", () => {
  /** Makes a refresh as the agent does, with a command that prints the code. */
  async function refreshByAgent({ sandbox, said }: World) {
    const codes = join(sandbox.home, 'code');
    await sandbox.settings(`[mfa]\nrotate_every = 90d\nmfa_process = cat ${codes}\n`);
    await writeFile(codes, sandbox.code());
    const settings = loadSettings({ env: sandbox.env, home: sandbox.home });
    const [profile] = settings.profiles;
    if (!profile) throw new Error('no profile');
    const target = refreshTarget(settings, profile, undefined);
    const ending = { history: FRESH_START, expiration: undefined, jitter: 0 };
    const asking = { signal: new AbortController().signal, onChange: () => {} };
    const job = { settings, target, reminder: 0, ending, clockOffset: 0 };
    const done = await refreshJob(job, asking, (text) => said.push(text));
    expect(done.outcome.kind).toBe('refreshed');
    return done;
  }

  it('a refresh by the agent deletes the old key of a rotation, unless it was activated again', async () => {
    await inWorld(async (world) => {
      const { sandbox, said } = world;
      const { accessKeyId: oldId } = sandbox.alice;
      await world.rotate();
      expect(await refreshByAgent(world)).not.toHaveProperty('offer');
      expect(said.at(-1)).toBe(`Deleted the old access key AKIA…${oldId.slice(-4)}.`);
      expect(keysOf(sandbox.alice)).toHaveLength(1);
    });
    await inWorld(async (world) => {
      await world.rotate();
      world.sandbox.alice.active = true;
      await refreshByAgent(world);
      expect(keysOf(world.sandbox.alice)).toHaveLength(2);
      expect(world.effects.journal.read().rotation).toBeUndefined();
    });
  });

  it('a refresh by the agent uses the new key if the rotation was interrupted before its own refresh', () =>
    inWorld(async (world) => {
      const { effects, sandbox } = world;
      const { accessKeyId: oldId } = sandbox.alice;
      const refresh = async () => {
        throw new Error('nobody answers');
      };
      expect((await world.rotate({}, { ...effects, refresh }))?.message).toBe('nobody answers');
      await refreshByAgent(world);
      await expectRotated(world, oldId);
      expect(await world.rotate()).toBeUndefined();
      expect(world.said.at(-1)).toContain('is deleted after the next refresh');
      await expectRotated(world, oldId);
    }));

  it('a refresh by the agent offers to rotate an old key', () =>
    inWorld(async (world) => {
      const { offer } = await refreshByAgent(world);
      expect(offer?.text).toMatch(
        /^The access key of \[default\] is \d+d old\. Rotate it: aws-mfa-agent keys rotate default$/,
      );
      expect(offer?.words).toEqual(['keys', 'rotate', 'default']);
    }));
});

describe('a rotation that is interrupted', () => {
  it('a rotation that is interrupted at any step has stored a working key, and is finished by the same command', async () => {
    const steps: string[] = [];
    await inWorld(async (world) => {
      await world.rotate(
        { delete: true },
        interrupted(world.effects, (name) => void steps.push(name)),
      );
    });
    // Several requests in a row about the new key differ in nothing.
    const different = steps.flatMap((name, index) => (name === steps[index - 1] ? [] : index));
    expect(steps).toEqual(expect.arrayContaining(['create', 'write', 'deactivate', 'refresh', 'delete']));
    for (const at of different) {
      await inWorld(async (world) => {
        const { sandbox } = world;
        const effects = asksOnce(world.effects);
        const { accessKeyId: oldId } = sandbox.alice;
        let step = 0;
        const killed = interrupted(effects, () => {
          // Like a process that was killed: nothing is executed any more.
          if (step++ >= at) throw new Error('killed');
        });
        expect((await world.rotate({ delete: true }, killed))?.message).toMatch(/killed|no session/);
        await expectWorkingKey(world);
        const isOver = keysOf(sandbox.alice).every(({ accessKeyId }) => accessKeyId !== oldId);
        expect(await world.rotate({}, effects), `after ${steps[at]}, step ${at}`).toBeUndefined();
        if (!isOver) await expectRotated(world, oldId);
      });
    }
  });

  /** Once, so that the same run finishes the work; and for longer, which makes it fail. */
  const faults: [StsFault, number][] = [
    [{ kind: 'drop' }, 1],
    [{ kind: 'drop-after-processing' }, 1],
    [{ kind: 'drop-after-processing' }, Number.POSITIVE_INFINITY],
    [{ kind: 'delay', milliseconds: 60_000 }, 1],
  ];
  const actions = ['ListAccessKeys', 'CreateAccessKey', 'UpdateAccessKey', 'DeleteAccessKey'];
  const cases = actions.flatMap((action) =>
    faults.map(([fault, times]) => ({ action, fault, kind: fault.kind, times })),
  );
  it.each([
    ...cases,
    { action: 'CreateAccessKey', fault: { kind: 'no-credentials' as const }, kind: 'no-credentials', times: 1 },
  ])('a rotation survives $kind of $action ($times times)', ({ action, fault, times }) =>
    inWorld(
      async (world) => {
        const { sandbox } = world;
        const effects = asksOnce(world.effects);
        sandbox.sts.fault(fault, times, action);
        const { accessKeyId: oldId } = sandbox.alice;
        const failed = await world.rotate({ delete: true }, effects);
        await expectWorkingKey(world);
        expect(failed === undefined).toBe(times === 1);
        sandbox.sts.clearFaults();
        if (failed) expect(await world.rotate({ delete: true }, effects)).toBeUndefined();
        await expectWorkingKey(world);
        expect(keysOf(sandbox.alice)).toHaveLength(1);
        expect(sandbox.alice.accessKeyId).not.toBe(oldId);
        // A request without an answer is not repeated before its key was looked for.
        const created = sandbox.sts.requests.filter(({ action }) => action === 'CreateAccessKey');
        expect(created.map(({ outcome }) => outcome)).not.toContain('LimitExceeded');
      },
      fault.kind === 'delay' ? { timeout: 2_000 } : {},
    ),
  );
});

describe('aws-mfa-agent keys rotate', () => {
  it('keys rotate finishes a rotation that was killed while AWS created the key', () =>
    inWorld(async (world) => {
      const { sandbox, said } = world;
      const { accessKeyId: oldId } = sandbox.alice;
      const codes = join(sandbox.home, 'code');
      await sandbox.settings(`[mfa]\nmfa_process = cat ${codes}\n`);
      await writeFile(codes, sandbox.code());
      const agent = start(['run'], sandbox.env);
      await agent.says(/"standing":"fresh"/);
      sandbox.sts.fault({ kind: 'delay', milliseconds: 60_000 }, 1, 'CreateAccessKey');
      const killed = start(['keys', 'rotate'], sandbox.env, '');
      await until('a key is created', () => sandbox.alice.otherKeys?.length === 1, killed.output);
      killed.child.kill('SIGKILL');
      said.push(killed.output(), (await killed.ended).stderr);
      const [lost] = sandbox.alice.otherKeys ?? [];
      const { status, stdout, stderr } = await start(['keys', 'rotate', 'default'], sandbox.env, '').endsWithin(40_000);
      said.push(stderr, stdout);
      expect([status, stdout], stderr).toEqual([0, '']);
      await expectRotated(world, oldId);
      const { accessKeyId: newId } = keysOf(sandbox.alice)[1] ?? {};
      const [discarded, stored, waits, inactive, refreshed, last] = behind(stderr).split('\n');
      expect(discarded).toContain(`Deleted the access key ${lost?.accessKeyId}: an interrupted rotation created it`);
      expect(stored).toBe(`The new access key ${newId} of [default] is stored (${sandbox.credentialsFile}).`);
      expect(waits).toContain('Waiting until AWS accepts the new key');
      expect(inactive).toContain(`${oldId} is inactive now. Sessions that were requested with it may have ended`);
      expect(refreshed).toMatch(/^\[mfa\] is fresh until/);
      expect(last).toContain(`${oldId} is inactive, and is deleted after the next refresh`);

      // An agent that runs did not need a code of its own.
      agent.child.kill('SIGTERM');
      said.push((await agent.ended).stderr);
      const codesSent = sandbox.sts.requests.filter(({ action }) => action === 'GetSessionToken');
      expect(codesSent).toHaveLength(1);

      await writeFile(codes, sandbox.code());
      const next = await run(['refresh', '--force'], sandbox.env);
      said.push(next.stderr);
      expect(next.stderr).toContain(`Deleted the old access key ${oldId}.\n`);
      expect(keysOf(sandbox.alice)).toHaveLength(1);
    }));

  it('keys rotate changes nothing where nothing can ask for the code that it needs', () =>
    inWorld(async ({ sandbox, effects, before }) => {
      await effects.journal.change((memory) => memory);
      await sandbox.settings('prompt = terminal\n[mfa]\n');
      const { status, stderr } = await start(['keys', 'rotate'], sandbox.env, '').endsWithin(10_000);
      expect([status, behind(stderr)]).toEqual([
        1,
        'aws-mfa-agent: the key of [default] was not rotated: a rotation ends with a refresh of [mfa], and nothing here can ask for its code (terminal: not run in a terminal). Run the command in a terminal\n',
      ]);
      expect(await readFile(sandbox.credentialsFile, 'utf8')).toBe(before);
      expect(sandbox.sts.requests).toEqual([]);
    }));

  it('keys rotate says how to continue if the session cannot be refreshed', () =>
    inWorld(async (world) => {
      const { sandbox, effects } = world;
      const refresh = async () => Promise.reject(new Error('killed'));
      await world.rotate({}, { ...effects, refresh });
      expect(effects.journal.read().rotation?.step).toBe('deactivated');
      await sandbox.settings('prompt = terminal\n[mfa]\n');
      const { status, stderr } = await start(['keys', 'rotate'], sandbox.env, '').endsWithin(10_000);
      world.said.push(stderr);
      expect([status, behind(stderr)]).toEqual([
        1,
        'aws-mfa-agent: cannot ask for the code of [mfa]: terminal: not run in a terminal (aws-mfa-agent refresh mfa --token-code CODE does not ask); then continue the rotation: aws-mfa-agent keys rotate default\n',
      ]);
    }));

  it('keys store moves no keys while ~/.aws/config has some, and asks for none', () =>
    inWorld(async ({ sandbox, effects }) => {
      await effects.journal.change((memory) => memory);
      const { accessKeyId, secretAccessKey } = sandbox.alice;
      const pair = `aws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
      await writeFile(sandbox.configFile, `[default]\n${pair}`);
      const { status, stderr } = await run(['keys', 'store', '--yes'], sandbox.env);
      expect(status).toBe(2);
      expect(stderr).toMatch(/\[default\] has long-term keys in .*config, which .*move the lines/);
    }));

  it('keys refuses unknown profiles, and options that do not fit', () =>
    inWorld(async ({ sandbox, effects }) => {
      await effects.journal.change((memory) => memory);
      const of = async (...args: string[]) => (await run(['keys', ...args], sandbox.env)).stderr;
      expect(await of('rotate', 'work')).toContain('no MFA profile in');
      expect(await of('list', '--keep')).toContain('--keep is not an option of keys list');
      expect(await of('rotate', '--keep', '--delete')).toContain(
        "option '--delete' cannot be used with option '--keep'",
      );
    }));
});

/** Calls `before` with the name of each effect before it is executed. */
function interrupted(effects: RotationEffects, before: (name: string) => void): RotationEffects {
  const each = <Of extends object>(object: Of, names: (keyof Of & string)[]): Of => {
    const own = { ...object };
    for (const name of names) {
      const call = object[name] as (...given: unknown[]) => Promise<unknown>;
      own[name] = (async (...given: unknown[]) => {
        before(name);
        return call.apply(object, given);
      }) as Of[typeof name];
    }
    return own;
  };
  return {
    ...each(effects, ['identity', 'refresh', 'rehearse']),
    requests: each(effects.requests, ['list', 'create', 'deactivate', 'delete', 'lastUsed']),
    store: each(effects.store, ['write']),
    journal: each(effects.journal, ['change']),
  };
}
