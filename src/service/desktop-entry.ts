import { readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { dataHome, ENTRY_FILE, ICON_FILE } from '../ask/desktop/desktop-entry.ts';
import { packageFile } from '../package-file.ts';
import { ownerOf, sealed, writeWhole } from './sealed-file.ts';
import type { Start } from './start.ts';

/** A file that gives our notifications a name and an icon on Linux desktops. */
interface DesktopFile {
  file: string;
  /** As shipped with the package. */
  template: string;
  comment(text: string): string;
}

/**
 * Writes our desktop entry and icon into the user's data folder. Leaves a file that the user has edited.
 * @throws the system's error
 */
export function installDesktopEntry(environment: NodeJS.ProcessEnv, start: Start): void {
  const [entry, icon] = filesIn(environment);
  const options = start.words.slice(0, -1);
  const command = [start.node, start.program, ...options, 'status', '--watch'].map(quoted).join(' ');
  write(
    entry,
    entry.template.replace(/^Exec=.*$/m, () => `Exec=${command}`),
  );
  write(icon, icon.template);
  try {
    // A cache of the theme is out of date if it is older than the theme's folder.
    const now = new Date();
    utimesSync(join(icon.file, '..', '..', '..'), now, now);
  } catch {
    // The folder belongs to another user.
  }
}

/** Removes the desktop entry and the icon, unless the user has edited them. */
export function removeDesktopEntry(environment: NodeJS.ProcessEnv): void {
  for (const one of filesIn(environment)) if (ownerOf(one).owner === 'ours') rmSync(one.file, { force: true });
}

function filesIn(environment: NodeJS.ProcessEnv): [DesktopFile, DesktopFile] {
  const folder = dataHome(environment);
  const shipped = (name: string) => readFileSync(packageFile(`desktop/${name}`), 'utf8');
  return [
    { file: join(folder, ENTRY_FILE), template: shipped('aws-mfa-agent.desktop'), comment: (text) => `# ${text}` },
    { file: join(folder, ICON_FILE), template: shipped('aws-mfa-agent.svg'), comment: (text) => `<!-- ${text} -->` },
  ];
}

function write(one: DesktopFile, text: string): void {
  const { owner, text: before } = ownerOf(one);
  const wanted = sealed(text, one.comment);
  if (owner !== 'edited' && before !== wanted) writeWhole(one.file, wanted);
}

/**
 * Quotes a word of a command line.
 * @see https://specifications.freedesktop.org/desktop-entry-spec/latest/exec-variables.html
 */
function quoted(word: string): string {
  const text = word.replaceAll('%', '%%');
  if (/^[\w@+=:,./%-]+$/.test(text)) return text;
  // Once for the command line, and once more for the value of a key.
  return `"${text.replace(/["`$\\]/g, '\\$&')}"`.replaceAll('\\', '\\\\');
}
