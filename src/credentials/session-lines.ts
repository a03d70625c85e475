import { formatExpiry, formatExpiryComment } from '../session/expiry.ts';
import type { MfaSession } from '../session/session.ts';
import { decode, type FileLine, indentOf, type Setting, settingOf, withoutNote } from './lines.ts';
import type { ProfileSection } from './section.ts';

/** The value of each key to write, in the order in which missing keys are added. */
export type Texts = ReadonlyMap<string, string>;

export interface Style {
  end: string;
  indent: string;
}

/**
 * Returns the text of a section with another session in it.
 *
 * - An existing key keeps its place, spelling and spacing. It loses a note after its value and the lines that continue it,
 *   which botocore would read as part of the value.
 * - A missing key is added after the last key of the session, otherwise after the header, in the style of the section.
 * - A key of the session that is indented like a continuation of another setting is read by some tools and not by others:
 *   it gets the indentation of that setting, and so do the settings below it.
 * @param lines the lines of the section, its header first
 * @param section the same lines, read
 * @param style the line end and the indentation to use if the section has none. The indentation must not be less than that of
 * the next header, which would otherwise continue the added lines
 */
export function withSessionLines(
  lines: FileLine[],
  section: ProfileSection,
  session: MfaSession,
  style: Style,
): string {
  const commented = lines.map((line): FileLine => {
    if (line.kind !== 'comment') return line;
    const indent = indentOf(line.text);
    const comment = formatExpiryComment(line.text.slice(indent.length), session.expiration);
    return comment === undefined ? line : { ...line, text: indent + comment };
  });
  return withTexts(commented, textsOf(session, section), style);
}

/** Returns the text of a section with other values of some keys. See {@link withSessionLines} for what else changes. */
export function withTexts(lines: FileLine[], texts: Texts, style: Style): string {
  const written = straightened(lines, texts).map((line): FileLine => {
    const text = line.kind === 'setting' ? texts.get(line.key) : undefined;
    return line.kind === 'setting' && text !== undefined ? settingLine(withText(line, text), line.end) : line;
  });
  addMissing(written, texts, style);
  return written.map((line) => line.text + line.end).join('');
}

/**
 * Returns the text of a section without the lines of its session: its keys, its expiry in every dialect that it has, and what
 * continues them. Every other line stays, as in {@link withSessionLines}.
 */
export function withoutSessionLines(lines: FileLine[], section: ProfileSection): string {
  const texts = textsOf(NO_SESSION, section);
  const isOfSession = (line: FileLine) =>
    line.kind === 'comment'
      ? formatExpiryComment(line.text.trimStart(), NO_SESSION.expiration) !== undefined
      : line.kind === 'setting' && texts.has(line.key);
  return straightened(lines, texts)
    .filter((line) => !isOfSession(line))
    .map((line) => line.text + line.end)
    .join('');
}

/** For where only the keys of the lines count. */
export const NO_SESSION: MfaSession = { accessKeyId: '', secretAccessKey: '', sessionToken: '', expiration: 0 };

/**
 * Finds a line that can be neither kept nor removed safely. It is indented, so botocore reads it as part of the setting above;
 * other readers see the header of another profile, whose keys would be lost, or a setting that also has another value.
 * @returns `text`: the header, or the key of the setting. `index`: its line. Undefined if there is none
 */
export function disputedIn(lines: FileLine[], texts: Texts): { text: string; index: number } | undefined {
  const isOfSession = (line: FileLine) => texts.has(settingOf(line)?.key ?? '');
  const standing = new Map(lines.flatMap((line) => (line.kind === 'setting' ? [[line.key, line.value]] : [])));
  let isMoving = false;
  for (const [index, line] of lines.entries()) {
    if (line.kind === 'setting') isMoving = isOfSession(line);
    if (line.kind !== 'continuation') continue;
    const text = withoutNote(decode(line.text));
    if (/^\[.*\]$/.test(text) && (isMoving || lines.slice(index).some(isOfSession))) return { text, index };
    isMoving ||= isOfSession(line);
    if (!isMoving) continue;
    // A setting without a value; or, if nothing follows it, the end of a token that was split into lines (`YWdhaW4=`).
    const [, empty, blank] = /^([\w-]+)(\s*)=$/.exec(text) ?? [];
    const below = lines[index + 1];
    if (empty !== undefined && (blank || (below?.kind === 'continuation' && below.misplaced))) {
      return { text: empty, index };
    }
    if (!line.misplaced || isOfSession(line)) continue;
    const { key, value } = line.misplaced;
    if ((standing.get(key) ?? value) !== value) return { text: key, index };
    standing.set(key, value);
  }
  return undefined;
}

