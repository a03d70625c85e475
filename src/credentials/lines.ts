/**
 * Reads the credentials file as lines, as AWS tools do. Where they differ, this follows botocore (Python's RawConfigParser):
 * a line that is indented deeper than the setting above it continues that setting.
 *
 * Texts are latin1 here, one character for each byte, so that unchanged parts are written back exactly, whatever their
 * encoding.
 */

/** The position of a section in bytes: from `start` to the next section or the end of the file, its bracket at `header`. */
export interface FileSection {
  start: number;
  header: number;
  end: number;
}

/** A line; `text` and `end` together are all its bytes. `end` is empty at the end of a file without a final line end. */
export type FileLine = { text: string; end: string } & (
  | { kind: 'header' | 'blank' | 'comment' }
  /** Neither a header nor a setting. botocore then rejects the whole file; other readers ignore the line. */
  | { kind: 'stray' }
  | ({ kind: 'setting' } & Setting)
  /** Part of the setting above. `misplaced` is the setting that readers which ignore indentation see. */
  | { kind: 'continuation'; misplaced: Setting | undefined }
);

/** `indent` + `spelling` + `delimiter` + `value` is the line's text. */
export interface Setting {
  /** Decoded, in lower case. */
  key: string;
  indent: string;
  spelling: string;
  /** The `=` (or, for botocore, `:`) with the white space around it. */
  delimiter: string;
  value: string;
}

/** The byte order mark that may precede the first line. */
export const BOM = '\xef\xbb\xbf';

const TAB = 9;
const FEED = 10;
const VERTICAL_TAB = 11;
const FORM_FEED = 12;
const RETURN = 13;
const SPACE = 32;
const HASH = 35;
const COLON = 58;
const SEMICOLON = 59;
const EQUALS = 61;
const OPENING = 91;
const CLOSING = 93;

