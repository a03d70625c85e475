import { parse } from 'ini';
import type { Entries, Entry } from '../credentials/section.ts';
import { UserError } from '../errors.ts';

/** One section of `config.ini`. */
export interface Section {
  /** The text between the brackets, without quotes around it. */
  name: string;
  file: string;
  line: number;
  entries: Entries;
}

/** The settings above the first section, and the sections in the order of the file. */
export interface SettingsFile {
  top: Entries;
  sections: Section[];
}

/**
 * Reads `config.ini`, in the dialect of the `ini` package: `;` and `#` begin a comment, also after a value. A value in
 * double quotes is a JSON string, which may contain every character. `\;` and `\#` are the characters themselves.
 *
 * Gives the package one line at a time, so that each error can name its line. Given the whole file, the package would read
 * `[my.team]` as a section inside another one, and would silently use the later of two equal keys.
 * @param file for messages
 * @throws UserError (status 2) for a line that is neither a section nor a setting, for a section or key that occurs twice,
 *   and for a value that the package would cut or change
 */
export function readSettingsFile(text: string, file: string): SettingsFile {
  const top = new Map<string, Entry>();
  const sections: Section[] = [];
  let entries = top;

  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (const [index, content] of lines.entries()) {
    const line = index + 1;
    const fail = (problem: string) => new UserError(`${file}:${line}: ${problem}`, 'usage');

    const header = /^\s*\[([^\]]*)\]\s*(?:[;#].*)?$/.exec(content);
    if (header) {
      const name = (header[1] ?? '').trim().replace(/^(["'])(.*)\1$/, '$2');
      if (name === '') throw fail('a section needs the name of a profile between its brackets');
      const earlier = sections.find((section) => section.name === name);
      if (earlier) throw fail(`[${name}] is already in line ${earlier.line}; put the two sections together`);
      entries = new Map();
      sections.push({ name, file, line, entries });
      continue;
    }

    if (/^\s*(?:[;#]|$)/.test(content)) continue;
    const entry = { ...readEntry(content, line, fail), file };
    const earlier = entries.get(entry.key);
    if (earlier) throw fail(`${shownKey(entry.key)} is already in line ${earlier.line}; remove one of them`);
    entries.set(entry.key, entry);
  }
  return { top, sections };
}

/** Returns two files as one: a setting of `own` replaces that of `defaults`. The sections that only `own` has come last. */
export function merged(defaults: SettingsFile, own: SettingsFile): SettingsFile {
  const named = ({ sections }: SettingsFile, name: string) => sections.find((section) => section.name === name);
  return {
    top: new Map([...defaults.top, ...own.top]),
    sections: [
      ...defaults.sections.map((section) => ({
        ...section,
        entries: new Map([...section.entries, ...(named(own, section.name)?.entries ?? [])]),
      })),
      ...own.sections.filter(({ name }) => !named(defaults, name)),
    ],
  };
}

function readEntry(content: string, line: number, fail: (problem: string) => UserError): Entry {
  const [key, value] = Object.entries(parse(content))[0] ?? [];
  const equals = content.indexOf('=');
  if (key === undefined || equals < 1) throw fail('this is neither a [section] nor a "key = value"');
  const shown = shownKey(key);
  if (Array.isArray(value)) throw fail(`${shown}: write it without the brackets, with commas between several values`);
  // The package converts true, null and values in quotes to JSON. Here every value is a text.
  if (value === '' || (typeof value === 'object' && value !== null)) {
    throw fail(`${shown} has no value; remove the line, or give it one`);
  }
  const problem = spoiled(content.slice(equals + 1).trim(), String(value));
  if (problem) throw fail(`${shown}: ${problem}`);
  return { key, value: String(value), line };
}

/** Returns a key as messages show it. If it is not a word, it may be a secret that was pasted without a key. */
export function shownKey(key: string): string {
  return /^[\w.-]{1,32}$/.test(key) ? key : '(not shown)';
}

const QUOTE_IT = 'put the whole value in double quotes (and \\" for each double quote in it), with nothing after them';

/**
 * Returns why the package did not read a value as the user probably meant it. Does not repeat the value, which may be a
 * command.
 */
function spoiled(written: string, value: string): string | undefined {
  if (/^'.*'.*'$/.test(written)) return QUOTE_IT;
  if (/^(["']).*\1$/.test(written)) return undefined;
  const sign = /(?<!\\)(?:\\\\)*[;#]/.exec(written);
  if (!sign) return undefined;
  const before = written.slice(0, sign.index + sign[0].length - 1);
  const cutInAWord = before !== '' && !/\s$/.test(before);
  const cutInQuotes = [...value.matchAll(/"/g)].length % 2 === 1 || [...value.matchAll(/'/g)].length % 2 === 1;
  if (!cutInAWord && !cutInQuotes) return undefined;
  return `a comment begins at the ${sign[0].slice(-1)}; for a comment, put a blank before it; else ${QUOTE_IT}`;
}
