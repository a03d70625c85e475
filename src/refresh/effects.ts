import { homedir } from 'node:os';
import type { Ask } from '../ask/ask.ts';
import type { AwsAnswer, AwsTarget, Keys } from '../aws/call.ts';
import { type Destination, destinationOf, isOfAws, type ServiceName } from '../aws/endpoint.ts';
import { withSessions } from '../credentials/edit.ts';
import { UserError } from '../errors.ts';
import type { KeychainStore } from '../keys/in-keychain.ts';
import { longTermKeys } from '../keys/long-term-keys.ts';
import type { KeyRequests } from '../keys/rotate.ts';
import type { MfaSession } from '../session/session.ts';
import { ownKeyIds, rememberExpiries } from '../session/state.ts';
import { readAwsSettings, type SettingsOwner } from '../settings/aws-settings.ts';
import { pathsOf } from '../settings/paths.ts';
import type { ProfileSettings, RoleSettings, Settings } from '../settings/settings.ts';
import type { Clock } from '../time/clock.ts';
import { pause } from '../time/pause.ts';
import { rememberCodes } from './codes.ts';
import type { RefreshEffects } from './refresh.ts';
import { rehearseSave, requireKeys } from './rehearsal.ts';
import * as texts from './texts.ts';

/**
 * Saves the session: steps 4 and 5 of a refresh. Writes it to its profile, and remembers whose expiry that is.
 * @returns a sentence for the user if other users lose access to the file
 */
export function saveSession(
  files: Settings['files'],
  profile: string,
  session: MfaSession,
  options: { force?: boolean } = {},
): Promise<string | undefined> {
  return saveSessions(files, new Map([[profile, session]]), options);
}

/** The same for several profiles, in one change of the file. */
export async function saveSessions(
  files: Settings['files'],
  sessions: ReadonlyMap<string, MfaSession>,
  options: { force?: boolean } = {},
): Promise<string | undefined> {
  // Imported late: a command that only reads does not need it.
  const { changeCredentials } = await import('../files/replace.ts');
  const lost = await changeCredentials(files.credentials, (bytes) =>
    withSessions(bytes, sessions, { own: ownKeyIds(files), ...options }),
  );
  const remembered = [...sessions].map(([profile, { accessKeyId, expiration, issued, endpoint }]) => [
    profile,
    { accessKeyId, expiration, ...(issued !== undefined && { issued }), ...(endpoint !== undefined && { endpoint }) },
  ]);
  await rememberExpiries(files.state, files.credentials, Object.fromEntries(remembered)).catch(() => {});
  return lost;
}

/** Connects one refresh of a profile to the real world. `clock` learns from every answer of AWS. */
export function refreshEffects(
  { files }: Settings,
  profile: ProfileSettings,
  { ask, clock }: { ask: Ask; clock: Clock },
): RefreshEffects {
  return {
    now: () => clock.now(),
    ask,
    codes: rememberCodes(files.state, clock),
    outage: async () => {
      const answer = await callerIdentity(EXAMPLE_KEYS, profile, clock);
      return !answer.ok && (answer.failure.kind === 'unreachable' || answer.failure.kind === 'busy')
        ? answer
        : undefined;
    },
    rehearse: (name) => rehearseSave(files, name),
    requireKeys: async (source) => {
      stsDestination(profile);
      await requireKeys(files, source, await keychainOf(profile));
    },
    longTermKeys: async (source) => {
      stsDestination(profile);
      return longTermKeys(files, source, credentialProcess, await keychainOf(profile));
    },
    getSessionToken: async (request, keys) => {
      if (profile.role) return roleSession(request, keys, { ...profile, role: profile.role }, clock);
      const { getSessionToken } = await import('../aws/sts.ts');
      return given(clock, await getSessionToken(request, keys, awsTarget('STS', profile, clock)));
    },
    save: (name, session) => saveSession(files, name, session),
    pause,
  };
}

/** Returns the keychain if the long-term keys of a profile are there. Imported late: most keys are in a file. */
export async function keychainOf({ keys }: Pick<ProfileSettings, 'keys'>): Promise<KeychainStore | undefined> {
  return keys === 'keychain' ? (await import('../keys/stores.ts')).keychain() : undefined;
}

/**
 * Asks AWS for a session of a profile's role. If the settings have no name for it, it gets the name of the caller.
 * @param request `serialNumber` and `tokenCode` are for long-term keys, and missing for the keys of a session
 * @param identify asks AWS who the caller is
 */
export async function roleSession(
  request: { durationSeconds: number; serialNumber?: string | undefined; tokenCode?: string },
  keys: Keys,
  profile: ProfileSettings & { role: RoleSettings },
  clock: Clock,
  identify = () => callerIdentity(keys, profile, clock),
): Promise<AwsAnswer<MfaSession>> {
  const { arn: roleArn, externalId } = profile.role;
  let { sessionName } = profile.role;
  if (sessionName === undefined) {
    const caller = await identify();
    if (!caller.ok) return { ...caller, codeUnsent: true };
    sessionName = nameIn(caller.value.arn);
  }
  const { assumeRole } = await import('../aws/sts.ts');
  const { durationSeconds, serialNumber, tokenCode } = request;
  const mfa = serialNumber !== undefined && tokenCode !== undefined ? { serialNumber, tokenCode } : undefined;
  const input = { roleArn, sessionName, externalId, durationSeconds, mfa };
  return given(clock, await assumeRole(input, keys, awsTarget('STS', profile, clock)));
}

