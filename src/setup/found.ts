import type { CredentialsDocument } from '../credentials/document.ts';
import type { Entries, ProfileSection } from '../credentials/section.ts';
import { longTermKeyIn, sessionIn } from '../session/session.ts';
import type { AwsConfig } from '../settings/aws-config.ts';
import { roleArn } from '../settings/forms.ts';

/** The user's files, as they were read. */
export interface Files {
  credentials: CredentialsDocument | undefined;
  /** `~/.aws/config`. */
  config: AwsConfig;
  /** The profiles of `config.ini` that are refreshed with codes, if it is there. */
  settings: { profile: string; sourceProfile: string; roleArn?: string | undefined; isInKeychain?: boolean }[];
  /** The names of all sections of `config.ini`. */
  sections: string[];
  /** The source profile of --source-profile. */
  namedSource: string | undefined;
}

/** A profile whose long-term keys can sign a refresh. */
export interface Source {
  profile: string;
  /** Undefined if a credential_process gives the keys, or the keychain has them. */
  accessKeyId: string | undefined;
  isInKeychain?: true;
}

/** An MFA profile that the agent could keep fresh. */
export interface Arrangement {
  profile: string;
  sourceProfile: string;
  /** The MFA device that a file names for it. Not validated. */
  serialNumber: string | undefined;
  /** The role whose session it holds: then the code is for assuming the role. */
  roleArn?: string | undefined;
  /** The tool that keeps it now. `settings`: this agent, by `config.ini`. `session`: a pasted session. `nobody`: a new profile. */
  keptBy: 'settings' | 'aws-mfa' | 'mfa-login' | 'session' | 'nobody';
}

/** A profile of another tool that the agent cannot continue without a change. */
export type Obstacle =
  | { kind: 'keys-in-vault'; profile: string }
  | { kind: 'vault-gives-session'; profile: string }
  | { kind: 'holds-role'; profile: string };

export interface Found {
  sources: Source[];
  /** The most likely one first. */
  arrangements: Arrangement[];
  obstacles: Obstacle[];
}

/** Finds long-term keys, and the MFA profiles that other tools keep with them. */
export function whatIsFound(files: Files): Found {
  const sources = sourcesIn(files);
  const obstacles = obstaclesIn(files, sources);
  const arrangements: Arrangement[] = [];
  const offer = (one: Omit<Arrangement, 'serialNumber'> & { serialNumber?: string | undefined }) => {
    if (arrangements.some(({ profile }) => profile === one.profile)) return;
    if (sources.some(({ profile }) => profile === one.profile)) return;
    if (obstacles.some(({ kind, profile }) => kind === 'holds-role' && profile === one.profile)) return;
    arrangements.push({ ...one, serialNumber: one.serialNumber ?? serialFor(files, one.sourceProfile, one.profile) });
  };
  for (const one of files.settings) offer({ ...one, keptBy: 'settings' });
  for (const profile of files.credentials?.profileNames() ?? []) {
    const role = roleOfAwsMfa(files, profile);
    const source = role && sourceOfAwsMfa(sources, profile);
    if (source) offer({ profile, sourceProfile: source, keptBy: 'aws-mfa', roleArn: role });
  }
  for (const { profile } of sources) {
    for (const short of shortTermProfiles(files, profile)) {
      offer({ profile: short, sourceProfile: profile, keptBy: 'aws-mfa' });
    }
  }
  for (const profile of files.credentials?.profileNames() ?? []) {
    const session = files.credentials?.profile(profile);
    const keptBy = session && keeperOf(session);
    if (!keptBy) continue;
    const named = deviceIn(profile);
    const source = sourceOf(files, sources, named);
    if (source) offer({ profile, sourceProfile: source, serialNumber: serialFor(files, source) ?? named, keptBy });
  }
  for (const { profile } of usualFirst(sources)) {
    if (arrangements.some(({ sourceProfile }) => sourceProfile === profile)) continue;
    offer({ profile: freeName(files, profile, { sources, arrangements }), sourceProfile: profile, keptBy: 'nobody' });
  }
  const isOffered = (profile: string) => arrangements.some((one) => one.profile === profile);
  return { sources, arrangements, obstacles: obstacles.filter(({ profile }) => !isOffered(profile)) };
}

/** Returns a new MFA profile. */
export function newArrangement(files: Files, sourceProfile: string, profile: string): Arrangement {
  return { profile, sourceProfile, serialNumber: serialFor(files, sourceProfile, profile), keptBy: 'nobody' };
}

