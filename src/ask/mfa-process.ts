import { CODES_REFUSED } from '../policy/texts.ts';
import { failureOf, runCommand } from '../run-command.ts';
import { codeIn, type Way } from './ask.ts';
import { announce } from './desktop/announcement.ts';
import * as reasons from './reasons.ts';
import { tellOnTerminal } from './terminal.ts';
import * as texts from './texts.ts';

/** Milliseconds after which a terminal shows that the command is being waited for. */
const SHOWN = 1_000;
/** How long a command may run, in milliseconds: enough to touch a key or unlock a password manager. */
const LIMIT = 30_000;
/** Milliseconds between a command's first message and the notification. A command that ends sooner does not need the user. */
const SPOKE = 300;
/** Milliseconds after which a command without a message probably waits for the user. */
const SILENT = 2_000;

/**
 * A command of the user's that prints the code, like `mfa_process` of aws-vault. The shell runs it, as with aws-vault and
 * with `credential_process`, so quotes mean the same.
 *
 * The code is the last six-digit number in the last line of its standard output that is not empty: `aws:alice  123456`
 * (`ykman`) is read as well as a bare code.
 * A command that has failed is not run again in the same refresh: a user who then mistypes the code should not wait for it.
 * @param terminal whether the command may talk to the user on our terminal ("Touch your YubiKey…"); if not, a notification
 *   repeats its messages while it waits
 */
export function mfaProcess(
  command: string | undefined,
  terminal = false,
  environment: NodeJS.ProcessEnv = process.env,
): Way {
  let failure: string | undefined;
  return {
    name: 'mfa_process',
    unfit: async () => (command === undefined ? reasons.NO_COMMAND : undefined),
    ask: async ({ profile, byHand }, { signal }) => {
      if (command === undefined) return { kind: 'unavailable', reason: reasons.NO_COMMAND };
      if (failure !== undefined) return { kind: 'unavailable', reason: failure };
      if (byHand) return { kind: 'unavailable', reason: CODES_REFUSED };
      const waiting = terminal ? undefined : announceThatItWaits(profile, environment);
      // On a terminal, the user sees the command's own messages, but not that it is the command that takes so long.
      const timer = terminal ? setTimeout(() => tellOnTerminal(texts.waitsForCommand(profile)), SHOWN) : undefined;
      const result = await runCommand(command, { timeout: LIMIT, signal, terminal, onMessage: waiting?.onMessage });
      clearTimeout(timer);
      waiting?.end();
      if (!result.ok && result.ended === 'aborted') return { kind: 'dismissed' };
      const code = result.ok ? codeInOutput(result.stdout) : undefined;
      if (code !== undefined) return { kind: 'code', code, automatic: true };
      failure = result.ok ? reasons.NO_CODE_PRINTED : failureOf(result);
      return { kind: 'unavailable', reason: failure, problem: texts.commandFailed(profile, failure) };
    },
  };
}

/** Shows a notification that the command is waiting, with its last message, until it ends. */
function announceThatItWaits(profile: string, environment: NodeJS.ProcessEnv) {
  const announcement = announce(texts.commandWaits(profile), environment, LIMIT);
  let text = texts.COMMAND_IS_SILENT;
  let begun = false;
  const begin = () => {
    begun = true;
    announcement.say(text);
  };
  let timer = setTimeout(begin, SILENT);
  const onMessage = (line: string) => {
    const first = text === texts.COMMAND_IS_SILENT;
    if (mayHoldSecret(line)) return;
    text = line;
    if (begun) return announcement.say(text);
    if (!first) return;
    clearTimeout(timer);
    timer = setTimeout(begin, SPOKE);
  };
  const end = () => {
    clearTimeout(timer);
    announcement.close();
  };
  return { onMessage, end };
}

/**
 * Whether a message may contain a code, a password, a seed or a key: such commands may print what they do (`set -x`). Only
 * ordinary words pass, and numbers of two digits.
 */
export function mayHoldSecret(message: string): boolean {
  const words = message.split(/\s+/).map((word) => word.replace(/[^\p{L}\p{N}]/gu, ''));
  return (
    /^\s*\+|[=\\]|\d\D{0,2}\d\D{0,2}\d/.test(message) ||
    /(?:pass\w*|pin|secret|token|seed|code|key)\W*(?:\bis\b|:)\s*\S/i.test(message) ||
    words.some((word) => word.length > 16 || /\p{L}\p{N}|\p{N}\p{L}/u.test(word)) ||
    words.filter((word) => /^[A-Z]{4}$/.test(word)).length > 1
  );
}

/** Returns the code in a command's standard output, or undefined. */
export function codeInOutput(output: string): string | undefined {
  const line = output.split(/\r?\n/).findLast((one) => one.trim() !== '') ?? '';
  return codeIn(line) ?? line.match(/(?<!\d)\d{6}(?!\d)/g)?.at(-1);
}