/** Returns the name of a user or of a role's session. The session of a role needs two characters. */
function nameIn(arn: string): string {
  const name = arn.slice(arn.lastIndexOf('/') + 1);
  return /^[\w+=,.@-]{2,64}$/.test(name) ? name : 'aws-mfa-agent';
}

/**
 * The example keys of AWS's documentation. If AWS refuses them, AWS can be reached. No keys of the user are needed for
 * that.
 */
export const EXAMPLE_KEYS: Keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

/**
 * Asks the STS of a profile which user these keys belong to.
 * @param timeout how long the answer may take, in milliseconds; undefined: as long as for other requests
 */
export async function callerIdentity(keys: Keys, profile: ProfileSettings, clock: Clock, timeout?: number) {
  const { getCallerIdentity } = await import('../aws/sts.ts');
  return learning(clock, await getCallerIdentity(keys, { ...awsTarget('STS', profile, clock), timeout }));
}

/** Asks AWS for the MFA devices of the user to whom these keys belong. */
export async function mfaDevices(keys: Keys, profile: ProfileSettings, clock: Clock) {
  const { listMfaDevices } = await import('../aws/iam.ts');
  return learning(clock, await listMfaDevices(keys, awsTarget('IAM', profile, clock)));
}

/** Requests to IAM about the access keys of the keys' user. @param timeout of each, in milliseconds */
export function keyRequests(profile: ProfileSettings, clock: Clock, timeout?: number): KeyRequests {
  const names = new Map<string, string | undefined>();
  const send = async <T>(
    keys: Keys,
    request: (iam: Iam, target: AwsTarget, userName: string | undefined) => Promise<AwsAnswer<T>>,
  ) => {
    if (!names.has(keys.accessKeyId)) {
      const caller = await callerIdentity(keys, profile, clock, timeout);
      if (!caller.ok) return caller;
      names.set(keys.accessKeyId, /:user\/(?:.*\/)?([^/]+)$/.exec(caller.value.arn)?.[1]);
    }
    const target = { ...awsTarget('IAM', profile, clock), timeout };
    return learning(clock, await request(await import('../aws/iam.ts'), target, names.get(keys.accessKeyId)));
  };
  return {
    list: (keys) => send(keys, (iam, target, user) => iam.listAccessKeys(keys, target, user)),
    create: (keys) => send(keys, (iam, target, user) => iam.createAccessKey(keys, target, user)),
    deactivate: (id, keys) => send(keys, (iam, target, user) => iam.deactivateAccessKey(id, keys, target, user)),
    delete: (id, keys) => send(keys, (iam, target, user) => iam.deleteAccessKey(id, keys, target, user)),
    lastUsed: (id, keys) => send(keys, (iam, target) => iam.accessKeyLastUsed(id, keys, target)),
  };
}

type Iam = typeof import('../aws/iam.ts');

/** What the destination of a profile's requests depends on. */
type Asking = SettingsOwner & Pick<ProfileSettings, 'serialNumber'> & { region?: string | undefined };

/**
 * Returns where requests to STS go for a profile.
 * @throws UserError (`usage`) if a setting makes requests impossible
 */
export function stsDestination(profile: Asking): Destination {
  return awsTarget('STS', profile, { offset: 0 }).destination;
}

/**
 * Returns a line for each endpoint of STS that is not AWS's, for commands that name it.
 * @throws UserError (`usage`) if a setting makes requests impossible
 */
export function foreignEndpoints(profiles: readonly Asking[]): string[] {
  const endpoints = profiles.map((profile) => stsDestination(profile).endpoint).filter((one) => one !== undefined);
  const foreign = endpoints.filter(({ url }) => !isOfAws(new URL(url).hostname));
  return [...new Set(foreign.map(({ url, setBy }) => texts.notAws(url, setBy)))];
}

/** Returns where to send the requests for a profile. @throws UserError: see {@link stsDestination} */
export function awsTarget(service: ServiceName, profile: Asking, { offset }: Pick<Clock, 'offset'>): AwsTarget {
  const { region, role, serialNumber = role?.arn } = profile;
  const settings = readAwsSettings(pathsOf(process.env, homedir()))(profile);
  return { destination: destinationOf(service, { region, serialNumber }, settings, process.env), clockOffset: offset };
}

/** Notes on a new session when AWS gave it, and which host did. */
function given(clock: Clock, answer: AwsAnswer<MfaSession>): AwsAnswer<MfaSession> {
  const learned = learning(clock, answer);
  return learned.ok
    ? { ...learned, value: { ...learned.value, issued: clock.now(), endpoint: answer.endpoint } }
    : learned;
}

function learning<T>(clock: Clock, answer: AwsAnswer<T>): AwsAnswer<T> {
  clock.learn(answer.clockOffset);
  return answer;
}

/** Runs a `credential_process` for at most 30 seconds. Returns its standard output. @throws UserError if it fails */
export async function credentialProcess(command: string): Promise<string> {
  const { failureOf, runCommand } = await import('../run-command.ts');
  const result = await runCommand(command, { timeout: 30_000 });
  if (!result.ok) throw new UserError(texts.processFailed(failureOf(result)));
  return result.stdout;
}
