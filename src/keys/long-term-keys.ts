import type { KeyPair } from '../credentials/pair.ts';
import type { Entries } from '../credentials/section.ts';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import { shellWord } from '../plain.ts';
import { sessionTokenIn } from '../session/session.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import { readCredentials } from '../settings/settings.ts';
import type { KeyStore } from './key-store.ts';

/** Runs a `credential_process` and returns its standard output. */
export type RunProcess = (command: string) => Promise<string>;

/**
 * Returns the long-term keys of a source profile. Looks for them like botocore: in the credentials file, then in the
 * profile's `credential_process` in either file, then in `~/.aws/config`.
 * @see https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
 * @param keychain set if the settings say that the keys are in the keychain only
 * @throws UserError if the profile has none, holds a session, or has keys in AWS's files besides those in the keychain
 */
export async function longTermKeys(
  files: { credentials: string; config: string },
  profile: string,
  runProcess: RunProcess,
  keychain?: Pick<KeyStore, 'read' | 'name'>,
): Promise<KeyPair> {
  const inCredentials = readCredentials(files.credentials)?.entries(profile) ?? NO_ENTRIES;
  const inConfig = readAwsConfig(readIfPresent(files.config)).entries(profile);
  const stored = pairIn(inCredentials, profile, files.credentials);
  if (keychain) return keysInKeychain(keychain, files, profile, stored ?? inConfig.has('aws_access_key_id'));
  if (stored) return stored;
  const command = (inCredentials.get('credential_process') ?? inConfig.get('credential_process'))?.value;
  if (command) return keysFrom(await runProcess(command), profile, `the credential_process of [${profile}]`);
  const configured = pairIn(inConfig, profile, files.config);
  if (configured) return configured;

  for (const [entries, file] of [
    [inCredentials, files.credentials],
    [inConfig, files.config],
  ] as const) {
    if (entries.get('aws_secret_access_key')?.value) throw lacking('aws_access_key_id', profile, file);
  }
  throw new UserError(
    `no long-term keys of [${profile}] in ${files.credentials} or ${files.config}: put its aws_access_key_id and aws_secret_access_key there`,
    'usage',
  );
}

async function keysInKeychain(
  keychain: Pick<KeyStore, 'read' | 'name'>,
  files: { credentials: string; config: string },
  profile: string,
  isInFile: unknown,
): Promise<KeyPair> {
  const named = shellWord(profile);
  if (isInFile) {
    throw new UserError(
      `[${profile}] has long-term keys in AWS's files, but keys = keychain in config.ini: run "aws-mfa-agent keys store ${named}" to keep them only in the keychain, or "aws-mfa-agent keys restore ${named}" to keep them only in ${files.credentials}`,
      'usage',
    );
  }
  const pair = await keychain.read(profile);
  if (pair) return pair;
  throw new UserError(
    `no long-term keys of [${profile}] in ${keychain.name}: run "aws-mfa-agent keys store ${named}" to store them there`,
    'usage',
  );
}

const NO_ENTRIES: Entries = new Map();

/**
 * Returns the pair among a profile's settings in a file. As in botocore, a profile without an access key id has none there.
 * @throws UserError if the profile holds a session, or half a pair
 */
export function pairIn(entries: Entries, profile: string, file: string): KeyPair | undefined {
  if (!entries.has('aws_access_key_id')) return undefined;
  const values = new Map([...entries].map(([key, { value }]) => [key, value]));
  const [accessKeyId, secretAccessKey] = [values.get('aws_access_key_id'), values.get('aws_secret_access_key')];
  if (sessionTokenIn(values)) throw holdsSession(profile, file);
  if (!accessKeyId) throw lacking('aws_access_key_id', profile, file);
  if (!secretAccessKey) throw lacking('aws_secret_access_key', profile, file);
  return { accessKeyId, secretAccessKey };
}

function lacking(key: string, profile: string, file: string): UserError {
  return new UserError(`[${profile}] in ${file} has no ${key}`, 'usage');
}

/**
 * Returns the keys that a command printed, or the keychain holds.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
export function keysFrom(output: string, profile: string, where: string): KeyPair {
  let printed: unknown;
  try {
    printed = JSON.parse(output);
  } catch {
    throw new UserError(`${where} printed something that is not JSON`);
  }
  const { Version: version, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, ...rest } = Object(printed);
  if (version !== 1) throw new UserError(`${where} printed no "Version": 1`);
  if (rest.SessionToken) throw holdsSession(profile, where);
  // As in botocore, keys without an expiration are for good.
  if (rest.Expiration !== undefined && rest.Expiration !== null && !(Date.parse(rest.Expiration) > Date.now())) {
    throw new UserError(`${where} printed keys that have expired (${JSON.stringify(rest.Expiration)})`);
  }
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string' || !accessKeyId || !secretAccessKey) {
    throw new UserError(`${where} printed no AccessKeyId and SecretAccessKey`);
  }
  return { accessKeyId, secretAccessKey };
}

function holdsSession(profile: string, where: string): UserError {
  return new UserError(
    `[${profile}] holds a session, not long-term keys (${where}): name the profile with the AKIA… keys as source_profile`,
    'usage',
  );
}
