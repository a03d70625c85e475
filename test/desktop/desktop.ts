import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { signalAll } from '../signals.ts';
import { until, within } from '../within.ts';
import { closeWindow } from './close-window.ts';

const run = promisify(execFile);
const ARTIFACTS = fileURLToPath(new URL('../artifacts', import.meta.url));

export interface Window {
  id: string;
  /** The process that it belongs to. */
  process: string;
}

/** A desktop for one test: a virtual screen, a session bus, and the programs of a real desktop. */
export interface Desktop {
  environment: NodeJS.ProcessEnv;
  startDunst(): Promise<void>;
  /** Lets the session bus start dunst when it is needed, as on most desktops. */
  letBusStartDunst(): Promise<void>;
  /** Ends dunst as a crash would. */
  killDunst(): Promise<void>;
  /** Ends the session bus, as a logout does. */
  killBus(): Promise<void>;
  /**
   * The window with this in its title, as soon as it can be seen.
   * @param notOf the process of an earlier window: identifiers of windows are used again
   */
  window(title: string, notOf?: string): Promise<Window>;
  /** Resolves when no window with this in its title is left. */
  noWindow(title: string): Promise<void>;
  click(window: Window, button?: 'left' | 'middle' | 'right'): Promise<void>;
  /** Types into a window and presses Return. */
  type(window: Window, text: string): Promise<void>;
  /** Types into a page, again and again until it was taken: its title is there before its field is. */
  typeInPage(window: Window, text: () => string, taken: Promise<unknown>): Promise<void>;
  key(window: Window, key: string): Promise<void>;
  /** Closes a window as the button in its title bar does. */
  close(window: Window): Promise<void>;
  /** Runs a program of the desktop and returns what it prints. */
  tool(program: string, ...words: string[]): Promise<string>;
  /** The processes of these programs on this desktop. */
  processes(...programs: string[]): Promise<number[]>;
  /** Resolves when no process of these programs is left on this desktop. */
  noProcess(...programs: string[]): Promise<void>;
  /** The names of the windows that can be seen, for a test that fails. */
  seen(): Promise<string>;
  /** Takes a picture of the screen into `test/artifacts`. */
  picture(name: string): Promise<void>;
  stop(): Promise<void>;
}

/** The left button does the default action, the right one closes, the middle one opens the menu of actions. */
const DUNST = (menu: string) => `[global]
width = (0, 460)
origin = top-right
offset = 20x20
font = Sans 11
markup = full
format = "<b>%s</b>\\n%b"
mouse_left_click = do_action
mouse_middle_click = context
mouse_right_click = close_current
dmenu = ${menu}
sticky_history = yes
[urgency_critical]
frame_color = "#c01c28"
`;

/** Only what the test starts is on this bus: a service that could be started by itself would hide a missing one. */
const BUS = (folder: string) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <servicedir>${folder}/services</servicedir>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
  </policy>
