import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, normalize, resolve } from 'node:path';
import { absolutePath } from '../files/absolute-path.ts';
import { followLinks } from '../files/follow-links.ts';
import { programsNamed } from '../run-command.ts';
import { carried } from '../settings/carried.ts';
import type { Settings } from '../settings/settings.ts';

/** How a service manager starts the agent. All paths are absolute. */
export interface Start {
  node: string;
  program: string;
  /** The program's arguments: `--config FILE` if it was given, and `run`. */
  words: string[];
  environment: Record<string, string>;
  /** The folders in which the agent writes. */
  folders: string[];
  /** The one of these for its state, which may not exist yet. */
  state: string;
  /** What may stop working later, and what to do then: one line each. */
  warnings: string[];
}

/**
 * Makes V8 interpret everything: nothing in the agent runs often enough to profit from V8's compilers, which take 4 MB of
 * memory. `--no-opt` would not do: it turns off only one of them, TurboFan, and not Maglev.
 */
export const NODE_FLAGS = ['--max-opt=0'];

/** Variables that are not copied: they may contain a password. */
export const PROXIES = ['HTTPS_PROXY', 'https_proxy', 'NO_PROXY', 'no_proxy'];

/**
 * Returns how to start this program again, if possible by paths that survive an upgrade.
 * @param called how it was called now: node, the program, and the value of `--config`
 */
export function findStart(
  environment: NodeJS.ProcessEnv,
  files: Settings['files'],
  called: { node: string; program: string; config: string | undefined },
): Start {
  const node = lastingPath('node', called.node, environment);
  const program = lastingPath('aws-mfa-agent', called.program, environment);
  const credentials = absolutePath(files.credentials);
  const folders = [credentials, followLinks(credentials).target].map(dirname);
  const proxies = PROXIES.filter((name) => environment[name]);
  return {
    node,
    program,
    words: [...(called.config === undefined ? [] : ['--config', absolutePath(files.settings)]), 'run'],
    environment: carried(environment),
    // systemd ignores a path with `..`; where it leads is in the list, too.
    folders: [...new Set([...folders.filter((folder) => folder === normalize(folder)), files.state])],
    state: files.state,
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

/** What version managers keep beside the folders of the versions: a part of a real path, and what to put in its place. */
const KEPT: [RegExp, string][] = [
  // Homebrew, also for a formula that it does not link into `bin`, such as node@22.
  [/\/Cellar\/([^/]+)\/[^/]+\//, '/opt/$1/'],
  // fnm, mise and nvm (with NVM_SYMLINK_CURRENT): links to the version in use.
  [/\/node-versions\/[^/]+\/installation\//, '/aliases/default/'],
  [/\/mise\/installs\/([^/]+)\/[^/]+\//, '/mise/installs/$1/latest/'],
  [/\/\.nvm\/versions\/node\/[^/]+\//, '/.nvm/current/'],
  // Volta, asdf and nodenv: programs that start the version in use.
  [/\/tools\/image\/node\/[^/]+\/bin\/node$/, '/bin/node'],
  [/\/(?:installs\/nodejs|versions)\/[^/]+\/bin\/node$/, '/shims/node'],
];

/**
 * Returns a path of a program that survives an upgrade, if there is one: usually a link in `PATH` (npm, Homebrew, Debian),
 * whose target often contains a version, or what a version manager keeps.
 * @param path of the running program
 */
function lastingPath(name: string, path: string, environment: NodeJS.ProcessEnv): string {
  const real = realpath(path);
  const named = programsNamed(name, environment).filter(
    (one) => isAbsolute(one) && real !== undefined && realpath(one) === real,
  );
  const lasting = [...named, resolve(path)].find((one) => !isVersioned(one));
  return lasting ?? (real && keptPath(real, environment)) ?? named[0] ?? resolve(path);
}

function keptPath(real: string, { HOME }: NodeJS.ProcessEnv): string | undefined {
  return KEPT.flatMap(([part, kept]) => (part.test(real) ? [real.replace(part, kept)] : [])).find(
    (path) => realpath(path) === real || (path.endsWith('/node') && nodeStartedBy(path, HOME) === real),
  );
}

/** Returns the real path of the Node that a version manager's program starts in an environment like a service's. */
function nodeStartedBy(path: string, HOME: string | undefined): string | undefined {
  const env = { HOME, PATH: `${dirname(path)}:/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin` };
  const words = ['-p', 'process.execPath'];
  const { status, stdout } = spawnSync(path, words, { cwd: '/', env, timeout: 5_000, encoding: 'utf8' });
  return status === 0 ? realpath(stdout.trim()) : undefined;
}

/** Whether an upgrade removes this path: nvm, fnm, Homebrew, Nix and npx keep each version in a folder of its own. */
export function isVersioned(path: string): boolean {
  return /\d+\.\d+\.\d+|\/Cellar\/|\/fnm_multishells\/|\/_npx\//.test(path);
}

function realpath(path: string): string | undefined {
  try {
    return realpathSync.native(path);
  } catch {
    return undefined;
  }
}
