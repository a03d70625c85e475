import { join } from 'node:path';
import { createAsk } from '../ask/choose.ts';
import { UserError } from '../errors.ts';
import { DESKTOP_VARIABLES } from '../service/desktop-environment.ts';

/**
 * Returns the variables by which programs in another home folder, with another runtime folder, open windows on this desktop.
 * @param environment of this process
 */
export function desktopOf(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.fromEntries(DESKTOP_VARIABLES.map((name) => [name, environment[name]]));
  const { HOME = '', XDG_RUNTIME_DIR, DBUS_SESSION_BUS_ADDRESS, WAYLAND_DISPLAY, XAUTHORITY } = environment;
  return {
    ...own,
    XAUTHORITY: XAUTHORITY ?? join(HOME, '.Xauthority'),
    ...(WAYLAND_DISPLAY && XDG_RUNTIME_DIR && { WAYLAND_DISPLAY: absolute(XDG_RUNTIME_DIR, WAYLAND_DISPLAY) }),
    ...(!DBUS_SESSION_BUS_ADDRESS &&
      XDG_RUNTIME_DIR && { DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(XDG_RUNTIME_DIR, 'bus')}` }),
  };
}

function absolute(folder: string, name: string): string {
  return name.startsWith('/') ? name : join(folder, name);
}

/** @throws UserError if nothing can ask on this desktop */
export async function requireDesktop(environment: NodeJS.ProcessEnv): Promise<void> {
  const ways = (await createAsk({ prompt: 'auto' }, {}, { environment }).ways()).filter(
    ({ name }) => name !== 'terminal',
  );
  if (ways.some(({ unfit }) => unfit === undefined)) return;
  const reasons = ways.map(({ name, unfit }) => `${name}: ${unfit}`).join('; ');
  throw new UserError(`demo --desktop needs a desktop (${reasons}): run "aws-mfa-agent demo" in this terminal`);
}
