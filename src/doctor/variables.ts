import type { ProfileSection } from '../credentials/section.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** What is known of the profiles that a variable may name, or whose keys it may hold. */
export interface KnownProfiles {
  /** Those that the agent keeps fresh. */
  kept: readonly Pick<ProfileSettings, 'profile' | 'sourceProfile'>[];
  /** A profile of the credentials file. */
  credentials(profile: string): ProfileSection | undefined;
  /** The names in both files. */
  names: ReadonlySet<string>;
}

/**
 * Variables that outrank the MFA profile, and for whom. By the sources of botocore 1.43 (AWS CLI 1 and boto3), AWS CLI 2,
 * the SDK for JavaScript 3 and the SDK for Go 2 with Terraform 1.11:
 *
 * | | `--profile`, `profile_name`, `profile =` given | only AWS_PROFILE | AWS_DEFAULT_PROFILE |
 * | --- | --- | --- | --- |
 * | AWS CLI 1, boto3 | the profile | keys in variables win | before AWS_PROFILE |
 * | AWS CLI 2 | the profile | keys in variables win | after AWS_PROFILE |
 * | SDK for JavaScript | the profile | the profile wins | not known |
 * | SDK for Go, Terraform | the profile | keys in variables win | after AWS_PROFILE |
 */
export function variableFindings(environment: NodeJS.ProcessEnv, known: KnownProfiles): Finding[] {
  return [keysFinding(environment, known), profileFinding(environment, known)];
}

const KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'] as const;

function keysFinding(environment: NodeJS.ProcessEnv, { kept, credentials }: KnownProfiles): Finding {
  const check = 'environment.keys';
  const set = KEYS.filter((name) => environment[name]);
  if (set.length === 0) return ok(check, 'no AWS_ACCESS_KEY_ID and the like is set');
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN, AWS_SECURITY_TOKEN } = environment;
  const unset = `unset ${set.join(' ')}`;
  const are = `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set`;
  if (!id) return warning(check, `${are} without AWS_ACCESS_KEY_ID: no tool takes it`, unset);
  if (!secret) {
    return error(check, `${are} without AWS_SECRET_ACCESS_KEY: the AWS CLI and boto3 fail, others pass over it`, unset);
  }
  if (id.startsWith('ASIA') && !AWS_SESSION_TOKEN && !AWS_SECURITY_TOKEN) {
    return error(check, `${are} without AWS_SESSION_TOKEN: ${WHO_TAKES_KEYS}, and AWS refuses them`, unset);
  }
  const idOf = (profile: string) => credentials(profile)?.values.get('aws_access_key_id');
  const own = kept.find(({ profile }) => idOf(profile) === id);
  if (AWS_SESSION_TOKEN && AWS_SECURITY_TOKEN && AWS_SESSION_TOKEN !== AWS_SECURITY_TOKEN) {
    return error(
      check,
      `${are}, with different tokens: the AWS CLI and boto3 take AWS_SECURITY_TOKEN`,
      'unset AWS_SECURITY_TOKEN',
    );
  }
  if (own) return ok(check, `${are} to the session of [${own.profile}]; this shell keeps it when the next one comes`);
  const source = kept.find(({ sourceProfile }) => idOf(sourceProfile) === id);
  const whose = source
    ? `the long-term keys of [${source.sourceProfile}], without MFA`
    : id.startsWith('ASIA')
      ? 'another session than the one that is kept fresh'
      : 'keys of no profile here';
  return warning(check, `${are} (${whose}): ${WHO_TAKES_KEYS}`, `${unset}; or give --profile with each command`);
}

/** Checked with botocore, the SDK for JavaScript and Terraform: see test/integration/doctor-variables.test.ts. */
const WHO_TAKES_KEYS =
  'the AWS CLI, boto3, the SDK for Go and Terraform take them before AWS_PROFILE, though not before --profile, profile_name or a profile setting; the SDK for JavaScript takes them only without AWS_PROFILE';

function profileFinding(environment: NodeJS.ProcessEnv, { kept, names }: KnownProfiles): Finding {
  const check = 'environment.profile';
  const { AWS_PROFILE: name, AWS_DEFAULT_PROFILE: old } = environment;
  const usual = kept[0]?.profile ?? 'mfa';
  const mend = `export AWS_PROFILE=${usual}`;
  if (name && old && name !== old) {
    const found = `AWS_PROFILE=${name} and AWS_DEFAULT_PROFILE=${old}: AWS CLI 1 and boto3 take the second, all others the first`;
    return warning(check, found, 'unset AWS_DEFAULT_PROFILE');
  }
  const chosen = name || old;
  if (!chosen) {
    const found = 'neither AWS_PROFILE nor AWS_DEFAULT_PROFILE is set: without --profile, tools take [default]';
    return ok(check, found);
  }
  const is = `${name ? 'AWS_PROFILE' : 'AWS_DEFAULT_PROFILE'}=${chosen}`;
  if (!names.has(chosen)) return error(check, `${is}: there is no such profile, so the AWS CLI and boto3 fail`, mend);
  const source = kept.find(({ sourceProfile }) => sourceProfile === chosen);
  if (source) return warning(check, `${is} names the long-term keys: calls go out without MFA`, mend);
  if (!name) {
    return warning(
      check,
      `${is}: the SDK for JavaScript does not know this variable`,
      `export AWS_PROFILE=${chosen}; unset AWS_DEFAULT_PROFILE`,
    );
  }
  const isKept = kept.some(({ profile }) => profile === chosen);
  return ok(check, isKept ? `${is}, which is kept fresh` : `${is}, a profile that is not kept fresh here`);
}
