import type { AwsTarget, Keys } from '../aws/call.ts';
import type { ServiceName } from '../aws/endpoint.ts';
import { listMfaDevices } from '../aws/iam.ts';
import { getCallerIdentity } from '../aws/sts.ts';
import { UserError } from '../errors.ts';
import { serialProblem } from '../settings/settings.ts';
import type { Choice, Questions } from './questions.ts';
import * as texts from './texts.ts';

/** The serial numbers that files contain. */
export interface DeviceHints {
  sourceProfile: string;
  /** From `config.ini`. */
  configured: string | undefined;
  /** From another tool's file. */
  found: string | undefined;
}

const OPTION = '--serial-number';
/** A value that is not a serial number: those contain no spaces. */
const ANOTHER = ' ';

/**
 * Returns the serial number of the user's MFA device: chosen from AWS's list of the user's devices, or typed if AWS does not
 * give the list.
 * @param keys the long-term keys
 * @throws UserError if AWS refuses the keys for every request
 */
export async function chooseDevice(
  questions: Questions,
  hints: DeviceHints,
  keys: Keys,
  targetOf: (service: ServiceName) => AwsTarget,
): Promise<string> {
  const [configured, found] = [hints.configured, hints.found].map((serial) =>
    serial !== undefined && serialProblem(serial) === undefined ? serial : undefined,
  );
  const known = configured ?? found;
  questions.say(texts.listing(hints.sourceProfile));
  const answer = await listMfaDevices(keys, targetOf('IAM'));
  if (!answer.ok) {
    if (answer.failure.kind === 'bad-keys')
      throw new UserError(texts.deadKeys(hints.sourceProfile, answer.failure.code));
    questions.say(texts.notListed(answer.failure));
    const guess = known === undefined ? await usualDevice(keys, targetOf('STS')) : undefined;
    if (guess !== undefined) questions.say(texts.guessed(guess));
    return typed(questions, known, guess);
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

/** Has the user type the serial number of the device where AWS is not asked. */
export function typedDevice(questions: Questions, { configured, found }: DeviceHints): Promise<string> {
  const known = [configured, found].find((serial) => serial !== undefined && serialProblem(serial) === undefined);
  return typed(questions, known, undefined);
}

/** Asks for the serial number of the device again: AWS does not know the last one. */
export function anotherDevice(questions: Questions): Promise<string> {
  return typed(questions, undefined, undefined);
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

/** Guesses the device by the user's name, as most authenticator apps are named. GetCallerIdentity needs no permission. */
async function usualDevice(keys: Keys, target: AwsTarget): Promise<string | undefined> {
  const answer = await getCallerIdentity(keys, target);
  if (!answer.ok) return undefined;
  const [, partition, account, name] =
    /^arn:([\w-]+):iam::(\d{12}):(?:user\/(?:.*\/)?)?([^/]+)$/.exec(answer.value.arn) ?? [];
  if (!name) return undefined;
  return `arn:${partition}:iam::${account}:mfa/${name === 'root' ? 'root-account-mfa-device' : name}`;
}
