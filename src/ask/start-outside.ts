import { isInstalled } from '../run-command.ts';
import { startChild } from '../start-child.ts';
import * as reasons from './reasons.ts';

/** Desktop variables that a program needs if systemd starts it. */
const DESKTOP_VARIABLES = [
  ...['DISPLAY', 'XAUTHORITY', 'WAYLAND_DISPLAY', 'XDG_SESSION_TYPE', 'XDG_CURRENT_DESKTOP', 'BROWSER'],
  ...['XDG_ACTIVATION_TOKEN', 'DESKTOP_STARTUP_ID'],
];

/**
 * Starts a program of the user's that may run for days. If the agent is a systemd service, the program becomes a service of
 * its own: otherwise it would inherit the agent's limits, and end with the agent.
 * @param words the program and its arguments
 * @param description for the journal, which would otherwise record the arguments
 * @returns why it failed, as soon as that is known
 */
export async function startOutside(
  words: readonly [string, ...string[]],
  description: string,
  environment: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  if (environment.INVOCATION_ID && isInstalled('systemd-run', environment)) {
    const variables = DESKTOP_VARIABLES.filter((name) => environment[name]);
    const failed = await start(
      [
        ...(['systemd-run', '--user', '--quiet', '--collect', '--wait', '--property=KillMode=process'] as const),
        ...[`--description=${description}`, '--property=StandardOutput=null', '--property=StandardError=null'],
        ...variables.map((name) => `--setenv=${name}=${environment[name]}`),
        ...['--', ...words],
      ],
      environment,
    );
    // A system service has no service manager of the user.
    if (failed === undefined) return undefined;
  }
  return start(words, environment);
}

/** Resolves with how it failed, or undefined if it did not. */
function start(
  [program, ...words]: readonly [string, ...string[]],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const fail = (error: Error) => resolve(reasons.notStarted(program, error.message));
    const child = startChild(program, words, { env, stdio: 'ignore', detached: true });
    if (child instanceof Error) return fail(child);
    child.unref();
    child.once('error', fail);
    child.once('exit', (status, signal) => {
      resolve(status === 0 ? undefined : reasons.endedWith(program, signal ?? status));
    });
  });
}
