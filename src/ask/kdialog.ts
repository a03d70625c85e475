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
        texts.askWindow(request),
        '--inputbox',
        `<qt>${texts.askLines(request).map(asMarkup).join('<br>')}</qt>`,
        '',
      ],
    },
    environment,
  );
}

/**
 * Escapes a text for Qt's markup. The label always is markup (`<qt>`), since Qt would guess otherwise. An ampersand makes a
 * shortcut even in markup, so it is doubled. kdialog turns `\n` into a line end.
 */
function asMarkup(text: string): string {
  return text.replaceAll('&', '&amp;&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('\\', '&#92;');
}
