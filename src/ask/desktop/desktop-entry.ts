import { existsSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** The id of our desktop entry and the name of our icon. Desktops show the entry's name and icon, and settings for it. */
export const DESKTOP_ENTRY = 'aws-mfa-agent';

/** Where the two files are in a data folder: XDG_DATA_HOME, or one of XDG_DATA_DIRS. */
export const ENTRY_FILE = `applications/${DESKTOP_ENTRY}.desktop`;
export const ICON_FILE = `icons/hicolor/scalable/apps/${DESKTOP_ENTRY}.svg`;

/** Returns the name of our icon if `install` or a package has put it into a theme; otherwise the name of the icon for passwords. */
export function iconName(environment: NodeJS.ProcessEnv): string {
  const { XDG_DATA_DIRS } = environment;
  const folders = [dataHome(environment), ...(XDG_DATA_DIRS || '/usr/local/share:/usr/share').split(':')];
  return folders.some((folder) => existsSync(join(folder, ICON_FILE))) ? DESKTOP_ENTRY : 'dialog-password';
}

/**
 * Returns the folder of the user's data files.
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function dataHome({ XDG_DATA_HOME = '', HOME = '' }: NodeJS.ProcessEnv): string {
  return isAbsolute(XDG_DATA_HOME) ? XDG_DATA_HOME : join(HOME, '.local', 'share');
}
