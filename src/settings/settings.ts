import { type CredentialsDocument, parseCredentials } from '../credentials/document.ts';
import type { Entries, Written } from '../credentials/section.ts';
import { UserError } from '../errors.ts';
import { explained } from '../files/explain.ts';
import { notAFile, readIfPresent } from '../files/read.ts';
import type { QuietHours } from '../policy/quiet.ts';
import { stateFile } from '../session/state.ts';
import { type AwsConfig, readAwsConfig } from './aws-config.ts';
import { companyText, withLoginName } from './company-file.ts';
import { merged, readSettingsFile, type Section, type SettingsFile } from './config-ini.ts';
import { CHECK, DURATION_SECONDS, promptBeforeFor, REMIND_EVERY, ROLE_SECONDS } from './defaults.ts';
import * as forms from './forms.ts';
import { type Paths, pathsOf, userHome } from './paths.ts';
import { isChainedRole, refuseUnknownSettings } from './unknown-settings.ts';

/** The settings of one MFA profile or role profile. */
export interface ProfileSettings {
  profile: string;
  /** The profile with the long-term keys; for a chained role, another profile of these settings. */
  sourceProfile: string;
  /** Where the long-term keys of the source profile are; undefined: in AWS's files. */
  keys?: 'keychain';
  /** Undefined if no file names one; a refresh then says where to put it. A chained role needs none. */
  serialNumber: string | undefined;
  durationSeconds: number;
  /** Set for a role profile. */
  role?: RoleSettings;
  /** How old a session may become, in milliseconds, if that is less than its length. */
  maxAge?: number;
  /** How old the key of the source profile may become before its rotation is offered, in milliseconds. */
  rotateEvery?: number;
  /** A command that prints the code. */
  mfaProcess?: string;
  /** The region for requests to STS. */
  region?: string;
  /** The region of the profile in AWS's files, which tools use for it. */
  toolsRegion?: string;
}

export interface RoleSettings {
  arn: string;
  /** Undefined: the name of the user who assumes it. */
  sessionName?: string;
  externalId?: string;
  /**
   * Whether the role is assumed with the session of its source profile (AWS: role chaining), which needs no code. Otherwise it
   * is assumed with long-term keys and a code.
   */
  isChained: boolean;
  /**
   * The profile with the long-term keys at the start of the chain. Its settings in AWS's files say how to reach AWS, unless
   * the role's own section there does.
   */
  keysProfile: string;
}

/** Returns whether a profile needs codes of an MFA device, and no file names one. */
export function lacksDevice({ serialNumber, role }: ProfileSettings): boolean {
  return serialNumber === undefined && !role?.isChained;
}

/** Returns a profile with the sources of a chained role: each is assumed with the session of the one after it. */
export function sessionChain(profile: ProfileSettings, { profiles }: Pick<Settings, 'profiles'>): ProfileSettings[] {
  const source = profile.role?.isChained && profiles.find((one) => one.profile === profile.sourceProfile);
  return source ? [profile, ...sessionChain(source, { profiles })] : [profile];
}

/** Returns the profile whose refresh needs a code: for chained roles, the first source of the chain. */
export function askedFor(profile: ProfileSettings, settings: Settings): ProfileSettings {
  return sessionChain(profile, settings).at(-1) ?? profile;
}

/** Returns the names of the roles whose sessions are made from that of a profile, directly or through other roles. */
export function madeFrom(profile: string, { profiles }: Pick<Settings, 'profiles'>): string[] {
  return profiles
    .filter((one) => sessionChain(one, { profiles }).some((source, index) => index > 0 && source.profile === profile))
    .map((one) => one.profile);
}

/**
 * Returns how long before its end a profile's session becomes due, in milliseconds: time to ask for a code, or to assume the
 * chained role again. That lasts an hour at most, so it is due in its last quarter.
 */
export function dueBefore({ promptBefore }: Settings, { role, durationSeconds }: ProfileSettings): number {
  return role?.isChained ? promptBeforeFor(durationSeconds * 1000) : promptBefore;
}

export interface Settings {
  files: Paths;
  /** The path of `config.ini`, if it was named with `--config`. */
  configFile?: string;
  /** When to check: a cron expression; see {@link requireValidSchedule}. */
  check: string;
  /** `FILE:LINE` of `check`, if it is set. */
  checkPlace?: string;
  /** How long before the expiration to ask, in milliseconds. Less than the length of every profile's sessions. */
  promptBefore: number;
  /** How long to wait for an answer before asking again, in milliseconds. */
  remindEvery: number;
  quiet?: QuietHours;
  /** Names of methods of asking, in the order in which they are tried. */
  prompt: 'auto' | string[];
  /** At least one, in the order of the file. */
  profiles: ProfileSettings[];
}

