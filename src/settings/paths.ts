import { isAbsolute, join } from 'node:path';

/** Where everything lies that the agent reads and writes. */
export interface Paths {
  /** `config.ini`. */
  settings: string;
  /** The credentials file that holds the source and the MFA profiles. */
  credentials: string;
  /** `~/.aws/config`. */
  config: string;
  /** The folder for what must outlive the agent. */
  state: string;
  /** The folder of the control socket. */
  runtime: string;
}

/**
 * @param env `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, `AWS_MFA_AGENT_CONFIG` and the `XDG_…_HOME` of the XDG
 *   Base Directory Specification, by which an empty or relative folder counts as not set
 * @param home the home folder of the user
 * @param configFile what the user named with `--config`
 */
export function pathsOf(
  env: NodeJS.ProcessEnv,
  home: string,
  configFile?: string,
  platform: NodeJS.Platform = process.platform,
): Paths {
  const folder = (variable: string, otherwise: string) => {
    const named = env[variable];
    return join(named && isAbsolute(named) ? named : otherwise, 'aws-mfa-agent');
  };
  const named = (path: string | undefined, otherwise: string) => (path ? expandPath(path, env, home) : otherwise);

  const state = folder('XDG_STATE_HOME', join(home, '.local', 'state'));
  const runtime = env.XDG_RUNTIME_DIR;
  return {
    settings: named(
      configFile || env.AWS_MFA_AGENT_CONFIG,
      join(folder('XDG_CONFIG_HOME', join(home, '.config')), 'config.ini'),
    ),
    credentials: named(env.AWS_SHARED_CREDENTIALS_FILE, join(home, '.aws', 'credentials')),
    config: named(env.AWS_CONFIG_FILE, join(home, '.aws', 'config')),
    state,
    // macOS has no such folder of its own; where the variable is set there, it came from somewhere else.
    runtime: platform !== 'darwin' && runtime && isAbsolute(runtime) ? join(runtime, 'aws-mfa-agent') : state,
  };
}

/** `$NAME`, `${NAME}`, and a leading `~` are what the AWS CLI expands in a path; a variable that is not set stays. */
function expandPath(path: string, env: NodeJS.ProcessEnv, home: string): string {
  const expanded = path.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (text, bare, braced) => env[bare ?? braced] ?? text);
  return expanded === '~' || expanded.startsWith('~/') ? join(home, expanded.slice(1)) : expanded;
}
