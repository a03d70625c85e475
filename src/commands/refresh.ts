import { once as onceEmitted } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { text } from 'node:stream/consumers';
import { type Ask, codeIn } from '../ask/ask.ts';
import { type Asker, createAsk } from '../ask/choose.ts';
import type { GlobalOptions } from '../cli/options.ts';
import { say } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { exposure } from '../files/exposure.ts';
import { tendedLines } from '../keys/rotation-texts.ts';
import type { RefreshOutcome } from '../policy/outcome.ts';
import { resultAtTerminal, waitingAtTerminal } from '../refresh/at-terminal.ts';
import { foreignEndpoints, refreshEffects, saveSession } from '../refresh/effects.ts';
import { chosenProfile, readHeldSession, sessionInFile } from '../refresh/held-session.ts';
import { tending } from '../refresh/key-rotation.ts';
import { outcomeText } from '../refresh/outcome.ts';
import { refresh } from '../refresh/refresh.ts';
import { rehearseSave } from '../refresh/rehearsal.ts';
import { type ChainedProfile, chained, refreshRoles } from '../refresh/role.ts';
import { refreshTarget, requireDevice } from '../refresh/target.ts';
import * as texts from '../refresh/texts.ts';
import type { MfaSession } from '../session/session.ts';
import {
  durationProblem,
  type ProfileSettings,
  type Settings,
  serialProblem,
  userSettings,
  withSource,
} from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';
import { pause } from '../time/pause.ts';

interface RefreshOptions extends GlobalOptions {
  tokenCode?: string;
  serialNumber?: string;
  sourceProfile?: string;
  durationSeconds?: string;
  force?: boolean;
  /** Whether the caller has named an endpoint that is not AWS's. */
  endpointIsNamed?: boolean;
}

/**
 * Makes one refresh now. Does nothing if the session is still fresh, unless `--force` is given.
 * @param ways methods of asking to use instead of those of the settings
 */
export async function refreshCommand(
  name: string | undefined,
  options: RefreshOptions,
  ways?: string[],
): Promise<void> {
  const settings = userSettings(options);
  const profile = withOptions(chosenProfile(name, settings), options);
  const code = options.tokenCode === undefined ? undefined : await givenCode(options.tokenCode);
  const role = chained(profile);
  if (profile.serialNumber === undefined && options.sourceProfile !== undefined) {
    throw new UserError(texts.sourceHasNoSerial(options.sourceProfile, settings.files.config), 'usage');
  }
  if (!role) requireDevice(settings, profile);
  const foreign = foreignEndpoints([profile]);
  const clock = new Clock();
  const held = readHeldSession(settings, profile, clock.now());
  const { state, expiration } = held;
  // Long-term keys are replaced only if the user names the profile and uses --force.
  const overKeys = state === 'long-term' && options.force === true && name !== undefined;
  if (state === 'long-term' && !overKeys) {
    throw new UserError(texts.holdsLongTerm(profile.profile, settings.files.credentials), 'usage');
  }
  const isEnough =
    !options.force && (await sessionInFile(settings, profile, held, 'fresh', TRUSTED_BY_USER)) !== undefined;
  if (isEnough && expiration !== undefined) {
    say(texts.stillFresh(profile.profile, expiration, clock.now()));
    return;
  }

  if (!options.endpointIsNamed) for (const line of foreign) say(line);
  const { ask, show } = resultAtTerminal(code === undefined ? terminalFirst(settings, profile, ways).ask : once(code));
  let copy: string | undefined;
  const save = async (session: MfaSession) => {
    if (overKeys && copy === undefined) {
      copy = await keepCopy(settings.files.credentials);
      say(texts.copyKept(copy));
    }
    return saveSession(settings.files, profile.profile, session, { force: overKeys });
  };
  const rehearse = (written: string) => rehearseSave(settings.files, written, { force: overKeys });
  const { effects, tend } = tending(settings, profile, clock, refreshEffects(settings, profile, { ask, clock }));
  const byCode = (): Promise<RefreshOutcome> =>
    refresh(
      refreshTarget(settings, profile, expiration),
      { reminder: 0, signal: new AbortController().signal, onChange: () => {} },
      { ...effects, rehearse, save: (_, session) => save(session), waiting: waitingAtTerminal },
    );
  const refreshSource = async ({ force }: { force: boolean }) => {
    const { config, debug } = options;
    const given = { ...(config !== undefined && { config }), ...(debug !== undefined && { debug }) };
    const ofUser = code === undefined ? {} : { tokenCode: code };
    await refreshCommand(profile.sourceProfile, { ...given, ...ofUser, force, endpointIsNamed: true }, ways);
  };
  const outcome = role ? await assumed(settings, role, { rehearse, refreshSource, clock, save }) : await byCode();
  const end = await untilSaved(profile.profile, outcome, save);
  // `--token-code` is one code. It was not sent if another process had sent it.
  const isUsed = end.kind === 'unaskable' && options.tokenCode !== undefined;
  const text = isUsed ? texts.cannotRefresh(profile.profile, end.reason) : outcomeText(profile, end, clock.now());
  show(text);
  // The reason was said before the tries.
  if (end.kind === 'unsaved') throw new UserError(texts.GIVEN_UP);
  if (end.kind !== 'refreshed') {
    const isWrongDevice = end.kind === 'refused' && end.failure.kind === 'wrong-serial';
    throw new UserError(text, isWrongDevice ? 'wrong-device' : 'failed');
  }
  say(text);
  for (const line of tendedLines(profile.sourceProfile, await tend(end))) say(line);
  const exposed = exposure(settings.files.credentials);
  if (exposed) say(exposed);
}

/** How long AWS's acceptance of a session is relied on, in milliseconds: the user may know that AWS no longer accepts it. */
const TRUSTED_BY_USER = 60_000;

