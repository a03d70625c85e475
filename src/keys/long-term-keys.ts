import { parseCredentials } from '../credentials/document.ts';
import type { ProfileSection } from '../credentials/section.ts';
import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';

/** A pair that signs. Long-term: without a session token. */
export interface LongTermKeys {
  accessKeyId: string;
  secretAccessKey: string;
}

/** Runs a `credential_process` and gives what it printed. */
export type RunProcess = (command: string) => Promise<string>;

/**
 * The long-term credentials of a source profile, from where the AWS CLI looks: the credentials file, then the config file,
 * then the profile's `credential_process`.
 * @see https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html
 * @throws UserError when the profile has none, or holds a session
 */
export async function longTermKeys(
  files: { credentials: string; config: string },
  profile: string,
  runProcess: RunProcess,
): Promise<LongTermKeys> {
  const inCredentials = section(files.credentials, profile);
  const inConfig =
    section(files.config, `profile ${profile}`) ??
    (profile === 'default' ? section(files.config, 'default') : undefined);
  for (const [found, file] of [
    [inCredentials, files.credentials],
    [inConfig, files.config],
  ] as const) {
    const keys = found && keysIn(found, profile, file);
    if (keys) return keys;
  }
  const command = inCredentials?.values.get('credential_process') ?? inConfig?.values.get('credential_process');
  if (command) return keysFrom(await runProcess(command), profile);
  throw new UserError(
    `no long-term credentials of [${profile}] in ${files.credentials} or ${files.config}: put its aws_access_key_id and aws_secret_access_key there`,
    'usage',
  );
}

function section(file: string, name: string): ProfileSection | undefined {
  const bytes = readIfPresent(file);
  return bytes && parseCredentials(bytes).profile(name);
}

function keysIn({ values }: ProfileSection, profile: string, file: string): LongTermKeys | undefined {
  const accessKeyId = values.get('aws_access_key_id');
  const secretAccessKey = values.get('aws_secret_access_key');
  if (values.get('aws_session_token') || values.get('aws_security_token')) throw holdsSession(profile, file);
  if (!accessKeyId && !secretAccessKey) return undefined;
  if (!accessKeyId || !secretAccessKey) {
    const lacking = accessKeyId ? 'aws_secret_access_key' : 'aws_access_key_id';
    throw new UserError(`[${profile}] in ${file} has no ${lacking}`, 'usage');
  }
  return { accessKeyId, secretAccessKey };
}

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html */
function keysFrom(output: string, profile: string): LongTermKeys {
  const where = `the credential_process of [${profile}]`;
  let printed: Record<string, unknown>;
  try {
    printed = JSON.parse(output);
  } catch {
    throw new UserError(`${where} printed something that is no JSON`);
  }
  const { Version: version, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: token } = printed;
  if (version !== 1) throw new UserError(`${where} printed no "Version": 1`);
  if (token) throw holdsSession(profile, where);
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string' || !accessKeyId || !secretAccessKey) {
    throw new UserError(`${where} printed no AccessKeyId and SecretAccessKey`);
  }
  return { accessKeyId, secretAccessKey };
}

function holdsSession(profile: string, where: string): UserError {
  return new UserError(
    `[${profile}] holds a session, not long-term credentials (${where}): name the profile with the AKIA… keys as source_profile`,
    'usage',
  );
}
