import type { Entries, Entry } from './config-ini.ts';

/** A section of `~/.aws/config`. */
export interface AwsSection {
  /** `default`, `profile NAME` without the quotes that a name may have, or whatever else stands between the brackets. */
  name: string;
  /** Of its first header, from 1. */
  line: number;
  /** By their keys in lower case. */
  entries: Entries;
}

/**
 * Reads `~/.aws/config` as the AWS SDKs do: `[default]` or `[profile NAME]`, a comment from the start of a line or
 * after a blank, the later of two equal keys wins, and lines indented below a bare `key =` are that key's own. Lines that
 * mean nothing are passed over: this file is everybody's.
 * @returns its sections by their names, in the order of the file
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function awsSections(text: string): Map<string, AwsSection> {
  const sections = new Map<string, AwsSection>();
  let settings: Map<string, Entry> | undefined;
  let nested = false;

  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const line = index + 1;
    const written = content.replace(/(^|\s)[;#].*/, '').trim();
    if (written.startsWith('[') && written.endsWith(']')) {
      const name = nameOf(written.slice(1, -1));
      settings = new Map(sections.get(name)?.entries);
      sections.set(name, { name, line: sections.get(name)?.line ?? line, entries: settings });
      nested = false;
      continue;
    }

    const [, key, value = ''] = /^([^=]+)=\s*(.*)$/.exec(written) ?? [];
    if (!settings || key === undefined) continue;
    if (!/^\s/.test(content)) nested = false;
    if (value === '') nested = true;
    else if (!nested) {
      const name = key.trim().toLowerCase();
      settings.set(name, { key: name, value, line });
    }
  }
  return sections;
}

/** @returns the settings of a profile, by their keys in lower case; `[profile default]` counts before `[default]` */
export function readAwsConfig(text: string): (profile: string) => Entries {
  const sections = awsSections(text);
  return (profile) =>
    (sections.get(`profile ${profile}`) ?? (profile === 'default' ? sections.get('default') : undefined))?.entries ??
    new Map();
}

function nameOf(header: string): string {
  const name = /^profile\s+(["']?)(.+)\1\s*$/.exec(header)?.[2];
  return name === undefined ? header : `profile ${name.trim()}`;
}
