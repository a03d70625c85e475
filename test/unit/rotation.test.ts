import { describe, expect, it } from 'vitest';
import { afterRefresh, nextStep, type Rotation } from '../../src/keys/rotation.ts';

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