/**
 * Reads the company's `config.ini` and the user's, whose settings take precedence, and the settings of their profiles in
 * AWS's two files. Each file may be missing, except one named with `--config`. If no `config.ini` names a profile, the agent
 * refreshes `[mfa]` with the keys of `[default]`.
 * @param from `configFile` is the file named with `--config`; `settingsText` is used instead of the content of the user's
 *   `config.ini`; `companyFile` is read instead of the one in `/etc`
 * @returns plain data, frozen
 * @throws UserError (status 2) for a wrong setting, and for a file that cannot be read
 */
export function loadSettings(from: {
  env: NodeJS.ProcessEnv;
  home: string;
  configFile?: string | undefined;
  settingsText?: string;
  companyFile?: string;
}): Settings {
  const read = readFiles(from);
  const { files, top, sections } = read;
  const profiles = sections.map((section) => profileSettings(section, sourceOf(section, sections), read, from.env));

  const global = <Value>(key: string, form: forms.Form<Value>) => readSetting(written(top, key), form);
  const quiet = global('quiet', forms.quietHours);
  const check = written(top, 'check');
  return frozen({
    files,
    ...(from.configFile && { configFile: files.settings }),
    check: readSetting(check, forms.schedule) ?? CHECK,
    ...(check && { checkPlace: check.place }),
    promptBefore: promptBeforeOf(written(top, 'prompt_before'), profiles),
    remindEvery: global('remind_every', forms.reminder) ?? REMIND_EVERY,
    ...(quiet && { quiet }),
    prompt: global('prompt', forms.ways) ?? 'auto',
    profiles,
  });
}

/**
 * Returns the settings of the user who runs this command.
 * @param options `config` is the file named with `--config`
 * @throws UserError (`usage`): see {@link loadSettings}
 */
export function userSettings({ config }: { config?: string | undefined }): Settings {
  return loadSettings({ env: process.env, home: userHome(), configFile: config });
}

/**
 * Returns the settings of a profile that is refreshed with the keys of another source profile than the configured one. The
 * settings of that source in AWS's files take precedence over the profile's section of `config.ini`, which was written for
 * the configured source. A command that prints codes is for one MFA device: the configured command is not used for another
 * device.
 * @param options see {@link userSettings}
 * @param configured one of the profiles of these settings
 * @throws UserError (`usage`): see {@link loadSettings}
 */
export function withSource(
  { config }: { config?: string | undefined },
  configured: ProfileSettings,
  sourceProfile: string,
): ProfileSettings {
  if (sourceProfile === configured.sourceProfile) return configured;
  const read = readFiles({ env: process.env, home: userHome(), configFile: config });
  const section = read.sections.find(({ name }) => name === configured.profile);
  if (!section) throw new UserError(`${read.files.settings} has just been changed: try again`, 'usage');
  const settings = profileSettings(section, sourceProfile, read, process.env, { sourceFirst: true });
  const { mfaProcess, ...others } = settings;
  const isForDevice =
    settings.serialNumber === configured.serialNumber || firstOf(placesOf(sourceProfile, read), 'mfa_process');
  return isForDevice ? settings : others;
}

/**
 * Makes node-cron validate `check`, when the schedule is about to start or is examined.
 * @param isValid asks node-cron; the agent does that in a child, since loading node-cron takes memory
 * @throws UserError (`usage`) if node-cron does not accept it
 */
export async function requireValidSchedule(
  { check, checkPlace }: Settings,
  isValid: (check: string) => Promise<boolean> = async (text) => (await import('node-cron')).validate(text),
): Promise<void> {
  if (/^(\*|\*\/([1-9]|[1-5]\d))( \*){4}$/.test(check) || (await isValid(check))) return;
  throw wrong({ key: 'check', value: check, place: checkPlace ?? '' }, forms.schedule.allowed());
}

/** Returns what is wrong with `--serial-number`, or undefined. */
export function serialProblem(text: string): string | undefined {
  return problemOf(text, forms.serialNumber);
}

/** Returns what is wrong with `--duration-seconds`, or undefined. @param role the role that the session is for */
export function durationProblem(text: string, role?: RoleSettings): string | undefined {
  return problemOf(text, durationForm(role));
}

