import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
import { hasTypelib } from '../src/ask/window/typelib.ts';

declare module '@vitest/runner' {
  interface TaskMeta {
    /** What the test is skipped for, or runs without; listed at the end of the run. */
    lacks?: string[];
  }
}

/** What a desktop of its own takes. */
const DESKTOP = [
  ...['Xvfb', 'dbus-daemon', 'dunst', 'dunstctl', 'zenity', 'kdialog', 'pinentry-gtk-2', 'gjs', 'typelib:Gtk-4.0'],
  ...['xdotool', 'import', 'convert', 'gdbus'],
];

/** What a user with a service manager takes: another user, in namespaces of his own. */
const USER_MANAGER = ['systemctl', 'systemd-notify', 'dbus-daemon', 'unshare', 'nsenter', 'setpriv', 'pgrep'];

/** What is not a program or a Python module, and what it lacks here. */
const CONDITIONS: Record<string, () => string[]> = {
  Linux: () => (process.platform === 'linux' ? [] : ['Linux']),
  macOS: () => (process.platform === 'darwin' ? [] : ['macOS']),
  root: () => (process.getuid?.() === 0 ? [] : ['root']),
  'a desktop': () => DESKTOP.flatMap(lacking),
  'a screen reader': () => ['typelib:Atspi-2.0', '/usr/libexec/at-spi-bus-launcher'].flatMap(lacking),
  'a user manager': () => [
    ...asRoot('to be another user'),
    ...['Linux', ...USER_MANAGER, 'namespaces'].flatMap(lacking),
  ],
  namespaces: () => (runs('unshare', '--mount', '--pid', '--fork', '--mount-proc', 'true') ? [] : ['namespaces']),
  'network namespaces': () => (runs('unshare', '--net', 'true') ? [] : ['network namespaces']),
  'mounting disks': () => [...asRoot('to mount disks'), ...lacking('Linux')],
  'the npm registry': () => (runs('npm', 'view', 'node', 'version') ? [] : ['the npm registry']),
  // One that is there may still not run: it may trace nothing in a container, and `aws` may be a shim of pyenv.
  strace: () => (runs('strace', '-f', '-o', '/dev/null', 'true') ? [] : ['strace']),
  aws: () => (runs('aws', '--version') ? [] : ['aws']),
  // It takes that for a role that they assume by themselves: in Debian from 13 on.
  'an AWS CLI that reads AWS_ENDPOINT_URL': () => {
    const said = spawnSync('aws', ['--version']).stdout?.toString() ?? '';
    const [, major, minor] = /^aws-cli\/(\d+)\.(\d+)/.exec(said) ?? [];
    if (major === undefined) return ['aws'];
    return Number(minor) >= (major === '1' ? 29 : 13) ? [] : ['an AWS CLI of 1.29, 2.13 or later'];
  },
  'a boto3 that reads AWS_ENDPOINT_URL': () => {
    const said = spawnSync('python3', ['-c', 'import boto3; print(boto3.__version__)']).stdout?.toString() ?? '';
    const [, major, minor] = /^(\d+)\.(\d+)/.exec(said) ?? [];
    if (major === undefined) return ['python3:boto3'];
    return major === '1' && Number(minor) < 28 ? ['a boto3 of 1.28 or later'] : [];
  },
  'a botocore with regional endpoints of STS': () => {
    const code =
      "import botocore.configprovider as c; print(c.BOTOCORE_DEFAUT_SESSION_VARIABLES['sts_regional_endpoints'][2])";
    const said = spawnSync('python3', ['-c', code]).stdout?.toString() ?? '';
    if (said === '') return ['python3:botocore'];
    return said.trim() === 'regional' ? [] : ['a botocore of 2025-11 or later'];
  },
  'go:aws-sdk-go-v2': () =>
    isInPath('go') && existsSync(`${goFolder()}/src/github.com/aws/aws-sdk-go-v2/service/sts`)
      ? []
      : ['go:aws-sdk-go-v2'],
  script: () => (/util-linux/.test(spawnSync('script', ['--version']).stdout?.toString() ?? '') ? [] : ['script']),
};

/** The folder of the sources that Go compiles; by default, that of Debian's packages. */
export function goFolder(): string {
  return process.env.GOPATH ?? '/usr/share/gocode';
}

/** A CI on Linux that lacks these is not at fault. Whatever else is missing there fails its tests. */
const EXCUSED_ON_CI = [
  'macOS',
  'Linux',
  'root',
  'an AWS CLI of 1.29, 2.13 or later',
  'a boto3 of 1.28 or later',
  'a botocore of 2025-11 or later',
];

/** What CI has to have, by `sudo` at least. */
function asRoot(why: string): string[] {
  return process.getuid?.() === 0 ? [] : [`root, ${why}`];
}

const known = new Map<string, string[]>();

/** Whether a missing program is a fault. On other systems, much of what the tests use does not exist. */
const mustHaveAll = Boolean(process.env.CI) && process.platform === 'linux';

/**
 * The options of a test, or of a group of them, that needs something of the system. It is skipped where that is missing,
 * but not where CI is set on Linux: a skipped test proves nothing.
 * @param names programs, modules (`python3:NAME`), libraries for GJS (`typelib:NAME`), or conditions such as `root` and `a desktop`
 */
export function needs(...names: string[]): { skip: boolean; meta: { lacks: string[] } } {
  const lacks = [...new Set(names.flatMap(lacking))];
  const excuses = mustHaveAll ? lacks.filter((name) => EXCUSED_ON_CI.includes(name)) : lacks;
  return { skip: excuses.length > 0, meta: { lacks } };
}

/** Whether something is there; tests that do without it are marked by the options of {@link uses}. */
export function has(name: string): boolean {
  return mustHaveAll || lacking(name).length === 0;
}

/** The options of a test that proves less where something is missing, but is not skipped. */
export function uses(...names: string[]): { meta: { lacks: string[] } } {
  return { meta: { lacks: names.flatMap(lacking) } };
}

/** The Debian package of each program and module in system-packages.txt. */
export function debianPackages(): Map<string, string> {
  const list = readFileSync(new URL('system-packages.txt', import.meta.url), 'utf8');
  const lines = list.split('\n').filter((line) => /^[^#]/.test(line));
  return new Map(lines.map((line) => line.split(' ') as [string, string]));
}

function lacking(name: string): string[] {
  const found = known.get(name) ?? look(name);
  known.set(name, found);
  return found;
}

function look(name: string): string[] {
  const condition = CONDITIONS[name];
  if (condition) return condition();
  const [program = '', module] = name.split(':');
  if (program === 'typelib' && module) return hasTypelib(module, process.env) ? [] : [name];
  if (module) return runs(program, '-c', `import ${module}`) ? [] : [name];
  return isInPath(program) ? [] : [name];
}

function isInPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    const file = resolve(folder, program);
    try {
      accessSync(file, constants.X_OK);
      return existsSync(file);
    } catch {
      return false;
    }
  });
}

function runs(program: string, ...words: string[]): boolean {
  return spawnSync(program, words, { stdio: 'ignore', timeout: 20_000 }).status === 0;
}
