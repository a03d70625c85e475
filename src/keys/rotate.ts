import type { AwsAnswer, Keys } from '../aws/call.ts';
import type { AccessKey } from '../aws/iam.ts';
import type { KeyPair } from '../credentials/pair.ts';
import { UserError } from '../errors.ts';
import type { AwsFailure } from '../policy/outcome.ts';
import { afterRefresh, nextStep, type Rotation } from './rotation.ts';
import type { KeyMemory, RotationJournal } from './rotation-journal.ts';
import * as texts from './rotation-texts.ts';

/** Requests to IAM, signed with an MFA session. */
export interface KeyRequests {
  list(keys: Keys): Promise<AwsAnswer<AccessKey[]>>;
  create(keys: Keys): Promise<AwsAnswer<AccessKey & KeyPair>>;
  deactivate(id: string, keys: Keys): Promise<AwsAnswer<true>>;
  delete(id: string, keys: Keys): Promise<AwsAnswer<true>>;
  lastUsed(id: string, keys: Keys): Promise<AwsAnswer<{ at: number | undefined }>>;
}

/** What a rotation needs from the world around it. */
export interface RotationEffects {
  /** Returns the time by AWS's clock, in milliseconds since the epoch. */
  now(): number;
  journal: RotationJournal;
  /** Where the pair of the source profile is kept. `write` replaces the former one in one step, durably. */
  store: {
    name: string;
    read(): Promise<KeyPair | undefined>;
    write(pair: KeyPair, former: KeyPair): Promise<string | undefined>;
  };
  /** Rehearses a write with a pair of the same length. Throws UserError that says what would prevent it. */
  rehearse(): Promise<void>;
  requests: KeyRequests;
  /** Asks AWS which user these keys belong to. */
  identity(keys: Keys): Promise<AwsAnswer<{ arn: string }>>;
  /** Returns the MFA session of the keys' user. */
  session(): Promise<Keys>;
  /** Gets another session with the stored pair: asks for a code. Throws UserError if there is none. */
  refresh(): Promise<void>;
  say(text: string): void;
  pause(milliseconds: number): Promise<void>;
}

/** How often AWS must accept the new key in a row, how long to wait for that, and how long between two requests. */
const IN_A_ROW = 5;
const ACCEPT_LIMIT = 60_000;
const ACCEPT_PAUSE = 1_000;

/** How often a request is sent in all, if AWS does not answer. */
const MOST_TRIES = 3;

/** More than a rotation has steps. */
const MOST_STEPS = 20;

/**
 * Replaces the key of a source profile with a new one, or continues a rotation that was interrupted. Each step is recorded before the
 * next one is decided by `nextStep`, so the process may end anywhere:
 *
 * 1. `CreateAccessKey`, with the MFA session; the new pair is stored before any other request;
 * 2. AWS accepts the new key several times in a row: it may take seconds until all of AWS accepts it;
 * 3. `UpdateAccessKey` makes the old key inactive;
 * 4. the session is refreshed with the new key, because AWS may end sessions of the old one;
 * 5. `DeleteAccessKey`: now, after the next refresh (see {@link tend}), or never.
 *
 * At every moment the stored pair works, except that some parts of AWS may not accept a new key yet.
 * @throws UserError that says what failed. The same call then finishes the work
 */
