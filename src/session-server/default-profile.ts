import { UserError } from '../errors.ts';
import { readIfPresent } from '../files/read.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import type { Paths } from '../settings/paths.ts';
import { readCredentials } from '../settings/settings.ts';

/** Settings that give a profile credentials. */
const GIVE_CREDENTIALS = [
  ...['aws_access_key_id', 'role_arn', 'credential_process', 'web_identity_token_file'],
  ...['sso_session', 'sso_start_url', 'login_session'],
];

/**
 * Returns whether `[default]` of the credentials file gives credentials. Without a profile, tools take them, usually the
 * user's long-term keys, and never ask a container credentials endpoint.
 * @throws UserError (`usage`) if `[default]` of `~/.aws/config` gives credentials: that file has other settings that tools need
 */
export function hidesCredentialsFile({ credentials, config }: Paths): boolean {
  const inConfig = readAwsConfig(readIfPresent(config)).entries('default');
  const setting = GIVE_CREDENTIALS.find((name) => inConfig.has(name));
  if (setting !== undefined) {
    throw new UserError(
      `[default] in ${config} has ${setting}, which tools prefer to exec --server: move it to a profile with a name`,
      'usage',
    );
  }
  const inCredentials = readCredentials(credentials)?.entries('default');
  return GIVE_CREDENTIALS.some((name) => inCredentials?.has(name));
}
