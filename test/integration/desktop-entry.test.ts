import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { iconName } from '../../src/ask/desktop/desktop-entry.ts';
import { installDesktopEntry, removeDesktopEntry } from '../../src/service/desktop-entry.ts';
import type { Start } from '../../src/service/start.ts';
import { needs } from '../needs.ts';

let folder: string;
let environment: NodeJS.ProcessEnv;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'desktop-entry-'));
  environment = { HOME: folder, XDG_DATA_DIRS: join(folder, 'none') };
});
afterEach(() => rmSync(folder, { recursive: true }));

const START: Start = {
  node: '/usr/bin/node',
  program: '/usr/bin/aws-mfa-agent',
  words: ['run'],
  environment: {},
  folders: [],
  state: '',
  warnings: [],
};
const entry = () => join(folder, '.local/share/applications/aws-mfa-agent.desktop');
const icon = () => join(folder, '.local/share/icons/hicolor/scalable/apps/aws-mfa-agent.svg');

/** What GLib makes of the entry: its name, its icon, whether it is listed among what notifies, and its command line. */
const READ = `
const { Gio, GLib } = imports.gi;
const entry = Gio.DesktopAppInfo.new_from_filename(ARGV[0]);
const [, words] = GLib.shell_parse_argv(entry.get_commandline());
print(JSON.stringify([entry.get_name(), entry.get_icon().to_string(), entry.get_boolean('X-GNOME-UsesNotifications'), words]));
`;

describe('the desktop entry', () => {
  it('the desktop entry and the icon are written once, and removed again', () => {
    expect(iconName(environment)).toBe('dialog-password');
    installDesktopEntry(environment, START);
    expect(iconName(environment)).toBe('aws-mfa-agent');
    expect(readFileSync(entry(), 'utf8')).toMatch(/^Exec=\/usr\/bin\/node \/usr\/bin\/aws-mfa-agent status --watch$/m);
    expect(readFileSync(icon(), 'utf8')).toMatch(/^<svg /);
    utimesSync(entry(), 0, 0);
    installDesktopEntry(environment, START);
    expect(statSync(entry()).mtimeMs).toBe(0);
    removeDesktopEntry(environment);
    expect([existsSync(entry()), existsSync(icon())]).toEqual([false, false]);
    expect(iconName(environment)).toBe('dialog-password');
    removeDesktopEntry(environment);
  });

  it('the desktop entry stays as the user has edited it', () => {
    installDesktopEntry(environment, START);
    const edited = readFileSync(entry(), 'utf8').replace('Terminal=true', 'Terminal=false');
    writeFileSync(entry(), edited);
    installDesktopEntry(environment, { ...START, node: '/opt/node' });
    removeDesktopEntry(environment);
    expect(readFileSync(entry(), 'utf8')).toBe(edited);
    expect(existsSync(icon())).toBe(false);
  });

  it('the icon of a package is found as well', () => {
    const packaged = join(folder, 'none/icons/hicolor/scalable/apps');
    mkdirSync(packaged, { recursive: true });
    writeFileSync(join(packaged, 'aws-mfa-agent.svg'), '<svg/>');
    expect(iconName(environment)).toBe('aws-mfa-agent');
  });

  it('the desktop entry starts the program wherever it is, as GLib reads it', needs('gjs'), () => {
    const odd = '/opt/a b/$HOME "100%" `x` \\n/node';
    // GLib takes only programs that exist, and looks for them before it replaces %%.
    const node = join(folder, odd.replace('%', ''));
    mkdirSync(join(node, '..'), { recursive: true });
    writeFileSync(node, '', { mode: 0o755 });
    installDesktopEntry(environment, { ...START, node, words: ['--config', `/etc${odd}`, 'run'] });
    const read = execFileSync('gjs', ['-c', READ, entry()], { encoding: 'utf8' });
    const [name, shown, notifies, words] = JSON.parse(read);
    expect([name, shown, notifies]).toEqual(['AWS MFA Agent', 'aws-mfa-agent', true]);
    const expected = [node, '/usr/bin/aws-mfa-agent', '--config', `/etc${odd}`, 'status', '--watch'];
    expect(words.map((word: string) => word.replaceAll('%%', '%'))).toEqual(expected);
  });
});
