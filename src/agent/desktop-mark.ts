import { existsSync } from 'node:fs';

/**
 * Returns a text that changes when a display or a session bus appears or goes: nothing is started, and nothing is connected to.
 */
export function desktopMark(environment: NodeJS.ProcessEnv): string {
  const { DISPLAY = '', WAYLAND_DISPLAY = '', DBUS_SESSION_BUS_ADDRESS = '', XDG_RUNTIME_DIR = '' } = environment;
  const [, number] = /^:(\d+)/.exec(DISPLAY) ?? [];
  const [, bus] = /^unix:path=([^,;]+)/.exec(DBUS_SESSION_BUS_ADDRESS) ?? [];
  const sockets = [
    number && `/tmp/.X11-unix/X${number}`,
    WAYLAND_DISPLAY && (WAYLAND_DISPLAY.startsWith('/') ? WAYLAND_DISPLAY : `${XDG_RUNTIME_DIR}/${WAYLAND_DISPLAY}`),
    bus ?? (XDG_RUNTIME_DIR && `${XDG_RUNTIME_DIR}/bus`),
  ];
  const exist = sockets.map((socket) => Boolean(socket) && existsSync(socket as string));
  return JSON.stringify([DISPLAY, WAYLAND_DISPLAY, DBUS_SESSION_BUS_ADDRESS, ...exist]);
}
