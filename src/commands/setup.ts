import { codeIn } from '../ask/ask.ts';
import type { GlobalOptions } from '../cli/options.ts';
import { askAgent } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { changeCredentials } from '../files/replace.ts';
import { longTermKeys } from '../keys/long-term-keys.ts';
import { awsTarget, credentialProcess, foreignEndpoints } from '../refresh/effects.ts';
import { readSessions } from '../refresh/held-session.ts';
import { rehearseSave } from '../refresh/rehearsal.ts';
import { serviceOf } from '../service/install.ts';
import { aged, stateAt } from '../session/session.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import { ROLE_SECONDS } from '../settings/defaults.ts';
import { type KeyPlace, LONGEST_SECONDS } from '../settings/forms.ts';
import { type Paths, pathsOf, userHome } from '../settings/paths.ts';
import {
  durationProblem,
  loadSettings,
  requireValidSchedule,
  type Settings,
  serialProblem,
} from '../settings/settings.ts';
import { readAround, valuesInForce } from '../setup/around.ts';
import { anotherDevice, chooseDevice, typedDevice } from '../setup/device.ts';
import { type Arrangement, awsSetting, type Files, whatIsFound } from '../setup/found.ts';
import { movesKeys, presentPlace, withKeysInFile } from '../setup/key-place.ts';
import { askPromptBefore, leadProblem } from '../setup/lead-time.ts';
import { chooseProfile } from '../setup/profile.ts';
import { type Questions, questionsOf } from '../setup/questions.ts';
import { withRegion } from '../setup/region.ts';
import { chooseRoles, rolesIn } from '../setup/roles.ts';
import { settingsWith, type ValuesInForce, withRoles, withSetting } from '../setup/settings-text.ts';
import * as texts from '../setup/texts.ts';
import { Clock } from '../time/clock.ts';
import { installCommand } from './install.ts';
import { NOT_A_CODE, refreshCommand } from './refresh.ts';

interface SetupOptions extends GlobalOptions {
  profile?: string;
  sourceProfile?: string;
  serialNumber?: string;
  durationSeconds?: string;
  promptBefore?: string;
  tokenCode?: string;
  roles?: string;
  setRegion?: boolean;
  refresh: boolean;
  keys?: KeyPlace;
  install?: boolean;
  yes?: boolean;
}

/**
 * Asks questions, writes `config.ini`, gets a first session, and installs the service. Writes nothing before the last question
 * is answered. Changes nothing when it is repeated with the same answers.
 */
