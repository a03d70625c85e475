import { readSettingsFile, type SettingsFile } from '../settings/config-ini.ts';
import { DURATION_SECONDS, REMIND_EVERY } from '../settings/defaults.ts';
import { parseDuration } from '../time/duration.ts';
import { inUnits } from './lead-time.ts';

/** What a person has answered, each as it is written in `config.ini`. */
export interface Answers {
  profile: string;
  sourceProfile: string;
  serialNumber: string;
  /** `15m` */
  promptBefore: string;
  /** Undefined: nobody was asked, and what stands stays. */
  durationSeconds: string | undefined;
}

/** What the settings say before the answers are written, wherever from; undefined where nothing does. */
export type ValuesInForce = { [Key in Exclude<keyof Answers, 'profile'>]?: string | undefined };

/**
 * `config.ini` with the answers in it. A file that is there keeps every byte but the values that were answered
 * differently: comments, order, spacing and line ends stay. Answering the same again changes nothing.
 * @param text undefined when there is no file
 * @param inForce what the file, or `~/.aws/config` through it, says now: an answer that says the same is not written
 * @param file for messages
 * @throws UserError (status 2) when the file cannot be read
 */
export function settingsWith(text: string | undefined, answers: Answers, inForce: ValuesInForce, file: string): string {
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
  set(profile, 'source_profile', sourceProfile, inForce.sourceProfile);
  set(profile, 'mfa_serial', serialNumber, inForce.serialNumber);
  set(profile, 'duration_seconds', durationSeconds, inForce.durationSeconds);
  return changed;
}

/** A whole file, with what each line is for. */
function newSettings(answers: Answers): string {
  return `; Settings of aws-mfa-agent, begun by "aws-mfa-agent setup". The agent reads them again when they change.
; A ; or # at the beginning of a line, or after a blank, begins a comment.

; How long before a session ends to ask for the code of the next.
prompt_before = ${written(answers.promptBefore)}

; More, to take the ; away from:
; remind_every = ${inUnits(REMIND_EVERY)} ; how long to wait for an answer before asking again
; quiet = 22:00-07:00 ; hours without asking
; prompt = auto ; or the ways to ask, in their order

${sectionOf(answers)}`;
}

function sectionOf({ profile, sourceProfile, serialNumber, durationSeconds }: Answers): string {
  return `; The profile that is kept fresh. Another section for each other one.
${header(profile)}
; The profile with the long-term keys. They are read, and never changed.
source_profile = ${written(sourceProfile)}
; The MFA device: its ARN, or the serial number of a hardware token.
mfa_serial = ${written(serialNumber)}
; How long a session lasts, in seconds: 900 to 129600.
${durationSeconds === undefined ? `; duration_seconds = ${DURATION_SECONDS}` : `duration_seconds = ${durationSeconds}`}
`;
}

/** A line of a file, and how it ends: with nothing, if it is the last. */
interface Line {
  content: string;
  end: string;
}

/**
 * The text with one setting in its place: in its line where it stands, else below the last setting of its section.
 * @param section undefined: above the first section. Else it must be there
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

/** Where the first of the settings above all sections goes: not between a header and the comment that belongs to it. */
function aboveSections({ sections }: SettingsFile, lines: Line[]): number {
  let at = (sections[0]?.line ?? lines.length + 1) - 1;
  if (sections[0]) while (/^\s*[;#]/.test(lines[at - 1]?.content ?? '')) at -= 1;
  return at;
}

/**
 * A line with another value; blanks around it and a comment behind it stay. Nothing may stand behind a value in quotes, so
 * there the comment goes above it.
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

/** A section at the end, with a blank line before it. */
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

/** A value as the reader of `config.ini` takes it for what it is. */
function written(value: string): string {
  return /^[\w+=/:,.@*-]+$/.test(value) ? value : JSON.stringify(value);
}

function header(profile: string): string {
  const isPlain = profile.trim() === profile && !/^(["']).*\1$/.test(profile);
  return isPlain ? `[${profile}]` : `["${profile}"]`;
}
