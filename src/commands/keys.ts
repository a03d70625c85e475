import { CHECKING } from '../ask/texts.ts';
import type { KeyAction } from '../cli/options.ts';
import { say, write } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { exposure } from '../files/exposure.ts';
import { inFile } from '../keys/in-file.ts';
import { type ListedKeys, listedKeys, refuseInConfig } from '../keys/list.ts';
import { type MoveEffects, restoreKeys, storeKeys } from '../keys/move.ts';
import { keychain } from '../keys/stores.ts';
import * as texts from '../keys/texts.ts';
import { callerIdentity, keyRequests } from '../refresh/effects.ts';
import { readHeldSession } from '../refresh/held-session.ts';
import { alone } from '../refresh/key-rotation.ts';
import { stsFailure } from '../refresh/texts.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import { bytesOf, type ProfileSettings, readCredentials, type Settings, userSettings } from '../settings/settings.ts';
import { type Questions, questionsOf } from '../setup/questions.ts';
import { withKeyPlace } from '../setup/settings-text.ts';
import { Clock } from '../time/clock.ts';
import { pause } from '../time/pause.ts';
import type { RotateOptions } from './keys-rotate.ts';

interface KeysOptions extends RotateOptions {
  keepFile?: boolean;
  force?: boolean;
  yes?: boolean;
}

/** The options that only some actions have. */
const OPTIONS: Record<KeyAction, readonly (keyof KeysOptions)[]> = {
  list: [],
  store: ['keepFile', 'force', 'yes'],
  restore: ['force'],
  rotate: ['delete', 'keep'],
};

/** Shows and moves the long-term keys of source profiles. */
export async function keysCommand(action: KeyAction, name: string | undefined, options: KeysOptions): Promise<void> {
  const misplaced = Object.values(OPTIONS)
    .flat()
    .find((option) => options[option] && !OPTIONS[action].includes(option));
  if (misplaced) throw new UserError(texts.notFor(misplaced, action), 'usage');
  const settings = userSettings(options);
  switch (action) {
    case 'rotate':
      return (await import('./keys-rotate.ts')).rotateKeys(name, settings, options);
    case 'list':
      return list(name === undefined ? sourcesOf(settings) : [sourceNamed(name, settings)], settings);
    case 'store':
      return store(sourceNamed(name, settings), settings, options);
    case 'restore': {
      const source = sourceNamed(name, settings);
      const { force = false } = options;
      await alone(settings.files, () => restoreKeys(source, moving(source, settings), { force }));
      const exposed = exposure(settings.files.credentials);
      if (exposed) say(exposed);
    }
  }
}

/**
 * Moves the keys of a source profile into the keychain.
 * @param isConfirmed whether the user has answered {@link confirmMove}
 */
export async function store(
  source: string,
  settings: Settings,
  options: KeysOptions,
  isConfirmed = false,
): Promise<void> {
  const { keepFile = false, force = false, yes = false } = options;
  refuseInConfig(source, settings.files);
  const effects: MoveEffects = {
    ...moving(source, settings),
    typed: async () => {
      const asked = await questionsOf(false, texts.TITLE);
      const option = texts.NO_KEYS_OPTION;
      const accessKeyId = await asked.text({ option, message: texts.TYPE_ID, problem: texts.idProblem });
      return {
        accessKeyId,
        secretAccessKey: await asked.secret({ option, message: texts.TYPE_SECRET, problem: texts.secretProblem }),
      };
    },
    confirm: async () => {
      const isWanted = isConfirmed || (await confirmMove(source, settings, () => questionsOf(yes, texts.TITLE)));
      if (!isWanted) throw new UserError(texts.CANCELLED);
    },
  };
  await alone(settings.files, () => storeKeys(source, effects, { keepFile, force }));
}

/** Says what else uses the keys of a source profile, and asks whether to move them. */
export async function confirmMove(
  source: string,
  settings: Settings,
  questions: () => Promise<Questions>,
): Promise<boolean> {
  for (const line of texts.dependents(source, settings.files.credentials, dependentsOf(source, settings))) say(line);
  return (await questions()).confirm({ option: '--yes', message: texts.REMOVE });
}

function moving(source: string, settings: Settings): Omit<MoveEffects, 'typed' | 'confirm'> {
  const { files } = settings;
  const users = usersOf(source, settings);
  return {
    file: inFile(files.credentials),
    keychain: keychain(),
    say,
    accepted: (pair, isNew) => accepted(pair, isNew, users[0]),
    decide: async (place) => {
      const { changeCredentials } = await import('../files/replace.ts');
      const names = users.map(({ profile }) => profile);
      const lost = await changeCredentials(files.settings, (bytes) => {
        const text = bytes.toString('utf8');
        const changed = withKeyPlace(text, names, place, files);
        return changed === text ? bytes : Buffer.from(changed, 'utf8');
      });
      if (lost !== undefined) say(lost);
    },
  };
}

