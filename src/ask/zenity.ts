import type { Way } from './ask.ts';
import { dialog } from './field.ts';
import * as texts from './texts.ts';

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
        `--title=${texts.ASK_WINDOW}`,
        `--text=${texts.askLines(request).map(asLabel).join('\n')}`,
        '--width=420',
        `--cancel-label=${texts.CANCEL}`,
        `--ok-label=${texts.OK}`,
        `--extra-button=${texts.SNOOZE_LABEL}`,
      ],
      // It ends with the status of Cancel, and prints its label.
      read: ({ ended, stdout }) =>
        ended === 1 && stdout.trim() === texts.SNOOZE_LABEL ? { kind: 'snooze', duration: texts.SNOOZE } : undefined,
    },
    environment,
  );
}

/** Its label takes `\n` for a line end and `_x` for a shortcut; it reads no markup. */
function asLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('_', '__');
}