function durationForm(role: RoleSettings | undefined): forms.Form<number> {
  if (!role) return forms.durationSeconds;
  return role.isChained ? forms.chainedRoleSeconds : forms.roleSeconds;
}

function problemOf(text: string, form: forms.Form<unknown>): string | undefined {
  return form.read(text) === undefined ? `must be ${form.allowed(text)}` : undefined;
}

/** The settings of a profile in one file. */
interface SettingsPlace {
  entries: Entries;
  /** The file of the entries that do not name theirs. */
  file?: string;
}

/** AWS's two files, as they were read. */
export interface AwsFiles {
  files: Pick<Paths, 'credentials' | 'config'>;
  awsConfig: AwsConfig;
  credentials: CredentialsDocument | undefined;
}

/** The files to read settings from: `config.ini`, and AWS's two files. */
interface ReadFiles extends SettingsFile, AwsFiles {
  files: Paths;
}

function readFiles(from: Parameters<typeof loadSettings>[0]): ReadFiles {
  const named = pathsOf(from.env, from.home, from.configFile);
  const files = { ...named, company: from.companyFile ?? named.company };
  const settingsText = from.settingsText ?? bytesOf(files.settings)?.toString('utf8');
  const awsConfig = readAwsConfig(bytesOf(files.config));
  const problem = notAFile(stateFile(files.state));
  if (problem) throw new UserError(`${problem}: move it away`, 'usage');
  if (settingsText === undefined && from.configFile) {
    throw new UserError(`cannot read ${files.settings}: no such file`, 'usage');
  }
  return {
    files,
    ...settingsIn(files, settingsText),
    awsConfig,
    credentials: credentialsIn(files.credentials),
  };
}

/** Returns a profile's settings in AWS's files. As in botocore, those of the credentials file come first. */
export function placesOf(profile: string, { files, awsConfig, credentials }: AwsFiles): SettingsPlace[] {
  return [
    { entries: credentials?.entries(profile) ?? new Map(), file: files.credentials },
    { entries: awsConfig.entries(profile), file: files.config },
  ];
}

/** Returns the sections that the session of a source profile comes from: none if it holds long-term keys. */
function chainOf(source: string, sections: Section[]): Section[] {
  const section = sections.find(({ name }) => name === source);
  return section ? [section, ...chainOf(sourceIn(section), sections)] : [];
}

function sourceIn({ entries }: Section): string {
  return entries.get('source_profile')?.value ?? 'default';
}

function roleOf({ entries }: Section, source: string, { sections }: ReadFiles): RoleSettings | undefined {
  const own = <Value>(key: string, form: forms.Form<Value>) => readSetting(written(entries, key), form);
  const arn = own('role_arn', forms.roleArn);
  if (arn === undefined) return undefined;
  const sessionName = own('role_session_name', forms.roleSessionName);
  const externalId = own('external_id', forms.externalId);
  return {
    arn,
    isChained: isChainedRole({ entries }, sections),
    keysProfile: chainOf(source, sections).map(sourceIn).at(-1) ?? source,
    ...(sessionName !== undefined && { sessionName }),
    ...(externalId !== undefined && { externalId }),
  };
}

