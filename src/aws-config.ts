import type { Entries, Entry } from './settings-file.ts';

/**
 * Reads `~/.aws/config` as the AWS SDKs do: `[default]` or `[profile NAME]`, a comment from the start of a line or
 * after a blank, the later of two equal keys wins, and lines indented below a bare `key =` are that key's own. Other
 * sections, and lines that mean nothing, are passed over: this file is everybody's.
 * @returns the settings of a profile, by their keys in lower case; `[profile default]` counts before `[default]`
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 */
export function readAwsConfig(text: string): (profile: string) => Entries {
  const sections = new Map<string, Map<string, Entry>>();
  let settings: Map<string, Entry> | undefined;
  let nested = false;

  for (const [index, content] of text.split(/\r?\n/).entries()) {
    const written = content.replace(/(^|\s)[;#].*/, '').trim();
    if (written.startsWith('[') && written.endsWith(']')) {
      const name = nameOf(written.slice(1, -1));
      settings = sections.get(name) ?? new Map();
      sections.set(name, settings);
      nested = false;
      continue;
    }

    const [, key, value = ''] = /^([^=]+)=\s*(.*)$/.exec(written) ?? [];
    if (!settings || key === undefined) continue;
    if (!/^\s/.test(content)) nested = false;
    if (value === '') nested = true;
    else if (!nested) {
      const name = key.trim().toLowerCase();
      settings.set(name, { key: name, value, line: index + 1 });
    }
  }

  return (profile) =>
    sections.get(`profile ${profile}`) ?? (profile === 'default' ? sections.get('default') : undefined) ?? new Map();
}

/** `default`, or `profile NAME` without the quotes that a name may have, or whatever else stands between the brackets. */
function nameOf(header: string): string {
  const name = /^profile\s+(["']?)(.+)\1\s*$/.exec(header)?.[2];
  return name === undefined ? header : `profile ${name.trim()}`;
}
