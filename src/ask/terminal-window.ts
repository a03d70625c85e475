import { fileURLToPath } from 'node:url';
import { PROGRAM } from '../package-file.ts';
import { isInstalled } from '../run-command.ts';
import { carried } from '../settings/carried.ts';
import { nodePath } from '../start-child.ts';
import type { Answer, Way } from './ask.ts';
import { dialogEnvironment } from './field.ts';
import * as reasons from './reasons.ts';
import { startOutside } from './start-outside.ts';
import * as texts from './texts.ts';

/**
 * A terminal window with a command of this program (`refresh`), where there is no code field. It gives no answer: the agent sees
 * the new session in the file. The window is the user's, and stays when the code is no longer needed.
 */
export function terminalWindow(words: readonly string[], environment: NodeJS.ProcessEnv): Way {
  return {
    name: 'terminal window',
    unfit: async () => {
      if (!environment.DISPLAY && !environment.WAYLAND_DISPLAY) return reasons.NO_DISPLAY;
      return emulatorIn(environment) ? undefined : reasons.NO_TERMINAL_EMULATOR;
    },
    ask: async (_, { signal, activationToken }) => {
      const ended = openTerminal(words, environment, activationToken);
      const aborted = new Promise<undefined>((resolve) => {
        signal.addEventListener('abort', () => resolve(undefined));
        if (signal.aborted) resolve(undefined);
      });
      const reason = await Promise.race([ended, aborted]);
      const answer: Answer = reason === undefined ? { kind: 'dismissed' } : { kind: 'unavailable', reason };
      return answer;
    },
  };
}

/**
 * Opens a terminal window with a command of this program, which uses the same files as this process. Neither systemd nor the
 * server of a terminal emulator passes on our variables, so they are in the command.
 * @param stays whether the window stays open until the user presses Return, to be read
 * @returns why it failed, as soon as that is known
 */
export async function openTerminal(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  activationToken: string | undefined,
  stays = false,
): Promise<string | undefined> {
  const emulator = emulatorIn(environment);
  if (!emulator) return reasons.NO_TERMINAL_EMULATOR;
  return startOutside(
    // It ends with a status of its own, or with that of the command: neither says that it was not opened.
    [
      'sh',
      '-c',
      '"$@" || :',
      'sh',
      ...emulator,
      ...(stays ? STAYING : []),
      '/usr/bin/env',
      ...variablesIn(environment),
      nodePath(),
      fileURLToPath(PROGRAM),
      ...words,
    ],
    texts.OPENS_TERMINAL,
    dialogEnvironment(environment, activationToken),
  );
}

/** Returns the variables for the command, without a URL with a password, which is not accepted as an endpoint. */
function variablesIn(environment: NodeJS.ProcessEnv): string[] {
  return Object.entries(carried(environment))
    .filter(([, value]) => !/:\/\/[^/]*@/.test(value))
    .map(([name, value]) => `${name}=${value}`);
}

/** Runs a command, and waits for the user. */
const STAYING = ['sh', '-c', `"$@"; printf '\\n%s ' '${texts.PRESS_RETURN}'; read -r answer`, 'sh'];

/**
 * The user's terminal emulator, with what comes before a command.
 * @see https://gitlab.freedesktop.org/terminal-wg/specifications for the first; the second is Debian's
 */
function emulatorIn(environment: NodeJS.ProcessEnv): string[] | undefined {
  if (isInstalled('xdg-terminal-exec', environment)) return ['xdg-terminal-exec'];
  return isInstalled('x-terminal-emulator', environment) ? ['x-terminal-emulator', '-e'] : undefined;
}
