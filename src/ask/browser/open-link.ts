import { release } from 'node:os';
import { isInstalled } from '../../run-command.ts';
import * as reasons from '../reasons.ts';
import { startOutside } from '../start-outside.ts';
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

/**
 * Opens a link in a browser.
 * @returns why it failed, as soon as that is known
 */
export function openLink(program: string, link: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  return startOutside([program, link], texts.OPENS_BROWSER, environment);
}
