import { type ChildProcess, spawn } from 'node:child_process';
import { release } from 'node:os';
import { isInstalled } from '../field.ts';
import * as reasons from '../reasons.ts';
import * as texts from './texts.ts';

/** What opens a link, and the name under which its browser reaches us; or why there is none. */
type Opener = { program: string; host: string } | { reason: string };

export async function findOpener(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): Promise<Opener> {
  if (platform === 'darwin') return { program: 'open', host: '127.0.0.1' };
  // The browser is one of Windows, from where this machine is `localhost`: https://learn.microsoft.com/windows/wsl/networking
  if (isWsl(environment) && (await isInstalled('wslview', environment))) {
    return { program: 'wslview', host: 'localhost' };
  }
  if (!environment.DISPLAY && !environment.WAYLAND_DISPLAY) {
    return { reason: reasons.NO_DISPLAY };
  }
  if (!(await isInstalled('xdg-open', environment))) return { reason: reasons.NO_XDG_OPEN };
  return { program: 'xdg-open', host: '127.0.0.1' };
}

/** Linux in Windows. A browser there belongs to no user here; a service is told by the kernel's name alone. */
export function isWsl({ WSL_DISTRO_NAME }: NodeJS.ProcessEnv): boolean {
  return Boolean(WSL_DISTRO_NAME) || /microsoft/i.test(release());
}

/** What a browser must know of the desktop, where it does not inherit it from us. */
const DESKTOP_VARIABLES = [
  ...['DISPLAY', 'XAUTHORITY', 'WAYLAND_DISPLAY', 'XDG_SESSION_TYPE', 'XDG_CURRENT_DESKTOP', 'BROWSER'],
  ...['XDG_ACTIVATION_TOKEN', 'DESKTOP_STARTUP_ID'],
];

/** The journal would have the link: as the description, and beside every line that the browser writes. */
const OUT_OF_JOURNAL = [
  `--description=${texts.OPENS_BROWSER}`,
  '--property=StandardOutput=null',
  '--property=StandardError=null',
];

/**
 * Opens a link. What does it may become the browser, and live for days: it is left to itself. When we are a service of
 * systemd, it becomes one of its own: else a stop of ours would end the browser, and our limits would be the browser's.
 * @returns why it could not, as soon as that is known
 */
export async function openLink(
  program: string,
  link: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (environment.INVOCATION_ID && (await isInstalled('systemd-run', environment))) {
    const variables = DESKTOP_VARIABLES.filter((name) => environment[name]);
    const failed = await start(
      'systemd-run',
      [
        ...['--user', '--quiet', '--collect', '--wait', '--property=KillMode=process'],
        ...OUT_OF_JOURNAL,
        ...variables.map((name) => `--setenv=${name}=${environment[name]}`),
        ...['--', program, link],
      ],
      environment,
    );
    // A service of the machine, for one, has no service manager of the user's.
    if (failed === undefined) return undefined;
  }
  return start(program, [link], environment);
}

/** @returns how it failed, or undefined when it did not */
function start(program: string, words: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve(reasons.notStarted(program, error.message));
    let child: ChildProcess;
    try {
      child = spawn(program, words, { env, stdio: 'ignore', detached: true });
    } catch (error) {
      // No memory, or too many arguments: told by a throw.
      return fail(error as Error);
    }
    child.unref();
    child.once('error', fail);
    child.once('exit', (status, signal) => {
      resolve(status === 0 ? undefined : reasons.endedWith(program, signal ?? status));
    });
  });
}
