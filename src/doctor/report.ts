import { styleText } from 'node:util';
import { plain, plainJson } from '../plain.ts';
import { type Finding, type Level, SUBJECTS } from './finding.ts';

const MARKS = { ok: '✓', warning: '!', error: '✗' } as const;
const COLOURS = { ok: 'green', warning: 'yellow', error: 'red' } as const;

/**
 * Returns the report for people: the findings under their subjects, each with how to fix it, then every problem once more.
 * @param findings in the order of {@link SUBJECTS}
 */
export function reportText(findings: readonly Finding[], colour: boolean): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string) => (colour ? styleText(format, text) : text);
  const part = (title: string, shown: readonly Finding[]) => {
    if (shown.length === 0) return [];
    const lines = shown.flatMap(({ level, isAbsent, found, mend }) => [
      `  ${isAbsent ? '–' : paint(COLOURS[level], MARKS[level])} ${plain(found)}`,
      ...(mend === undefined ? [] : [`    → ${plain(mend)}`]),
    ]);
    return [`${[paint('bold', title), ...lines].join('\n')}\n`];
  };
  const of = (level: Level) => findings.filter((one) => one.level === level);
  const [errors, warnings] = [of('error'), of('warning')];
  const total = [
    `${of('ok').length} ok`,
    `${warnings.length} ${warnings.length === 1 ? 'warning' : 'warnings'}`,
    `${errors.length} ${errors.length === 1 ? 'error' : 'errors'}`,
  ].join(', ');
  const worst = errors.length > 0 ? 'error' : warnings.length > 0 ? 'warning' : 'ok';
  return [
    ...Object.entries(SUBJECTS).flatMap(([subject, checks]) =>
      part(
        subject,
        findings.filter(({ check }) => (checks as readonly string[]).includes(check)),
      ),
    ),
    ...part('Problems', [...errors, ...warnings]),
    `${paint(COLOURS[worst], total)}\n`,
  ].join('\n');
}

/** Returns the report for programs; docs/doctor.md says which of its fields stay. */
export function reportJson(findings: readonly Finding[], version: string): string {
  const count = (level: Level) => findings.filter((one) => one.level === level).length;
  const counts = { ok: count('ok'), warning: count('warning'), error: count('error') };
  const all = findings.map(({ check, profile = null, level, found, mend = null }) => ({
    check,
    profile,
    level,
    found,
    mend,
  }));
  return `${plainJson(JSON.stringify({ schema: 1, version, counts, findings: all }, null, 2))}\n`;
}
