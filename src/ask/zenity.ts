import type { Way } from './ask.ts';
import { dialog } from './field.ts';
import * as texts from './texts.ts';

/**
 * A code field of GNOME's zenity (3 and 4).
 * @see https://help.gnome.org/users/zenity/stable/ for the options and exit statuses
 */
export function zenity(environment: NodeJS.ProcessEnv): Way {
  return dialog(
    {
      name: 'zenity',
      display: true,
      words: (request) => [
        '--entry',
        `--title=${texts.askWindow(request)}`,
        `--text=${texts.askLines(request).map(asLabel).join('\n')}`,
        '--width=420',
        `--cancel-label=${texts.CANCEL}`,
        `--ok-label=${texts.OK}`,
        `--extra-button=${request.snooze.label}`,
      ],
      // The extra button prints its label and ends with the status of Cancel.
      read: ({ ended, stdout }, { snooze }) =>
        ended === 1 && stdout.trim() === snooze.label ? { kind: 'snooze', until: snooze.until } : undefined,
    },
    environment,
  );
}

/** Escapes a text for a label, in which `\n` is a line end and `_x` a shortcut. It is not markup. */
function asLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('_', '__');
}
