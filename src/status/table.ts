import { inspect } from 'node:util';
import type { AgentReport } from '../control/messages.ts';
import { plain } from '../plain.ts';
import { standingText } from '../policy/standing.ts';
import type { SessionState } from '../session/session.ts';
import { formatDuration } from '../time/duration.ts';
import { localTime } from '../time/local-time.ts';
import type { Row } from './rows.ts';

/** The place where the table will be shown. */
export interface Display {
  /** Cells in a line; undefined if a line may have any length. */
  columns: number | undefined;
  colors: boolean;
  /** Whether it can show characters beyond ASCII. */
  unicode: boolean;
}

/** Returns how many cells a text takes. */
export type WidthOf = (text: string) => number;

type Style = 'bold' | 'green' | 'yellow' | 'red';

interface Column {
  head: string;
  text(row: Row): string;
  style?(row: Row): Style;
  /** The smallest width to which the column's texts may be cut; undefined if a cut text could be misunderstood. */
  least?: number;
}

/**
 * Returns the lines of the table, without line ends. No line is wider than the place, whatever the names are. If there is
 * too little room, the bar is shortened and then removed; then agent's texts that do not fit are wrapped under their rows;
 * then columns are removed from the right, and finally names are cut.
 */
export function statusTable(
  rows: readonly Row[],
  agent: AgentReport | undefined,
  now: number,
  place: Display,
  widthOf: WidthOf,
): string[] {
  const { profile, state, left, bar, ends, agents } = columnsAt(agent, now, place.unicode);
  const { columns: room = Number.POSITIVE_INFINITY } = place;
  const isBar = rows.some(({ end }) => end !== undefined);
  const onOneLine = [
    ...[16, 8].filter(() => isBar).map((length) => [profile, state, left, bar(length), ends, agents]),
    [profile, state, left, ends, agents],
  ];
  for (const columns of onOneLine) {
    const widths = fitted(columns, rows, room, widthOf);
    if (widths) return lines(columns, widths, rows, place, widthOf);
  }
  for (const columns of [[profile, state, left, ends], [profile, state, left], [profile, state], [profile]]) {
    const widths = fitted(columns, rows, room, widthOf) ?? (columns.length === 1 ? [room] : undefined);
    if (!widths) continue;
    const used = widths.reduce((sum, width) => sum + width + GAP, 0);
    const beside = { ...agents, text: (row: Row) => textBeside(agents.text(row), room - used, widthOf) };
    const isBeside = columns.length === 4 && rows.some((row) => beside.text(row) !== '');
    const [head, ...shown] = isBeside
      ? lines([...columns, beside], [...widths, room - used], rows, place, widthOf)
      : lines(columns, widths, rows, place, widthOf);
    const under = rows.map((row) => {
      const text = agents.text(row);
      const isShown = (isBeside && beside.text(row) !== '') || text === row.state || text === '-';
      return isShown ? '' : text;
    });
    return [
      head ?? '',
      ...shown.flatMap((line, index) => {
        const text = under[index] ?? '';
        // Rows with the same text show it once.
        return [line, ...(text === under[index + 1] ? [] : wrapped(text, room, widthOf))];
      }),
    ];
  }
  return [];
}

/** Returns a text that fits beside the other columns, or none. */
function textBeside(text: string, room: number, widthOf: WidthOf): string {
  return room >= LEAST_BESIDE && widthOf(text) <= room ? text : '';
}

/** Cells: at least the head of the column. */
const LEAST_BESIDE = 5;

/** Breaks a text between words into lines with an indentation. A word that is too long is broken anywhere. */
function wrapped(text: string, room: number, widthOf: WidthOf): string[] {
  const indent = room > 20 ? '  ' : '';
  const width = room - indent.length;
  const broken: string[] = [];
  let line = '';
  for (const word of text.split(' ').filter((one) => one !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== '') broken.push(line);
    line = '';
    for (const { segment } of new Intl.Segmenter().segment(word)) {
      // A character that is wider than the place cannot be shown.
      if (widthOf(segment) > width) continue;
      if (widthOf(line + segment) > width) {
        broken.push(line);
        line = '';
      }
      line += segment;
    }
  }
  return [...broken, ...(line === '' ? [] : [line])].map((one) => indent + one);
}

