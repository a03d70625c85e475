import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Running } from '../program.ts';
import { onTerminal, quoted } from '../terminal.ts';
import { until, within } from '../within.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const SYSTEMD = ['/usr/lib/systemd/systemd', '/lib/systemd/systemd'];
const UID = 4321;
const PATH = '/opt/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

/** Where the home is for those inside. */
export const HOME = '/home/alice';

interface Ended {
  status: number;
  stdout: string;
  stderr: string;
}

/** An ordinary user, alice, with a service manager of her own: in namespaces of their own, so that nothing stays behind. */
export interface UserManager {
  /** Runs a program as alice, inside. */
  run(words: string[], environment?: Record<string, string>): Promise<Ended>;
  /** Runs a program as root, inside. */
  runAsRoot(words: string[]): Promise<Ended>;
  systemctl(...words: string[]): Promise<Ended>;
  /** Ends the manager and all that it runs, as logind does after the last logout, and starts another, as at a login. */
  logOutAndIn(): Promise<void>;
  /** A property of the agent's unit. */
  property(name: string): Promise<string>;
  /** Resolves when a property of the agent's unit matches. */
  becomes(name: string, pattern: Pick<RegExp, 'test'>): Promise<string>;
  /** Writes a file of alice's. @param path in her home */
  write(path: string, text: string, mode?: number): void;
  read(path: string): string;
  /** The name outside of a path that is absolute inside. */
  outside(path: string): string;
  /** The number outside of a process inside. */
  pidOutside(inside: string): number;
  /** Starts a program as alice that goes on. */
  start(words: string[], environment?: Record<string, string>): ChildProcess;
  /** Runs a program as alice, on a terminal of its own. */
  onTerminal(words: string[], environment?: Record<string, string>): Running;
  stop(): Promise<void>;
}

/** The outer shell: removes its control groups at the end, no matter how it ends. */
const OUTER = `
trap '' INT TERM HUP
for group in $GROUPS_OF_TEST; do mkdir -p $group && chown -R ${UID}:${UID} $group && echo $$ >$group/cgroup.procs || exit 1; done
unshare --mount --pid --fork --kill-child --mount-proc sh -c "$INNER"
for group in $GROUPS_OF_TEST; do echo $$ >$(dirname $group)/cgroup.procs; find $group -depth -type d -exec rmdir {} ';'; done
`;

/** Inside, as root. It ends when its standard input does, and every process inside with it. */
const INNER = `
set -e
# Nothing gets out; what is mounted inside reaches services that have a view of their own.
mount --make-rslave /
mount --make-rshared /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system /run/systemd/unit-root /run/systemd/mount-rootfs /run/user/${UID}
chown ${UID}:${UID} /run/user/${UID}
chmod 700 /run/user/${UID}
# An /etc that tests may change, without the defaults of a company.
cp -a /etc /run/etc
rm -rf /run/etc/aws-mfa-agent
mount --bind /run/etc /etc
mount --bind "$FOLDER/passwd" /etc/passwd
mount -t tmpfs tmpfs /home
mkdir ${HOME}
mount --bind "$OUTSIDE_HOME" ${HOME}
mount -t tmpfs tmpfs /opt
mkdir -p /opt/aws-mfa-agent /opt/bin
mount --bind "$REPOSITORY" /opt/aws-mfa-agent
touch /opt/bin/node
mount --bind "$NODE" /opt/bin/node
ln -s ../aws-mfa-agent/dist/cli.cjs /opt/bin/aws-mfa-agent
cd /
as_alice() { setpriv --reuid ${UID} --regid ${UID} --clear-groups "$@"; }
# One login after another: it ends when she logs out.
while sleep 0.05; do as_alice $SYSTEMD --user --log-target=console || true; done >&2 &
until as_alice systemctl --user is-system-running >/dev/null 2>&1; do sleep 0.05; done
[ -S $XDG_RUNTIME_DIR/bus ] || as_alice dbus-daemon --session --address="$DBUS_SESSION_BUS_ADDRESS" --fork --nopidfile
echo ready
cat >/dev/null
`;

const ENVIRONMENT = {
  HOME,
  USER: 'alice',
  LANG: 'C.UTF-8',
  PATH,
  XDG_RUNTIME_DIR: `/run/user/${UID}`,
  DBUS_SESSION_BUS_ADDRESS: `unix:path=/run/user/${UID}/bus`,
};