/** @param order whether the source's own settings take precedence over those of the section */
function profileSettings(
  section: Section,
  sourceProfile: string,
  read: ReadFiles,
  env: NodeJS.ProcessEnv,
  { sourceFirst }: { sourceFirst: boolean } = { sourceFirst: false },
): ProfileSettings {
  const ofSection = [section];
  // A chained role has the settings of its source unless it has its own.
  const chain = chainOf(sourceProfile, read.sections);
  const ofSource = [sourceProfile, ...chain.map(sourceIn)].flatMap((name) => placesOf(name, read));
  const own = placesOf(section.name, read);
  const role = roleOf(section, sourceProfile, read);
  const ofOthers = role?.isChained ? [...own, ...ofSource] : [...ofSource, ...own];
  const places = sourceFirst ? [...ofSource, ...ofSection, ...own] : [...ofSection, ...ofOthers];
  const mfaProcess = firstOf(places, 'mfa_process')?.value;
  const maxAge = readSetting(firstOf(ofSection, 'max_age'), forms.maxAge);
  const rotateEvery = readSetting(firstOf(ofSection, 'rotate_every'), forms.rotateEvery);
  const isSourcesRegion = sourceFirst && firstOf(ofSource, 'region') !== undefined;
  // As in the AWS CLI, the variables come before AWS's files. A region in config.ini is for this profile only.
  const region = readSetting(
    firstOf(isSourcesRegion ? chain : [section, ...chain], 'region') ?? regionIn(env) ?? firstOf(places, 'region'),
    forms.region,
  );
  // What AWS's files say about the source is the length of its sessions, not of the role's.
  const duration = firstOf(role ? ofSection : places, 'duration_seconds');
  const durationSeconds = readSetting(duration, durationForm(role)) ?? (role ? ROLE_SECONDS : DURATION_SECONDS);
  const toolsRegion = firstOf(own, 'region')?.value;
  if (role?.isChained) {
    return {
      profile: section.name,
      sourceProfile,
      serialNumber: undefined,
      durationSeconds,
      role,
      ...(region && { region }),
      ...(toolsRegion && { toolsRegion }),
    };
  }
  return {
    profile: section.name,
    sourceProfile,
    ...(keyPlaceOf(sourceProfile, read) === 'keychain' && { keys: 'keychain' as const }),
    serialNumber: readSetting(firstOf(places, 'mfa_serial'), forms.serialNumber),
    durationSeconds,
    ...(role && { role }),
    ...(maxAge !== undefined && { maxAge }),
    ...(rotateEvery !== undefined && { rotateEvery }),
    ...(mfaProcess !== undefined && { mfaProcess }),
    ...(region !== undefined && { region }),
    ...(toolsRegion && { toolsRegion }),
  };
}

/**
 * Returns where the long-term keys of a source profile are. Each section with that source may say it, and applies to the others.
 * @throws UserError (`usage`) if two sections contradict each other
 */
function keyPlaceOf(source: string, { sections }: ReadFiles): forms.KeyPlace | undefined {
  const [first, ...others] = sections
    .filter((section) => sourceIn(section) === source)
    .flatMap(({ name, entries }) => {
      const setting = written(entries, 'keys');
      const value = readSetting(setting, forms.keyPlace);
      return setting && value ? [{ name, setting, value }] : [];
    });
  const other = others.find(({ value }) => value !== first?.value);
  if (first && other) {
    throw wrong(other.setting, `${first.value}, as in [${first.name}]: both have the keys of [${source}]`);
  }
  return first?.value;
}

/** Returns the setting from the first place that has the key; undefined if it has no value there. */
export function firstOf(places: SettingsPlace[], key: string): Written | undefined {
  const place = places.find(({ entries }) => entries.has(key));
  const found = place && written(place.entries, key, place.file);
  return found?.value ? found : undefined;
}

function written(entries: Entries, key: string, file?: string): Written | undefined {
  const entry = entries.get(key);
  return entry && { key, value: entry.value, place: `${entry.file ?? file}:${entry.line}` };
}

function readSetting<Value>(setting: Written | undefined, form: forms.Form<Value>): Value | undefined {
  if (!setting) return undefined;
  const value = form.read(setting.value);
  if (value === undefined) throw wrong(setting, form.allowed(setting.value));
  return value;
}

function wrong({ key, value, place }: Written, allowed: string): UserError {
  return new UserError(`${place}: ${key} = ${JSON.stringify(value)} is not allowed: it must be ${allowed}`, 'usage');
}

/** Returns the region from the variables that AWS tools use if no file names one. */
function regionIn(env: NodeJS.ProcessEnv): Written | undefined {
  const key = ['AWS_REGION', 'AWS_DEFAULT_REGION'].find((name) => env[name]);
  return key === undefined ? undefined : { key, value: env[key] ?? '', place: 'environment' };
}

/**
 * Returns the source profile. That of an MFA profile must not be a profile that the agent writes: the agent never overwrites
 * the only copy of a key.
 */
function sourceOf(section: Section, sections: Section[]): string {
  const { name, file, line, entries } = section;
  if (entries.has('role_arn')) return sourceOfRole(section, sections);
  const setting = written(entries, 'source_profile') ?? {
    key: 'source_profile',
    value: 'default',
    place: `${file}:${line}`,
  };
  const source = readSetting(setting, forms.profileName) ?? setting.value;
  if (sections.some((other) => other.name === source)) {
    const kind = sections.some((other) => other.name === source && other.entries.has('role_arn'))
      ? 'a role profile'
      : 'an MFA profile too';
    const what = source === name ? `[${name}] itself` : `[${source}], which is ${kind}`;
    throw wrong(setting, `the profile that holds the long-term keys for [${name}], not ${what}`);
  }
  return source;
}

