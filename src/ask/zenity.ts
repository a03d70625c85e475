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
        `--title=${messages.askTitle(request)}`,
        `--text=${messages.askLines(request).map(asLabel).join('\n')}`,
        '--width=420',
        `--extra-button=${messages.SNOOZE_LABEL}`,
        `--cancel-label=${messages.CANCEL}`,
        '--ok-label=OK',
      ],
      // It prints the label of an extra button and ends as if cancelled.
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
