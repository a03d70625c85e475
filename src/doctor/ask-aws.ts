import type { AwsAnswer, Keys } from '../aws/call.ts';
import { UserError } from '../errors.ts';
import type { LongTermKeys } from '../keys/long-term-keys.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';

export type Identity = { account: string; arn: string };

/** AWS's answers about the keys of one MFA profile. */
export interface Asked {
  profile: ProfileSettings;
  /** The id of the long-term keys, or why there are none. */
  source: { accessKeyId: string } | { accessKeyId?: undefined; reason: string };
  /** Which user they belong to; undefined if there are no keys to ask with. */
  ofSource: AwsAnswer<Identity> | undefined;
  /** Which user the session belongs to; undefined if there is no session. */
  ofSession: AwsAnswer<Identity> | undefined;
  /** The user's MFA devices, from IAM with the long-term keys; undefined if IAM was not asked. */
  devices: AwsAnswer<string[]> | undefined;
  /** The user's MFA devices, from IAM with the session; undefined if IAM was not asked. */
  devicesBySession: AwsAnswer<string[]> | undefined;
}

export interface AwsEffects {
  /** @throws UserError if there are none */
  longTermKeys(source: string): Promise<LongTermKeys>;
  sessionKeys(profile: string): Keys | undefined;
  /** Sets the clock by the answer. */
  callerIdentity(keys: Keys, profile: ProfileSettings, clock: Clock): Promise<AwsAnswer<Identity>>;
  /** Returns undefined if IAM must not be asked: the endpoint of STS is not AWS's. */
  mfaDevices(keys: Keys, profile: ProfileSettings, clock: Clock, sts: string): Promise<AwsAnswer<string[]>> | undefined;
}

/** The example key of AWS's documentation. Without other keys, its refusal shows that STS can be reached. */
const EXAMPLE_KEYS: Keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

/** Asks AWS which users the keys of all profiles belong to. Sends equal requests only once. */
export function askAws(profiles: readonly ProfileSettings[], effects: AwsEffects): Promise<Asked[]> {
  const questions = new Map<string, Promise<AwsAnswer<Identity>>>();
  const identity = (keys: Keys, profile: ProfileSettings) => {
    const question = [keys.accessKeyId, profile.sourceProfile, profile.region].join('\n');
    const asked = questions.get(question) ?? ask(keys, profile, effects);
    questions.set(question, asked);
    return asked;
  };
  return Promise.all(
    profiles.map(async (profile) => {
      const [source, session] = await Promise.all([
        effects.longTermKeys(profile.sourceProfile).catch((error) => {
          if (error instanceof UserError) return error.message;
          throw error;
        }),
        effects.sessionKeys(profile.profile),
      ]);
      const isThere = typeof source !== 'string';
      const [ofSource, ofSession] = await Promise.all([
        isThere || !session ? identity(isThere ? source : EXAMPLE_KEYS, profile) : undefined,
        session && identity(session, profile),
      ]);
      const devices = async (keys: Keys, answer: AwsAnswer<Identity> | undefined) => {
        if (!answer?.ok) return undefined;
        const clock = new Clock();
        clock.learn(answer.clockOffset);
        return effects.mfaDevices(keys, profile, clock, answer.endpoint);
      };
      const [bySource, bySession] = await Promise.all([
        isThere ? devices(source, ofSource) : undefined,
        session && devices(session, ofSession),
      ]);
      return {
        devices: bySource,
        devicesBySession: bySession,
        profile,
        source: isThere ? { accessKeyId: source.accessKeyId } : { reason: source },
        ofSource,
        ofSession,
      };
    }),
  );
}

/** Asks AWS, and again if the first request only showed how wrong the clock is. */
async function ask(keys: Keys, profile: ProfileSettings, { callerIdentity }: AwsEffects): Promise<AwsAnswer<Identity>> {
  const clock = new Clock();
  const first = await callerIdentity(keys, profile, clock);
  if (first.ok || first.failure.kind !== 'clock' || clock.offset === 0) return first;
  return callerIdentity(keys, profile, clock);
}
