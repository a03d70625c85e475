import type { Ask } from '../ask/ask.ts';
import type { AwsAnswer, AwsTarget, Keys } from '../aws/call.ts';
import { parseCredentials, withSession } from '../credentials/document.ts';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import { longTermKeys } from '../keys/long-term-keys.ts';
import { type MfaSession, type StoredSession, sessionIn } from '../session/session.ts';
import { readState, rememberExpiry } from '../session/state.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import type { Clock } from '../time/clock.ts';
import { pause } from '../time/pause.ts';
import type { RefreshEffects } from './refresh.ts';

/** What stands in these profiles of the credentials file, by one read of it. */
export function readSessions(files: Settings['files'], profiles: string[]): Map<string, StoredSession> {
  const bytes = readIfPresent(files.credentials);
  const state = readState(files.state);
  const document = bytes && parseCredentials(bytes);
  const remembered = state.expiries[files.credentials] ?? {};
  return new Map(profiles.map((name) => [name, sessionIn(document?.profile(name), remembered[name])]));
}

/** Steps 4 and 5 of a refresh: the session into its profile, and whose expiry it is into the memory. */
export async function saveSession(
  files: Settings['files'],
  profile: string,
  session: MfaSession,
  options: { force?: boolean } = {},
): Promise<void> {
  // Loaded late: whoever only reads does without.
  const { changeCredentials } = await import('../files/replace.ts');
  await changeCredentials(files.credentials, (bytes) => withSession(bytes, profile, session, options));
  const { accessKeyId, expiration, issued } = session;
  const remembered = { accessKeyId, expiration, ...(issued !== undefined && { issued }) };
  await rememberExpiry(files.state, files.credentials, profile, remembered).catch(() => {});
}

/** The real world for one refresh of a profile. `clock` learns from every answer of AWS. */
export function refreshEffects(
  { files }: Settings,
  profile: ProfileSettings,
  tools: { ask: Ask; clock: Clock; codes: RefreshEffects['codes'] },
): RefreshEffects {
  const { clock, ask, codes } = tools;
  return {
    now: () => clock.now(),
    ask,
    codes,
    outage: async () => {
      const answer = await callerIdentity(NOBODY, profile, clock);
      return !answer.ok && (answer.failure.kind === 'unreachable' || answer.failure.kind === 'busy')
        ? answer
        : undefined;
    },
    longTermKeys: (source) => longTermKeys(files, source, credentialProcess),
    getSessionToken: async (request, keys) => {
      const { getSessionToken } = await import('../aws/sts.ts');
      const answer = learning(clock, await getSessionToken(request, keys, stsTarget(profile, clock)));
      return answer.ok ? { ...answer, value: { ...answer.value, issued: clock.now() } } : answer;
    },
    save: (name, session) => saveSession(files, name, session),
    pause,
  };
}

/** Keys of AWS's documentation: that they are refused tells that AWS is there, and nobody's own need be fetched for it. */
const NOBODY: Keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

/** Asks STS with the session itself, which needs no permission. */
export async function isAlive(files: Settings['files'], profile: ProfileSettings, clock: Clock) {
  const keys = sessionKeys(files, profile.profile);
  if (!keys) return false;
  const answer = await callerIdentity(keys, profile, clock);
  if (answer.ok) return true;
  return answer.failure.kind === 'expired' || answer.failure.kind === 'bad-keys' ? false : undefined;
}

/** The session that stands in a profile, as it signs. */
export function sessionKeys(files: Settings['files'], profile: string): Keys | undefined {
  const bytes = readIfPresent(files.credentials);
  return keysOf(bytes && parseCredentials(bytes).profile(profile));
}

/** Whose keys these are, by the STS of a profile. */
export async function callerIdentity(keys: Keys, profile: ProfileSettings, clock: Clock) {
  const { getCallerIdentity } = await import('../aws/sts.ts');
  return learning(clock, await getCallerIdentity(keys, stsTarget(profile, clock)));
}

/** The MFA devices of the user whose keys these are. */
export async function mfaDevices(keys: Keys, profile: ProfileSettings, clock: Clock) {
  const { listMfaDevices } = await import('../aws/iam.ts');
  return learning(clock, await listMfaDevices(keys, stsTarget(profile, clock)));
}

function keysOf(section: { values: ReadonlyMap<string, string> } | undefined): Keys | undefined {
  const accessKeyId = section?.values.get('aws_access_key_id');
  const secretAccessKey = section?.values.get('aws_secret_access_key');
  const sessionToken = section?.values.get('aws_session_token');
  return accessKeyId && secretAccessKey && sessionToken ? { accessKeyId, secretAccessKey, sessionToken } : undefined;
}

/** Where AWS is for a profile. */
export function stsTarget(
  { sourceProfile, region, serialNumber }: Pick<ProfileSettings, 'sourceProfile' | 'region' | 'serialNumber'>,
  clock: Clock,
): AwsTarget {
  return { profile: sourceProfile, region, serialNumber, clockOffset: clock.offset };
}

function learning<T>(clock: Clock, answer: AwsAnswer<T>): AwsAnswer<T> {
  clock.learn(answer.clockOffset);
  return answer;
}

/** Runs a `credential_process`, for half a minute at most. */
export async function credentialProcess(command: string): Promise<string> {
  const { runCommand } = await import('../run-command.ts');
  const result = await runCommand(command, { timeout: 30_000 });
  if (!result.ok) throw new UserError(`the credential_process failed: ${result.reason}`);
  return result.stdout;
}
