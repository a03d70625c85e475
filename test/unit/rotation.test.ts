import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { KeyPair } from '../../src/credentials/pair.ts';
import { UserError } from '../../src/errors.ts';
import { inFile } from '../../src/keys/in-file.ts';
import { type RotationEffects, rotate } from '../../src/keys/rotate.ts';
import { afterRefresh, nextStep, type Rotation } from '../../src/keys/rotation.ts';
import type { KeyMemory } from '../../src/keys/rotation-journal.ts';
import type { AwsFailure } from '../../src/policy/outcome.ts';

const SENT = Date.UTC(2030, 0, 31, 12);
const [OLD, NEW] = ['AKIAOLDOLDOLDOLDOLD1', 'AKIANEWNEWNEWNEWNEW1'];
const key = (accessKeyId: string, { isActive = true, createdAt = SENT } = {}) => ({ accessKeyId, isActive, createdAt });
const rotation = (step: Rotation['step'], more: Partial<Rotation> = {}): Rotation => ({
  ...{ user: 'arn:aws:iam::123456789012:user/alice', oldId: OLD, sentAt: SENT, step },
  ...(step !== 'creating' && { newId: NEW }),
  ...more,
});
const next = (
  journal: Rotation | undefined,
  stored: string,
  keys: ReturnType<typeof key>[],
  { used = false, now = false } = {},
) => nextStep(journal, stored, keys, { neverUsed: () => !used, delete: now });

describe('the next step of a rotation', () => {
  it('a rotation begins if the stored key is the only one', () => {
    expect(next(undefined, OLD, [key(OLD)])).toEqual({ do: 'begin' });
    expect(next(undefined, OLD, [key(OLD, { isActive: false })])).toEqual({ do: 'begin' });
  });

  it('a rotation stops if there is a second key, or the stored key is not of this user', () => {
    const second = { do: 'stop', reason: 'second', key: key(NEW) };
    expect(next(undefined, OLD, [key(OLD), key(NEW)])).toEqual(second);
    expect(next(undefined, OLD, [])).toEqual({ do: 'stop', reason: 'unlisted' });
  });

  it('a rotation creates a key, unless the last request made one', () => {
    expect(next(rotation('creating'), OLD, [key(OLD)])).toEqual({ do: 'create' });
    expect(next(rotation('creating'), OLD, [key(OLD), key(NEW)])).toEqual({ do: 'discard', key: key(NEW) });
  });

  it('a rotation never deletes a key that another program made, or that was used', () => {
    for (const createdAt of [SENT - 120_000, SENT + 180_000]) {
      const other = key(NEW, { createdAt });
      const stop = { do: 'stop', reason: 'second', key: other };
      expect(next(rotation('creating'), OLD, [key(OLD), other])).toEqual(stop);
    }
    expect(next(rotation('creating'), OLD, [key(OLD), key(NEW)], { used: true })).toMatchObject({ do: 'stop' });
  });

  it('a rotation continues with the new key if that is stored', () => {
    expect(next(rotation('creating'), NEW, [key(OLD), key(NEW)])).toEqual({ do: 'note' });
    // AWS may list a new key only later.
    expect(next(rotation('creating'), NEW, [key(OLD)])).toEqual({ do: 'note' });
    expect(next(rotation('stored'), NEW, [])).toEqual({ do: 'switch' });
    expect(next(rotation('deactivated'), NEW, [])).toEqual({ do: 'refresh' });
  });

  it('a rotation that has refreshed the session waits, keeps the old key or deletes it, as the user wants', () => {
    expect(next(rotation('refreshed'), NEW, [])).toEqual({ do: 'wait' });
    expect(next(rotation('refreshed', { keep: true }), NEW, [])).toEqual({ do: 'keep' });
    expect(next(rotation('refreshed', { keep: true }), NEW, [], { now: true })).toEqual({ do: 'delete' });
  });

  it('a rotation is abandoned if the user has stored another key since', () => {
    for (const step of ['stored', 'deactivated', 'refreshed'] as const) {
      expect(next(rotation(step), OLD, [])).toEqual({ do: 'abandon' });
    }
  });
});

