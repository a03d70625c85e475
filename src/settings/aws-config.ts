import { parseConfig } from '../credentials/document.ts';
import type { Entries } from '../credentials/section.ts';

/** `~/.aws/config`, as settings, keys, `setup` and `doctor` read it. */
export interface AwsConfig {
  /** In the order of the file. */
  profileNames(): string[];
  /** The settings of a profile, by lower-case key. Empty when there is no such profile. */
  entries(profile: string): Entries;
  /** What the header of a profile has between its brackets: `profile NAME` or `default`. */
  title(profile: string): string | undefined;
}

/**
 * Reads `~/.aws/config` as botocore does: `[default]`, or `[profile NAME]` with a name in quotes where it has blanks. Where
 * two sections are one profile, the last one counts alone. A file that botocore gives up is read as the AWS SDK for JavaScript
 * reads it: the sections of one header are one, the last of two equal keys counts, and other lines mean nothing.
 * @param bytes undefined when there is no file
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function readAwsConfig(bytes: Buffer | undefined): AwsConfig {
  const document = parseConfig(bytes ?? Buffer.alloc(0));
  const titles = new Map<string, string>();
  for (const title of document.profileNames()) {
    const name = title === 'default' ? title : nameIn(title);
    if (name !== undefined) titles.set(name, title);
    const unquoted = name === undefined ? unquotedNameIn(title) : undefined;
    if (unquoted !== undefined && !titles.has(unquoted)) titles.set(unquoted, title);
  }
  return {
    profileNames: () => [...titles.keys()],
    entries: (profile) => {
      const title = titles.get(profile);
      return title === undefined ? new Map() : document.entries(title);
    },
    title: (profile) => titles.get(profile),
  };
}

/** The profile of a header, to botocore: the second of its two words. */
function nameIn(title: string): string | undefined {
  if (!title.startsWith('profile')) return undefined;
  const [, name, ...more] = wordsIn(title) ?? [];
  return more.length > 0 ? undefined : name;
}

/** The same to other SDKs, which also take `profile two words`. */
function unquotedNameIn(title: string): string | undefined {
  return /^profile\s+(["']?)(.+)\1\s*$/.exec(title)?.[2]?.trim();
}

/** A word's parts: blanks between words; in single quotes, in double quotes, behind a backslash, or plain. */
const PART =
  /(?<blanks>[ \t\r\n]+)|'(?<single>[^']*)'|"(?<double>(?:\\.|[^"\\])*)"|\\(?<escaped>.)|(?<plain>[^ \t\r\n'"\\]+)/suy;

/**
 * Splits a text into words as a shell does, and Python's `shlex.split`.
 * @returns undefined when a quote or an escape is not complete
 */
function wordsIn(text: string): string[] | undefined {
  const words: string[] = [];
  let isOpen = false;
  PART.lastIndex = 0;
  while (PART.lastIndex < text.length) {
    const { groups } = PART.exec(text) ?? {};
    if (!groups) return undefined;
    const { blanks, single, double, escaped, plain } = groups;
    if (blanks === undefined) {
      const part = single ?? double?.replace(/\\(["\\])/g, '$1') ?? escaped ?? plain ?? '';
      words.push((isOpen ? (words.pop() ?? '') : '') + part);
    }
    isOpen = blanks === undefined;
  }
  return words;
}