/** How long AWS may take to accept a new key, and how often it is asked, in milliseconds. */
const NEW_KEY_LIMIT = 30_000;
const NEW_KEY_PAUSE = 3_000;

/** Waits until AWS accepts a pair. @param isNew whether AWS may not accept it yet */
async function accepted(
  pair: Parameters<MoveEffects['accepted']>[0],
  isNew: boolean,
  profile: ProfileSettings,
): Promise<void> {
  const clock = new Clock();
  say(CHECKING);
  for (const end = Date.now() + (isNew ? NEW_KEY_LIMIT : 0); ; ) {
    const answer = await callerIdentity(pair, profile, clock);
    if (answer.ok) return;
    const mayBeNew = answer.failure.kind === 'bad-keys' && answer.failure.code === 'InvalidClientTokenId';
    if (!mayBeNew || Date.now() >= end) {
      throw new UserError(texts.notAccepted(profile.sourceProfile, stsFailure(profile, answer).reason));
    }
    await pause(NEW_KEY_PAUSE);
  }
}

/** Returns the source profiles of the settings that have long-term keys. */
function sourcesOf({ profiles }: Settings): string[] {
  return [...new Set(profiles.map(({ sourceProfile, role }) => role?.keysProfile ?? sourceProfile))];
}

/**
 * Returns a source profile: the named one, that of the named MFA profile, or the only one.
 * @throws UserError (`usage`) if there is none, or several and none is named
 */
function sourceNamed(name: string | undefined, settings: Settings): string {
  const sources = sourcesOf(settings);
  const known = sources.map((one) => `[${one}]`).join(', ');
  const [only, another] = sources;
  if (name === undefined) {
    if (only === undefined || another !== undefined) throw new UserError(texts.nameOne(known), 'usage');
    return only;
  }
  if (sources.includes(name)) return name;
  const profile = settings.profiles.find((one) => one.profile === name);
  if (!profile) throw new UserError(texts.noSource(name, known, settings.files.settings), 'usage');
  return profile.role?.keysProfile ?? profile.sourceProfile;
}

/** Returns the profiles that are refreshed with the long-term keys of a source profile. */
function usersOf(source: string, { profiles }: Settings): [ProfileSettings, ...ProfileSettings[]] {
  const [first, ...others] = profiles.filter(({ sourceProfile, role }) => sourceProfile === source && !role?.isChained);
  if (!first) throw new UserError(texts.noSource(source, '', ''), 'usage');
  return [first, ...others];
}

/** Returns the profiles of AWS's files that take their keys from a source profile. */
function dependentsOf(source: string, { files }: Settings): string[] {
  const config = readAwsConfig(bytesOf(files.config));
  const credentials = readCredentials(files.credentials);
  const names = new Set([...config.profileNames(), ...(credentials?.profileNames() ?? [])]);
  return [...names].filter((name) =>
    [config.entries(name), credentials?.entries(name)].some((one) => one?.get('source_profile')?.value === source),
  );
}

/** Prints where the keys of each source profile are, how old they are, and when they were last used. */
async function list(sources: readonly string[], settings: Settings): Promise<void> {
  const { files } = settings;
  const clock = new Clock();
  for (const source of sources) {
    const [user] = usersOf(source, settings);
    const found = await listedKeys(source, files, user.keys === 'keychain', keychain());
    for (const line of texts.listed(source, found, await aboutKeys(found, user, settings, clock), Date.now())) {
      write(1, `${line}\n`);
    }
  }
}

/** Asks AWS about the keys of a user: with the session of an MFA profile, or with the long-term keys if they are in a file. */
async function aboutKeys(
  found: ListedKeys,
  user: ProfileSettings,
  settings: Settings,
  clock: Clock,
): Promise<texts.KnownKey[] | string> {
  const { state, session } = readHeldSession(settings, user, clock.now());
  const keys = session && !user.role && (state === 'fresh' || state === 'due') ? session : found.pair;
  if (!keys) return texts.NO_SESSION;
  const requests = keyRequests(user, clock);
  const all = await requests.list(keys);
  if (!all.ok) return texts.notListed(stsFailure(user, all).reason);
  return Promise.all(
    all.value.map(async (key) => {
      const used = await requests.lastUsed(key.accessKeyId, keys);
      return { ...key, ...(used.ok && { usedAt: used.value.at ?? null }) };
    }),
  );
}