describe('after a refresh', () => {
  const inactive = key(OLD, { isActive: false });
  const follows = (keys: ReturnType<typeof key>[], stored = NEW, more: Partial<Rotation> = {}) =>
    afterRefresh(rotation('refreshed', more), stored, keys);

  it('a refresh after a rotation deletes the old key if the new one is active', () => {
    expect(follows([inactive, key(NEW)])).toBe('delete');
    expect(follows([inactive, key(NEW, { isActive: false })])).toBe('leave');
    expect(follows([inactive])).toBe('leave');
  });

  it('a refresh after a rotation keeps the old key if the user wants it or needs it', () => {
    expect(follows([inactive, key(NEW)], NEW, { keep: true })).toBe('forget');
    expect(follows([key(OLD), key(NEW)])).toBe('forget');
    expect(follows([inactive, key(NEW)], OLD)).toBe('forget');
    expect(follows([key(NEW)])).toBe('forget');
  });
});

describe('the journal of a rotation', () => {
  const SESSION = { accessKeyId: 'ASIASESSIONSESSION01', secretAccessKey: 's', sessionToken: 't' };
  const endpoint = { endpoint: 'iam.amazonaws.com', clockOffset: undefined };
  const refused = (failure: AwsFailure) => ({ ...endpoint, ok: false as const, failure });
  const granted = <T>(value: T) => ({ ...endpoint, ok: true as const, value });
  const failing = (message: string) => async () => Promise.reject(new UserError(message));

  /** A user with one key, and a journal in memory. AWS answers all requests unless `change` makes it refuse some. */
  function inWorld(journal: Rotation | undefined, change: (effects: RotationEffects) => Partial<RotationEffects>) {
    let memory: KeyMemory = journal ? { rotation: journal } : {};
    let stored = { accessKeyId: OLD, secretAccessKey: 'x'.repeat(40) };
    const keys = new Map([[OLD, key(OLD)]]);
    const effects: RotationEffects = {
      now: () => SENT,
      journal: {
        read: () => memory,
        change: async (next) => {
          memory = next(memory);
        },
      },
      store: {
        name: 'FILE',
        read: async () => stored,
        write: async (pair) => {
          stored = pair;
          return undefined;
        },
      },
      rehearse: async () => {},
      requests: {
        list: async () => granted([...keys.values()]),
        create: async () => {
          keys.set(NEW, key(NEW));
          return granted({ ...key(NEW), secretAccessKey: 'y'.repeat(40) });
        },
        deactivate: async () => granted(true as const),
        delete: async (id) => {
          keys.delete(id);
          return granted(true as const);
        },
        lastUsed: async () => granted({ at: undefined }),
      },
      identity: async () => granted({ arn: 'arn:aws:iam::123456789012:user/alice' }),
      session: async () => SESSION,
      refresh: async () => {},
      say: () => {},
      pause: async () => {},
    };
    const world = { ...effects, ...change(effects) };
    return { keys, rotate: () => rotate('default', {}, world), rotation: () => memory.rotation };
  }

  it('the journal of a rotation claims no key before the request for it is sent', async () => {
    const { rotate, rotation } = inWorld(undefined, () => ({ rehearse: failing('two sections') }));
    await expect(rotate()).rejects.toThrow('two sections');
    expect(rotation()).toBeUndefined();
  });

  it.each<[string, AwsFailure]>([
    ['AWS forbids', { kind: 'forbidden', detail: 'no' }],
    ['was certainly not sent', { kind: 'unreachable', detail: 'ECONNREFUSED', sent: false }],
  ])('the journal of a rotation claims what it did before a request that %s', async (_, failure) => {
    for (const former of [undefined, rotation('creating', { sentAt: SENT - 3_600_000 })]) {
      const world = inWorld(former, ({ requests }) => ({
        requests: { ...requests, create: async () => refused(failure) },
      }));
      await expect(world.rotate()).rejects.toThrow('could not create an access key');
      expect(world.rotation()).toEqual(former);
    }
  });

  it('the journal of a rotation claims the key of a request without an answer', async () => {
    const answer = refused({ kind: 'unreachable', detail: 'ECONNRESET', sent: true });
    const world = inWorld(undefined, ({ requests }) => ({ requests: { ...requests, create: async () => answer } }));
    await expect(world.rotate()).rejects.toThrow('could not create an access key');
    expect(world.rotation()).toMatchObject({ step: 'creating', oldId: OLD, sentAt: SENT });
  });

  it('the journal of a rotation claims no key if AWS does not accept the session, and there is no other', async () => {
    const world = inWorld(undefined, ({ requests }) => ({
      requests: { ...requests, create: async () => refused({ kind: 'expired' }) },
      refresh: failing('nobody answers'),
    }));
    await expect(world.rotate()).rejects.toThrow('nobody answers');
    expect(world.rotation()).toBeUndefined();
  });

  it('the journal of a rotation claims no key that the user made after the others were listed', async () => {
    const world = inWorld(undefined, ({ requests }) => ({
      requests: {
        ...requests,
        create: async () => {
          world.keys.set(NEW, key(NEW));
          return refused({ kind: 'refused', code: 'LimitExceeded', detail: 'two keys' });
        },
      },
    }));
    await expect(world.rotate()).rejects.toThrow(`there is another one, ${NEW}`);
    expect([...world.keys.keys()]).toEqual([OLD, NEW]);
    expect(world.rotation()).toBeUndefined();
  });

  it('a rotation deletes its new key if another pair was stored meanwhile, and leaves that', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rotation-'));
    const file = inFile(join(folder, 'credentials'));
    const [old, theirs] = [OLD, 'AKIATHEIRSTHEIRS0001'].map((accessKeyId) => ({
      accessKeyId,
      secretAccessKey: 'x'.repeat(40),
    })) as [KeyPair, KeyPair];
    await file.write('default', old, undefined);
    const world = inWorld(undefined, ({ requests }) => ({
      store: {
        name: file.name,
        read: () => file.read('default'),
        write: (pair, former) => file.write('default', pair, former),
      },
      requests: {
        ...requests,
        create: async (keys) => {
          await file.write('default', theirs, old);
          return requests.create(keys);
        },
      },
    }));
    try {
      await expect(world.rotate()).rejects.toThrow(/has just changed the keys of \[default\]/);
      expect(await file.read('default')).toEqual(theirs);
      expect([...world.keys.keys()]).toEqual([OLD]);
      expect(world.rotation()).toBeUndefined();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('the journal of a rotation claims no key that was deleted again', async () => {
    const unstored = inWorld(undefined, ({ store }) => ({ store: { ...store, write: failing('disk full') } }));
    await expect(unstored.rotate()).rejects.toThrow('disk full');
    expect([...unstored.keys.keys()]).toEqual([OLD]);
    expect(unstored.rotation()).toBeUndefined();

    const lost = inWorld(rotation('creating'), () => ({ rehearse: failing('two sections') }));
    lost.keys.set(NEW, key(NEW));
    await expect(lost.rotate()).rejects.toThrow('two sections');
    expect([...lost.keys.keys()]).toEqual([OLD]);
    expect(lost.rotation()).toBeUndefined();
  });

  it('a rotation continues while AWS still lists the key that it has just deleted', async () => {
    const other = 'AKIANEWNEWNEWNEWNEW2';
    let isLost = true;
    let stale = 1;
    const world = inWorld(undefined, ({ requests }) => ({
      requests: {
        ...requests,
        list: async () => (isLost || stale-- <= 0 ? granted([...world.keys.values()]) : granted([key(OLD), key(NEW)])),
        create: async (keys) => {
          if (!isLost) return granted({ ...key(other), secretAccessKey: 'z'.repeat(40) });
          await requests.create(keys);
          return refused({ kind: 'unreachable', detail: 'ECONNRESET', sent: true });
        },
        delete: async (id, keys) => {
          isLost = false;
          return requests.delete(id, keys);
        },
      },
    }));
    await world.rotate();
    expect([...world.keys.keys()]).toEqual([OLD]);
    expect(world.rotation()).toMatchObject({ step: 'refreshed', oldId: OLD, newId: other });
  });
});
