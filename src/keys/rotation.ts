import type { AccessKey } from '../aws/iam.ts';

/**
 * A rotation of a source profile's key that was begun, as its journal has it: without secrets. Times are milliseconds since the
 * epoch, by AWS's clock.
 */
export interface Rotation {
  /** The ARN of the keys' user. */
  user: string;
  /** The key that is replaced. */
  oldId: string;
  /** The key that replaces it. Known as soon as the new pair is stored. */
  newId?: string;
  /** When CreateAccessKey was last sent. */
  sentAt: number;
  step: RotationStep;
  /** The old key is not deleted. */
  keep?: boolean;
}

/**
 * What was done last.
 * - `creating`: CreateAccessKey may have been sent, and the new pair may be stored;
 * - `stored`: the new pair is stored;
 * - `deactivated`: AWS accepts the new key, and the old one is inactive;
 * - `refreshed`: there is a session of the new key.
 */
type RotationStep = 'creating' | 'stored' | 'deactivated' | 'refreshed';

/** What to do next. `discard`: delete a key of our own whose secret is not stored. */
export type NextStep =
  | { do: 'begin' | 'abandon' | 'create' | 'note' | 'switch' | 'refresh' | 'delete' | 'keep' | 'wait' }
  | { do: 'discard'; key: AccessKey }
  | { do: 'stop'; reason: 'unlisted' }
  | { do: 'stop'; reason: 'second'; key: AccessKey };

/**
 * Decides what comes next in a rotation, whatever ended the last run.
 * @param rotation the journal; undefined if no rotation was begun
 * @param storedId the id of the stored pair
 * @param keys the user's keys as AWS lists them; may be missing from `stored` on
 * @param options `delete`: the old key is deleted now. `neverUsed`: whether a key has signed no request, as far as AWS says
 */
export function nextStep(
  rotation: Rotation | undefined,
  storedId: string,
  keys: readonly AccessKey[],
  options: { delete?: boolean | undefined; neverUsed(key: AccessKey): boolean },
): NextStep {
  if (!rotation) {
    if (!keys.some(({ accessKeyId }) => accessKeyId === storedId)) return { do: 'stop', reason: 'unlisted' };
    const second = keys.find(({ accessKeyId }) => accessKeyId !== storedId);
    return second ? { do: 'stop', reason: 'second', key: second } : { do: 'begin' };
  }
  if (rotation.step === 'creating') {
    // Only one key existed when the rotation began. What is stored now can only be its new one, or the user's change.
    if (storedId !== rotation.oldId) return { do: 'note' };
    const second = keys.find(({ accessKeyId }) => accessKeyId !== storedId);
    if (!second) return { do: 'create' };
    return isOwn(second, rotation) && options.neverUsed(second)
      ? { do: 'discard', key: second }
      : { do: 'stop', reason: 'second', key: second };
  }
  // The user has stored another pair since, for example from a backup.
  if (storedId !== rotation.newId) return { do: 'abandon' };
  switch (rotation.step) {
    case 'stored':
      return { do: 'switch' };
    case 'deactivated':
      return { do: 'refresh' };
    case 'refreshed':
      return { do: options.delete ? 'delete' : rotation.keep ? 'keep' : 'wait' };
  }
}

/** A request takes 15 s at most, and clocks differ. In milliseconds. */
const BEFORE = 60_000;
const AFTER = 120_000;

/**
 * Returns whether a key is probably the one of a CreateAccessKey whose answer did not arrive: it was made at that time. The secret
 * was in that answer, so no program can have used the key.
 */
function isOwn({ createdAt }: AccessKey, { sentAt }: Rotation): boolean {
  return createdAt >= sentAt - BEFORE && createdAt <= sentAt + AFTER;
}

/**
 * Decides about the old key after a refresh with the new one.
 * @param keys the user's keys, as AWS lists them
 */
export function afterRefresh(
  { oldId, newId, keep }: Rotation,
  storedId: string,
  keys: readonly AccessKey[],
): 'delete' | 'forget' | 'leave' {
  const find = (id: string | undefined) => keys.find(({ accessKeyId }) => accessKeyId === id);
  const old = find(oldId);
  // The user may have activated the old key again because something needs it.
  if (keep || storedId !== newId || !old || old.isActive) return 'forget';
  return find(newId)?.isActive ? 'delete' : 'leave';
}
