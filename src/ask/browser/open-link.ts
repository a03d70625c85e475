import { type ChildProcess, spawn } from 'node:child_process';
import { release } from 'node:os';
import { isInstalled } from '../../run-command.ts';
import * as reasons from '../reasons.ts';
import * as texts from './texts.ts';

/** The program that opens a link, and the host name by which its browser reaches this machine; or why there is none. */
type Opener = { program: string; host: string } | { reason: string };

export function findOpener(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): Opener {
  if (platform === 'darwin') return { program: 'open', host: '127.0.0.1' };
  // A Windows browser reaches WSL as `localhost`: https://learn.microsoft.com/windows/wsl/networking
  if (isWsl(environment) && isInstalled('wslview', environment)) {
    return { program: 'wslview', host: 'localhost' };
  }
  if (!environment.DISPLAY && !environment.WAYLAND_DISPLAY) {
    return { reason: reasons.NO_DISPLAY };
  }
  if (!isInstalled('xdg-open', environment)) return { reason: reasons.NO_XDG_OPEN };
  return { program: 'xdg-open', host: '127.0.0.1' };
}

/**
 * Returns whether this is WSL, where the browser runs in Windows, not as a user of this system. A service does not have the
 * variable; the name of a custom kernel may differ.
 */
export function isWsl({ WSL_DISTRO_NAME }: NodeJS.ProcessEnv): boolean {
  return Boolean(WSL_DISTRO_NAME) || /microsoft/i.test(release());
}

/** Desktop variables that a browser needs if systemd starts it. */
const DESKTOP_VARIABLES = [
  ...['DISPLAY', 'XAUTHORITY', 'WAYLAND_DISPLAY', 'XDG_SESSION_TYPE', 'XDG_CURRENT_DESKTOP', 'BROWSER'],
  ...['XDG_ACTIVATION_TOKEN', 'DESKTOP_STARTUP_ID'],
];

/** Keeps the link out of the journal, which records the description and the browser's output. */
const OUT_OF_JOURNAL = [
  `--description=${texts.OPENS_BROWSER}`,
  '--property=StandardOutput=null',
  '--property=StandardError=null',
];

/**
 * Opens a link in a browser, which may run for days. If the agent is a systemd service, the browser becomes a service of
 * its own: otherwise it would inherit the agent's limits, and end with the agent.
 * @returns why it failed, as soon as that is known
 */
export async function openLink(
  program: string,
  link: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (environment.INVOCATION_ID && isInstalled('systemd-run', environment)) {
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
    // A system service has no service manager of the user.
    if (failed === undefined) return undefined;
  }
  return start(program, [link], environment);
}

/** Resolves with how it failed, or undefined if it did not. */
function start(program: string, words: string[], env: NodeJS.ProcessEnv): Promise<string | undefined> {
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve(reasons.notStarted(program, error.message));
    let child: ChildProcess;
    try {
      child = spawn(program, words, { env, stdio: 'ignore', detached: true });
    } catch (error) {
      // spawn throws if memory or arguments are too much for the system.
      return fail(error as Error);
    }
    child.unref();
    child.once('error', fail);
    child.once('exit', (status, signal) => {
      resolve(status === 0 ? undefined : reasons.endedWith(program, signal ?? status));
    });
  });
}
