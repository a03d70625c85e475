import type { Way } from './ask.ts';
import { dialog } from './field.ts';
import * as texts from './texts.ts';

/**
 * A code field of KDE's kdialog.
 * @see https://develop.kde.org/docs/administration/kdialog/ for the options
 */
export function kdialog(environment?: NodeJS.ProcessEnv): Way {
  return dialog(
    {
      name: 'kdialog',
      display: true,
      words: (request) => [
        '--title',
        texts.ASK_WINDOW,
        '--inputbox',
        `<qt>${texts.askLines(request).map(asMarkup).join('<br>')}</qt>`,
        '',
      ],
    },
    environment,
  );
}

/**
 * Qt guesses whether a label is markup, so it is made to be markup always, and the text is escaped. An ampersand makes
 * a shortcut, even then, and is doubled. The backslash is kdialog's own: it turns `\n` into a line end.
 */
function asMarkup(text: string): string {
  return text.replaceAll('&', '&amp;&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\\', '&#92;');
}
