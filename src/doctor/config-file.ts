import type { ProfileSection } from '../credentials/section.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { botocoreFaults } from './botocore.ts';
import { faultFinding } from './faults.ts';
import type { Seen } from './files.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** What a profile has to name a role for, in the AWS SDK for Go. */
const NEED_A_ROLE = ['source_profile', 'credential_source', 'web_identity_token_file'];

/**
 * `~/.aws/config`, as other tools read it together with the credentials file.
 * @param credentials a profile of the credentials file
 * @param profiles those that the agent keeps fresh
 */
export function configFindings(
  file: string,
  { bytes, problem }: Seen,
  credentials: (profile: string) => ProfileSection | undefined,
  profiles: readonly Pick<ProfileSettings, 'profile'>[],
): Finding[] {
  if (problem !== undefined) return [error('config.parse', problem, 'mend that; every AWS tool reads this file')];
  if (bytes === undefined) return [ok('config.parse', `there is no ${file}, and none is needed`)];
  const faults = botocoreFaults(bytes).map((fault) => faultFinding('config.parse', file, fault));
  const config = readAwsConfig(bytes);
  const sections = config.profileNames().map((profile) => {
    const entries = config.entries(profile);
    const place = (key: string) => `${file}:${entries.get(key)?.line}: [${config.title(profile)}]`;
    return { profile, entries, place, isKept: profiles.some((one) => one.profile === profile) };
  });
  const settingOf = ({ profile, entries }: (typeof sections)[number], key: string) =>
    credentials(profile)?.values.get(key) || entries.get(key)?.value;

  const roles = sections.flatMap((section) => {
    const { profile, entries, place, isKept } = section;
    const key = NEED_A_ROLE.find((one) => entries.get(one)?.value);
    const source = settingOf(section, 'source_profile');
    if (settingOf(section, 'role_arn')) {
      // A role over a session needs no code of its own.
      if (!entries.get('mfa_serial')?.value || !profiles.some((one) => one.profile === source)) return [];
      const found = `${place('mfa_serial')} has mfa_serial beside role_arn: tools ask for a code, though the session of [${source}] needs none`;
      return [warning('config.roles', found, 'remove mfa_serial there')];
    }
    if (key === undefined) return [];
    const found = `${place(key)} has ${key} without role_arn: Terraform, and all that uses the AWS SDK for Go, refuses this profile`;
    const mend = `remove that line${key === 'source_profile' ? '; for this program, source_profile belongs in config.ini' : ''}`;
    return [isKept ? error('config.roles', found, mend, profile) : warning('config.roles', found, mend)];
  });
  const outranked = sections.flatMap(({ profile, entries, place, isKept }) => {
    if (!isKept) return [];
    if (entries.get('role_arn')?.value) {
      const found = `${place('role_arn')} has role_arn: tools assume that role, and pass over the session in the credentials file`;
      return [
        warning(
          'config.profile',
          found,
          `give the role a profile of its own, with source_profile = ${profile}`,
          profile,
        ),
      ];
    }
    const key = ['sso_session', 'sso_start_url'].find((one) => entries.get(one)?.value);
    if (key === undefined) return [];
    const found = `${place(key)} has ${key}: the AWS CLI and boto3 sign in there, and pass over the session in the credentials file`;
    return [warning('config.profile', found, 'give one of the two another name', profile)];
  });
  return [
    ...(faults.length > 0 ? faults : [ok('config.parse', `${file}: every tool can read it`)]),
    ...(roles.length > 0
      ? roles
      : [
          ok(
            'config.roles',
            `no profile in ${file} has source_profile without role_arn, or a role over a session with mfa_serial`,
          ),
        ]),
    ...(outranked.length > 0 ? outranked : [ok('config.profile', `nothing in ${file} outranks a session`)]),
  ];
}
