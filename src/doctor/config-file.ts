import type { ProfileSection } from '../credentials/section.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { botocoreFaults } from './botocore.ts';
import { faultFinding } from './faults.ts';
import type { SeenFile } from './files.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** Settings that the AWS SDK for Go accepts only in a profile with `role_arn`. */
const NEED_A_ROLE = ['source_profile', 'credential_source', 'web_identity_token_file'];

/**
 * Checks `~/.aws/config` as other tools read it, together with the credentials file.
 * @param credentials returns a profile of the credentials file
 * @param profiles the MFA profiles
 */
export function configFindings(
  file: string,
  { bytes, problem }: SeenFile,
  credentials: (profile: string) => ProfileSection | undefined,
  profiles: readonly Pick<ProfileSettings, 'profile'>[],
): Finding[] {
  if (problem !== undefined) return [error('config.parse', problem, 'correct that: every AWS tool reads this file')];
  if (bytes === undefined) return [ok('config.parse', `there is no ${file}, and none is needed`)];
  const config = readAwsConfig(bytes);
  const isKept = (profile: string | undefined) => profiles.some((one) => one.profile === profile);

  const faults = botocoreFaults(bytes).map((fault) => faultFinding('config.parse', file, fault));
  const roles: Finding[] = [];
  const overrides: Finding[] = [];
  for (const profile of config.profileNames()) {
    const entries = config.entries(profile);
    const has = (key: string) => Boolean(entries.get(key)?.value);
    const place = (key: string) => `${file}:${entries.get(key)?.line}: [${config.title(profile)}] has ${key}`;
    const inEither = (key: string) => credentials(profile)?.values.get(key) || entries.get(key)?.value;
    const key = NEED_A_ROLE.find(has);
    const source = inEither('source_profile');
    if (inEither('role_arn')) {
      if (has('mfa_serial') && isKept(source)) {
        const found = `${place('mfa_serial')} beside role_arn: tools ask for a code, but the session of [${source}] is enough`;
        roles.push(warning('config.roles', found, 'remove mfa_serial there'));
      }
    } else if (key !== undefined) {
      const found = `${place(key)} without role_arn: Terraform and other programs with the AWS SDK for Go reject this profile`;
      const mend = `remove that line${key === 'source_profile' ? '; for this program, set source_profile in config.ini' : ''}`;
      roles.push(isKept(profile) ? error('config.roles', found, mend, profile) : warning('config.roles', found, mend));
    }

    if (!isKept(profile)) continue;
    const ignored = 'and ignore the session in the credentials file';
    const sso = ['sso_session', 'sso_start_url'].find(has);
    if (has('role_arn')) {
      const found = `${place('role_arn')}: tools assume that role, ${ignored}`;
      const mend = `move the role to another profile, with source_profile = ${profile}`;
      overrides.push(warning('config.profile', found, mend, profile));
    } else if (sso !== undefined) {
      const found = `${place(sso)}: the AWS CLI and boto3 use that login, ${ignored}`;
      overrides.push(warning('config.profile', found, 'rename one of the two profiles', profile));
    }
  }
  const fine = `no profile in ${file} has source_profile without role_arn, or mfa_serial for a role that needs no code`;
  return [
    ...(faults.length > 0 ? faults : [ok('config.parse', `every tool can read ${file}`)]),
    ...(roles.length > 0 ? roles : [ok('config.roles', fine)]),
    ...(overrides.length > 0 ? overrides : [ok('config.profile', `nothing in ${file} overrides the session`)]),
  ];
}