/**
 * Assumes the role of a profile with the session of its source profile. If that is not fresh, or AWS does not accept it any
 * more, refreshes it first, once.
 */
async function assumed(
  settings: Settings,
  role: ChainedProfile,
  {
    rehearse,
    refreshSource,
    clock,
    save,
  }: {
    rehearse(profile: string): Promise<void>;
    refreshSource(options: { force: boolean }): Promise<void>;
    clock: Clock;
    save: Save;
  },
): Promise<RefreshOutcome> {
  const source = chosenProfile(role.sourceProfile, settings);
  const assume = async (): Promise<RefreshOutcome> => {
    const saveAll = async ([session]: MfaSession[]) => session && save(session);
    const outcomes = await refreshRoles(settings, [role], clock, {
      save: (sessions) => saveAll([...sessions.values()]),
    });
    return outcomes.get(role.profile) ?? { kind: 'withdrawn' };
  };
  const held = readHeldSession(settings, source, clock.now());
  const isFresh = (await sessionInFile(settings, source, held, 'fresh')) !== undefined;
  try {
    await rehearse(role.profile);
  } catch (error) {
    return { kind: 'unwritable', reason: texts.reasonOf(error) };
  }
  if (!isFresh) await refreshSource({ force: false });
  const outcome = await assume();
  const isSourceDead = outcome.kind === 'refused' && /^(expired|bad-keys)$/.test(outcome.failure.kind);
  if (!isFresh || !isSourceDead) return outcome;
  await refreshSource({ force: true });
  return assume();
}

type Save = (session: MfaSession) => Promise<string | undefined>;

/** How often to try to write a session, if no user is at the terminal. */
const SAVE_TRIES = 15;

/** Keeps the session until it is written or the user discards it: AWS gives only one session for a code. */
async function untilSaved(profile: string, outcome: RefreshOutcome, save: Save): Promise<RefreshOutcome> {
  let current = outcome;
  for (let tries = 0; current.kind === 'unsaved' && (process.stdin.isTTY || tries < SAVE_TRIES); tries++) {
    if (tries === 0) say(texts.unsaved(profile, current.reason));
    if (process.stdin.isTTY) await pressedReturn(texts.PRESS_RETURN);
    else await pause(2_000);
    const { session } = current;
    current = await save(session).then(
      (lost) => ({ kind: 'refreshed', session, ...(lost !== undefined && { lost }) }) as const,
      (error: Error) => ({ kind: 'unsaved', session, reason: error.message }) as const,
    );
  }
  return current;
}

async function pressedReturn(question: string): Promise<void> {
  const line = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-C and the end of the input discard the session.
  const given = onceEmitted(line, 'close').then(() => Promise.reject(new UserError(texts.GIVEN_UP)));
  try {
    await Promise.race([line.question(question), given]);
  } finally {
    given.catch(() => {});
    line.close();
  }
}

/** Copies a file to its own folder, readable only by its owner. @returns the path of the copy */
async function keepCopy(file: string): Promise<string> {
  const copy = `${file}.before-${new Date().toISOString().replace(/\W/g, '').slice(0, 15)}`;
  await writeFile(copy, await readFile(file), { mode: 0o600, flag: 'wx', flush: true });
  return copy;
}

function withOptions(profile: ProfileSettings, options: RefreshOptions): ProfileSettings {
  const ofCode = options.sourceProfile !== undefined ? '--source-profile' : options.serialNumber && '--serial-number';
  if (profile.role?.isChained && ofCode) {
    throw new UserError(`${ofCode}: ${texts.needsNoCode(profile)}`, 'usage');
  }
  if (options.sourceProfile === profile.profile && !options.force) {
    throw new UserError(
      `--source-profile ${options.sourceProfile}: [${profile.profile}] cannot be its own source`,
      'usage',
    );
  }
  const { sourceProfile } = options;
  const changed = { ...(sourceProfile === undefined ? profile : withSource(options, profile, sourceProfile)) };
  if (options.serialNumber !== undefined) {
    const problem = serialProblem(options.serialNumber);
    if (problem) throw new UserError(`--serial-number ${options.serialNumber}: ${problem}`, 'usage');
    // The command prints the codes of the other device.
    if (options.serialNumber !== changed.serialNumber) delete changed.mfaProcess;
    changed.serialNumber = options.serialNumber;
  }
  if (options.durationSeconds !== undefined) {
    const problem = durationProblem(options.durationSeconds, profile.role);
    if (problem) throw new UserError(`--duration-seconds ${options.durationSeconds}: ${problem}`, 'usage');
    changed.durationSeconds = Number(options.durationSeconds);
  }
  return changed;
}

export const NOT_A_CODE = '--token-code: not six digits';

/** Returns the code of `--token-code`. Never shows it, not even if it is malformed. */
async function givenCode(option: string): Promise<string> {
  const code = codeIn(option === '-' ? await text(process.stdin) : option);
  if (code === undefined) throw new UserError(NOT_A_CODE, 'usage');
  return code;
}

/** Answers one prompt with the code. */
function once(code: string): Ask {
  let left: string | undefined = code;
  return async ({ problem }) => {
    const answer = left;
    left = undefined;
    return answer === undefined
      ? { kind: 'unavailable', reason: problem ?? 'the code was used' }
      : { kind: 'code', code: answer };
  };
}

/** A user who types `refresh` looks at the terminal, not at the desktop. */
export function terminalFirst(settings: Settings, profile: ProfileSettings, ways?: string[]): Asker {
  const usual = process.stdin.isTTY && settings.prompt === 'auto' ? ['mfa_process', 'terminal'] : settings.prompt;
  const prompt = ways ?? usual;
  return createAsk({ ...settings, prompt }, profile);
}
