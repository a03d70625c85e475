import { UserError } from '../errors.ts';
import { longTermKeyIn, type MfaSession } from '../session/session.ts';
import { isWritableName, lineAt, profileOf, readableSections, valuesIn } from './document.ts';
import { BOM, encode, type FileLine, type FileSection, hasPlainHeader, linesOf, sectionsNamed } from './lines.ts';
import type { ProfileSection } from './section.ts';
import {
  deepest,
  disputedIn,
  NO_SESSION,
  type Style,
  textsOf,
  withoutSessionLines,
  withSessionLines,
} from './session-lines.ts';

/**
 * Returns the file with another session in one profile and every other byte unchanged. Writing the same session again
 * changes nothing.
 *
 * If several sections have the profile's name, each gets the session: some readers use the first, others the last. A missing
 * profile is added at the end.
 * @param options `force` also replaces long-term keys; `own` is the access key id of the session that this program wrote
 *   there, which may look like that of a long-term key
 * @throws UserError: `target-profile` if the profile holds long-term keys or cannot be changed safely, or if its name cannot be
 * written; `credentials-file` if the file is not text or the session is malformed
 */
export function withSession(
  bytes: Buffer,
  profile: string,
  session: MfaSession,
  options: { force?: boolean; own?: string | undefined } = {},
): Buffer {
  refuseUnwritable(profile, session);
  return withProfile(bytes, profile, (lines, standing, style, place) => {
    refuseDisputed(profile, disputedIn(lines, textsOf(session, standing)), place);
    const text = withSessionLines(lines, standing, session, style);
    if (!options.force) refuseLongTerm(profile, lines, text, options.own);
    return text;
  });
}

/**
 * Returns the file with other sessions in several profiles: see {@link withSession}.
 * @param options `own` returns the access key id of the session that this program wrote into a profile
 */
export function withSessions(
  bytes: Buffer,
  sessions: Iterable<[profile: string, MfaSession]>,
  { own, force = false }: { own?(profile: string): string | undefined; force?: boolean } = {},
): Buffer {
  let changed = bytes;
  for (const [profile, session] of sessions)
    changed = withSession(changed, profile, session, { force, own: own?.(profile) });
  return changed;
}

/**
 * Returns the file without the session of a profile, and with every other byte unchanged. Changes nothing if there is none.
 * @param options see {@link withSession}
 * @throws UserError (`target-profile`) if the profile holds long-term keys or cannot be changed safely
 */
export function withoutSession(bytes: Buffer, profile: string, options: { own?: string | undefined } = {}): Buffer {
  if (sectionsNamed(profile, bytes, readableSections(bytes)).length === 0) return bytes;
  return withProfile(bytes, profile, (lines, standing, _, place) => {
    refuseDisputed(profile, disputedIn(lines, textsOf(NO_SESSION, standing)), place);
    const text = withoutSessionLines(lines, standing);
    refuseLongTerm(profile, lines, text, options.own);
    return text;
  });
}

/**
 * Returns the text of a section with other settings. `lines`: its lines, the header first; only the header for a new profile.
 * `standing`: the same lines, read. `place`: names a line in an error.
 */
type Rewrite = (lines: FileLine[], standing: ProfileSection, style: Style, place: Place) => string;

/** Returns the file with each section of a profile rewritten and every other byte unchanged. Adds a missing profile at the end. */
export function withProfile(bytes: Buffer, profile: string, rewrite: Rewrite): Buffer {
  const sections = readableSections(bytes);
  const defaults = valuesIn(sectionsNamed('DEFAULT', bytes, sections).flatMap((section) => linesOf(bytes, section)));
  // botocore would prefer this one to the new token. Other settings of [DEFAULT], such as the marks of a tool, are not the profile's.
  const token = defaults.get('aws_security_token');
  const inherited = new Map(token === undefined ? [] : [['aws_security_token', token]]);
  const end = lineEndIn(bytes);
  const parts: Uint8Array[] = [];
  let done = 0;
  for (const section of sectionsNamed(profile, bytes, sections)) {
    const lines = linesOf(bytes, section);
    const place = (index: number) => `line ${lineAt(bytes, section.start) + index}`;
    if (section !== sections[0]) refuseDisputedHeader(profile, lines, place);
    const next = sections.find(({ start }) => start === section.end);
    const indent = deepest([section, next].map((one) => beforeHeader(bytes, one)));
    const text = rewrite(lines, profileOf(profile, lines, inherited), { end, indent }, place);
    parts.push(bytes.subarray(done, section.start), Buffer.from(text, 'latin1'));
    done = section.end;
  }
  parts.push(bytes.subarray(done));
  if (done === 0) {
    const header: FileLine = { kind: 'header', text: `[${encode(profile)}]`, end };
    const added = rewrite([header], profileOf(profile, [], inherited), { end, indent: '' }, () => 'the end');
    parts.push(Buffer.from(gapBefore(bytes, sections) + added, 'latin1'));
  }
  return Buffer.concat(parts);
}

function beforeHeader(bytes: Buffer, section: FileSection | undefined): string {
  return section ? bytes.toString('latin1', section.start, section.header) : '';
}

/** @throws UserError (`target-profile`) if not every AWS tool can find a profile with that name */
export function refuseUnwritableName(profile: string): void {
  if (isWritableName(profile)) return;
  throw new UserError(`${JSON.stringify(profile)} cannot be the name of a profile: choose another`, 'target-profile');
}

function refuseUnwritable(profile: string, session: MfaSession): void {
  refuseUnwritableName(profile);
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = session;
  const isWritable = [accessKeyId, secretAccessKey, sessionToken].every((text) => /^[!-~]+$/.test(text));
  if (!isWritable || Number.isNaN(new Date(expiration).getTime())) {
    throw new UserError(
      `the new session for [${profile}] is malformed, so it is not from AWS: check the endpoint`,
      'credentials-file',
    );
  }
}

/** Names a line of a section by its index there. */
type Place = (index: number) => string;

/** To the SDK for JavaScript, `[a]#note` is not a header, and the lines below it belong to the profile above. */
function refuseDisputedHeader(profile: string, [header]: FileLine[], place: Place): void {
  if (header === undefined || hasPlainHeader(header)) return;
  throw new UserError(
    `${place(0)}: some tools do not accept the text after the header [${profile}]: remove it, or put " #" in front of it`,
    'target-profile',
  );
}

/** @throws UserError (`target-profile`) if tools read a line differently: see {@link disputedIn} */
export function refuseDisputed(profile: string, disputed: ReturnType<typeof disputedIn>, place: Place): void {
  if (disputed === undefined) return;
  throw new UserError(
    `${place(disputed.index)}: ${disputed.text} in or below [${profile}] is indented, so some tools read it as part of the line above and others do not: remove the spaces in front of it`,
    'target-profile',
  );
}

/**
 * Refuses to replace long-term keys. Also looks at the text of the lines: no reader recognises a long-term key in a line that
 * continues another line, after a character that looks like a space, or beside the token of the session that it replaced.
 */
function refuseLongTerm(profile: string, lines: FileLine[], text: string, own: string | undefined): void {
  const ids = lines.flatMap((line) => line.text.match(/(?<![\w/+])AKIA\w*/g) ?? []);
  const isGone = ids.some((id) => id !== own && !text.includes(id));
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
export function lineEndIn(bytes: Buffer): string {
  const feed = bytes.lastIndexOf('\n');
  if (bytes.includes('\r', feed + 1)) return '\r';
  return feed > 0 && bytes.toString('latin1', feed - 1, feed) === '\r' ? '\r\n' : '\n';
}
