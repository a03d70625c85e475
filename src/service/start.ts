import { accessSync, constants, realpathSync } from 'node:fs';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import type { Settings } from '../settings/settings.ts';

/** How a service manager is to start the agent. All paths are absolute. */
export interface Start {
  node: string;
  program: string;
  /** Of the program: `--config` where it was named, and `run`. */
  words: string[];
  environment: Record<string, string>;
  /** What the agent writes in. */
  folders: string[];
  /** What will go wrong one day, and what to do then: one line each. */
  warnings: string[];
}

/** Nothing in the agent is done often enough to gain by V8's optimizer, whose own code takes four megabytes. */
export const NODE_FLAGS = ['--no-opt'];

/** Variables that say where things are, and go into the service. A service does not see what a shell's start-up file sets. */
export const CARRIED = [
  ...['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'AWS_MFA_AGENT_CONFIG', 'AWS_CA_BUNDLE'],
  ...['AWS_ENDPOINT_URL', 'AWS_ENDPOINT_URL_STS', 'XDG_CONFIG_HOME', 'XDG_STATE_HOME'],
];

/** They may hold a password, which has no place in a unit. */
export const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy'];

/**
 * How to start this very program again, by paths that outlive an upgrade where there are such.
 * @param called how it was called now: node, the program, and the settings file, if one was named
 */
export function findStart(
  environment: NodeJS.ProcessEnv,
  { credentials, state }: Settings['files'],
  called: { node: string; program: string; config: string | undefined },
): Start {
  const node = lastingPath('node', called.node, environment);
  const program = lastingPath('aws-mfa-agent', called.program, environment);
  const real = realpath(credentials) ?? credentials;
  const carried = CARRIED.flatMap((name) => (environment[name] ? [[name, environment[name]]] : []));
  const proxies = PROXIES.filter((name) => environment[name]);
  return {
    node,
    program,
    words: [...(called.config === undefined ? [] : ['--config', resolve(called.config)]), 'run'],
    environment: Object.fromEntries(carried),
    folders: [...new Set([dirname(credentials), dirname(real), state])],
    warnings: [
      ...[node, program]
        .filter(isVersioned)
        .map((path) => `an upgrade removes ${path}: run "aws-mfa-agent install" again after each upgrade`),
      ...(proxies.length > 0
        ? [`the service does not get ${proxies.join(', ')}: add them to the service yourself if it needs them`]
        : []),
    ],
  };
}

/**
 * The name under which a program is found in PATH is what upgrades keep (a link of npm, Homebrew, Debian); what it leads to
 * often has a version in it.
 * @param path that of the program which runs now
 */
function lastingPath(name: string, path: string, { PATH = '' }: NodeJS.ProcessEnv): string {
  const real = realpath(path);
  const named = PATH.split(delimiter)
    .filter((folder) => isAbsolute(folder))
    .map((folder) => join(folder, name))
    .filter((one) => real !== undefined && realpath(one) === real && canRun(one));
  return [...named, resolve(path)].find((one) => !isVersioned(one)) ?? named[0] ?? resolve(path);
}

/** nvm, fnm, Homebrew's Cellar, Nix's store and npx keep each version in a folder of its own: an upgrade takes it away. */
export function isVersioned(path: string): boolean {
  return /\d+\.\d+\.\d+|\/fnm_multishells\/|\/_npx\//.test(path);
}

function realpath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
