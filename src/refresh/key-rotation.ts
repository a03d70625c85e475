import { join } from 'node:path';
import { withPair } from '../credentials/pair.ts';
import { UserError } from '../errors.ts';
import { lockFile } from '../files/lock.ts';
import { makeFolder } from '../files/make-folder.ts';
import { type RotationEffects, tend } from '../keys/rotate.ts';
import { rotationJournal } from '../keys/rotation-journal.ts';
import * as texts from '../keys/rotation-texts.ts';
import { keyStore } from '../keys/stores.ts';
import type { RefreshOutcome } from '../policy/outcome.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import type { Clock } from '../time/clock.ts';
import { pause } from '../time/pause.ts';
import { callerIdentity, keychainOf, keyRequests } from './effects.ts';
import { readHeldSession, sessionInFile } from './held-session.ts';
import type { RefreshEffects } from './refresh.ts';
import { MADE_UP, requireKeys } from './rehearsal.ts';

/**
 * Connects a rotation of the keys of a profile's source to the real world.
 * @param refresh gets another session for the profile. Throws UserError if there is none
 */
export function rotationEffects(
  settings: Settings,
  profile: ProfileSettings,
  { clock, refresh, say }: { clock: Clock; refresh(): Promise<void>; say(text: string): void },
): RotationEffects {
  const { files } = settings;
  const { sourceProfile: source, keys: place = 'file' } = profile;
  const store = keyStore(place, files);
  const held = () => sessionInFile(settings, profile, readHeldSession(settings, profile, clock.now()), 'working');
  return {
    now: () => clock.now(),
    journal: rotationJournal(files, source),
    store: {
      name: store.name,
      read: () => store.read(source),
      write: (pair, former) => store.write(source, pair, former),
    },
    rehearse: async () => {
      // Keys in both places, for one, would make the refresh after the rotation fail.
      await requireKeys(files, source, await keychainOf(profile));
      if (place !== 'file') return;
      const { rehearseChange } = await import('../files/replace.ts');
      await rehearseChange(files.credentials, (bytes) => withPair(bytes, source, MADE_UP));
    },
    requests: keyRequests(profile, clock),
    identity: (keys) => callerIdentity(keys, profile, clock),
    session: async () => {
      const session = await held();
      if (session) return session;
      await refresh();
      const next = await held();
      if (next) return next;
      throw new UserError(texts.noSession(profile.profile), 'no-session');
    },
    refresh,
    say,
    pause,
  };
}

/** In milliseconds. The lock of a killed process becomes invalid earlier than that. */
const LOCK_LIMIT = 3_000;

/**
 * Does something while no other process of this user rotates keys.
 * @param wait how long to wait for another one, in milliseconds
 * @throws UserError (`locked`) if another one does it all that time
 */
export async function alone<Result>(
  { state }: Settings['files'],
  action: () => Promise<Result>,
  wait = LOCK_LIMIT,
): Promise<Result> {
  makeFolder(state);
  const lock = await lockFile(join(state, 'rotations'), wait).catch((error) => {
    throw error instanceof UserError && error.code === 'locked'
      ? new UserError(texts.anotherRotates(), 'locked')
      : error;
  });
  try {
    return await action();
  } finally {
    await lock.release();
  }
}

/** How long an answer may take when the agent waits for the end of its refresh, in milliseconds. */
const PATIENCE = 5_000;

/**
 * Looks after the key of a profile's source when a refresh has succeeded: see {@link tend}.
 * @returns the effects for the refresh, and what to do after it, which never rejects
 */
export function tending(
  { files }: Settings,
  profile: ProfileSettings,
  clock: Clock,
  effects: RefreshEffects,
): { effects: RefreshEffects; tend(outcome: RefreshOutcome): Promise<texts.Tended> } {
  let usedId: string | undefined;
  return {
    effects: {
      ...effects,
      longTermKeys: async (source) => {
        const keys = await effects.longTermKeys(source);
        usedId = keys.accessKeyId;
        return keys;
      },
    },
    tend: async (outcome) => {
      const { role, rotateEvery, sourceProfile } = profile;
      const journal = rotationJournal(files, sourceProfile);
      try {
        // The session of a role cannot manage the user's keys.
        if (outcome.kind !== 'refreshed' || usedId === undefined || role) return {};
        if (rotateEvery === undefined && !journal.read().rotation) return {};
        const [id, { session }] = [usedId, outcome];
        const requests = keyRequests(profile, clock, PATIENCE);
        const ofRefresh = { now: () => clock.now(), journal, requests, session: async () => session };
        return await alone(files, () => tend(id, rotateEvery, ofRefresh), 0);
      } catch {
        // Tried again after the next refresh. A rotation that is running looks after its key itself.
        return {};
      }
    },
  };
}
