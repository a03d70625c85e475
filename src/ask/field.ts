import { type CommandResult, childEnvironment, isInstalled, runCommand } from '../run-command.ts';
import { type Answer, type AskRequest, codeIn, type Way } from './ask.ts';
import { endingWithUs } from './ends-with-us.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/** A program that shows one window with one field, and prints what the user typed. */
export interface DialogProgram {
  /** Its name in `PATH` and in the `prompt` setting. */
  name: string;
  /** Whether it needs a display of X11 or Wayland. */
  display: boolean;
  /** Returns its arguments. Every user of the machine can see them: they must not contain anything secret. */
  words(request: AskRequest): string[];
  /** Returns what an end without success means, or undefined if {@link meaningOf} should decide. */
  read?(result: CommandResult & { ok: false }, request: AskRequest): Answer | undefined;
}

/** Returns the way that asks with such a program. */
export function dialog(program: DialogProgram, environment: NodeJS.ProcessEnv): Way {
  const { name } = program;
  const whyUnfit = () => {
    if (program.display && !environment.DISPLAY && !environment.WAYLAND_DISPLAY) return reasons.NO_DISPLAY;
    return isInstalled(name, environment) ? undefined : reasons.NOT_INSTALLED;
  };
  return {
    name,
    unfit: async () => whyUnfit(),
    ask: async (request, { signal, activationToken, needsResult }) => {
      const reason = whyUnfit();
      if (reason !== undefined) return { kind: 'unavailable', reason };
      const answer = await untilCode(request, async (current) => {
        const own = dialogEnvironment(environment, activationToken);
        const words = await endingWithUs([name, ...program.words(current)], own);
        const result = await runCommand(words, { signal, environment: own });
        return result.ok ? result.stdout : (program.read?.(result, current) ?? meaningOf(result));
      });
      if (answer.kind === 'code') needsResult?.('desktop');
      return answer;
    },
  };
}

/** After this many invalid answers, the prompt is closed. This also stops a broken program that returns at once. */
const MOST_TRIES = 10;

/**
 * Repeats a prompt until the user types a code, and says what was wrong.
 * @param type shows the prompt once; returns what the user typed, or an answer if they did not type
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
    current = { ...request, problem: texts.NOT_SIX_DIGITS };
  }
  return { kind: 'dismissed' };
}

/** Signals that end a program because of its own fault. Any other signal was sent by the user or another program. */
const FAULTS: unknown[] = ['SIGABRT', 'SIGSEGV', 'SIGBUS', 'SIGILL', 'SIGFPE', 'SIGTRAP', 'SIGSYS'];

/** Returns what a dialog's end without success means, from its exit status or signal. */
export function meaningOf({ ended, reason, stderr }: CommandResult & { ok: false }): Answer {
  const unavailable: Answer = { kind: 'unavailable', reason };
  // Exit status 1: Cancel or a closed window; with GTK also a display that cannot be opened.
  if (ended === 1) return /(cannot|failed to) open display/i.test(stderr) ? unavailable : { kind: 'dismissed' };
  if (ended === 'aborted') return { kind: 'dismissed' };
  if (typeof ended === 'string' && ended.startsWith('SIG') && !FAULTS.includes(ended)) return { kind: 'dismissed' };
  return unavailable;
}

/**
 * Returns the environment of a program that opens a window. GTK 3 reads the activation token from `DESKTOP_STARTUP_ID`, all
 * newer toolkits from `XDG_ACTIVATION_TOKEN`. A token that the agent itself was started with is out of date.
 */
export function dialogEnvironment(environment: NodeJS.ProcessEnv, token: string | undefined): NodeJS.ProcessEnv {
  const { XDG_ACTIVATION_TOKEN: _, DESKTOP_STARTUP_ID: __, ...rest } = childEnvironment(environment);
  return token === undefined ? rest : { ...rest, XDG_ACTIVATION_TOKEN: token, DESKTOP_STARTUP_ID: token };
}
