import type { Way } from './ask.ts';
import { dialog } from './field.ts';
import * as texts from './texts.ts';

/**
 * A code field of KDE's kdialog.
 * @see https://develop.kde.org/docs/administration/kdialog/ for the options
 */
export function kdialog(environment: NodeJS.ProcessEnv): Way {
  return dialog(
    {
      name: 'kdialog',
      display: true,
      words: (request) => [
        '--title',
        texts.askWindow(request),
        '--inputbox',
        [texts.ENTER_MFA_CODE, ...texts.askLines(request)].map(asLabel).join('\n'),
        '',
      ],
    },
    environment,
  );
}

/**
 * Escapes a text for a label, in which `\n` is a line end and `&x` a shortcut. It is not markup: Qt guesses that from the first
 * line, which holds no name. (Screen readers would read out markup.)
 */
function asLabel(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('&', '&&');
}
