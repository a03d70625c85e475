import { formatInstant } from '../time/instant.ts';
import type { UsableSession } from './session.ts';

/** The variables that hold a session, as AWS tools read them. */
export const SESSION_VARIABLES = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_CREDENTIAL_EXPIRATION',
] as const;

/** The old name of `AWS_SESSION_TOKEN`. If it is set, botocore prefers it. */
export const OLD_TOKEN_VARIABLE = 'AWS_SECURITY_TOKEN';

/** Variables that name a profile. If one is set, the AWS SDK for JavaScript ignores keys in variables. */
const PROFILE_VARIABLES = ['AWS_PROFILE', 'AWS_DEFAULT_PROFILE'];

/** @returns undefined for a variable that must not be set: another session's expiration would be worse than none */
export function sessionVariables(
  session: UsableSession,
): Record<(typeof SESSION_VARIABLES)[number], string | undefined> {
  return {
    AWS_ACCESS_KEY_ID: session.accessKeyId,
    AWS_SECRET_ACCESS_KEY: session.secretAccessKey,
    AWS_SESSION_TOKEN: session.sessionToken,
    AWS_CREDENTIAL_EXPIRATION: session.expiration === undefined ? undefined : formatInstant(session.expiration),
  };
}

/** When an SDK must ask again for a session without a known end, in milliseconds: it must not keep it forever. */
const ASK_AGAIN = 3_600_000;

/** Returns the end of a session as the SDKs read it. */
export function expirationForSdk({ expiration }: UsableSession, now: number): string {
  return formatInstant(expiration ?? now + ASK_AGAIN);
}

/** The variables that name a region. Some tools read only one of them. */
const REGION_VARIABLES = ['AWS_REGION', 'AWS_DEFAULT_REGION'];

/** The region that this program has put into {@link REGION_VARIABLES}. */
const OUR_REGION = 'AWS_MFA_AGENT_REGION';

/**
 * Returns the variables that name the region of a profile; none if the user has set one. Without them, tools would use the
 * region of `[default]`.
 * @param region undefined if the profile has none
 * @returns undefined for a variable that this program has set for another profile
 */
export function regionVariables(
  region: string | undefined,
  environment: NodeJS.ProcessEnv,
): Record<string, string | undefined> {
  const ours = environment[OUR_REGION];
  if (REGION_VARIABLES.some((name) => environment[name] && environment[name] !== ours)) return {};
  if (region === undefined && ours === undefined) return {};
  return Object.fromEntries([...REGION_VARIABLES, OUR_REGION].map((name) => [name, region]));
}

/**
 * Returns an environment in which every AWS tool uses this session, and which is otherwise unchanged.
 * @param region of the profile; undefined if it has none
 */
export function environmentWith(
  session: UsableSession,
  region: string | undefined,
  environment: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  return changed(environment, {
    ...sessionVariables(session),
    ...regionVariables(region, environment),
    ...unset([OLD_TOKEN_VARIABLE, ...PROFILE_VARIABLES]),
  });
}

/** Variables that AWS tools prefer to `AWS_CONTAINER_CREDENTIALS_FULL_URI`, and the variables for its token. */
const BEFORE_CONTAINERS = [
  ...[...SESSION_VARIABLES, OLD_TOKEN_VARIABLE, ...PROFILE_VARIABLES],
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  ...['AWS_CONTAINER_AUTHORIZATION_TOKEN', 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'],
  ...['AWS_WEB_IDENTITY_TOKEN_FILE', 'AWS_CREDENTIAL_FILE'],
];

/** The end of the name of the file that tools read instead of the credentials file. */
export const EMPTY_FILE_END = '.no-credentials';

/**
 * Returns an environment in which AWS tools ask a server of this program for the session, and which is otherwise unchanged.
 * @param server `tokenFile`: the file that holds the token; undefined if the variable holds it. `emptyFile`: the file that
 *   tools must read instead of the credentials file, whose keys they would prefer; undefined if they may read that
 * @param region of the profile; undefined if it has none
 */
export function environmentWithServer(
  { url, token, tokenFile, emptyFile }: { url: string; token: string; tokenFile?: string; emptyFile?: string },
  region: string | undefined,
  environment: NodeJS.ProcessEnv,
): NodeJS.ProcessEnv {
  return changed(environment, {
    ...unset(BEFORE_CONTAINERS),
    ...regionVariables(region, environment),
    AWS_CONTAINER_CREDENTIALS_FULL_URI: url,
    ...(tokenFile === undefined
      ? { AWS_CONTAINER_AUTHORIZATION_TOKEN: token }
      : { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: tokenFile }),
    ...(emptyFile !== undefined && {
      AWS_SHARED_CREDENTIALS_FILE: emptyFile,
      // For this program, which needs the file when the command runs it: see restoreCredentialsFile.
      AWS_MFA_AGENT_CREDENTIALS_FILE: environment.AWS_SHARED_CREDENTIALS_FILE ?? '',
    }),
  });
}

/** Makes an environment name the credentials file again, if {@link environmentWithServer} has hidden it. */
export function restoreCredentialsFile(environment: NodeJS.ProcessEnv): void {
  const { AWS_MFA_AGENT_CREDENTIALS_FILE: hidden, AWS_SHARED_CREDENTIALS_FILE: file } = environment;
  if (hidden === undefined) return;
  delete environment.AWS_MFA_AGENT_CREDENTIALS_FILE;
  if (!file?.endsWith(EMPTY_FILE_END)) return;
  if (hidden === '') delete environment.AWS_SHARED_CREDENTIALS_FILE;
  else environment.AWS_SHARED_CREDENTIALS_FILE = hidden;
}

function unset(names: readonly string[]): NodeJS.ProcessEnv {
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

function changed(environment: NodeJS.ProcessEnv, changes: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // Otherwise a variable could be set to the text "undefined".
  return Object.fromEntries(Object.entries({ ...environment, ...changes }).filter(([, value]) => value !== undefined));
}
