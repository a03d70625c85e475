import type { MfaSession } from '../../src/session/session.ts';

/** A change by our program; see refresher.mjs. Times are microseconds of the machine's monotonic clock. */
export interface Change {
  profile: number;
  version: number;
  compared: number;
  renamed: number;
}

/** A change by a program that takes no lock, of the last profile alone; see editor.mjs. */
export interface Edit {
  version: number;
  read: number;
  opening: number;
  opened: number;
  closed: number;
}

/** One read of the file; see reader.mjs. */
export interface Observation {
  reader: string;
  from: number;
  to: number;
  profiles?: Record<string, Record<string, string>>;
  error?: string;
}

/** How often what happened; the sentences say whose fault it is. */
export interface Counts {
  reads: number;
  'changes of ours': number;
  'edits of the other program': number;
  'reads that failed': number;
  'failed while the other program had the file cut short': number;
  'sessions of ours that were gone': number;
  'gone because the other program put back what it had read before': number;
  'edits of the other program that were gone': number;
  'gone because it began them after our last look, before our rename': number;
}

export const REFRESHED = 8;
const EDITED = 9;
const EPOCH = Date.UTC(2030, 0, 1);

/** A session whose parts can be recognised as belonging together. */
export function sessionOf(profile: number, version: number): MfaSession {
  const mark = markOf(profile, version);
  return {
    accessKeyId: `ASIAEXAMPLE${mark}`,
    secretAccessKey: `EXAMPLE/secret+${mark}=`,
    sessionToken: `EXAMPLE/token+${mark}==`,
    expiration: EPOCH + (profile * 10_000 + version) * 1000,
  };
}

/** What the other program sets in its profile. */
export function secretOf(version: number): string {
  return `EXAMPLE/long+${markOf(EDITED, version)}`;
}

/** Returns the file with these versions in its profiles. Its comments make it longer than one read of a reader. */
export function fileWith(versions: number[]): string {
  const note = `${'# nothing of this may get lost\n'.repeat(60)}\n`;
  const sections = versions.map((version, index) => {
    const profile = index + 1;
    if (profile === EDITED) {
      return `[profile-9]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = ${secretOf(version)}\n`;
    }
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = sessionOf(profile, version);
    const instant = new Date(expiration).toISOString().replace('.000', '');
    return `[profile-${profile}]\nregion = eu-west-1\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\naws_session_token = ${sessionToken}\nexpiration = ${instant}\n`;
  });
  return sections.map((section) => `${note}${section}`).join('\n');
}

/**
 * The versions that a reader has seen in the nine profiles, or what is wrong with them.
 * @param profiles as the reader gives them
 */
export function versionsIn(profiles: Record<string, Record<string, string>>): (number | string)[] {
  return Array.from({ length: EDITED }, (_, index) => {
    const values = profiles[`profile-${index + 1}`];
    if (!values) return `[profile-${index + 1}] is missing`;
    const secret = values.aws_secret_access_key ?? '';
    const marks =
      index + 1 === EDITED
        ? [/^EXAMPLE\/long\+(\d)V(\d{4})$/.exec(secret)]
        : [
            /^ASIAEXAMPLE(\d)V(\d{4})$/.exec(values.aws_access_key_id ?? ''),
            /^EXAMPLE\/secret\+(\d)V(\d{4})=$/.exec(secret),
            /^EXAMPLE\/token\+(\d)V(\d{4})==$/.exec(values.aws_session_token ?? ''),
          ];
    const found = marks.map((mark) => Number(mark?.[1]) * 10_000 + Number(mark?.[2]));
    if (index + 1 !== EDITED) found.push((Date.parse(values.expiration ?? '') - EPOCH) / 1000);
    const [one = Number.NaN] = found;
    if (found.every((other) => other === one) && Math.floor(one / 10_000) === index + 1) return one % 10_000;
    return `[profile-${index + 1}] is mixed: ${found}`;
  });
}

/**
 * Returns whether the other program may have paused so long after cutting the file short that we took the short file for the
 * whole, and replaced it: the rest of what it wrote then went to the old one. This cannot be prevented; what was read
 * afterwards is not our fault.
 */
export function mayBeCutShort(changes: Change[], edits: Edit[]): boolean {
  return edits.some(({ opening, closed }) => changes.some(({ compared }) => opening <= compared && compared <= closed));
}

/**
 * Holds what was read against what was written.
 * @returns the counts, and each fault that the other program cannot have made
 */
export function judged(
  changes: Change[],
  edits: Edit[],
  observations: Observation[],
): { counts: Counts; faults: string[] } {
  const faults: string[] = [];
  const counts: Counts = {
    reads: 0,
    'changes of ours': changes.length,
    'edits of the other program': edits.length,
    'reads that failed': 0,
    'failed while the other program had the file cut short': 0,
    'sessions of ours that were gone': 0,
    'gone because the other program put back what it had read before': 0,
    'edits of the other program that were gone': 0,
    'gone because it began them after our last look, before our rename': 0,
  };
  const gone = new Set<string>();

  for (const { reader, from, to, profiles, error } of observations) {
    counts.reads += 1;
    const versions = profiles ? versionsIn(profiles) : [];
    const wrong = [error, ...versions].filter((one) => typeof one === 'string');
    if (wrong.length > 0) {
      counts['reads that failed'] += 1;
      if (edits.some(({ opening, closed }) => from <= closed && to >= opening)) {
        counts['failed while the other program had the file cut short'] += 1;
      } else faults.push(`${reader}, from ${from} to ${to}: ${wrong.join('; ')}`);
      continue;
    }
    for (const [index, version] of versions.entries()) {
      if (typeof version === 'number') expectLatest(index + 1, version, from, reader);
    }
  }
  return { counts, faults };

  /** Whatever was written before a read began has to be there, or something newer. */
  function expectLatest(profile: number, seen: number, from: number, reader: string): void {
    const written = profile === EDITED ? edits : changes.filter((change) => change.profile === profile);
    const latest = written.filter((one) => one.version > seen && endOf(one) < from);
    for (const version of new Set(latest.map((one) => one.version))) {
      const key = `${profile}: ${version}`;
      if (gone.has(key)) continue;
      gone.add(key);
      const isEdit = profile === EDITED;
      counts[isEdit ? 'edits of the other program that were gone' : 'sessions of ours that were gone'] += 1;
      const excused = latest.filter((one) => one.version === version).every((one) => isExcused(one));
      if (excused) {
        counts[
          isEdit
            ? 'gone because it began them after our last look, before our rename'
            : 'gone because the other program put back what it had read before'
        ] += 1;
      } else {
        faults.push(
          `${reader} found version ${seen} of [profile-${profile}] at ${from}; ${version} was written before`,
        );
      }
    }
  }

  function isExcused(one: Change | Edit): boolean {
    if ('renamed' in one) return edits.some(({ read, opened }) => read <= one.renamed && opened >= one.compared);
    return changes.some(({ compared, renamed }) => compared <= one.opened && renamed >= one.opening);
  }
}

function endOf(one: Change | Edit): number {
  return 'renamed' in one ? one.renamed : one.closed;
}

function markOf(profile: number, version: number): string {
  return `${profile}V${String(version).padStart(4, '0')}`;
}
