/**
 * The protocol between the program and its own window, which is a script that the desktop runs: `gtk-window.js` by GJS, with GTK 4, or
 * `macos-window.js` by `osascript -l JavaScript`.
 *
 * - The program starts the script without arguments. It writes requests to the script's standard input and reads answers from
 *   its standard output: JSON in UTF-8, one object a line. Whatever the script writes to standard error is for the log of a
 *   failure.
 * - The script reads nothing else: no file of ours, no variable of ours. No request holds a secret. All words come with the requests,
 *   as plain text; the script escapes what its toolkit would take for markup.
 * - Times are milliseconds since the epoch by AWS's clock. Each request that needs a clock says what that clock shows now.
 * - The script opens the window at the first request, which is a question, and then answers `ready`. If another window that
 *   opened by itself is on the screen, the script answers `waiting` and opens its own when that one is closed.
 * - The script ends when its standard input ends, whatever is on the screen, so that it never outlives the program. The one
 *   exception is a result, which stays for the seconds that the request gives. It also ends, after `closed`, when the user
 *   closes the window.
 * - The script ignores requests and fields that it does not know.
 *
 * One question, from its first code to its result:
 *
 *     → {"show":"question","id":1,"title":"AWS MFA code: mfa",…}
 *     ← {"answer":"ready"}
 *     ← {"answer":"code","id":1,"code":"123456"}
 *     → {"show":"checking","text":"Checking with AWS …"}           after a second without an answer of AWS
 *     → {"show":"question","id":2,"problem":"AWS refused …",…}     the field is empty again and keeps the focus
 *     ← {"answer":"code","id":2,"code":"654321"}
 *     → {"show":"result","text":"[mfa] is fresh until 23:19","good":true,"seconds":2}
 */
export type WindowRequest = Question | Checking | Result;

/** Asks for a code. */
export interface Question {
  show: 'question';
  /**
   * Counts the questions; the answer repeats it. A new number empties the field and gives it the focus. The same number again
   * changes only the texts, and what the user has typed stays.
   */
  id: number;
  /** Brings the window in front of the others: a reminder. */
  raise: boolean;
  /**
   * Whether the window opens by itself, not because of a click: one such window is open at a time. A later question without it
   * opens a window that waits.
   */
  byItself: boolean;
  /** Of the window. */
  title: string;
  /** The first line: which session, and when it ends. */
  heading: string;
  /** The MFA device: the label of the field. */
  device: string;
  /** Why the last code was not accepted; empty if there is nothing to say. */
  problem: string;
  /** What AWS's clock shows now. */
  now: number;
  /** The time that a bar shows as full and as empty; absent without a session that still lasts. */
  session?: { from: number; until: number };
  /** Milliseconds for which a device shows a code; codes change at multiples of it. */
  codeStep: number;
  words: {
    submit: string;
    snooze: string;
    close: string;
    /** The accessible names of the two bars. */
    sessionLeft: string;
    codeLeft: string;
    /** The text below the bar of the current code, with `{seconds}` for the seconds until the next one. */
    nextCode: string;
    /** Said when Return is pressed and the field does not hold six digits. */
    notSixDigits: string;
  };
}

/** Says that the code is with AWS. The field keeps it, and takes no other. */
interface Checking {
  show: 'checking';
  text: string;
}

/** Shows the result of the code, in place of the question; the window then closes by itself. */
interface Result {
  show: 'result';
  text: string;
  /** Whether the session is fresh now. */
  good: boolean;
  /** How long it stays if the user does not close it. */
  seconds: number;
}

export type WindowAnswer =
  /** Another window is on the screen. */
  | { answer: 'waiting' }
  /** The window is on the screen and its field takes keys. */
  | { answer: 'ready' }
  /** Six ASCII digits, whatever the form in which they were typed or pasted. */
  | { answer: 'code'; id: number; code: string }
  | { answer: 'snooze'; id: number }
  /** The user closed the window; the script ends. */
  | { answer: 'closed' };

/** Returns the answer in a line, or undefined if it is none: another program may write to the same pipe. */
export function answerIn(line: string): WindowAnswer | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value === 'object' && value !== null && typeof value.answer === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
