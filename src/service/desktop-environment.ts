import { runCommand } from '../run-command.ts';

/** Variables that lead to the user's screen, and those by which windows look and work as elsewhere on the desktop. */
export const DESKTOP_VARIABLES = [
  ...['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'DBUS_SESSION_BUS_ADDRESS', 'BROWSER'],
  ...[
    'XDG_CURRENT_DESKTOP',
    'XDG_SESSION_DESKTOP',
    'XDG_SESSION_TYPE',
    'XDG_SESSION_ID',
    'XDG_DATA_HOME',
    'XDG_DATA_DIRS',
  ],
  // scale, theme, toolkit
  ...['GDK_SCALE', 'GDK_DPI_SCALE', 'GDK_BACKEND', 'GTK_THEME', 'XCURSOR_THEME', 'XCURSOR_SIZE'],
  ...[
    'QT_SCALE_FACTOR',
    'QT_SCREEN_SCALE_FACTORS',
    'QT_AUTO_SCREEN_SCALE_FACTOR',
    'QT_ENABLE_HIGHDPI_SCALING',
    'QT_FONT_DPI',
  ],
  ...['QT_QPA_PLATFORM', 'QT_QPA_PLATFORMTHEME', 'QT_STYLE_OVERRIDE'],
  // input method, accessibility
  ...['GTK_IM_MODULE', 'QT_IM_MODULE', 'QT_IM_MODULES', 'XMODIFIERS', 'GTK_A11Y', 'QT_ACCESSIBILITY', 'NO_AT_BRIDGE'],
  // language
  ...['LANG', 'LANGUAGE', 'LC_ALL', 'LC_CTYPE', 'LC_MESSAGES', 'LC_TIME'],
];

/**
 * Updates the variables of the desktop from the user's systemd. A desktop sets them there when it starts, which a service
 * that was started earlier does not see. Further folders of its `PATH` are added at the end of ours.
 * @param environment changed in place; unchanged if systemd did not start us, or does not answer
 */
export async function takeDesktopEnvironment(environment: NodeJS.ProcessEnv): Promise<void> {
  if (!environment.INVOCATION_ID) return;
  const known = (await managerEnvironment(environment)) ?? {};
  for (const name of DESKTOP_VARIABLES) if (known[name]) environment[name] = known[name];
  const folders = (environment.PATH ?? '').split(':');
  const more = (known.PATH ?? '').split(':').filter((folder) => folder.startsWith('/') && !folders.includes(folder));
  environment.PATH = [...folders, ...more].join(':');
}

/** Returns the variables that the user's systemd gives to its services, or undefined if it does not answer. */
export async function managerEnvironment(environment: NodeJS.ProcessEnv): Promise<Record<string, string> | undefined> {
  const words = ['systemctl', '--user', 'show-environment', '--output=json'];
  const result = await runCommand(words, { timeout: 2_000, environment });
  return result.ok ? parse(result.stdout) : undefined;
}

function parse(text: string): Record<string, string> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
