import { fileURLToPath } from 'node:url';
import { isInstalled } from '../../run-command.ts';
import * as reasons from '../reasons.ts';
import { macosHost } from './macos-host.ts';
import { hasTypelib } from './typelib.ts';

/** What runs the script of our window. */
export interface WindowHost {
  program: string;
  words: string[];
  /** Variables that it needs unless the environment has them. */
  variables: NodeJS.ProcessEnv;
  /** Says why no window can be opened here, without opening one. */
  whyNone(environment: NodeJS.ProcessEnv): string | undefined;
}

/** GJS, the JavaScript of GNOME, with GTK 4. */
const gjs: WindowHost = {
  program: 'gjs',
  words: ['-m', fileURLToPath(new URL('./gtk-window.js', import.meta.url))],
  variables: { GSK_RENDERER: 'cairo' },
  whyNone: (environment) => {
    if (!environment.DISPLAY && !environment.WAYLAND_DISPLAY) return reasons.NO_DISPLAY;
    if (!isInstalled('gjs', environment)) return reasons.NO_GJS;
    return hasTypelib('Gtk-4.0', environment) ? undefined : reasons.NO_GTK;
  },
};

export function hostOn(platform: NodeJS.Platform): WindowHost {
  return platform === 'darwin' ? macosHost : gjs;
}
