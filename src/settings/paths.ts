import { statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { UserError } from '../errors.ts';

/** The paths of everything that the agent reads and writes. */
export interface Paths {
  /** `config.ini`. */
  settings: string;
  /** The `config.ini` of the company, with defaults; undefined if it is not to be read. */
  company?: string | undefined;
  /** The credentials file that holds the source and the MFA profiles. */
  credentials: string;
  /** `~/.aws/config`. */
  config: string;
  /** The folder for files that must remain when the agent ends. */
  state: string;
  /** The folder of the control socket. */
  runtime: string;
}

/**
 * Returns the paths for a user.
 * @param env `AWS_SHARED_CREDENTIALS_FILE`, `AWS_CONFIG_FILE`, `AWS_MFA_AGENT_CONFIG`, `AWS_MFA_AGENT_NO_DEFAULTS` and the
 *   `XDG_…_HOME` variables. By the XDG Base Directory Specification, an empty or relative folder counts as not set
 * @param home the home folder of the user
 * @param configFile the file named with `--config`
 * @throws UserError (`usage`) if `configFile` is empty
 */
export function pathsOf(
  env: NodeJS.ProcessEnv,
  home: string,
  configFile?: string,
  platform: NodeJS.Platform = process.platform,
): Paths {
  if (configFile === '') throw new UserError('--config: the name of the file is empty', 'usage');
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
    // A variable can leave this file out, which every setting of the user can do too. No variable can name another file.
    company: env.AWS_MFA_AGENT_NO_DEFAULTS ? undefined : '/etc/aws-mfa-agent/config.ini',
    credentials: named(env.AWS_SHARED_CREDENTIALS_FILE, join(home, '.aws', 'credentials')),
    config: named(env.AWS_CONFIG_FILE, join(home, '.aws', 'config')),
    state,
    // macOS has no such folder. If the variable is set there, another program has set it.
    runtime: platform !== 'darwin' && runtime && isOwnFolder(runtime) ? join(runtime, 'aws-mfa-agent') : state,
  };
}

/**
 * Returns whether this folder exists and belongs to the user, as the specification requires. `su` and WSL leave a variable that
 * names another folder, or none. Every command must decide the same, so no command creates the folder.
 */
function isOwnFolder(path: string): boolean {
  if (!isAbsolute(path)) return false;
  try {
    const found = statSync(path);
    return found.isDirectory() && found.uid === process.getuid?.();
  } catch {
    // Whatever the reason, the user cannot put a socket there.
    return false;
  }
}

/**
 * Returns the home folder of the user.
 * @throws UserError (`usage`) if it is not absolute: the files of the current folder, which can name a command to run
 *   (`mfa_process`), must not be taken for the user's
 */
export function userHome(): string {
  const home = homedir();
  if (isAbsolute(home)) return home;
  throw new UserError(`HOME=${home} is not an absolute path: set HOME to your home folder`, 'usage');
}

/** Expands `$NAME`, `${NAME}` and a leading `~` in a path, like the AWS CLI. A variable that is not set stays as it is. */
function expandPath(path: string, env: NodeJS.ProcessEnv, home: string): string {
  const expanded = path.replace(/\$(?:(\w+)|\{([^}]*)\})/g, (text, bare, braced) => env[bare ?? braced] ?? text);
  return expanded === '~' || expanded.startsWith('~/') ? home.replace(/\/+$/, '') + expanded.slice(1) : expanded;
}
