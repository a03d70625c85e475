import { access, constants } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type CommandResult, childEnvironment, runCommand } from '../run-command.ts';
import { type Answer, type AskRequest, codeIn, type Way } from './ask.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/** A program that shows one window with one field, and prints what was typed. */
export interface DialogProgram {
  /** Its name in `PATH`, and in the `prompt` setting. */
  name: string;
  /** Whether it needs a display of X11 or Wayland. */
  display: boolean;
  /** Its arguments. They are seen by every user of the machine: nothing typed may be among them. */
  words(request: AskRequest): string[];
  /** What an end without success means; undefined for what {@link meaningOf} knows by itself. */
  read?(result: CommandResult & { ok: false }): Answer | undefined;
}

/** The way that asks with such a program. */
export function dialog(program: DialogProgram, environment: NodeJS.ProcessEnv = process.env): Way {
  const { name } = program;
  const unfit = async () => {
    if (program.display && !environment.DISPLAY && !environment.WAYLAND_DISPLAY) {
      return reasons.NO_DISPLAY;
    }
    return (await isInstalled(name, environment)) ? undefined : reasons.NOT_INSTALLED;
  };
  return {
    name,
    unfit,
    ask: async (request, { signal, activationToken }) => {
      const reason = await unfit();
      if (reason !== undefined) return { kind: 'unavailable', reason };
      return untilCode(request, async (current) => {
        const result = await runCommand([name, ...program.words(current)], {
          signal,
          environment: dialogEnvironment(environment, activationToken),
        });
        return result.ok ? result.stdout : (program.read?.(result) ?? meaningOf(result));
      });
    },
  };
}

/** Who types this often something else than a code does not want to give one. Also, no broken program is run forever. */
const MOST_TRIES = 10;

/**
 * Asks the same question again until a code is typed, and says what was wrong.
 * @param type shows the question once: what was typed, or an answer that needs no typing
 */
export async function untilCode(
  request: AskRequest,
  type: (request: AskRequest) => Promise<string | Answer>,
): Promise<Answer> {
  let current = request;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const typed = await type(current);
    if (typeof typed !== 'string') return typed;
    const code = codeIn(typed);
    if (code !== undefined) return { kind: 'code', code };
    current = { ...request, problem: texts.notSixDigits };
  }
  return { kind: 'dismissed' };
}

/** Signals by which a program dies of its own fault; by all others it was ended by somebody. */
const FAULTS: unknown[] = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP', 'SIGSYS'];

/** What the end of a program means that printed nothing to go by. */
export function meaningOf({ ended, reason, stderr }: CommandResult & { ok: false }): Answer {
  const unavailable: Answer = { kind: 'unavailable', reason };
  // Status 1 is Cancel and a closed window, and, with GTK, also a display that cannot be reached.
  if (ended === 1) return /(cannot|failed to) open display/i.test(stderr) ? unavailable : { kind: 'dismissed' };
  if (ended === 'aborted') return { kind: 'dismissed' };
  if (typeof ended === 'string' && ended.startsWith('SIG') && !FAULTS.includes(ended)) return { kind: 'dismissed' };
  return unavailable;
}

/**
 * The environment of a program that opens a window. GTK 3 reads the token from `DESKTOP_STARTUP_ID`, all newer toolkits
 * from `XDG_ACTIVATION_TOKEN`. One of our own is stale.
 */
export function dialogEnvironment(environment: NodeJS.ProcessEnv, token: string | undefined): NodeJS.ProcessEnv {
  const { XDG_ACTIVATION_TOKEN: _, DESKTOP_STARTUP_ID: __, ...rest } = childEnvironment(environment);
  return token === undefined ? rest : { ...rest, XDG_ACTIVATION_TOKEN: token, DESKTOP_STARTUP_ID: token };
}

/** Whether a program is in `PATH`. */
export async function isInstalled(name: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  for (const folder of (environment.PATH ?? '').split(delimiter)) {
    const found = await access(join(folder || '.', name), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}