/** Returns what is written into a section for a session. */
export function textsOf(session: MfaSession, section: ProfileSection): Texts {
  const texts = new Map([
    ['aws_access_key_id', session.accessKeyId],
    ['aws_secret_access_key', session.secretAccessKey],
    ['aws_session_token', session.sessionToken],
  ]);
  // botocore prefers it to aws_session_token.
  if (section.values.has('aws_security_token')) texts.set('aws_security_token', session.sessionToken);
  for (const [key, text] of formatExpiry(section, session.expiration)) texts.set(key, text);
  return texts;
}

/**
 * Returns the lines with every key of the session as a setting of its own and without continuations of these. A key that is
 * already a setting does not become a second one.
 */
function straightened(lines: FileLine[], texts: Texts): FileLine[] {
  const standing = new Set(lines.filter((line) => line.kind === 'setting').map(({ key }) => key));
  let indent = '';
  let isOfSession = false;
  let isMoving = false;
  return lines.flatMap((line): FileLine[] => {
    if (line.kind === 'setting') {
      indent = line.indent;
      isOfSession = isMoving = texts.has(line.key);
    }
    if (line.kind !== 'continuation') return [line];
    const { misplaced } = line;
    if (misplaced && (isMoving || texts.has(misplaced.key))) {
      isMoving = true;
      isOfSession = texts.has(misplaced.key);
      if (standing.has(misplaced.key)) return [];
      standing.add(misplaced.key);
      return [settingLine({ ...misplaced, indent }, line.end)];
    }
    return isOfSession ? [] : [line];
  });
}

function addMissing(lines: FileLine[], texts: Texts, style: Style): void {
  const missing = [...texts].filter(([key]) => !lines.some((line) => line.kind === 'setting' && line.key === key));
  const last = lines.findLastIndex((line) => line.kind === 'setting' && texts.has(line.key));
  const at = Math.max(0, last);
  const before = lines[at];
  if (before === undefined || missing.length === 0) return;
  const model = before.kind === 'setting' ? before : lines.find((line) => line.kind === 'setting');
  const indent = before.kind === 'setting' ? before.indent : indentBelowHeader(lines, style.indent);
  const end = before.end || style.end;
  const added = missing.map(([key, value]) =>
    settingLine({ key, indent, spelling: key, delimiter: delimiterLike(model, key), value }, end),
  );
  // A file without a final line end stays without one.
  const final = added.at(-1);
  if (final) final.end = before.end;
  lines.splice(at, 1, { ...before, end }, ...added);
}

/** Returns the indentation of the first setting, or more: the lines up to it must not continue what is added above them. */
function indentBelowHeader(lines: FileLine[], otherwise: string): string {
  const first = lines.findIndex((line) => line.kind === 'setting');
  const above = first < 0 ? lines : lines.slice(0, first + 1);
  const indents = above.filter(({ kind }) => kind === 'setting' || kind === 'stray').map(({ text }) => indentOf(text));
  return deepest(first < 0 ? [...indents, otherwise] : indents);
}

/** Returns the deepest of several indentations, compared by characters as in Python. */
export function deepest(indents: string[]): string {
  return indents.reduce((deep, indent) => (decode(indent).length > decode(deep).length ? indent : deep), '');
}

function settingLine(setting: Setting, end: string): FileLine {
  const { key, indent, spelling, delimiter, value } = setting;
  const text = indent + spelling + delimiter + value;
  return { kind: 'setting', text, end, key, indent, spelling, delimiter, value };
}

/** Sets a value: `key =` becomes `key = text`, `key=` becomes `key=text`. */
function withText(setting: Setting, value: string): Setting {
  return { ...setting, value, delimiter: setting.delimiter.replace(/^([ \t]+[=:])$/, '$1 ') };
}

/**
 * Returns the delimiter for a new key below an existing one, aligned to the same column if that one is aligned with spaces.
 * Always with `=`: only botocore accepts `:`.
 */
function delimiterLike(model: Setting | undefined, key: string): string {
  if (!model) return ' = ';
  const delimiter = withText(model, '').delimiter.replace(':', '=');
  const [, filling, rest] = /^( {2,})(=.*)$/s.exec(delimiter) ?? [];
  if (filling === undefined || rest === undefined) return delimiter;
  return ' '.repeat(Math.max(1, model.spelling.length + filling.length - key.length)) + rest;
}
