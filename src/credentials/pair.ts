import { UserError } from '../errors.ts';
import { parseCredentials, readableSections } from './document.ts';
import { lineEndIn, refuseDisputed, refuseUnwritableName, withProfile } from './edit.ts';
import { type FileLine, linesOf, sectionsNamed, withoutNote } from './lines.ts';
import { disputedIn, withTexts } from './session-lines.ts';

/** The long-term keys of a profile: never half of them. */
export interface KeyPair {
  accessKeyId: string;
  secretAccessKey: string;
}

/** The two lines that a pair had in the file, without their values, as latin1. `at`: the index in the section, whose header is 0. */
export type PairLines = { key: keyof KeyPair; at: number; before: string; after: string; end: string }[];

const KEYS: [name: string, key: keyof KeyPair][] = [
  ['aws_access_key_id', 'accessKeyId'],
  ['aws_secret_access_key', 'secretAccessKey'],
];

/**
 * Returns the file with another pair in a profile, and every other byte unchanged. Existing lines keep their place, spelling and
 * notes. A missing pair is added where `former` says, otherwise below the profile's header. A missing profile is added at the end.
 * @throws UserError (`target-profile`) if the profile cannot be changed safely
 */
export function withPair(bytes: Buffer, profile: string, pair: KeyPair, former?: PairLines): Buffer {
  refuseUnwritableName(profile);
  if (!/^\w+$/.test(pair.accessKeyId) || !/^[!-~]+$/.test(pair.secretAccessKey)) {
    throw new UserError(`the keys for [${profile}] are malformed`, 'target-profile');
  }
  const { values } = parseCredentials(bytes).profile(profile) ?? {};
  if (KEYS.some(([name]) => values?.has(name))) {
    const { bytes: rest, lines } = withoutPair(bytes, profile);
    return withPair(rest, profile, pair, lines);
  }
  const restored = former && inserted(bytes, profile, pair, former);
  if (restored && isOnlyPair(bytes, restored, profile, pair)) return restored;
  const texts = new Map(KEYS.map(([name, key]) => [name, pair[key]]));
  const added = withProfile(bytes, profile, (lines, _, style, place) => {
    refuseDisputed(profile, disputedIn(lines, texts), place);
    return withTexts(lines, texts, style);
  });
  if (!isOnlyPair(bytes, added, profile, pair)) throw unclear(profile);
  return added;
}

/**
 * Returns the file without the two lines of a profile's pair, and these lines. Every other byte stays.
 * @throws UserError (`target-profile`) if these two lines cannot be removed without changing something else
 */
export function withoutPair(bytes: Buffer, profile: string): { bytes: Buffer; lines: PairLines } {
  const [section, another] = sectionsNamed(profile, bytes, readableSections(bytes));
  if (!section || another) throw unclear(profile);
  const lines = linesOf(bytes, section);
  const removed: PairLines = KEYS.map(([name, key]) => {
    const [at = -1, second] = lines.flatMap((line, index) =>
      line.kind === 'setting' && line.key === name ? index : [],
    );
    const line = lines[at];
    if (line?.kind !== 'setting' || second !== undefined || lines[at + 1]?.kind === 'continuation')
      throw unclear(profile);
    const { indent, spelling, delimiter, value, end } = line;
    return { key, at, before: indent + spelling + delimiter, after: value.slice(withoutNote(value).length), end };
  }).sort((one, other) => one.at - other.at);
  const rest = lines.filter((_, index) => !removed.some(({ at }) => at === index));
  const shorter = withSection(bytes, section, rest);
  const { values } = parseCredentials(bytes).profile(profile) ?? {};
  const pair = Object.fromEntries(KEYS.map(([name, key]) => [key, values?.get(name)])) as unknown as KeyPair;
  // If the removed lines can be put back exactly, they were read correctly.
  if (!inserted(shorter, profile, pair, removed)?.equals(bytes) || !isOnlyPair(shorter, bytes, profile, pair)) {
    throw unclear(profile);
  }
  return { bytes: shorter, lines: removed };
}

/** Returns the file with the lines of a pair in their former places; undefined if the profile has fewer lines, or is missing. */
function inserted(bytes: Buffer, profile: string, pair: KeyPair, former: PairLines): Buffer | undefined {
  const [section, another] = sectionsNamed(profile, bytes, readableSections(bytes));
  if (!section || another) return undefined;
  const lines = linesOf(bytes, section);
  const end = lineEndIn(bytes);
  for (const { key, at, before, after, end: own } of former) {
    const above = lines[at - 1];
    if (!above) return undefined;
    above.end ||= end;
    const isLast = at === lines.length && section.end === bytes.length;
    lines.splice(at, 0, { kind: 'stray', text: before + pair[key] + after, end: isLast ? own : own || end });
  }
  return withSection(bytes, section, lines);
}

function withSection(bytes: Buffer, section: { start: number; end: number }, lines: FileLine[]): Buffer {
  const text = lines.map((line) => line.text + line.end).join('');
  return Buffer.concat([bytes.subarray(0, section.start), Buffer.from(text, 'latin1'), bytes.subarray(section.end)]);
}

/** Returns whether two files differ, to their readers, only in this pair, which the second one has. */
function isOnlyPair(before: Buffer, after: Buffer, profile: string, pair: KeyPair): boolean {
  const [old, now] = [parseCredentials(before), parseCredentials(after)];
  const names = new Set([...old.profileNames(), profile]);
  if (now.profileNames().some((name) => !names.delete(name)) || names.size > 0) return false;
  const valuesOf = (document: typeof now, name: string) => [...(document.profile(name)?.values ?? [])];
  return now.profileNames().every((name) => {
    const values = new Map(valuesOf(now, name));
    if (name === profile) {
      for (const [text, key] of KEYS) if (values.get(text) !== pair[key] || !values.delete(text)) return false;
    }
    return JSON.stringify([...values]) === JSON.stringify(valuesOf(old, name));
  });
}

function unclear(profile: string): UserError {
  return new UserError(
    `the keys of [${profile}] cannot be changed safely: it needs one aws_access_key_id and one aws_secret_access_key, each in a line of its own, in one section`,
    'target-profile',
  );
}