export async function setupCommand(options: SetupOptions): Promise<void> {
  refuseMalformed(options);
  const home = userHome();
  const files = pathsOf(process.env, home, options.config);
  const load = async (settingsText?: string) => {
    const named = { env: process.env, home, configFile: options.config };
    const settings = loadSettings({ ...named, ...(settingsText !== undefined && { settingsText }) });
    await requireValidSchedule(settings);
    return settings;
  };
  const around = await readAround(files, load, options.sourceProfile);
  const { text, written } = around;
  const found = whatIsFound(around.files);

  const questions = await questionsOf(options.yes ?? false);
  if (around.wrong !== undefined) questions.say(texts.wrongNow(around.wrong));
  for (const obstacle of found.obstacles) questions.say(texts.obstacle(obstacle));
  if (found.sources.length === 0) throw new UserError(texts.noSources(files.credentials), 'usage');
  const chosen = await chooseProfile(questions, around.files, found, options);
  const inForce = valuesInForce(chosen.profile, chosen.sourceProfile, around);
  for (const line of foreignEndpoints([{ ...chosen, serialNumber: undefined }])) questions.say(line);
  const serialNumber = options.serialNumber ?? (await askDevice(questions, chosen, files, around.files, inForce));
  const durationSeconds = [
    options.durationSeconds,
    inForce.durationSeconds,
    chosen.roleArn === undefined
      ? awsSetting(around.files, chosen.sourceProfile, 'duration_seconds')
      : String(ROLE_SECONDS),
  ].find((seconds) => seconds !== undefined && durationProblem(seconds) === undefined);
  const promptBefore =
    options.promptBefore ??
    (await askPromptBefore(
      questions,
      [written.top.get('prompt_before')?.value, inForce.promptBefore],
      durationSeconds,
    ));

  const { profile, sourceProfile, roleArn } = chosen;
  const answers = { profile, sourceProfile, roleArn, serialNumber, promptBefore };
  const withAnswers = settingsWith(
    text,
    { ...answers, durationSeconds: options.durationSeconds, keys: presentPlace(around.files, sourceProfile) },
    inForce,
    files.settings,
  );
  const offered = roleArn === undefined ? rolesIn(around.files, profile, serialNumber) : [];
  const roles = await chooseRoles(questions, offered, options.roles);
  const answered = withRoles(withAnswers, roles, profile);
  const changed =
    options.keys === 'file' ? withKeysInFile(answered, sourceProfile, await load(answered), around.files) : answered;
  // A wrong setting would end the agent: report it before anything is written.
  const settings = await load(changed);
  if (options.refresh) await requireRefresh(settings, profile, questions, options);
  const { keychain } = await import('../keys/stores.ts');
  const confirm = async () => (await import('./keys.ts')).confirmMove(sourceProfile, settings, async () => questions);
  const moves = await movesKeys(sourceProfile, settings, { questions, keychain: keychain(), confirm }, options);
  const installs = await wantsService(questions, files, options);

  const lost = changed === text ? undefined : await write(files.settings, around.bytes, changed);
  questions.say(changed === text ? texts.unchanged(files.settings) : texts.written(files.settings));
  if (lost !== undefined) questions.say(lost);
  if (options.refresh) await firstRefresh(profile, files.settings, changed, questions, options);
  if (installs) await installCommand({ ...options, endpointIsNamed: true });
  await giveRegion(profile, sourceProfile, around.files, files.config, questions, options);
  if (moves) await moveKeys(sourceProfile, settings, options);
  const agent = await askAgent(files.runtime, 'GET /v1/agent', {}).catch(() => undefined);
  questions.end(texts.done(profile, { refreshed: options.refresh, runs: installs || agent !== undefined }));
}

/** Gets the first session. If AWS does not know the MFA device, asks the user for another one. */
async function firstRefresh(
  profile: string,
  file: string,
  text: string,
  questions: Questions,
  options: SetupOptions,
): Promise<void> {
  try {
    await refreshCommand(
      profile,
      { ...refreshOptions(options), endpointIsNamed: true },
      questions.person ? undefined : ['mfa_process'],
    );
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const canAsk = questions.person && !options.yes;
    const isOpen = options.serialNumber === undefined && options.tokenCode === undefined;
    if (error.code !== 'wrong-device' || !canAsk || !isOpen) {
      throw new UserError(texts.notRefreshed(error.message), error.code, { cause: error });
    }
    questions.say(error.message);
    // The question for the code has released the terminal.
    process.stdin.ref?.();
    const device = await anotherDevice(questions).catch(() => {
      throw new UserError(texts.notRefreshed(error.message), error.code, { cause: error });
    });
    const changed = withSetting(text, profile, 'mfa_serial', device, file);
    await write(file, Buffer.from(text, 'utf8'), changed);
    await firstRefresh(profile, file, changed, questions, options);
  }
}

/** Moves the long-term keys to the keychain. This is last: nothing else needs it, and it can be repeated. */
async function moveKeys(source: string, settings: Settings, { keys }: SetupOptions): Promise<void> {
  const { store } = await import('./keys.ts');
  try {
    await store(source, settings, { yes: true }, keys === undefined);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(texts.notMoved(error.message, source), error.code, { cause: error });
  }
}

/** Gives a new profile the region of its source in `~/.aws/config`, or says how. */
async function giveRegion(
  profile: string,
  sourceProfile: string,
  awsFiles: Files,
  configFile: string,
  questions: Questions,
  { setRegion }: SetupOptions,
): Promise<void> {
  const region = awsSetting(awsFiles, sourceProfile, 'region');
  if (!region || awsSetting(awsFiles, profile, 'region') !== undefined) return;
  if (!setRegion) return questions.say(texts.noRegion(profile, region));
  const lost = await changeCredentials(configFile, (bytes) => {
    const config = readAwsConfig(bytes);
    return config.entries(profile).has('region') ? bytes : withRegion(bytes, config.title(profile), profile, region);
  });
  questions.say(texts.regionSet(profile, region, configFile));
  if (lost !== undefined) questions.say(lost);
}

