import { spawnSync } from 'node:child_process';

/** The systemd that started us and listens for messages: sd_notify(3). Nothing here throws. */
export interface ServiceManager {
  ready(): void;
  /** The settings are being read again, until `ready`. */
  reloading(): void;
  stopping(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /**
   * The agent is alive.
   * @param next milliseconds until it reports again
   */
  alive(next: number): void;
}

/** How long systemd-notify may take, in milliseconds. */
const PATIENCE = 2_000;

/**
 * Sends messages to systemd with `systemd-notify`: Node has no Unix datagram sockets, and every library for them is native
 * code. Each call is synchronous (5 ms, at most once in two checks), so messages arrive in order, the last one is not
 * lost, and nothing but its checks wakes the idle agent.
 * @param environment the protocol's variables are removed from it, since no child of ours needs them
 * @param onFailure receives the reason of the first failure; nothing is sent after it
 * @returns undefined without a listener
 */
export function serviceManager(
  environment: NodeJS.ProcessEnv,
  onFailure: (reason: string) => void,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, PATH } = environment;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
  if (!NOTIFY_SOCKET) return undefined;

  let failed = false;
  const send = (...message: string[]) => {
    if (failed) return;
    const { error, status, stderr } = spawnSync('systemd-notify', message, {
      env: { NOTIFY_SOCKET, PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: PATIENCE,
      encoding: 'utf8',
    });
    if (!error && status === 0) return;
    failed = true;
    onFailure(error?.message ?? stderr.trim());
  };

  let shown: string | undefined;
  const lateness = !WATCHDOG_PID || Number(WATCHDOG_PID) === process.pid ? Number(WATCHDOG_USEC ?? 0) / 1000 : 0;
  const now = () => process.uptime() * 1000;
  let deadline = now() + lateness;
  return {
    ready: () => send('READY=1'),
    // Units with Type=notify-reload require the time.
    reloading: () => send('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => send('STOPPING=1'),
    status: (text) => {
      if (text === shown) return;
      shown = text;
      send(`STATUS=${text.replace(/\s+/g, ' ')}`);
    },
    alive: (next) => {
      // Reporting at half of what WatchdogSec= allows is enough, so not every check needs to.
      if (lateness <= 0 || deadline >= now() + next + lateness / 2) return;
      deadline = now() + next + lateness;
      send('WATCHDOG=1', `WATCHDOG_USEC=${Math.round((next + lateness) * 1000)}`);
    },
  };
}