export async function rotate(
  source: string,
  options: { delete?: boolean; keep?: boolean },
  world: RotationEffects,
): Promise<void> {
  const { journal, store, requests, say } = world;
  /** The key of the session, if it was refreshed here. */
  let sessionOf: string | undefined;
  const effects = {
    ...world,
    refresh: async () => {
      await world.refresh();
      sessionOf = (await store.read())?.accessKeyId;
    },
  };
  const record = (rotation: Rotation | undefined, age?: KeyMemory['age']) =>
    journal.change(({ rotation: _, ...memory }) => ({ ...memory, ...(rotation && { rotation }), ...(age && { age }) }));
  let { keep = false } = options;
  let failures = 0;
  /** The keys that this run deleted. AWS may still list them for a few seconds. */
  const discarded = new Set<string>();
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    const stored = await store.read();
    if (!stored) throw new UserError(texts.noPair(source, store.name), 'usage');
    const { rotation: recorded = undefined } = journal.read();
    const isListed = !recorded || recorded.step === 'creating';
    const listed = isListed ? await sent(source, 'list the access keys', requests.list, effects) : [];
    const keys = listed.filter(({ accessKeyId }) => !discarded.has(accessKeyId));
    const second = keys.find(({ accessKeyId }) => accessKeyId !== stored.accessKeyId);
    const lastUse = second && (await lastUseOf(second, effects));
    const neverUsed = () => typeof lastUse !== 'number';
    const step = nextStep(recorded, stored.accessKeyId, keys, { ...options, neverUsed });
    switch (step.do) {
      case 'stop':
        if (recorded) await record(undefined);
        throw new UserError(
          step.reason === 'second'
            ? texts.secondKey(source, step.key, lastUse)
            : texts.notListed(source, stored.accessKeyId, store.name),
        );
      case 'abandon':
        await record(undefined);
        continue;
    }
    const rotation = recorded ?? (await begun(source, stored, keep, effects));
    const { oldId } = rotation;
    switch (step.do) {
      case 'begin':
      case 'create': {
        await effects.rehearse();
        // The journal claims a key from just before the request, until it is certain that there is none.
        const restore = () => record(recorded);
        const send = async (session: Keys) => {
          await record({ ...rotation, sentAt: effects.now() });
          const answer = await requests.create(session);
          if (!answer.ok && !mayBeExecuted(answer.failure)) await restore();
          return answer;
        };
        const answer = await answerTo(send, effects, { tries: 1 });
        if (answer.ok) {
          await storeNew(source, answer.value, stored, restore, effects);
          const { accessKeyId: newId, createdAt } = answer.value;
          const age = { accessKeyId: newId, createdAt, askedAt: effects.now() };
          await record({ ...rotation, step: 'stored', newId, sentAt: createdAt }, age);
          say(texts.stored(source, newId, store.name));
          continue;
        }
        const { failure } = answer;
        failures += 1;
        if (failures === MOST_TRIES || !(isWithoutAnswer(failure) || isRefusal(failure, 'LimitExceeded'))) {
          throw new UserError(texts.requestFailed(source, 'create an access key', answer));
        }
        if (mayBeExecuted(failure)) say(texts.noAnswerToCreate());
        else if (isWithoutAnswer(failure)) say(texts.triesAgain(answer));
        await effects.pause(1_000 * failures);
        continue;
      }
      case 'discard':
        await deleteKey(source, step.key.accessKeyId, effects);
        discarded.add(step.key.accessKeyId);
        keep ||= rotation.keep ?? false;
        await record(undefined);
        say(texts.discarded(step.key.accessKeyId));
        continue;
      case 'note':
        await record({ ...rotation, step: 'stored', newId: stored.accessKeyId });
        continue;
      case 'switch':
        await untilAccepted(source, stored, rotation.user, effects);
        await sent(
          source,
          'deactivate the old access key',
          (session) => requests.deactivate(oldId, session),
          effects,
          'NoSuchEntity',
        );
        await record({ ...rotation, step: 'deactivated' });
        say(texts.deactivated(oldId));
        continue;
      case 'refresh':
        if (options.keep) await record({ ...rotation, keep: true });
        if (sessionOf !== stored.accessKeyId) await effects.refresh();
        await record({ ...rotation, step: 'refreshed', ...(options.keep && { keep: true }) });
        continue;
      case 'delete':
        await deleteKey(source, oldId, effects);
        await record(undefined);
        say(texts.deleted(oldId));
        return;
      case 'keep':
        await record(undefined);
        say(texts.kept(oldId));
        return;
      case 'wait':
        if (options.keep) {
          await record({ ...rotation, keep: true });
          continue;
        }
        say(texts.isDeletedLater(source, oldId));
        return;
    }
  }
  throw new UserError(texts.notFinished(source));
}

