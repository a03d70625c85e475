/**
 * Returns a text without control, format and line separator characters, each run replaced by a blank. Profile names come from
 * files that others may write: they must not move the cursor, start a line or change the direction of writing.
 */
export function plain(text: string): string {
  return /^[ -~]*$/.test(text) ? text : text.replace(new RegExp(HIDDEN, 'gu'), ' ');
}

/** A string, not a regex literal: V8 would compile the literal at every start of a command. */
const HIDDEN = String.raw`[\p{Cc}\p{Cf}\u2028\u2029]+`;
