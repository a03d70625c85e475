import type { AwsAnswer, Keys } from '../aws/call.ts';
import { UserError } from '../errors.ts';
import type { LongTermKeys } from '../keys/long-term-keys.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';

export type Identity = { account: string; arn: string };

/** What AWS says of the keys of one MFA profile. */
export interface Asked {
  profile: ProfileSettings;
  /** The long-term keys: their id, or why there are none. */
  source: { accessKeyId: string } | { accessKeyId?: undefined; reason: string };
  /** Whose they are; undefined when there are none to ask with. */
  ofSource: AwsAnswer<Identity> | undefined;
  /** The same of the session; undefined when there is none. */
  ofSession: AwsAnswer<Identity> | undefined;
  /** The MFA devices of the user, by IAM, asked with the long-term keys; undefined when it was not asked. */
  devices: AwsAnswer<string[]> | undefined;
  /** The same, asked with the session. */
  devicesBySession: AwsAnswer<string[]> | undefined;
}

export interface AwsEffects {
  /** @throws UserError when there are none */
  longTermKeys(source: string): Promise<LongTermKeys>;
  sessionKeys(profile: string): Keys | undefined;
  /** The clock learns from the answer. */
  callerIdentity(keys: Keys, profile: ProfileSettings, clock: Clock): Promise<AwsAnswer<Identity>>;
  /** Undefined when IAM must not be asked: STS is somebody else's. */
  mfaDevices(keys: Keys, profile: ProfileSettings, clock: Clock, sts: string): Promise<AwsAnswer<string[]>> | undefined;
}

/** The key of AWS's own documentation: where nobody has a key, its refusal shows that STS is there. */
const NOBODY: Keys = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
};

/** Asks AWS whose keys there are, for all profiles at once; the same question once only. */
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
        isThere || !session ? identity(isThere ? source : NOBODY, profile) : undefined,
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

/** A clock that is too wrong for AWS must not hide what is wrong with the keys. */
async function ask(keys: Keys, profile: ProfileSettings, { callerIdentity }: AwsEffects): Promise<AwsAnswer<Identity>> {
  const clock = new Clock();
  const first = await callerIdentity(keys, profile, clock);
  if (first.ok || first.failure.kind !== 'clock' || clock.offset === 0) return first;
  return callerIdentity(keys, profile, clock);
}