</busconfig>
`;

/**
 * @param menuChoice the line of dunst's menu of actions that is taken when it opens
 */
export async function startDesktop(menuChoice = 'Snooze'): Promise<Desktop> {
  const folder = await mkdtemp(join(tmpdir(), 'desktop-'));
  await Promise.all([
    mkdir(join(folder, 'services')),
    mkdir(join(folder, 'home')),
    mkdir(join(folder, 'run'), { mode: 0o700 }),
  ]);
  await writeFile(join(folder, 'menu'), `#!/bin/sh\ngrep -m1 ${menuChoice}\n`, { mode: 0o755 });
  await writeFile(join(folder, 'dunstrc'), DUNST(join(folder, 'menu')));
  await writeFile(join(folder, 'bus.conf'), BUS(folder));

  // Without -noreset, the server resets when its last client leaves, and disconnects clients that are just connecting.
  const screen = spawn('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp', '-noreset'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const [number] = await within('the display of Xvfb', once(screen.stdio[3] as Readable, 'data'));
  const environment: NodeJS.ProcessEnv = {
    PATH: process.env.PATH,
    LANG: 'C.UTF-8',
    HOME: join(folder, 'home'),
    XDG_RUNTIME_DIR: join(folder, 'run'),
    DISPLAY: `:${String(number).trim()}`,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(folder, 'bus')}`,
    NO_AT_BRIDGE: '1',
  };
  const options = { env: environment, timeout: 60_000 };
  const tool = async (program: string, ...words: string[]) => (await run(program, words, options)).stdout.trim();

  const bus = spawn('dbus-daemon', [`--config-file=${folder}/bus.conf`, '--nofork', '--print-address=1'], {
    env: environment,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await within('the address of dbus-daemon', once(bus.stdout, 'data'));

  let dunst: ChildProcess | undefined;
  const find = async (title: string) => {
    const found = await tool('xdotool', 'search', '--onlyvisible', '--name', title).catch(() => '');
    return found.split('\n').filter((line) => line !== '');
  };
  /** Describes the screen for a failure message: the names of the windows. */
  const windows = async () => {
    const titles = (await find('.')).map((id) => tool('xdotool', 'getwindowname', id).catch(() => 'one that is gone'));
    return `windows: ${(await Promise.all(titles)).join(', ') || 'none'}`;
  };

  const type = async (window: Window, text: string) => {
    await tool('xdotool', 'windowfocus', '--sync', window.id, 'type', '--delay', '20', text);
    await tool('xdotool', 'key', 'Return');
  };

  const processes = (...programs: string[]) => processesNamed(programs, environment.DISPLAY);

  return {
    environment,
    tool,
    type,
    processes,
    seen: windows,
    async typeInPage(window, text, taken) {
      const end = taken.then(() => true);
      const typing = async () => {
        do await type(window, text());
        while (!(await Promise.race([end, setTimeout(2_000)])));
      };
      await within('the page takes what is typed', typing(), windows, 20_000);
    },
    async startDunst() {
      dunst = spawn('dunst', ['-conf', join(folder, 'dunstrc')], { env: environment, stdio: 'ignore' });
      await until('dunst answers', () => tool('dunstctl', 'count').catch(() => undefined));
    },
    async letBusStartDunst() {
      const program = await tool('sh', '-c', 'command -v dunst');
      const service = `[D-BUS Service]\nName=org.freedesktop.Notifications\nExec=${program} -conf ${folder}/dunstrc\n`;
      await writeFile(join(folder, 'services', 'dunst.service'), service);
      const bus = ['--dest', 'org.freedesktop.DBus', '--object-path', '/org/freedesktop/DBus'];
      await tool('gdbus', 'call', '--session', ...bus, '--method', 'org.freedesktop.DBus.ReloadConfig');
    },
    async killDunst() {
      await kill(dunst, 'SIGKILL');
      signalAll(await processes('dunst'), 'SIGKILL');
    },
    async killBus() {
      await kill(bus, 'SIGKILL');
    },
    window: (title, notOf) =>
      until(
        `a window ${title}`,
        async () => {
          for (const id of await find(title)) {
            const process = await tool('xdotool', 'getwindowpid', id).catch(() => notOf ?? '');
            if (process !== notOf) return { id, process };
          }
          return undefined;
        },
        windows,
      ),
    async noWindow(title) {
      await until(`no window ${title}`, async () => (await find(title)).length === 0, windows);
    },
    async noProcess(...programs) {
      const left = () => processes(...programs);
      await until(`no process ${programs.join(', ')}`, async () => (await left()).length === 0, left);
    },
    async click(window, button = 'left') {
      const number = { left: '1', middle: '2', right: '3' }[button];
      await tool('xdotool', 'mousemove', '--window', window.id, '30', '20', 'click', number);
    },
    async key(window, key) {
      await tool('xdotool', 'windowfocus', '--sync', window.id, 'key', key);
    },
    close: (window) => closeWindow(environment.DISPLAY ?? '', Number(window.id)),
    async picture(name) {
      await mkdir(ARTIFACTS, { recursive: true });
      await tool('import', '-window', 'root', join(ARTIFACTS, `${name}.png`));
    },
    async stop() {
      await kill(dunst, 'SIGTERM');
      // What the bus started ends with the bus.
      await kill(bus, 'SIGTERM');
      await kill(screen, 'SIGTERM');
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function kill(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await within(`the end of ${child.spawnfile}`, exited);
}

/** The processes with these names on that display, by /proc. */
async function processesNamed(names: string[], display: string | undefined): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    if (!existsSync(`/proc/${pid}/environ`)) continue;
    const [comm, environ] = await Promise.all([
      readFile(`/proc/${pid}/comm`, 'utf8').catch(() => ''),
      readFile(`/proc/${pid}/environ`, 'latin1').catch(() => ''),
    ]);
    if (names.includes(comm.trim()) && environ.includes(`DISPLAY=${display}\0`)) found.push(Number(pid));
  }
  return found;
}
