import { UserError } from '../errors.ts';
import {
  behindDelimiter,
  decode,
  type FileLine,
  type FileSection,
  linesOf,
  nameOf,
  sectionsIn,
  settingOf,
  withoutNote,
} from './lines.ts';
import type { Entries, Entry, ProfileSection } from './section.ts';

export interface CredentialsDocument {
  /** Returns a profile by its exact name. Sections of one name are one profile, as in the SDKs for JavaScript and Go. */
  profile(name: string): ProfileSection | undefined;
  /**
   * Returns the settings of a profile, including those of `[DEFAULT]`, as in botocore. Empty if the profile does not exist. Omits
   * nested settings. Also omits a note after a value and the lines that continue it, except for a command: botocore has them
   * in the value, which makes it unusable.
   */
  entries(name: string): Entries;
  /** Returns each name once, in the order of the file. */
  profileNames(): string[];
}

/** Much more than any real file: about 50,000 profiles. */
const SIZE_LIMIT = 16 * 1024 * 1024;

/** Keys whose values cannot contain a space followed by `#` or `;`. */
const WITHOUT_NOTE =
  /^(?:aws_access_key_id|aws_secret_access_key|aws_session_token|aws_security_token|.*expir(?:ation|es)|manager)$/;

/**
 * Names that botocore or the JavaScript loader would not find again; `DEFAULT`, which botocore adds to every profile; and
 * sections of `~/.aws/config` that are not profiles.
 */
const UNWRITABLE_NAME =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are meant; V8 needs longer for \p{Cc} than for the rest of this file
  /^(?:|DEFAULT)$|^(?:profile|sso-session|services)\s|^\s|\s$|[\0-\x1f\x7f-\x9f\u2028\u2029[\]]|(?:^|\s)[#;]/;

/**
 * Reads a credentials file. Accepts any text: botocore rejects a file with a BOM, a duplicate section or a stray line, but other
 * tools read it.
 * @throws UserError (`credentials-file`) if it is not text
 */
export function parseCredentials(bytes: Buffer): CredentialsDocument {
  return documentOf(bytes, readableSections(bytes));
}

/** Reads `~/.aws/config`, whose sections have the same form. Accepts anything. */
export function parseConfig(bytes: Buffer): CredentialsDocument {
  return documentOf(bytes, sectionsIn(bytes));
}

function documentOf(bytes: Buffer, all: FileSection[]): CredentialsDocument {
  const sections = new Map<string, FileSection[]>();
  for (const section of all) {
    const name = nameOf(bytes, section);
    const same = sections.get(name);
    if (same) same.push(section);
    else sections.set(name, [section]);
  }
  return {
    profile: (name) => {
      const found = sections.get(name);
      return (
        found &&
        profileOf(
          name,
          found.flatMap((section) => linesOf(bytes, section)),
        )
      );
    },
    entries: (name) => {
      const found = sections.get(name);
      if (!found) return new Map();
      const inherited = name === 'DEFAULT' ? [] : (sections.get('DEFAULT') ?? []);
      return new Map([...entriesIn(bytes, inherited), ...entriesIn(bytes, found)]);
    },
    profileNames: () => [...sections.keys()],
  };
}

function entriesIn(bytes: Buffer, sections: FileSection[]): Entries {
  const entries = new Map<string, Entry>();
  for (const section of sections) {
    const lines = linesOf(bytes, section);
    const values = valuesIn(lines);
    const first = lineAt(bytes, section.start);
    for (const [index, line] of lines.entries()) {
      if (line.kind !== 'setting') continue;
      const { key } = line;
      const value = values.get(key) ?? '';
      if (value.startsWith('\n')) entries.delete(key);
      else entries.set(key, { key, value: usable(key, value), line: first + index });
    }
  }
  return entries;
}

function usable(key: string, value: string): string {
  if (key === 'credential_process') return value.replaceAll(/\n+/g, ' ');
  return withoutNote(` ${value.split('\n', 1)[0]}`);
}

/** Returns the number, from 1, of the line that begins at a byte. */
export function lineAt(bytes: Buffer, start: number): number {
  return bytes.toString('latin1', 0, start).split(/\r\n?|\n/).length;
}

/** @param inherited the settings of [DEFAULT], which botocore uses for keys that the profile does not have */
export function profileOf(name: string, lines: FileLine[], inherited?: ReadonlyMap<string, string>): ProfileSection {
  return {
    name,
    values: new Map([...(inherited ?? []), ...valuesIn(lines)]),
    lines: lines.filter(({ kind }) => kind !== 'header').map(({ text }) => decode(text)),
  };
}

export function valuesIn(lines: FileLine[]): Map<string, string> {
  const values = new Map<string, string>();
  const misplaced = new Map<string, string>();
  let key = '';
  let blanks = 0;
  for (const line of lines) {
    const setting = settingOf(line);
    if (setting) {
      const value = behindDelimiter(setting);
      const found = line.kind === 'setting' ? values : misplaced;
      found.set(setting.key, WITHOUT_NOTE.test(setting.key) ? withoutNote(value) : value.trim());
    }
    if (line.kind === 'setting') key = line.key;
    // As in botocore: the value has several lines, including blank ones between them.
    if (line.kind === 'continuation' && !WITHOUT_NOTE.test(key)) {
      values.set(key, `${values.get(key)}${'\n'.repeat(blanks + 1)}${decode(line.text).trim()}`);
    }
    if (line.kind === 'blank') blanks += 1;
    else if (line.kind !== 'comment') blanks = 0;
  }
  return new Map([...misplaced, ...values]);
}

export function readableSections(bytes: Buffer): FileSection[] {
  if (bytes.length > SIZE_LIMIT) {
    throw new UserError(
      `the file has ${bytes.length} bytes, too many for a credentials file: check its name`,
      'credentials-file',
    );
  }
  const beginning = bytes.toString('latin1', 0, 4096);
  if (/^(?:\xff\xfe|\xfe\xff)/.test(beginning)) {
    throw new UserError('the file is UTF-16, which no AWS tool reads: save it as UTF-8', 'credentials-file');
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: text does not contain these, which is what is checked
  if (bytes.includes(0) || /[\x01-\x08\x0e-\x1a\x1c-\x1f]/.test(beginning)) {
    throw new UserError('the file is not a text file: restore it, or move it away', 'credentials-file');
  }
  return sectionsIn(bytes);
}

/** Returns whether every AWS tool can find a profile with that name. */
export function isWritableName(profile: string): boolean {
  // The JavaScript loader keeps profiles in a plain object, which has `constructor` and `__proto__` without any profile.
  return !UNWRITABLE_NAME.test(profile) && !(profile in {});
}
