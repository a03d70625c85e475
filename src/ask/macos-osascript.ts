import type { Way } from './ask.ts';
import { dialog } from './field.ts';
import * as texts from './texts.ts';

/** The texts are arguments, so none of them is read as AppleScript. */
const SCRIPT = `on run {theTitle, theText, snoozeLabel, cancelLabel, okLabel}
  set theButtons to {snoozeLabel, cancelLabel, okLabel}
  activate
  set theAnswer to display dialog theText with title theTitle default answer "" buttons theButtons default button okLabel cancel button cancelLabel
  if button returned of theAnswer is snoozeLabel then error number 2
  return text returned of theAnswer
end run`;

/**
 * A code field shown by AppleScript. Not tried on macOS.
 * @see https://developer.apple.com/library/archive/documentation/LanguagesUtilities/Conceptual/MacAutomationScriptingGuide/PromptforText.html
 */
export function osascript(environment: NodeJS.ProcessEnv): Way {
  return dialog(
    {
      name: 'osascript',
      display: false,
      words: (request) => [
        '-e',
        SCRIPT,
        texts.askWindow(request),
        texts.askLines(request).join('\n'),
        request.snooze.label,
        texts.CANCEL,
        texts.OK,
      ],
      // Every error ends with status 1 and its number in the last line: "… (-128)" is Cancel.
      read: ({ ended, stderr, reason }, { snooze }) => {
        if (ended !== 1) return undefined;
        if (/\(2\)\s*$/.test(stderr)) return { kind: 'snooze', until: snooze.until };
        if (/\(-128\)\s*$/.test(stderr)) return { kind: 'dismissed' };
        return { kind: 'unavailable', reason };
      },
    },
    environment,
  );
}
