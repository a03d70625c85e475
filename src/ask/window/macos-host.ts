import { fileURLToPath } from 'node:url';
import { isInstalled } from '../../run-command.ts';
import * as reasons from '../reasons.ts';

/** JavaScript for Automation, which comes with macOS. */
export const macosHost = {
  program: 'osascript',
  words: ['-l', 'JavaScript', fileURLToPath(new URL('./macos-window.js', import.meta.url))],
  variables: {},
  whyNone: (environment: NodeJS.ProcessEnv) => {
    // The window would open on the Mac, not where the user is.
    if (environment.SSH_CONNECTION) return reasons.NO_WINDOW;
    return isInstalled('osascript', environment) ? undefined : reasons.NOT_INSTALLED;
  },
};
