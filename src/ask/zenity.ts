import * as messages from '../messages.ts';
import type { Way } from './ask.ts';
import { dialog } from './field.ts';

/**
 * A code field of GNOME's zenity (3 and 4).
 * @see https://help.gnome.org/users/zenity/stable/ for the options and exit statuses
 */
export function zenity(environment?: NodeJS.ProcessEnv): Way {
  return dialog(
    {
      name: 'zenity',
      display: true,
      words: (request) => [
        '--entry',
        `--title=${messages.ASK_WINDOW}`,
        `--text=${messages.askLines(request).map(asLabel).join('\n')}`,
        '--width=420',
        `--cancel-label=${messages.CANCEL}`,
        `--ok-label=${messages.OK}`,
        `--extra-button=${messages.SNOOZE_LABEL}`,
      ],
      // It ends with the status of Cancel, and prints its label.
      read: ({ ended, stdout }) =>
        ended === 1 && stdout.trim() === messages.SNOOZE_LABEL
          ? { kind: 'snooze', duration: messages.SNOOZE }
          : undefined,
    },
    environment,
  );
}

/** Its label takes `\n` for a line end and `_x` for a shortcut; it reads no markup. */
function asLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('_', '__');
}
