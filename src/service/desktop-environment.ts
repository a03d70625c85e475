import { runCommand } from '../run-command.ts';

/** What leads to the person's screen, and what programs there go by. */
const VARIABLES = [
  ...['DISPLAY', 'WAYLAND_DISPLAY', 'XAUTHORITY', 'DBUS_SESSION_BUS_ADDRESS', 'BROWSER'],
  ...['XDG_CURRENT_DESKTOP', 'XDG_SESSION_TYPE', 'XDG_SESSION_ID', 'XDG_DATA_DIRS'],
];

/**
 * A desktop tells the service manager its display when it starts, and a service started before has the environment of that
 * time: takes what the manager knows now. Folders that its `PATH` has more are added at the end of ours.
 * @param environment changed in place; left alone unless systemd has started us, or when its manager does not answer
 */
export async function takeDesktopEnvironment(environment: NodeJS.ProcessEnv): Promise<void> {
  if (!environment.INVOCATION_ID) return;
  const known = (await managerEnvironment(environment)) ?? {};
  for (const name of VARIABLES) if (known[name]) environment[name] = known[name];
  const folders = (environment.PATH ?? '').split(':');
  const more = (known.PATH ?? '').split(':').filter((folder) => folder.startsWith('/') && !folders.includes(folder));
  environment.PATH = [...folders, ...more].join(':');
}

/** What the user's systemd gives to the programs that it starts, or undefined when it does not answer. */
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