/** @param home of alice, seen from outside; it becomes hers */
export async function startUserManager(home: string): Promise<UserManager> {
  const folder = mkdtempSync(join(tmpdir(), 'user-manager-'));
  chmodSync(folder, 0o755);
  const others = readFileSync('/etc/passwd', 'utf8').replace(/^alice:.*\n/m, '');
  writeFileSync(join(folder, 'passwd'), `${others}alice:x:${UID}:${UID}::${HOME}:/bin/sh\n`);
  execFileSync('chown', ['-R', `${UID}:${UID}`, home]);

  const outer = spawn('sh', ['-c', OUTER], {
    env: {
      ...ENVIRONMENT,
      GROUPS_OF_TEST: controlGroups().join(' '),
      INNER,
      FOLDER: folder,
      OUTSIDE_HOME: home,
      REPOSITORY,
      NODE: process.execPath,
      SYSTEMD: SYSTEMD.find((path) => canRun(path)) ?? 'systemd',
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let said = '';
  outer.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ended = once(outer, 'close');
  const failed = ended.then(() => {
    throw new Error(`the user manager did not start:\n${said}`);
  });
  await within('a user manager', Promise.race([once(outer.stdout, 'data'), failed]), () => said, 30_000);

  const inside = childOf(childOf(outer.pid ?? 0));
  const enter = ['--target', String(inside), '--mount', '--pid'];
  const asAlice = ['setpriv', '--reuid', String(UID), '--regid', String(UID), '--clear-groups'];
  const run = (words: string[], environment: Record<string, string> = {}) =>
    settled('nsenter', [...enter, ...asAlice, ...words], { ...ENVIRONMENT, ...environment });
  const systemctl = (...words: string[]) => run(['systemctl', '--user', ...words]);
  const property = async (name: string) =>
    (await systemctl('show', '--value', `--property=${name}`, 'aws-mfa-agent.service')).stdout.trim();
  const made: string[] = [];
  return {
    run,
    logOutAndIn: async () => {
      const manager = async () => (await run(['pgrep', '-x', '-u', 'alice', 'systemd'])).stdout.trim();
      const before = await manager();
      await systemctl('exit');
      await until(
        'another manager',
        async () => ![before, ''].includes(await manager()),
        () => said,
        20_000,
      );
      const state = async () => (await systemctl('is-system-running', '--wait')).stdout.trim();
      await until(
        'the manager is ready',
        async () => (await state()) === 'running',
        () => said,
        20_000,
      );
    },
    runAsRoot: (words) => settled('nsenter', [...enter, ...words], { PATH }),
    systemctl,
    property,
    becomes: async (name, pattern) => {
      let value = '';
      const look = async () => {
        value = await property(name);
        return pattern.test(value);
      };
      await until(`${name} becomes ${pattern}`, look, () => `${name} is ${value}\n${said}`);
      return value;
    },
    write: (path, text, mode = 0o644) => {
      const file = join(home, path);
      for (let folder = dirname(file); !existsSync(folder); folder = dirname(folder)) made.push(folder);
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, text, { mode });
      for (const one of [...made.splice(0), `${file}.new`]) chownSync(one, UID, UID);
      renameSync(`${file}.new`, file);
    },
    read: (path) => readFileSync(join(home, path), 'utf8'),
    outside: (path) => `/proc/${inside}/root${path}`,
    pidOutside: (pid) => processOf(inside, pid),
    start: (words, environment = {}) =>
      spawn('nsenter', [...enter, ...asAlice, ...words], {
        env: { ...ENVIRONMENT, ...environment },
        stdio: 'ignore',
      }),
    onTerminal: (words, environment = {}) =>
      onTerminal(quoted(['nsenter', ...enter, ...asAlice, ...words]), { ...ENVIRONMENT, ...environment }),
    stop: async () => {
      outer.stdin.end();
      await within('the end of all that runs inside', ended, () => said);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A control group beside ours in each hierarchy that systemd uses: it must be the user's own. */
function controlGroups(): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return readFileSync('/proc/self/cgroup', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, controllers, path = ''] = line.split(':');
      if (controllers !== '' && controllers !== 'name=systemd') return [];
      const type = controllers === '' ? ' - cgroup2 ' : 'name=systemd';
      const mount = mounts.find((one) => one.includes(type))?.split(' ')[4];
      return mount ? [join(mount, path, `aws-mfa-agent-test-${process.pid}`)] : [];
    });
}

function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').at(-1));
}

/** @param neighbour a process of the same namespace, by its number outside; @param pid by its number inside */
function processOf(neighbour: number, pid: string): number {
  const namespace = (process: string | number) => readlinkSync(`/proc/${process}/ns/pid`);
  const found = readdirSync('/proc').find((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const numbers = /^NSpid:\s(.*)$/m.exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1];
      return numbers?.split('\t').at(-1) === pid && namespace(name) === namespace(neighbour);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
  if (found === undefined) throw new Error(`no process ${pid} inside`);
  return Number(found);
}

function canRun(path: string): boolean {
  try {
    execFileSync('test', ['-x', path]);
    return true;
  } catch {
    return false;
  }
}

function settled(program: string, words: string[], env: Record<string, string>): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(program, words, { env, timeout: 30_000 }, (error, stdout, stderr) => {
      resolve({ status: error ? Number(error.code ?? -1) : 0, stdout, stderr });
    });
  });
}