/** A note, which some readers drop from the end of a header or a value. */
const NOTE = /\s[#;].*$/;
/** White space of both Python and JavaScript, in UTF-8. Pasted text can contain no-break and ideographic spaces. */
const BLANK = String.raw`(?:[ \t\v\f]|\xc2\xa0|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)`;
const WIDE_BLANK = new RegExp(`^${BLANK}`);
const INDENT = new RegExp(`^${BLANK}*`);
const DELIMITER = new RegExp(`${BLANK}*[=:]${BLANK}*`);
/** A word, `=` and a value, unlike the last line of a token that was broken into several (`c2Vzc2lvbg==`). */
const MISPLACED = new RegExp(String.raw`^${BLANK}+[A-Za-z][\w-]*(?:${BLANK}+=${BLANK}*\S|=${BLANK}*[^\s=])`);

/** Returns every section in the order of the file. A name can occur several times. Searches for brackets instead of reading every line. */
export function sectionsIn(bytes: Buffer): FileSection[] {
  const sections: FileSection[] = [];
  const hasReturns = bytes.includes(RETURN);
  const top = bytes.toString('latin1', 0, BOM.length) === BOM ? BOM.length : 0;
  /** The indentation of the last setting before `walked`: a deeper line would continue it. */
  let open: number | undefined;
  let walked = top;
  for (let at = bytes.indexOf(OPENING, top); at >= 0; at = bytes.indexOf(OPENING, at + 1)) {
    const start = beforeBlanks(bytes, at, top);
    if (start > top && bytes[start - 1] !== FEED && bytes[start - 1] !== RETURN) continue;
    // Only for an indented header do the lines above matter.
    while (at > start && sections.length > 0 && walked < start) {
      const stop = stopOf(bytes, walked, hasReturns);
      const first = afterBlanks(bytes, walked, stop);
      const indent = widthOf(bytes, walked, first);
      if (kindOf(bytes, first, stop, indent, open) === 'setting') open = indent;
      walked = nextOf(bytes, stop);
    }
    const stop = stopOf(bytes, at, hasReturns);
    if (kindOf(bytes, at, stop, widthOf(bytes, start, at), open) !== 'header') continue;
    const previous = sections.at(-1);
    if (previous) previous.end = start;
    sections.push({ start, header: at, end: bytes.length });
    open = undefined;
    walked = nextOf(bytes, stop);
  }
  return sections;
}

/** Returns the text between the brackets of a section's header: up to the last bracket that is not in a note. */
export function nameOf(bytes: Buffer, { header, end }: FileSection): string {
  const stop = stopOf(bytes, header, true);
  const line = decode(bytes.toString('latin1', header, Math.min(stop, end)));
  const last = withoutNote(line).lastIndexOf(']');
  return line.slice(1, last > 0 ? last : line.lastIndexOf(']'));
}

/** Returns the sections with a name. Compares the bytes first, to decode only the matching headers. */
export function sectionsNamed(name: string, bytes: Buffer, sections: FileSection[]): FileSection[] {
  const header = Buffer.from(`[${name}]`);
  return sections.filter((section) => {
    for (let at = 0; at < header.length; at++) if (bytes[section.header + at] !== header[at]) return false;
    return nameOf(bytes, section) === name;
  });
}

/** Returns the lines of a section, its header first. */
export function linesOf(bytes: Buffer, section: FileSection): FileLine[] {
  const lines: FileLine[] = [];
  const all = bytes.toString('latin1', section.start, section.end);
  const hasReturns = all.includes('\r');
  let owner: Setting | undefined;
  /** The indentation of `owner`. */
  let open: number | undefined;
  for (let start = section.start; start < section.end; ) {
    const stop = stopOf(bytes, start, hasReturns);
    const next = nextOf(bytes, stop);
    const first = afterBlanks(bytes, start, stop);
    const text = all.slice(start - section.start, stop - section.start);
    const end = all.slice(stop - section.start, next - section.start);
    const indent = widthOf(bytes, start, first);
    const kind = kindOf(bytes, first, stop, indent, open);
    switch (kind) {
      case 'setting':
        owner = settingIn(text);
        open = indent;
        lines.push({ text, end, kind, ...owner });
        break;
      case 'continuation': {
        // Below an empty `s3 =`, every reader sees nested settings.
        const isMisplaced = owner !== undefined && withoutNote(behindDelimiter(owner)) !== '' && MISPLACED.test(text);
        lines.push({ text, end, kind, misplaced: isMisplaced ? settingIn(text) : undefined });
        break;
      }
      case 'header':
      case 'blank':
      case 'comment':
      case 'stray':
        lines.push({ text, end, kind });
        break;
    }
    start = next;
  }
  return lines;
}

/** Returns the setting that any reader sees in a line. */
export function settingOf(line: FileLine): Setting | undefined {
  if (line.kind === 'setting') return line;
  return line.kind === 'continuation' ? line.misplaced : undefined;
}

/** Returns the decoded text after the `=` with its leading white space, since a note needs some in front of it. */
export function behindDelimiter({ delimiter, value }: Setting): string {
  return decode(delimiter.slice(delimiter.search(/[=:]/) + 1) + value);
}

/** Returns the white space that a line begins with. */
export function indentOf(line: string): string {
  return INDENT.exec(line)?.[0] ?? '';
}

/** Removes a trailing `# note` from a decoded text. To botocore it is part of the value, to other readers it is not. */
export function withoutNote(value: string): string {
  return (/[#;]/.test(value) ? value.replace(NOTE, '') : value).trim();
}

/** Returns whether every tool reads a line as a header: the SDK for JavaScript accepts only a note after the bracket. */
export function hasPlainHeader({ text }: Pick<FileLine, 'text'>): boolean {
  return withoutNote(decode(text)).endsWith(']');
}

/** Decodes a latin1 text of bytes as UTF-8. */
export function decode(latin1: string): string {
  return /[\x80-\xff]/.test(latin1) ? Buffer.from(latin1, 'latin1').toString('utf8') : latin1;
}

/** Encodes a text as UTF-8, one latin1 character for each byte. */
export function encode(text: string): string {
  return /[^\0-\x7f]/.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

function kindOf(
  bytes: Buffer,
  first: number,
  stop: number,
  indent: number,
  open: number | undefined,
): FileLine['kind'] {
  if (first === stop) return 'blank';
  const byte = bytes[first];
  if (byte === HASH || byte === SEMICOLON) return 'comment';
  if (open !== undefined && indent > open) return 'continuation';
  if (byte === OPENING && isClosed(bytes, first + 2, stop)) return 'header';
  for (let at = first; at < stop; at++) {
    if (bytes[at] === EQUALS || bytes[at] === COLON) return at > first ? 'setting' : 'stray';
  }
  return 'stray';
}

function isClosed(bytes: Buffer, from: number, stop: number): boolean {
  for (let at = stop - 1; at >= from; at--) if (bytes[at] === CLOSING) return true;
  return false;
}

function settingIn(line: string): Setting {
  const indent = indentOf(line);
  const [delimiter = ''] = DELIMITER.exec(line) ?? [];
  const at = line.indexOf(delimiter, indent.length);
  const spelling = line.slice(indent.length, at);
  return { key: decode(spelling).toLowerCase(), indent, spelling, delimiter, value: line.slice(at + delimiter.length) };
}

/** Returns where the line that begins at `start` ends. In Python, a lone CR also ends a line. */
function stopOf(bytes: Buffer, start: number, hasReturns: boolean): number {
  const feed = bytes.indexOf(FEED, start);
  const stop = feed < 0 ? bytes.length : feed;
  for (let at = start; hasReturns && at < stop; at++) if (bytes[at] === RETURN) return at;
  return stop;
}

/** Returns where the line after the one that ends at `stop` begins. */
function nextOf(bytes: Buffer, stop: number): number {
  return bytes[stop] === RETURN && bytes[stop + 1] === FEED ? stop + 2 : Math.min(stop + 1, bytes.length);
}

function afterBlanks(bytes: Buffer, start: number, stop: number): number {
  let at = start;
  while (at < stop) {
    const size = blankAt(bytes, at);
    if (size === 0) break;
    at += size;
  }
  return at;
}

function beforeBlanks(bytes: Buffer, stop: number, top: number): number {
  let at = stop;
  while (at > top) {
    const size = (bytes[at - 1] ?? 0) < 0x80 ? 1 : blankAt(bytes, at - 2) === 2 ? 2 : 3;
    if (at - size < top || blankAt(bytes, at - size) !== size) break;
    at -= size;
  }
  return at;
}

/** Returns the length in bytes of the white space character at a position, 0 if there is none. */
function blankAt(bytes: Buffer, at: number): number {
  const byte = bytes[at] ?? 0;
  if (byte < 0x80) return byte === SPACE || byte === TAB || byte === VERTICAL_TAB || byte === FORM_FEED ? 1 : 0;
  return WIDE_BLANK.exec(bytes.toString('latin1', at, at + 3))?.[0].length ?? 0;
}

/** Returns the number of characters, as Python measures an indentation. */
function widthOf(bytes: Buffer, start: number, stop: number): number {
  let width = 0;
  for (let at = start; at < stop; at++) if (((bytes[at] ?? 0) & 0xc0) !== 0x80) width += 1;
  return width;
}
