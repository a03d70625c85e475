import { absolutePath } from '../files/absolute-path.ts';
import { pathsOf, userHome } from './paths.ts';
import type { Settings } from './settings.ts';

/** Variables with locations, copied into the service file: a service does not see what a shell's start-up file sets. */
export const CARRIED = [
  ...['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'AWS_MFA_AGENT_CONFIG', 'AWS_MFA_AGENT_NO_DEFAULTS'],
  ...['AWS_CA_BUNDLE', 'REQUESTS_CA_BUNDLE'],
  ...['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_STS', 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS'],
  ...['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT', 'AWS_STS_REGIONAL_ENDPOINTS'],
  ...['XDG_CONFIG_HOME', 'XDG_STATE_HOME'],
];

/** Copied too. They may differ between folders of a user's work, so `doctor` does not compare them. */
const REGIONS = ['AWS_REGION', 'AWS_DEFAULT_REGION'];

/**
 * Returns the variables that the service gets, and a terminal that the agent opens. Paths are absolute: both have another current
 * folder than this process, and not all the variables that a path may name.
 */
export function carried(environment: NodeJS.ProcessEnv): Record<string, string> {
  const files = pathsOf(environment, userHome());
  const paths: Record<string, string | undefined> = {
    AWS_SHARED_CREDENTIALS_FILE: files.credentials,
    AWS_CONFIG_FILE: files.config,
    AWS_MFA_AGENT_CONFIG: files.settings,
    AWS_CA_BUNDLE: environment.AWS_CA_BUNDLE,
    REQUESTS_CA_BUNDLE: environment.REQUESTS_CA_BUNDLE,
  };
  const given = [...CARRIED, ...REGIONS].flatMap((name) => {
    const value = environment[name];
    const path = paths[name];
    return value ? [[name, path === undefined ? value : absolutePath(path)]] : [];
  });
  return Object.fromEntries(given);
}

/** Returns the option with which a command reads the same `config.ini`, if that was named with `--config`. */
export function configWords({ configFile }: Pick<Settings, 'configFile'>): string[] {
  return configFile === undefined ? [] : ['--config', absolutePath(configFile)];
}
