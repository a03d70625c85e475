import type { ProfileSection } from '../credentials/section.ts';
import { shellWord } from '../plain.ts';
import type { ProfileSettings } from '../settings/settings.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** The profiles whose names or keys can be in variables. */
export interface KnownProfiles {
  /** The profiles that the agent keeps fresh. */
  kept: readonly Pick<ProfileSettings, 'profile' | 'sourceProfile'>[];
  /** Returns a profile of the credentials file. */
  credentials(profile: string): ProfileSection | undefined;
  /** The names of all profiles in both files. */
  names: ReadonlySet<string>;
}

/**
 * Checks variables that tools prefer to the MFA profile, according to the sources of botocore 1.43 (AWS CLI 1 and boto3), AWS
 * CLI 2, the SDK for JavaScript 3 and the SDK for Go 2 with Terraform 1.11:
 *
 * | | `--profile`, `profile_name`, `profile =` given | only AWS_PROFILE | AWS_DEFAULT_PROFILE |
 * | --- | --- | --- | --- |
 * | AWS CLI 1, boto3 | the profile | keys in variables win | before AWS_PROFILE |
 * | AWS CLI 2 | the profile | keys in variables win | after AWS_PROFILE |
 * | SDK for JavaScript | the profile | the profile wins | not supported |
 * | SDK for Go, Terraform | the profile | keys in variables win | after AWS_PROFILE |
 */
export function variableFindings(environment: NodeJS.ProcessEnv, known: KnownProfiles): Finding[] {
  return [keysFinding(environment, known), profileFinding(environment, known)];
}

const KEYS = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'] as const;

function keysFinding(environment: NodeJS.ProcessEnv, { kept, credentials }: KnownProfiles): Finding {
  const check = 'environment.keys';
  const set = KEYS.filter((name) => environment[name]);
  if (set.length === 0) return ok(check, 'no keys are set (AWS_ACCESS_KEY_ID and similar variables)');
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN, AWS_SECURITY_TOKEN } = environment;
  const unset = `unset ${set.join(' ')}`;
  const are = `${set.join(', ')} ${set.length === 1 ? 'is' : 'are'} set`;
  if (!id) return warning(check, `${are} without AWS_ACCESS_KEY_ID: tools ignore that`, unset);
  if (!secret) {
    return error(
      check,
      `${are} without AWS_SECRET_ACCESS_KEY: the AWS CLI and boto3 fail, other tools ignore it`,
      unset,
    );
  }
  if (id.startsWith('ASIA') && !AWS_SESSION_TOKEN && !AWS_SECURITY_TOKEN) {
    return error(check, `${are} without AWS_SESSION_TOKEN: ${WHO_USES_KEYS}, and AWS refuses them`, unset);
  }
  const idOf = (profile: string) => credentials(profile)?.values.get('aws_access_key_id');
  const own = kept.find(({ profile }) => idOf(profile) === id);
  if (AWS_SESSION_TOKEN && AWS_SECURITY_TOKEN && AWS_SESSION_TOKEN !== AWS_SECURITY_TOKEN) {
    return error(
      check,
      `${are}, with different tokens: the AWS CLI and boto3 use AWS_SECURITY_TOKEN`,
      'unset AWS_SECURITY_TOKEN',
    );
  }
  if (own) return ok(check, `${are} to the session of [${own.profile}]; this shell will not see the next session`);
  const source = kept.find(({ sourceProfile }) => idOf(sourceProfile) === id);
  const whose = source
    ? `the long-term keys of [${source.sourceProfile}], without MFA`
    : id.startsWith('ASIA')
      ? 'a session that is in no profile of this program'
      : 'keys that are in no profile';
  return warning(check, `${are} (${whose}): ${WHO_USES_KEYS}`, `${unset}; or use --profile with each command`);
}

/** Checked with botocore, the SDK for JavaScript and Terraform: see test/integration/doctor-variables.test.ts. */
const WHO_USES_KEYS =
  'the AWS CLI, boto3, the SDK for Go and Terraform prefer them to AWS_PROFILE, but not to --profile, profile_name or a profile setting; the SDK for JavaScript uses them only without AWS_PROFILE';

function profileFinding(environment: NodeJS.ProcessEnv, { kept, names }: KnownProfiles): Finding {
  const check = 'environment.profile';
  const { AWS_PROFILE: name, AWS_DEFAULT_PROFILE: old } = environment;
  const usual = kept[0]?.profile ?? 'mfa';
  const mend = `export AWS_PROFILE=${shellWord(usual)}`;
  if (name && old && name !== old) {
    const found = `AWS_PROFILE=${name} and AWS_DEFAULT_PROFILE=${old}: AWS CLI 1 and boto3 use the second, other tools the first`;
    return warning(check, found, 'unset AWS_DEFAULT_PROFILE');
  }
  const chosen = name || old;
  if (!chosen) {
    const found = 'neither AWS_PROFILE nor AWS_DEFAULT_PROFILE is set: without --profile, tools use [default]';
    return ok(check, found);
  }
  const is = `${name ? 'AWS_PROFILE' : 'AWS_DEFAULT_PROFILE'}=${chosen}`;
  if (!names.has(chosen))
    return error(check, `${is}: this profile does not exist, so the AWS CLI and boto3 fail`, mend);
  const source = kept.find(({ sourceProfile }) => sourceProfile === chosen);
  if (source) return warning(check, `${is} is the profile with the long-term keys: calls are made without MFA`, mend);
  if (!name) {
    return warning(
      check,
      `${is}: the SDK for JavaScript does not support this variable`,
      `export AWS_PROFILE=${shellWord(chosen)}; unset AWS_DEFAULT_PROFILE`,
    );
  }
  const isKept = kept.some(({ profile }) => profile === chosen);
  return ok(check, isKept ? `${is}, which the agent keeps fresh` : `${is}, which the agent does not keep fresh`);
}