/** Returns an unused name for the MFA profile of a source. */
export function freeName(
  { credentials }: Files,
  source: string,
  { sources, arrangements }: Omit<Found, 'obstacles'>,
): string {
  const isFree = (name: string) =>
    sessionIn(credentials?.profile(name)).kind === 'none' &&
    ![...sources, ...arrangements].some(({ profile }) => profile === name);
  const base = source.replace(LONG_TERM, '');
  const names = [...(sources.length === 1 || source === 'default' ? ['mfa'] : []), `${base}-mfa`, `${base}-session`];
  return names.find(isFree) ?? `${base}-${arrangements.length + 1}`;
}

/** The suffix that aws-mfa gives the profile with the long-term keys. */
const LONG_TERM = /-long-term$/;

/** Sorts `[default]` first, which most users mean. */
function usualFirst(sources: Source[]): Source[] {
  return [...sources].sort((one, other) => Number(other.profile === 'default') - Number(one.profile === 'default'));
}

/** Returns the profiles whose long-term keys can sign a refresh, each once. */
export function sourcesIn(files: Files): Source[] {
  const { credentials, config, settings, namedSource } = files;
  const sources = new Map<string, Source>();
  for (const profile of credentials?.profileNames() ?? []) {
    const accessKeyId = keyIn(credentials?.entries(profile));
    if (accessKeyId) sources.set(profile, { profile, accessKeyId });
  }
  for (const profile of new Set([...config.profileNames(), ...(credentials?.profileNames() ?? [])])) {
    if (credentials?.entries(profile).has('aws_access_key_id')) continue;
    const accessKeyId = keyIn(config.entries(profile));
    if (accessKeyId) sources.set(profile, { profile, accessKeyId });
    // Most commands give sessions. Those of named source profiles give long-term keys.
    const isNamed = profile === namedSource || settings.some(({ sourceProfile }) => sourceProfile === profile);
    const command = awsSetting(files, profile, 'credential_process') ?? '';
    if (givesLongTermKeys(command) || (command && isNamed)) sources.set(profile, { profile, accessKeyId: undefined });
  }
  for (const { sourceProfile: profile, isInKeychain } of settings) {
    if (isInKeychain) sources.set(profile, { profile, accessKeyId: undefined, isInKeychain });
  }
  return [...sources.values()];
}

/** Returns the id of a profile's long-term key in one file if its secret is there, too. */
function keyIn(entries: Entries = new Map()): string | undefined {
  const values = new Map([...entries].map(([key, { value }]) => [key, value]));
  return values.get('aws_secret_access_key') ? longTermKeyIn(values) : undefined;
}

/** Returns a setting of a profile in AWS's files. As in botocore, the credentials file takes precedence. */
export function awsSetting({ credentials, config }: Files, profile: string, key: string): string | undefined {
  return (credentials?.entries(profile).get(key) ?? config.entries(profile).get(key))?.value || undefined;
}

