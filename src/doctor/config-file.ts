import { awsSections } from '../aws-config.ts';
import type { ProfileSettings } from '../config.ts';
import type { ProfileSection } from '../credentials/document.ts';
import { botocoreFaults } from './botocore.ts';
import { faultText, mendFault } from './faults.ts';
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
  const faults = botocoreFaults(bytes).map((fault) => error('config.parse', faultText(file, fault), mendFault(fault)));
  const sections = [...awsSections(bytes.toString('utf8')).values()].flatMap(({ name, ...rest }) => {
    const profile = name === 'default' ? name : /^profile (.+)$/.exec(name)?.[1];
    return profile === undefined ? [] : [{ profile, ...rest }];
  });
  const isKept = (name: string) => profiles.some(({ profile }) => profile === name);
  const settingOf = ({ profile, entries }: (typeof sections)[number], key: string) =>
    entries.get(key)?.value || credentials(profile)?.values.get(key);

  const roles = sections.flatMap((section) => {
    const key = NEED_A_ROLE.find((one) => section.entries.get(one)?.value);
    if (key === undefined || settingOf(section, 'role_arn')) return [];
    const { profile } = section;
    const found = `${file}:${section.entries.get(key)?.line}: [profile ${profile}] has ${key} without role_arn: Terraform, and all that uses the AWS SDK for Go, refuses this profile`;
    const mend = `remove that line${key === 'source_profile' ? '; for this program, source_profile belongs in config.ini' : ''}`;
    return [isKept(profile) ? error('config.roles', found, mend, profile) : warning('config.roles', found, mend)];
  });
  const outranked = sections.flatMap((section) => {
    const { profile, entries } = section;
    const key = ['role_arn', 'sso_session', 'sso_start_url'].find((one) => entries.get(one)?.value);
    if (key === undefined || !isKept(profile)) return [];
    const found = `${file}:${entries.get(key)?.line}: [profile ${profile}] has ${key}, which tools prefer to the session in the credentials file`;
    const mend =
      key === 'role_arn'
        ? `give the role a profile of its own, with source_profile = ${profile}`
        : 'give it another name';
    return [warning('config.profile', found, mend, profile)];
  });
  return [
    ...(faults.length > 0 ? faults : [ok('config.parse', `${file}: every tool can read it`)]),
    ...(roles.length > 0 ? roles : [ok('config.roles', `no profile in ${file} has source_profile without role_arn`)]),
    ...(outranked.length > 0 ? outranked : [ok('config.profile', `nothing in ${file} outranks a session`)]),
  ];
}