/** Returns a new rotation, of which nothing is recorded yet. */
async function begun(
  source: string,
  { accessKeyId: oldId }: KeyPair,
  keep: boolean,
  effects: RotationEffects,
): Promise<Rotation> {
  const { arn: user } = await sent(source, 'ask AWS for the user', effects.identity, effects);
  return { user, oldId, sentAt: effects.now(), step: 'creating', ...(keep && { keep }) };
}

/**
 * Stores the new pair. If that fails, deletes the new key, whose secret is lost, unless the pair may have been stored anyway.
 * @param restore makes the journal forget the request
 */
async function storeNew(
  source: string,
  { accessKeyId, secretAccessKey }: KeyPair,
  former: KeyPair,
  restore: () => Promise<void>,
  effects: RotationEffects,
): Promise<void> {
  try {
    const lost = await effects.store.write({ accessKeyId, secretAccessKey }, former);
    if (lost !== undefined) effects.say(lost);
  } catch (error) {
    const stored = await effects.store.read().catch(() => undefined);
    if (stored?.accessKeyId === accessKeyId) return;
    // If that fails too, the next run finds the key.
    if (stored) await deleteKey(source, accessKeyId, effects).then(restore, () => {});
    throw error;
  }
}

async function deleteKey(source: string, id: string, effects: RotationEffects): Promise<void> {
  const send = (session: Keys) => effects.requests.delete(id, session);
  await sent(source, `delete the access key ${id}`, send, effects, 'NoSuchEntity');
}

/** Returns when AWS saw a key last; `never`; undefined if it does not say that. */
async function lastUseOf(key: AccessKey, effects: RotationEffects): Promise<number | 'never' | undefined> {
  const answer = await answerTo((session) => effects.requests.lastUsed(key.accessKeyId, session), effects);
  return answer.ok ? (answer.value.at ?? 'never') : undefined;
}

/** Waits until AWS accepts a new key several times in a row: parts of AWS learn of it later than others. */
async function untilAccepted(source: string, pair: KeyPair, user: string, effects: RotationEffects): Promise<void> {
  const end = effects.now() + ACCEPT_LIMIT;
  const seconds = ACCEPT_LIMIT / 1000;
  effects.say(texts.waitsForKey(seconds));
  let reason = '';
  for (let accepted = 0; ; ) {
    const answer = await effects.identity(pair);
    if (answer.ok && answer.value.arn !== user) {
      throw new UserError(texts.ofAnotherUser(source, answer.value.arn, user));
    }
    accepted = answer.ok ? accepted + 1 : 0;
    if (accepted === IN_A_ROW) return;
    if (!answer.ok) reason = 'code' in answer.failure ? answer.failure.code : answer.failure.kind;
    if (effects.now() >= end) throw new UserError(texts.notAccepted(source, seconds, reason));
    await effects.pause(ACCEPT_PAUSE);
  }
}

/**
 * Sends a request that may be repeated, with the session.
 * @param what completes "could not"
 * @param done an error code of AWS that says that nothing is left to do
 * @throws UserError if it fails
 */
async function sent<T>(
  source: string,
  what: string,
  send: (session: Keys) => Promise<AwsAnswer<T>>,
  effects: RotationEffects,
  done?: string,
): Promise<T> {
  const answer = await answerTo(send, effects);
  if (answer.ok) return answer.value;
  if (done !== undefined && isRefusal(answer.failure, done)) return true as T;
  throw new UserError(texts.requestFailed(source, what, answer));
}

