import { spawnSync } from 'node:child_process';

/** The systemd that has started us and listens: sd_notify(3). Everything here rejects and throws never. */
export interface ServiceManager {
  ready(): void;
  /** The settings are being read again; `ready` ends it. */
  reloading(): void;
  stopping(): void;
  /** One line for `systemctl status`. */
  status(text: string): void;
  /**
   * The loop is alive.
   * @param next when it shows itself again: milliseconds from now
   */
  alive(next: number): void;
}

/** The message has arrived when the program ends. Who does not answer in this time, in milliseconds, is not waited for. */
const PATIENCE = 2_000;

/**
 * Speaks with systemd through its `systemd-notify`: Node has no datagram sockets of Unix, and every library for them is
 * native code. The program is waited for without the event loop (5 ms, at most once for two checks), so that messages come
 * in order, the last one is not lost, and the idle agent is woken by nothing but its checks.
 * @param environment the variables of the protocol are taken out of it: no child of ours has a business with them
 * @param onFailure told once why nothing can be said
 * @returns undefined when nobody listens
 */
export function serviceManager(
  environment: NodeJS.ProcessEnv,
  onFailure: (reason: string) => void,
): ServiceManager | undefined {
  const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID, PATH } = environment;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
  if (!NOTIFY_SOCKET) return undefined;

  let failed = false;
  const tell = (...message: string[]) => {
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
    ready: () => tell('READY=1'),
    // The time is what units with Type=notify-reload want.
    reloading: () => tell('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => tell('STOPPING=1'),
    status: (text) => {
      if (text === shown) return;
      shown = text;
      tell(`STATUS=${text.replace(/\s+/g, ' ')}`);
    },
    alive: (next) => {
      // Half of what WatchdogSec= allows is enough, so not every check need say something.
      if (lateness <= 0 || deadline >= now() + next + lateness / 2) return;
      deadline = now() + next + lateness;
      tell('WATCHDOG=1', `WATCHDOG_USEC=${Math.round((next + lateness) * 1000)}`);
    },
  };
}
