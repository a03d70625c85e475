import { runCommand } from '../run-command.ts';

/** Variables that lead to the user's screen, and those that desktop programs read. */
const VARIABLES = [
  ...['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'DBUS_SESSION_BUS_ADDRESS', 'BROWSER'],
  ...['XDG_CURRENT_DESKTOP', 'XDG_SESSION_TYPE', 'XDG_SESSION_ID', 'XDG_DATA_DIRS'],
];

/**
 * Updates the variables of the desktop from the user's systemd. A desktop sets them there when it starts, which a service
 * that was started earlier does not see. Further folders of its `PATH` are added at the end of ours.
 * @param environment changed in place; unchanged if systemd did not start us, or does not answer
 */
export async function takeDesktopEnvironment(environment: NodeJS.ProcessEnv): Promise<void> {
  if (!environment.INVOCATION_ID) return;
  const known = (await managerEnvironment(environment)) ?? {};
  for (const name of VARIABLES) if (known[name]) environment[name] = known[name];
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
