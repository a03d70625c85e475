import type { AwsAnswer, Keys } from '../aws/call.ts';
import { type Destination, isOfAws } from '../aws/endpoint.ts';
import type { ProfileSection } from '../credentials/section.ts';
import { UserError } from '../errors.ts';
import type { KeychainStore } from '../keys/in-keychain.ts';
import { longTermKeys } from '../keys/long-term-keys.ts';
import {
  awsTarget,
  callerIdentity,
  credentialProcess,
  EXAMPLE_KEYS,
  keychainOf,
  mfaDevices,
  stsDestination,
} from '../refresh/effects.ts';
import * as texts from '../refresh/texts.ts';
import { sessionIn } from '../session/session.ts';
import type { Paths } from '../settings/paths.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';

export type Identity = { account: string; arn: string };

/** AWS's answers about the keys of one MFA profile. */
export interface Asked {
  profile: ProfileSettings;
  /** Where requests to STS go, or why a setting makes them impossible. */
  destination: Destination | { problem: string };
  /** The id of the long-term keys, or why there are none. Keys in the keychain are not read; its label may have their id. */
  source:
    | { accessKeyId: string; isInKeychain?: undefined }
    | { accessKeyId: string | undefined; isInKeychain: true; isLocked: boolean }
    | { accessKeyId?: undefined; isInKeychain?: undefined; reason: string };
  /** Which user they belong to; undefined if there are no keys to ask with. */
  ofSource: AwsAnswer<Identity> | undefined;
  /** Which user the session belongs to; undefined if there is no session. */
  ofSession: AwsAnswer<Identity> | undefined;
  /** The user's MFA devices, from IAM with the long-term keys; undefined if IAM was not asked. */
  devices: AwsAnswer<string[]> | undefined;
  /** The user's MFA devices, from IAM with the session; undefined if IAM was not asked. */
  devicesBySession: AwsAnswer<string[]> | undefined;
}

/**
 * Asks AWS which user the long-term keys and the session of a profile belong to, and which MFA devices the user has.
 * @param sectionOf returns a profile of the credentials file
 */
export async function askAws(
  profile: ProfileSettings,
  sectionOf: (profile: string) => ProfileSection | undefined,
  files: Pick<Paths, 'credentials' | 'config'>,
): Promise<Asked> {
  const stored = sessionIn(sectionOf(profile.profile));
  const session = stored.kind === 'session' ? stored : undefined;
  const destination = orProblem(() => stsDestination(profile));
  const isPossible = !('problem' in destination);
  if (profile.role?.isChained) {
    const ofSession = isPossible && session ? await identity(session, profile) : undefined;
    const others = { ofSource: undefined, devices: undefined, devicesBySession: undefined };
    return { profile, destination, source: { reason: texts.needsNoCode(profile) }, ofSession, ...others };
  }
  const looking = profile.keys
    ? lookInKeychain(profile, files)
    : longTermKeys(files, profile.sourceProfile, credentialProcess).then((keys) => ({ source: keys, keys }));
  const { source, keys } = await looking.catch((error) => {
    if (error instanceof UserError) return { source: { reason: error.message }, keys: undefined };
    throw error;
  });
  const [ofSource, ofSession] = await Promise.all([
    // Without any keys, the refusal shows that STS can be reached.
    isPossible && (keys || !session) ? identity(keys ?? EXAMPLE_KEYS, profile) : undefined,
    isPossible && session ? identity(session, profile) : undefined,
  ]);
  const [devices, devicesBySession] = await Promise.all([
    keys && devicesOf(keys, profile, ofSource),
    session && devicesOf(session, profile, ofSession),
  ]);
  return { profile, destination, source, ofSource, ofSession, devices, devicesBySession };
}

/** Looks whether the keychain has the keys of a profile's source. Shows no dialog, and does not read the keys. */
async function lookInKeychain(
  profile: ProfileSettings,
  files: Pick<Paths, 'credentials' | 'config'>,
): Promise<Pick<Asked, 'source'> & { keys: undefined }> {
  const keychain = await keychainOf(profile);
  let seen: Awaited<ReturnType<KeychainStore['look']>>;
  const looking = keychain && {
    name: keychain.name,
    read: async (source: string) => {
      seen = await keychain.look(source);
      return seen && EXAMPLE_KEYS;
    },
  };
  await longTermKeys(files, profile.sourceProfile, credentialProcess, looking);
  const { accessKeyId, isLocked = false } = seen ?? {};
  return { source: { isInKeychain: true, accessKeyId, isLocked }, keys: undefined };
}

function orProblem(find: () => Destination): Asked['destination'] {
  try {
    return find();
  } catch (error) {
    if (error instanceof UserError) return { problem: error.message };
    throw error;
  }
}

/** Asks AWS, and again if the first request only showed how wrong the clock is. */
async function identity(keys: Keys, profile: ProfileSettings): Promise<AwsAnswer<Identity>> {
  const clock = new Clock();
  const first = await callerIdentity(keys, profile, clock);
  if (first.ok || first.failure.kind !== 'clock' || clock.offset === 0) return first;
  return callerIdentity(keys, profile, clock);
}

async function devicesOf(
  keys: Keys,
  profile: ProfileSettings,
  identified: AwsAnswer<Identity> | undefined,
): Promise<AwsAnswer<string[]> | undefined> {
  // If only STS is simulated, AWS's IAM does not know these keys.
  if (!identified?.ok) return undefined;
  const iam = orProblem(() => awsTarget('IAM', profile, { offset: 0 }).destination);
  if ('problem' in iam || !(iam.endpoint || isOfAws(identified.endpoint))) return undefined;
  const clock = new Clock();
  clock.learn(identified.clockOffset);
  return mfaDevices(keys, profile, clock);
}
