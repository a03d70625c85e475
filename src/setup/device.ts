import type { AwsAnswer } from '../aws/call.ts';
import { UserError } from '../errors.ts';
import { serialProblem } from '../settings/settings.ts';
import type { Choice, Questions } from './questions.ts';
import * as texts from './texts.ts';

/** What is known before anybody is asked. */
export interface DeviceHints {
  sourceProfile: string;
  /** From `config.ini`. */
  configured: string | undefined;
  /** From another tool's file. */
  found: string | undefined;
}

/** AWS, asked with the long-term keys. */
export interface DeviceEffects {
  listMfaDevices(): Promise<AwsAnswer<string[]>>;
  getCallerIdentity(): Promise<AwsAnswer<{ account: string; arn: string }>>;
}

const OPTION = '--serial-number';
/** No serial number has a blank in it. */
const ANOTHER = ' ';

/**
 * The serial number of the MFA device that codes come from: chosen from those that AWS names for the user, or, where it
 * does not, typed.
 * @throws UserError when AWS does not know the keys
 */
export async function chooseDevice(questions: Questions, hints: DeviceHints, effects: DeviceEffects): Promise<string> {
  const [configured, found] = [hints.configured, hints.found].map((serial) =>
    serial !== undefined && serialProblem(serial) === undefined ? serial : undefined,
  );
  const known = configured ?? found;
  questions.say(texts.listing(hints.sourceProfile));
  const answer = await effects.listMfaDevices();
  if (!answer.ok) {
    if (answer.failure.kind === 'bad-keys')
      throw new UserError(texts.deadKeys(hints.sourceProfile, answer.failure.code));
    questions.say(texts.notListed(answer.failure));
    return typed(questions, known, known === undefined ? await usualDevice(effects) : undefined);
  }

  const devices = answer.value.filter((serial) => serialProblem(serial) === undefined);
  const others = answer.value.filter((serial) => serialProblem(serial) !== undefined);
  for (const serial of others) questions.say(texts.noCodes(serial));
  const first = devices[0];
  if (first === undefined) {
    questions.say(texts.noDevice(others.length > 0));
    return typed(questions, configured, undefined);
  }
  const isUnlisted = configured !== undefined && !devices.includes(configured);
  const choices: Choice[] = [
    ...devices.map((serial) => ({ value: serial, label: serial })),
    ...(isUnlisted ? [{ value: configured, label: configured, hint: texts.UNLISTED_HINT }] : []),
    { value: ANOTHER, label: texts.ANOTHER_DEVICE },
  ];
  const initial = configured ?? (found !== undefined && devices.includes(found) ? found : first);
  const chosen = await questions.choose({ option: OPTION, message: texts.WHICH_DEVICE, choices, initial });
  return chosen === ANOTHER ? typed(questions, undefined, undefined) : chosen;
}

function typed(questions: Questions, initial: string | undefined, guess: string | undefined): Promise<string> {
  return questions.text({
    option: OPTION,
    message: texts.WHICH_DEVICE,
    ...(initial !== undefined && { initial }),
    ...(guess !== undefined && { guess }),
    problem: (text) => serialProblem(text.trim()),
  });
}

/** The device that most users have: an authenticator app with their own name. Whose keys they are, AWS tells everybody. */
async function usualDevice(effects: DeviceEffects): Promise<string | undefined> {
  const answer = await effects.getCallerIdentity();
  if (!answer.ok) return undefined;
  const [, partition, account, name] =
    /^arn:([\w-]+):iam::(\d{12}):(?:user\/(?:.*\/)?)?([^/]+)$/.exec(answer.value.arn) ?? [];
  if (!name) return undefined;
  return `arn:${partition}:iam::${account}:mfa/${name === 'root' ? 'root-account-mfa-device' : name}`;
}