function columnsAt(agent: AgentReport | undefined, now: number, unicode: boolean) {
  const style = ({ state }: Row) => STYLES[state];
  return {
    profile: { head: 'PROFILE', text: ({ profile }) => plain(profile), least: 8 },
    state: { head: 'STATE', text: ({ state }) => state, style },
    left: {
      head: 'LEFT',
      text: ({ end }) => (end === undefined || end <= now ? '-' : formatDuration(end - now)),
    },
    bar: (length: number) => ({ head: '', text: (row: Row) => barOf(row, now, length, unicode), style }),
    ends: {
      head: 'ENDS',
      text: ({ end, expiration }) => {
        if (end === undefined) return '-';
        const isTooOld = expiration !== undefined && end < expiration;
        return `${localTime(end, now)}${isTooOld ? ' (max_age)' : ''}`;
      },
    },
    agents: {
      head: 'AGENT',
      text: ({ state, standing }) => {
        if (!agent) return 'not running';
        return standing ? plain(standingText(state, standing, now)) : '-';
      },
    },
  } satisfies Record<string, Column | ((length: number) => Column)>;
}

const STYLES: Record<SessionState, Style> = {
  fresh: 'green',
  due: 'yellow',
  unknown: 'yellow',
  expired: 'red',
  missing: 'red',
  'long-term': 'red',
};

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Returns a bar that shows how much of a session is left. */
function barOf({ start, end }: Row, now: number, length: number, unicode: boolean): string {
  if (start === undefined || end === undefined || end <= start) return '';
  const left = Math.min(1, Math.max(0, (end - now) / (end - start))) * length;
  if (!unicode) return '#'.repeat(Math.ceil(left)).padEnd(length, '-');
  const eighths = Math.ceil(left * 8);
  return `${'█'.repeat(Math.floor(eighths / 8))}${EIGHTHS[eighths % 8]}`.padEnd(length, '░');
}

const GAP = 2;

/** Returns the width of each column; undefined if they do not fit. */
function fitted(columns: Column[], rows: readonly Row[], room: number, widthOf: WidthOf): number[] | undefined {
  const widths = columns.map(({ head, text }) => Math.max(widthOf(head), ...rows.map((row) => widthOf(text(row)))));
  let excess = widths.reduce((sum, width) => sum + width, GAP * (columns.length - 1)) - room;
  for (let index = columns.length - 1; index >= 0 && excess > 0; index--) {
    const width = widths[index] ?? 0;
    const saved = Math.min(excess, Math.max(0, width - (columns[index]?.least ?? width)));
    widths[index] = width - saved;
    excess -= saved;
  }
  return excess > 0 ? undefined : widths;
}

function lines(columns: Column[], widths: number[], rows: readonly Row[], place: Display, widthOf: WidthOf): string[] {
  const line = (cells: { text: string; style: Style | undefined }[]) =>
    cells
      .map(({ text, style }, index) => {
        const width = widths[index] ?? 0;
        const shown = cut(text, width, place.unicode, widthOf);
        const blanks = index === cells.length - 1 ? '' : ' '.repeat(width - widthOf(shown) + GAP);
        return `${place.colors && style && shown !== '' ? styled(shown, style) : shown}${blanks}`;
      })
      .join('')
      .trimEnd();
  return [
    line(columns.map(({ head }) => ({ text: head, style: 'bold' }))),
    ...rows.map((row) => line(columns.map(({ text, style }) => ({ text: text(row), style: style?.(row) })))),
  ];
}

/** Colours a text. Does not use Node's `styleText`, which decides by standard output whether to colour. */
function styled(text: string, style: Style): string {
  const [on, off] = inspect.colors[style] ?? [];
  return `\x1b[${on}m${text}\x1b[${off}m`;
}

/** Cuts a text to a number of cells. */
function cut(text: string, room: number, unicode: boolean, widthOf: WidthOf): string {
  if (widthOf(text) <= room) return text;
  let kept = '';
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (widthOf(kept + segment) > room - 1) break;
    kept += segment;
  }
  return room < 1 ? '' : `${kept}${unicode ? '…' : '~'}`;
}
