import { readSettingsFile, type SettingsFile } from '../settings/config-ini.ts';
import { DURATION_SECONDS, REMIND_EVERY, ROLE_SECONDS } from '../settings/defaults.ts';
import { type KeyPlace, LONGEST_ROLE_SECONDS, LONGEST_SECONDS } from '../settings/forms.ts';
import type { Paths } from '../settings/paths.ts';
import { writtenSettings } from '../settings/settings.ts';
import { parseDuration } from '../time/duration.ts';
import { inUnits } from './lead-time.ts';
import type { OfferedRole } from './roles.ts';

/** The user's answers, as they are written in `config.ini`. */
export interface Answers {
  profile: string;
  sourceProfile: string;
  serialNumber: string;
  /** The role to assume with the code. */
  roleArn?: string | undefined;
  /** `15m` */
  promptBefore: string;
  /** Undefined if no option sets it: then the present value stays. */
  durationSeconds: string | undefined;
  /** Where the keys of the source profile are. */
  keys?: KeyPlace | undefined;
}

/** The values that apply before the answers are written, from any file. */
export type ValuesInForce = { [Key in Exclude<keyof Answers, 'profile'>]?: string | undefined };

/**
 * Returns `config.ini` with the answers. In an existing file, only values that differ from the answers change; comments, order,
 * spacing and line ends stay.
 * @param text undefined if there is no file
 * @param inForce the values that apply now, also from AWS's files: an answer that equals one is not written
 * @param file for messages
 * @throws UserError (`usage`) if the file has an error
 */
export function settingsWith(text: string | undefined, answers: Answers, inForce: ValuesInForce, file: string): string {
  const changed = answered(text, answers, inForce, file);
  const { profile, sourceProfile, keys } = answers;
  // A place that is written down is that of the former source's keys.
  const isOfAnother = inForce.keys !== undefined && inForce.sourceProfile !== sourceProfile;
  if (!isOfAnother || keys === undefined || keys === inForce.keys) return changed;
  return withSetting(changed, profile, 'keys', keys, file);
}

function answered(text: string | undefined, answers: Answers, inForce: ValuesInForce, file: string): string {
  if (text === undefined || text.trim() === '') return newSettings(answers);
  let changed = text;
  const set = (section: string | undefined, key: string, answer: string | undefined, now: string | undefined) => {
    if (answer === undefined || answer === now) return;
    changed = withSetting(changed, section, key, answer, file);
  };
  const { profile, sourceProfile, serialNumber, promptBefore, durationSeconds } = answers;
  const isSame = parseDuration(promptBefore) === parseDuration(inForce.promptBefore ?? '');
  set(undefined, 'prompt_before', isSame ? undefined : promptBefore, undefined);
  if (!readSettingsFile(changed, file).sections.some(({ name }) => name === profile)) {
    return withBlock(changed, sectionOf(answers));
  }
  set(profile, 'role_arn', answers.roleArn, inForce.roleArn);
  set(profile, 'source_profile', sourceProfile, inForce.sourceProfile);
  set(profile, 'mfa_serial', serialNumber, inForce.serialNumber);
  set(profile, 'duration_seconds', durationSeconds, inForce.durationSeconds);
  return changed;
}

/** Returns a new file that explains each line. */
function newSettings(answers: Answers): string {
  return `; Settings of aws-mfa-agent, written by "aws-mfa-agent setup". The agent reads them again when they change.
; A ";" or "#" at the start of a line or after a space starts a comment.

; How long before a session ends to ask for the next code.
prompt_before = ${written(answers.promptBefore)}

; More settings; remove the first ";" to use them:
; remind_every = ${inUnits(REMIND_EVERY)} ; time until the first reminder
; quiet = 22:00-07:00 ; hours without asking
; prompt = auto ; or a list of methods of asking, in order

${sectionOf(answers)}`;
}

function sectionOf({ profile, sourceProfile, serialNumber, roleArn, durationSeconds }: Answers): string {
  const ofRole = roleArn === undefined ? '' : `; The role to assume with the code.\nrole_arn = ${written(roleArn)}\n`;
  const [usual, longest] =
    roleArn === undefined ? [DURATION_SECONDS, LONGEST_SECONDS] : [ROLE_SECONDS, LONGEST_ROLE_SECONDS];
  return `; An MFA profile, which the agent keeps fresh. Add one section for each MFA profile.
${header(profile)}
${ofRole}; The profile with the long-term keys. The agent never changes them.
source_profile = ${written(sourceProfile)}
; The MFA device: its ARN, or the serial number of a hardware token.
mfa_serial = ${written(serialNumber)}
; How long a session lasts, in seconds: 900 to ${longest}.
${durationSeconds === undefined ? `; duration_seconds = ${usual}` : `duration_seconds = ${durationSeconds}`}
`;
}