/** Sends a request with the session, which is refreshed once if AWS does not accept it any more. */
async function answerTo<T>(
  send: (session: Keys) => Promise<AwsAnswer<T>>,
  effects: RotationEffects,
  { tries: most }: { tries: number } = { tries: MOST_TRIES },
): Promise<AwsAnswer<T>> {
  let isRefreshed = false;
  for (let tries = 1; ; ) {
    const answer = await send(await effects.session());
    if (answer.ok) return answer;
    const { failure } = answer;
    if (/^(bad-keys|expired)$/.test(failure.kind) && !isRefreshed) {
      isRefreshed = true;
      effects.say(texts.SESSION_ENDED);
      await effects.refresh();
      continue;
    }
    if (!isWithoutAnswer(failure) || tries >= most) return answer;
    effects.say(texts.triesAgain(answer));
    await effects.pause(1_000 * tries);
    tries += 1;
  }
}

/** Returns whether a request may be sent again: there was no answer, or none about the request. */
function isWithoutAnswer({ kind }: AwsFailure): boolean {
  return kind === 'unreachable' || kind === 'busy' || kind === 'not-sts';
}

/** Returns whether AWS may have executed a request. */
function mayBeExecuted(failure: AwsFailure): boolean {
  return isWithoutAnswer(failure) && !(failure.kind === 'unreachable' && !failure.sent);
}

function isRefusal(failure: AwsFailure, code: string): boolean {
  return failure.kind === 'refused' && failure.code === code;
}

const DAY = 86_400_000;

/**
 * Looks after the key of a source profile when a session was just requested with it: deletes the old key of a rotation, and asks
 * AWS for the age of the key. Sends nothing if there is nothing to do. Does not ask the user.
 * @param usedId the key that signed the request of the session
 * @param rotateEvery how old the key may become, in milliseconds; undefined: any age
 */
export async function tend(
  usedId: string,
  rotateEvery: number | undefined,
  effects: Pick<RotationEffects, 'now' | 'journal' | 'session'> & { requests: Pick<KeyRequests, 'list' | 'delete'> },
): Promise<texts.Tended> {
  const { journal, requests, now } = effects;
  const { rotation, age: known } = journal.read();
  if (rotation?.step === 'deactivated') {
    // The first session of the new key. The old key may still be needed by something else until the next one.
    await journal.change((memory) => ({ ...memory, rotation: { ...rotation, step: 'refreshed' } }));
  }
  const retiring = rotation?.step === 'refreshed' ? rotation : undefined;
  let age = known?.accessKeyId === usedId ? known : { accessKeyId: usedId, askedAt: 0 };
  const isAgeNeeded = rotateEvery !== undefined && age.createdAt === undefined && now() - age.askedAt >= DAY;
  const tended: texts.Tended = {};
  if (retiring || isAgeNeeded) {
    const session = await effects.session();
    const list = await requests.list(session);
    const key = list.ok ? list.value.find(({ accessKeyId }) => accessKeyId === usedId) : undefined;
    age = { ...age, askedAt: now(), ...(key && { createdAt: key.createdAt }) };
    const asked = age;
    let isOver = false;
    if (retiring) {
      const { oldId: id } = retiring;
      const follows = list.ok ? afterRefresh(retiring, usedId, list.value) : 'leave';
      const answer = follows === 'delete' ? await requests.delete(id, session) : list;
      const problem = answer.ok || isRefusal(answer.failure, 'NoSuchEntity') ? undefined : problemOf(answer.failure);
      isOver = follows !== 'leave' && problem === undefined;
      if (follows === 'delete' || problem !== undefined) {
        tended.retired = { id, ...(problem !== undefined && { problem }) };
      }
    }
    await journal.change(({ rotation, ...memory }) => ({
      ...memory,
      ...(rotation && !isOver && { rotation }),
      age: asked,
    }));
  }
  const { createdAt, offeredAt = 0 } = age;
  if (rotateEvery === undefined || createdAt === undefined) return tended;
  if (now() - createdAt < rotateEvery || now() - offeredAt < DAY) return tended;
  const offered = { ...age, offeredAt: now() };
  await journal.change((memory) => ({ ...memory, age: offered }));
  return { ...tended, age: now() - createdAt };
}

function problemOf(failure: AwsFailure): string {
  return 'detail' in failure ? failure.detail : failure.kind;
}