function refuseMalformed({ tokenCode, serialNumber, durationSeconds, promptBefore }: SetupOptions): void {
  const refuse = (option: string, value: string | undefined, problem: (text: string) => string | undefined) => {
    const wrong = value === undefined ? undefined : problem(value);
    if (wrong) throw new UserError(`${option} ${value}: ${wrong}`, 'usage');
  };
  refuse('--serial-number', serialNumber, serialProblem);
  if (tokenCode !== undefined && tokenCode !== '-' && codeIn(tokenCode) === undefined)
    throw new UserError(NOT_A_CODE, 'usage');
  refuse('--duration-seconds', durationSeconds, durationProblem);
  refuse('--prompt-before', promptBefore, (text) => leadProblem(text, durationSeconds ?? String(LONGEST_SECONDS)));
}

async function askDevice(
  questions: Questions,
  { sourceProfile, serialNumber: found }: Arrangement,
  files: Paths,
  awsFiles: Files,
  inForce: ValuesInForce,
): Promise<string> {
  const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const region = AWS_REGION || AWS_DEFAULT_REGION || awsSetting(awsFiles, sourceProfile, 'region');
  // The device in the settings is of the user of the present source profile.
  const isSameSource = inForce.sourceProfile === undefined || inForce.sourceProfile === sourceProfile;
  const configured = isSameSource ? inForce.serialNumber : awsSetting(awsFiles, sourceProfile, 'mfa_serial');
  const hints = { sourceProfile, configured, found: found ?? inForce.serialNumber };
  // Long-term keys are read from the keychain only to make a session.
  const isInKeychain = awsFiles.settings.some((one) => one.sourceProfile === sourceProfile && one.isInKeychain);
  if (isInKeychain) return typedDevice(questions, hints);
  const keys = await longTermKeys(files, sourceProfile, credentialProcess);
  const source = {
    sourceProfile,
    ...(region ? { region, serialNumber: undefined } : { serialNumber: configured ?? hints.found }),
  };
  return chooseDevice(questions, hints, keys, (service) => awsTarget(service, source, new Clock()));
}

/** Throws before anything is written if the first refresh cannot get a code, or could not write the session. */
async function requireRefresh(
  settings: Settings,
  profile: string,
  { person }: Questions,
  { tokenCode }: SetupOptions,
): Promise<void> {
  const own = settings.profiles.find((one) => one.profile === profile);
  const session = own && readSessions(settings.files, [own]).get(profile);
  if (session && stateAt(aged(session, own), Date.now(), settings.promptBefore) === 'fresh') return;
  if (tokenCode === undefined && !person && own?.mfaProcess === undefined) throw new UserError(texts.NO_CODE, 'usage');
  await rehearseSave(settings.files, profile);
}

/** Returns whether to install the service. Asks only if it can be installed and no agent is running. */
async function wantsService(questions: Questions, files: Paths, { install }: SetupOptions): Promise<boolean> {
  if (install !== undefined) return install;
  try {
    const service = serviceOf(process.env);
    const reason = await service.unfit();
    if (reason !== undefined) throw new UserError(reason);
    if ((await service.running()) !== undefined) {
      questions.say(texts.runsAlready(service.name));
      return false;
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    questions.say(texts.noService(error.message));
    return false;
  }
  const agent = await askAgent(files.runtime, 'GET /v1/agent', {}).catch(() => undefined);
  if (agent) {
    questions.say(texts.runsElsewhere(agent.pid));
    return false;
  }
  return questions.confirm({ option: '--install or --no-install', message: texts.INSTALL });
}

/**
 * Writes the settings. Throws if another program has changed the file since it was read.
 * @returns a sentence for the user if other users lose access to the file
 */
async function write(file: string, before: Buffer | undefined, text: string): Promise<string | undefined> {
  const bytes = Buffer.from(text, 'utf8');
  return changeCredentials(file, (now) => {
    if (!now.equals(before ?? Buffer.alloc(0))) throw new UserError(texts.changedMeanwhile(file));
    return bytes;
  });
}

function refreshOptions({ config, debug, tokenCode }: SetupOptions) {
  return {
    ...(config !== undefined && { config }),
    ...(debug !== undefined && { debug }),
    ...(tokenCode !== undefined && { tokenCode }),
  };
}
