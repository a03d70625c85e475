import { styleText } from 'node:util';
import { plain } from '../plain.ts';
import { subjectOf } from './examination.ts';
import type { Finding, Level } from './finding.ts';

const MARKS = { ok: '✓', warning: '!', error: '✗' } as const;
const COLOURS = { ok: 'green', warning: 'yellow', error: 'red' } as const;

/** For a person: one line for each finding, under its subject, and below it how to mend it. */
export function reportText(findings: readonly Finding[], colour: boolean): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string) => (colour ? styleText(format, text) : text);
  const lines: string[] = [];
  let subject: string | undefined;
  for (const { check, level, found, mend } of findings) {
    if (subjectOf(check) !== subject) {
      if (subject !== undefined) lines.push('');
      subject = subjectOf(check);
      lines.push(paint('bold', subject));
    }
    lines.push(`  ${paint(COLOURS[level], MARKS[level])} ${plain(found)}`);
    if (mend !== undefined) lines.push(`    → ${plain(mend)}`);
  }
  const { ok, warning, error } = counts(findings);
  const total = `${ok} ok, ${warning} ${warning === 1 ? 'warning' : 'warnings'}, ${error} ${error === 1 ? 'error' : 'errors'}`;
  const worst = error > 0 ? 'error' : warning > 0 ? 'warning' : 'ok';
  return `${lines.join('\n')}\n\n${paint(COLOURS[worst], total)}\n`;
}

/** For programs; docs/doctor.md says what stays as it is. */
export function reportJson(findings: readonly Finding[], version: string): string {
  const all = findings.map(({ check, profile, level, found, mend }) => ({
    check,
    profile: profile ?? null,
    level,
    found,
    mend: mend ?? null,
  }));
  return `${JSON.stringify({ schema: 1, version, counts: counts(findings), findings: all }, null, 2)}\n`;
}

function counts(findings: readonly Finding[]): Record<Level, number> {
  const of = (level: Level) => findings.filter((one) => one.level === level).length;
  return { ok: of('ok'), warning: of('warning'), error: of('error') };
}
