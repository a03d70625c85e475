import { formatExpiry, formatExpiryComment } from '../expiry.ts';
import type { MfaSession } from '../session.ts';
import type { ProfileSection } from './document.ts';
import type { Line, Setting } from './lines.ts';

/** What each key of the session must say, in the order in which missing ones are added. */
type Texts = ReadonlyMap<string, string>;

/**
 * A section with another session in it, as text.
 *
 * - A key that stands keeps its place, spelling and spacing, and loses the note behind its value and the lines that
 *   continue it: botocore takes both as part of the value.
 * - A key that is missing follows the last of the session's keys, or else the header, in the section's own style.
 * - A key of the session that is indented as if it continued another setting is one to some readers and none to others:
 *   it is moved to that setting's indentation, with the settings that follow it there.
 * @param lines the header first
 * @param section what these lines say
 * @param style the line end and the indentation to use where the section shows none. The indentation must not be less than
 * that of the next header, which else would continue what is added before it
 */
export function withSessionLines(
  lines: Line[],
  section: ProfileSection,
  session: MfaSession,
  style: { end: string; indent: string },
): string {
  const texts = textsOf(session, section);
  const written = straightened(lines, texts).map((line): Line => {
    if (line.kind === 'comment') {
      return { ...line, text: formatExpiryComment(line.text, session.expiration) ?? line.text };
    }
    const text = line.kind === 'setting' ? texts.get(line.key) : undefined;
    return line.kind === 'setting' && text !== undefined ? settingLine(withText(line, text), line.end) : line;
  });
  addMissing(written, texts, style);
  return written.map((line) => line.text + line.end).join('');
}

function textsOf(session: MfaSession, section: ProfileSection): Texts {
  const texts = new Map([
    ['aws_access_key_id', session.accessKeyId],
    ['aws_secret_access_key', session.secretAccessKey],
    ['aws_session_token', session.sessionToken],
  ]);
  // Where it stands, botocore prefers it to aws_session_token.
  if (section.values.has('aws_security_token')) texts.set('aws_security_token', session.sessionToken);
  for (const [key, text] of formatExpiry(section, session.expiration)) texts.set(key, text);
  return texts;
}

/** The lines with every key of the session as a setting of its own, and nothing that continues one. */
function straightened(lines: Line[], texts: Texts): Line[] {
  let indent = '';
  let isOfSession = false;
  let isMoving = false;
  return lines.flatMap((line): Line[] => {
    if (line.kind === 'setting') {
      indent = line.indent;
      isOfSession = isMoving = texts.has(line.key);
    }
    if (line.kind !== 'continuation') return [line];
    const { misplaced } = line;
    if (misplaced && (isMoving || texts.has(misplaced.key))) {
      isMoving = true;
      isOfSession = texts.has(misplaced.key);
      return [settingLine({ ...misplaced, indent }, line.end)];
    }
    return isOfSession ? [] : [line];
  });
}

function addMissing(lines: Line[], texts: Texts, style: { end: string; indent: string }): void {
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
  // A file that stops without a line end goes on doing so.
  const final = added.at(-1);
  if (final) final.end = before.end;
  lines.splice(at, 1, { ...before, end }, ...added);
}

/** That of the first setting. Whatever stands above it, or instead of it, must not continue what is put before it either. */
function indentBelowHeader(lines: Line[], otherwise: string): string {
  const first = lines.findIndex((line) => line.kind === 'setting');
  const above = first < 0 ? lines : lines.slice(0, first + 1);
  const indents = above
    .filter(({ kind }) => kind === 'setting' || kind === 'stray')
    .map(({ text }) => /^[ \t\v\f]*/.exec(text)?.[0] ?? '');
  return longest(first < 0 ? [...indents, otherwise] : indents);
}

export function longest(texts: string[]): string {
  return texts.reduce((long, text) => (text.length > long.length ? text : long), '');
}

function settingLine(setting: Setting, end: string): Line {
  const { key, indent, spelling, delimiter, value } = setting;
  const text = indent + spelling + delimiter + value;
  return { kind: 'setting', text, end, key, indent, spelling, delimiter, value };
}

/** `key =` becomes `key = text`, `key=` becomes `key=text`. */
function withText(setting: Setting, value: string): Setting {
  return { ...setting, value, delimiter: setting.delimiter.replace(/^([ \t]+[=:])$/, '$1 ') };
}

/**
 * The delimiter that puts a new key beside a standing one; where that one is filled up to a column, to the same column.
 * Always with `=`: `:` is for botocore alone.
 */
function delimiterLike(model: Setting | undefined, key: string): string {
  if (!model) return ' = ';
  const delimiter = withText(model, '').delimiter.replace(':', '=');
  const [, filling, rest] = /^( {2,})(=.*)$/s.exec(delimiter) ?? [];
  if (filling === undefined || rest === undefined) return delimiter;
  return ' '.repeat(Math.max(1, model.spelling.length + filling.length - key.length)) + rest;
}