/** Returns the source profile of a role: an MFA profile or a role profile of `config.ini`, or one with long-term keys. */
function sourceOfRole({ name, file, line, entries }: Section, sections: Section[]): string {
  const setting = written(entries, 'source_profile');
  const allowed =
    'an MFA profile or a role profile of this file; or, for a role with mfa_serial, a profile with long-term keys';
  if (!setting)
    throw new UserError(`${file}:${line}: [${name}] has a role_arn but no source_profile: add ${allowed}`, 'usage');
  const source = readSetting(setting, forms.profileName) ?? setting.value;
  const chain = [name];
  for (let next: string | undefined = source; next !== undefined; ) {
    const section: Section | undefined = sections.find((other) => other.name === next);
    if (next !== undefined && chain.includes(next)) {
      const circle = [...chain.slice(chain.indexOf(next)), next].map((one) => `[${one}]`).join(' > ');
      throw wrong(setting, `${allowed}; this is a circle: ${circle}`);
    }
    chain.push(next);
    next = section?.entries.has('role_arn') ? section.entries.get('source_profile')?.value : undefined;
  }
  return source;
}

/**
 * Returns `prompt_before`. It must be shorter than every session: otherwise a new session would be due at once, and the
 * agent would never stop asking.
 */
function promptBeforeOf(setting: Written | undefined, profiles: ProfileSettings[]): number {
  const lasts = ({ durationSeconds, maxAge }: ProfileSettings) => Math.min(durationSeconds * 1000, maxAge ?? Infinity);
  // A chained role needs no code.
  const asked = profiles.filter(({ role }) => !role?.isChained);
  const shortest = Math.min(...asked.map(lasts));
  const promptBefore = readSetting(setting, forms.duration);
  if (!setting || promptBefore === undefined) return promptBeforeFor(shortest);
  if (promptBefore < shortest) return promptBefore;
  const profile = asked.find((one) => lasts(one) === shortest)?.profile;
  throw wrong(setting, `shorter than the session of [${profile}], which lasts ${shortest / 1000} seconds`);
}

/**
 * Returns the settings of the company and the user, as they are written. The user's take precedence.
 * @param text the content of the user's `config.ini`
 * @throws UserError (`usage`) for a file with a line that is not a setting, and for a company's file that others may write
 */
export function writtenSettings(
  { settings, company }: Pick<Paths, 'settings' | 'company'>,
  text: string | undefined,
): SettingsFile {
  const defaults = company === undefined ? undefined : companyText(company);
  const own = readSettingsFile(text ?? '', settings);
  if (company === undefined || defaults === undefined) return own;
  return withLoginName(merged(readSettingsFile(defaults, company), own), company);
}

function settingsIn(files: Paths, text: string | undefined): SettingsFile {
  const usual: Section = { name: 'mfa', file: files.settings, line: 1, entries: new Map() };
  const file = writtenSettings(files, text);
  // The usual MFA profile need not be in a file.
  const isUsual = file.sections.every(({ name }) => name !== usual.name) && sourcesInFile(file).includes(usual.name);
  const sections = file.sections.length === 0 || isUsual ? [usual, ...file.sections] : file.sections;
  refuseUnknownSettings({ top: file.top, sections });
  return { top: file.top, sections };
}

function sourcesInFile({ sections }: SettingsFile): (string | undefined)[] {
  return sections.map(({ entries }) => (entries.has('role_arn') ? entries.get('source_profile')?.value : undefined));
}

/**
 * Returns the content of a file with settings; undefined if it is missing.
 * @throws UserError (`usage`) if it cannot be read
 */
export function bytesOf(path: string): Buffer | undefined {
  try {
    return readIfPresent(path);
  } catch (error) {
    const { message, cause } = error as UserError;
    if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ENOTDIR') return undefined;
    throw new UserError(message, 'usage', { cause: error });
  }
}

/** Returns the credentials file; undefined also if it cannot be read: code that needs its keys reports why. */
export function credentialsIn(path: string): CredentialsDocument | undefined {
  try {
    return readCredentials(path);
  } catch {
    return undefined;
  }
}

/** Returns the credentials file; undefined if it is missing. @throws UserError that names it if it cannot be read */
export function readCredentials(path: string): CredentialsDocument | undefined {
  const bytes = readIfPresent(path);
  try {
    return bytes && parseCredentials(bytes);
  } catch (error) {
    throw explained(error, 'read', path);
  }
}

function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) frozen(part);
    Object.freeze(value);
  }
  return value;
}