/** Returns `config.ini` with one more section for each role, below the others. */
export function withRoles(text: string, roles: readonly OfferedRole[], mfaProfile: string): string {
  return roles.reduce((changed, { name, profile, through, settings }) => {
    const source = roles.find((one) => one.name === through)?.profile ?? mfaProfile;
    const lines = [...settings, ['source_profile', source] as const].map(
      ([key, value]) => `${key} = ${written(value)}\n`,
    );
    const title = `; A role, as in [profile ${name}] of ~/.aws/config: assumed with the session of its source, without a code.\n`;
    return withBlock(changed, `${title}${header(profile)}\n${lines.join('')}`);
  }, text);
}

/**
 * Returns `config.ini` with the place of the long-term keys of some profiles. A profile that is not in the file is added, unless
 * the keys are in the file and the company's settings do not say otherwise.
 * @throws UserError (`usage`) if a file has an error
 */
export function withKeyPlace(
  text: string,
  profiles: readonly string[],
  place: KeyPlace,
  files: Pick<Paths, 'settings' | 'company'>,
): string {
  return profiles.reduce((changed, profile) => {
    const [own, merged] = [readSettingsFile(changed, files.settings), writtenSettings(files, changed)].map(
      ({ sections }) => sections.find(({ name }) => name === profile),
    );
    if (place === 'file' && !merged?.entries.has('keys')) return changed;
    if (own) return withSetting(changed, profile, 'keys', place, files.settings);
    return withBlock(changed, `${header(profile)}\nkeys = ${place}\n`);
  }, text);
}

/** A line of a file and its line end, which the last line may not have. */
interface Line {
  content: string;
  end: string;
}

/**
 * Returns the text with one setting: in its present line, otherwise below the last setting of its section.
 * @param section an existing section; undefined for settings above the first section
 */
export function withSetting(
  text: string,
  section: string | undefined,
  key: string,
  value: string,
  file: string,
): string {
  const settings = readSettingsFile(text, file);
  const bom = text.startsWith('\uFEFF') ? '\uFEFF' : '';
  const lines = linesOf(text.slice(bom.length));
  const place = section === undefined ? undefined : settings.sections.find(({ name }) => name === section);
  const entries = place?.entries ?? settings.top;
  const entry = entries.get(key);
  if (entry) {
    const line = lines[entry.line - 1];
    if (line && entry.value !== value) line.content = withValue(line.content, value, endOf(lines));
  } else {
    const last = Math.max(place?.line ?? 0, ...[...entries.values()].map(({ line }) => line));
    const isFirst = last === 0;
    const at = isFirst ? aboveSections(settings, lines) : last;
    const end = endOf(lines);
    const before = lines[at - 1];
    const opened = before?.end === '' && before.content !== '' ? end : '';
    const gap = isFirst && at < lines.length ? end : '';
    lines.splice(at, 0, { content: `${opened}${key} = ${written(value)}`, end: `${end}${gap}` });
  }
  return bom + lines.map(({ content, end }) => content + end).join('');
}

/** Returns where to put the first setting above all sections: not between a header and its comment. */
function aboveSections({ sections }: SettingsFile, lines: Line[]): number {
  let at = (sections[0]?.line ?? lines.length + 1) - 1;
  if (sections[0]) while (/^\s*[;#]/.test(lines[at - 1]?.content ?? '')) at -= 1;
  return at;
}

/**
 * Returns a line with another value. Keeps the spaces around the value and the comment after it. A value in quotes cannot have
 * a comment after it: then the comment moves to a line above.
 */
function withValue(content: string, value: string, end: string): string {
  const equals = content.indexOf('=') + 1;
  const [, blanks = '', rest = ''] = /^(\s*)(.*)$/s.exec(content.slice(equals)) ?? [];
  const isQuoted = /^(["']).*\1\s*$/.test(rest);
  const sign = isQuoted ? null : /(?<!\\)(?:\\\\)*[;#]/.exec(rest);
  const commentAt = sign ? sign.index + sign[0].length - 1 : rest.length;
  const old = rest.slice(0, commentAt).trimEnd();
  const line = content.slice(0, equals) + blanks + written(value);
  return sign && written(value) !== value ? `${rest.slice(commentAt)}${end}${line}` : line + rest.slice(old.length);
}

/** Adds a section at the end, after a blank line. */
function withBlock(text: string, block: string): string {
  const lines = linesOf(text);
  const end = endOf(lines);
  const last = lines.findLast(({ content, end: its }) => content !== '' || its !== '');
  const gap = (last?.end === '' ? end : '') + (last?.content.trim() === '' ? '' : end);
  return text + gap + block.replaceAll('\n', end);
}

function linesOf(text: string): Line[] {
  return [...text.matchAll(/([^\r\n]*)(\r\n|\n|\r|$)/g)]
    .map(([, content = '', end = '']) => ({ content, end }))
    .filter(({ content, end }) => content !== '' || end !== '');
}

function endOf(lines: Line[]): string {
  return lines.find(({ end }) => end !== '')?.end ?? '\n';
}

/** Quotes a value if the reader of `config.ini` would otherwise change it. */
function written(value: string): string {
  return /^[\w+=/:,.@*-]+$/.test(value) ? value : JSON.stringify(value);
}

function header(profile: string): string {
  const isPlain = profile.trim() === profile && !/^(["']).*\1$/.test(profile);
  return isPlain ? `[${profile}]` : `["${profile}"]`;
}
