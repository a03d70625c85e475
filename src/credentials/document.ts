import { UserError } from '../errors.ts';
import { longTermKeyIn, type MfaSession } from '../session/session.ts';
import {
  BOM,
  behindDelimiter,
  decode,
  encode,
  type FileLine,
  type FileSection,
  linesOf,
  nameOf,
  sectionsIn,
  sectionsNamed,
  settingOf,
  withoutNote,
} from './lines.ts';
import type { Entries, Entry, ProfileSection } from './section.ts';
import { deepest, disputedIn, withSessionLines } from './session-lines.ts';

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
function lineAt(bytes: Buffer, start: number): number {
  return bytes.toString('latin1', 0, start).split(/\r\n?|\n/).length;
}

/**
 * Returns the file with another session in one profile and every other byte unchanged. Writing the same session again
 * changes nothing.
 *
 * If several sections have the profile's name, each gets the session: some readers use the first, others the last. A missing
 * profile is added at the end.
 * @param options `force` also replaces long-term keys
 * @throws UserError: `target-profile` if the profile holds long-term keys or cannot be changed safely, or if its name cannot be
 * written; `credentials-file` if the file is not text or the session is malformed
 */
export function withSession(
  bytes: Buffer,
  profile: string,
  session: MfaSession,
  options: { force?: boolean } = {},
): Buffer {
  refuseUnwritable(profile, session);
  const sections = readableSections(bytes);
  const inherited = valuesIn(sectionsNamed('DEFAULT', bytes, sections).flatMap((section) => linesOf(bytes, section)));
  const end = lineEndIn(bytes);
  const parts: Uint8Array[] = [];
  let done = 0;
  for (const section of sectionsNamed(profile, bytes, sections)) {
    const lines = linesOf(bytes, section);
    if (section !== sections[0]) refuseDisputedHeader(profile, lines);
    const next = sections.find(({ start }) => start === section.end);
    const indent = deepest([section, next].map((one) => beforeHeader(bytes, one)));
    const standing = profileOf(profile, lines, inherited);
    refuseDisputed(profile, disputedIn(lines, standing, session));
    const text = withSessionLines(lines, standing, session, { end, indent });
    if (!options.force) refuseLongTerm(profile, lines, text);
    parts.push(bytes.subarray(done, section.start), Buffer.from(text, 'latin1'));
    done = section.end;
  }
  parts.push(bytes.subarray(done));
  if (done === 0) {
    const header: FileLine = { kind: 'header', text: `[${encode(profile)}]`, end };
    const added = withSessionLines([header], profileOf(profile, [], inherited), session, { end, indent: '' });
    parts.push(Buffer.from(gapBefore(bytes, sections) + added, 'latin1'));
  }
  return Buffer.concat(parts);
}

function beforeHeader(bytes: Buffer, section: FileSection | undefined): string {
  return section ? bytes.toString('latin1', section.start, section.header) : '';
}

/** @param inherited the settings of [DEFAULT], which botocore uses for keys that the profile does not have */
function profileOf(name: string, lines: FileLine[], inherited?: ReadonlyMap<string, string>): ProfileSection {
  return {
    name,
    values: new Map([...(inherited ?? []), ...valuesIn(lines)]),
    lines: lines.filter(({ kind }) => kind !== 'header').map(({ text }) => decode(text)),
  };
}

function valuesIn(lines: FileLine[]): Map<string, string> {
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

function readableSections(bytes: Buffer): FileSection[] {
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

function refuseUnwritable(profile: string, session: MfaSession): void {
  if (!isWritableName(profile)) {
    throw new UserError(`${JSON.stringify(profile)} cannot be the name of a profile: choose another`, 'target-profile');
  }
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = session;
  const isWritable = [accessKeyId, secretAccessKey, sessionToken].every((text) => /^[!-~]+$/.test(text));
  if (!isWritable || Number.isNaN(new Date(expiration).getTime())) {
    throw new UserError(
      `the new session for [${profile}] is malformed, so it is not from AWS: check the endpoint`,
      'credentials-file',
    );
  }
}

/** To the SDK for JavaScript, `[a]#note` is not a header, and the lines below it belong to the profile above. */
function refuseDisputedHeader(profile: string, [header]: FileLine[]): void {
  if (header === undefined || withoutNote(decode(header.text)).endsWith(']')) return;
  throw new UserError(
    `some tools do not accept the text after the header [${profile}]: remove it, or put " #" in front of it`,
    'target-profile',
  );
}

function refuseDisputed(profile: string, disputed: string | undefined): void {
  if (disputed === undefined) return;
  throw new UserError(
    `${disputed} in or below [${profile}] is indented, so some tools read it as part of the line above and others do not: remove the spaces in front of it`,
    'target-profile',
  );
}

/** Also finds a key that no reader finds: in a line that continues another, or after a character that looks like a space. */
function refuseLongTerm(profile: string, lines: FileLine[], text: string): void {
  const idsIn = (whole: string) => whole.match(/(?<![\w/+])AKIA/g)?.length ?? 0;
  const isGone = idsIn(text) < idsIn(lines.map((line) => line.text).join('\n'));
  if (!isGone && longTermKeyIn(profileOf(profile, lines).values) === undefined) return;
  throw new UserError(
    `[${profile}] holds long-term keys, possibly the only copy: choose another profile, or move them to another one`,
    'target-profile',
  );
}

/** Returns what to put before a new section at the end: a missing line end, and a blank line if sections have one. */
function gapBefore(bytes: Buffer, sections: FileSection[]): string {
  const tail = bytes.toString('latin1', Math.max(0, bytes.length - 80));
  if (tail === '' || tail === BOM) return '';
  const end = lineEndIn(bytes);
  const isOpen = !/[\r\n]$/.test(tail);
  const endsBlank = /(?:^|\n)[ \t]*\n$/.test(tail.replace(/\r\n?/g, '\n'));
  const neighbour = sections.at(-2);
  const isSpaced =
    neighbour === undefined || linesOf(bytes, neighbour).findLast(({ kind }) => kind !== 'comment')?.kind === 'blank';
  return (isOpen ? end : '') + (isSpaced && !endsBlank ? end : '');
}

/** Returns the line end of the file: that of its last line. */
function lineEndIn(bytes: Buffer): string {
  const feed = bytes.lastIndexOf('\n');
  if (bytes.includes('\r', feed + 1)) return '\r';
  return feed > 0 && bytes.toString('latin1', feed - 1, feed) === '\r' ? '\r\n' : '\n';
}
