import { parseConfig } from '../credentials/document.ts';
import type { Entries } from '../credentials/section.ts';

/** The content of `~/.aws/config`, for settings, keys, `setup` and `doctor`. */
export interface AwsConfig {
  /** Returns the names in the order of the file. */
  profileNames(): string[];
  /** Returns the settings of a profile, by lower-case key. Empty if the profile does not exist. */
  entries(profile: string): Entries;
  /** Returns the text between the brackets of a profile's header: `profile NAME` or `default`. */
  title(profile: string): string | undefined;
  /** Returns the lines below the header `services NAME`; undefined if there is none. */
  services(name: string): readonly string[] | undefined;
}

/**
 * Reads `~/.aws/config` as botocore does: `[default]`, or `[profile NAME]`, with a name in quotes if it contains spaces. If
 * two different headers name the same profile, only the last one counts. A file that botocore rejects is read like the AWS
 * SDK for JavaScript: sections with the same header are one, the last of two equal keys counts, and other lines are
 * ignored.
 * @param bytes undefined if there is no file
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function readAwsConfig(bytes: Buffer | undefined): AwsConfig {
  const document = parseConfig(bytes ?? Buffer.alloc(0));
  const titles = new Map<string, string>();
  const services = new Map<string, string>();
  for (const title of document.profileNames()) {
    const [kind, named, ...more] = title.startsWith('services') ? (wordsIn(title) ?? []) : [];
    if (kind !== undefined && named !== undefined && more.length === 0) services.set(named, title);
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
    services: (name) => document.profile(services.get(name) ?? '')?.lines,
  };
}

/** Returns the profile of a header, as botocore reads it: the second of two words. */
function nameIn(title: string): string | undefined {
  if (!title.startsWith('profile')) return undefined;
  const [, name, ...more] = wordsIn(title) ?? [];
  return more.length > 0 ? undefined : name;
}

/** Returns the profile of a header, as other SDKs read it: they also accept `profile two words`. */
function unquotedNameIn(title: string): string | undefined {
  return /^profile\s+(["']?)(.+)\1\s*$/.exec(title)?.[2]?.trim();
}

/**
 * A part of a word, or the spaces between words. Parts are in single quotes, in double quotes, after a backslash, or plain.
 */
const PART =
  /(?<blanks>[ \t\r\n]+)|'(?<single>[^']*)'|"(?<double>(?:\\.|[^"\\])*)"|\\(?<escaped>.)|(?<plain>[^ \t\r\n'"\\]+)/suy;

/**
 * Splits a text into words like a shell and Python's `shlex.split`.
 * @returns undefined if a quote or an escape is not complete
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