/** Returns whether a command gives long-term keys: those of aws-vault, or of a keeper of passwords. See docs/keys.md. */
function givesLongTermKeys(command: string): boolean {
  if (/\baws-vault\b/.test(command)) return /\s--no-session\b/.test(command);
  return /(?:^|[\s/'"(|;&])(?:op|pass|gopass|bw|rbw|secret-tool|keepassxc-cli|security)\s/.test(command);
}

function obstaclesIn(files: Files, sources: Source[]): Obstacle[] {
  const { credentials, config } = files;
  const obstacles: Obstacle[] = [];
  for (const profile of config.profileNames()) {
    if (sources.some((source) => source.profile === profile) || credentials?.profile(profile)) continue;
    const entries = config.entries(profile);
    const isRole = ['role_arn', 'source_profile', 'sso_session', 'sso_start_url'].some((key) => entries.has(key));
    if (isRole || !(entries.has('mfa_serial') || entries.has('mfa_process'))) continue;
    const command = entries.get('credential_process')?.value;
    if (command === undefined) obstacles.push({ kind: 'keys-in-vault', profile });
    else if (/\baws-vault\b/.test(command)) obstacles.push({ kind: 'vault-gives-session', profile });
  }
  for (const profile of credentials?.profileNames() ?? []) {
    const values = credentials?.profile(profile)?.values;
    const isRole = values?.get('assumed_role')?.toLowerCase() === 'true';
    const canContinue = roleOfAwsMfa(files, profile) !== undefined && sourceOfAwsMfa(sources, profile) !== undefined;
    if (isRole && !canContinue) obstacles.push({ kind: 'holds-role', profile });
  }
  return obstacles;
}

/** Returns the role whose session aws-mfa keeps in a profile (`aws-mfa --assume-role`), if a file names it. */
function roleOfAwsMfa({ credentials }: Files, profile: string): string | undefined {
  const values = credentials?.profile(profile)?.values;
  if (values?.get('assumed_role')?.toLowerCase() !== 'true') return undefined;
  const ofSource = credentials?.profile(`${profile}-long-term`)?.values.get('assume_role');
  const arn = values.get('assumed_role_arn') || ofSource;
  return arn !== undefined && roleArn.read(arn) ? arn : undefined;
}

/** Returns the profile with the long-term keys from which aws-mfa made a profile: by its name, or the only one. */
function sourceOfAwsMfa(sources: Source[], profile: string): string | undefined {
  const isSource = ({ profile: source }: Source) => {
    const base = source.replace(LONG_TERM, '');
    return base !== source && (profile === base || profile.startsWith(`${base}-`));
  };
  const [only, ...others] = sources;
  return (sources.find(isSource) ?? (others.length === 0 ? only : undefined))?.profile;
}

/**
 * Returns the profiles that aws-mfa keeps with a source: `[NAME]` for `[NAME-long-term]`, and `[NAME-SUFFIX]` if it was given
 * a suffix. aws-mfa marks them with `assumed_role`.
 */
function shortTermProfiles({ credentials }: Files, source: string): string[] {
  const values = credentials?.profile(source)?.values;
  const base = source.replace(LONG_TERM, '');
  const isMarked = base !== source || values?.has('aws_mfa_device');
  if (!values || !isMarked) return [];
  const marked = credentials
    ?.profileNames()
    .filter((name) => name.startsWith(`${base}-`) && credentials.profile(name)?.values.has('assumed_role'));
  return [...(base === source || values.has('assume_role') ? [] : [base]), ...(marked ?? [])];
}

/** Returns the tool that keeps the session in a profile; undefined if there is none, or MFA codes do not renew it. */
function keeperOf(section: ProfileSection): Arrangement['keptBy'] | undefined {
  const { name, values, lines } = section;
  if (sessionIn(section).kind !== 'session') return undefined;
  // The session of a company's login, or of a role.
  const isForeign = [...values.keys()].some((key) =>
    /^(x_\w+|aws_role_\w+|aws_saml_\w+|aws_(session|credential)_expiration|aws_expiration|autoawsume|assumed_role)$/.test(
      key,
    ),
  );
  if (isForeign || values.get('manager') === 'awsume') return undefined;
  if (deviceIn(name) !== undefined || lines.some((line) => /^\s*#.*Credentials expire at:/.test(line)))
    return 'mfa-login';
  return /mfa/i.test(name) ? 'session' : undefined;
}

/** Returns the device in a profile name of `aws configure mfa-login`. The name lacks the path of the ARN. */
function deviceIn(profile: string): string | undefined {
  const [, account, device] = /^(\d{12})-([\w+=,.@-]+)$/.exec(profile) ?? [];
  if (account) return `arn:aws:iam::${account}:mfa/${device}`;
  return /^session-([A-Z0-9]{9,})$/.exec(profile)?.[1];
}

/** Returns the source with an MFA device; otherwise the most likely one. */
function sourceOf(files: Files, sources: Source[], device: string | undefined): string | undefined {
  const owner = sources.find(({ profile }) => device !== undefined && serialFor(files, profile) === device);
  return (owner ?? usualFirst(sources)[0])?.profile;
}

/** Returns the device that a file names for a source, its MFA profile, or a role that uses the source. */
function serialFor(files: Files, source: string, profile?: string): string | undefined {
  const { credentials, config } = files;
  const ofRole = config
    .profileNames()
    .map(config.entries)
    .find((entries) => entries.get('source_profile')?.value === source && entries.has('mfa_serial'));
  return (
    credentials?.profile(source)?.values.get('aws_mfa_device') ??
    awsSetting(files, source, 'mfa_serial') ??
    (profile === undefined ? undefined : awsSetting(files, profile, 'mfa_serial')) ??
    ofRole?.get('mfa_serial')?.value
  );
}
