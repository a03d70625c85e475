// Returns the day of the newest release in CHANGELOG.md. The pages and packages of a release have it, not the day of the build.
import { readFileSync } from 'node:fs';

/** `YYYY-MM-DD` */
export function releaseDate() {
  const text = readFileSync(new URL('../CHANGELOG.md', import.meta.url), 'utf8');
  const [, date] = /^## .*\b(\d{4}-\d{2}-\d{2})\b/m.exec(text) ?? [];
  if (date === undefined) throw new Error('CHANGELOG.md has no release with a date, such as "## 0.1.0 - 2026-11-27"');
  return date;
}

// For scripts: seconds since the epoch.
if (process.argv[1] === import.meta.filename) process.stdout.write(`${Date.parse(releaseDate()) / 1000}\n`);
