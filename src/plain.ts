/**
 * Returns a text without control, format and line separator characters, each run replaced by a blank. Names come from files
 * that others may write, and messages from servers: they must not move the cursor, start a line or change the direction of
 * writing.
 */
export function plain(text: string): string {
  return /^[ -~]*$/.test(text) ? text : text.replace(new RegExp(`${HIDDEN}+`, 'gu'), ' ');
}

/** Returns JSON text with such characters escaped. Its value is the same. */
export function plainJson(json: string): string {
  if (/^[\n -~]*$/.test(json)) return json;
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return json.replace(new RegExp(`(?!\\n)${HIDDEN}`, 'gu'), (character) => character.split('').map(escaped).join(''));
}

/** Returns a word of a command that the user can paste into a shell. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A string, not a regex literal: V8 would compile the literal at every start of a command. */
const HIDDEN = String.raw`[\p{Cc}\p{Cf}\u2028\u2029]`;
