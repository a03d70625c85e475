import { runCommand } from '../run-command.ts';
import { codeIn, type Way } from './ask.ts';
import { announce } from './desktop/announcement.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/** Time to touch a key or unlock a password manager. */
const LIMIT = 30_000;
/** A command that is over by then needs nobody: a notification that only flashes by is a nuisance. */
const SPOKE = 300;
/** From then on a command waits for somebody, although it has not said so. */
const SILENT = 2_000;

/**
 * A command of the person's own that prints the code, as `mfa_process` of aws-vault. It is run by the shell, as
 * aws-vault does it (and the AWS SDKs with `credential_process`): what is quoted there means the same here.
 *
 * The code is the first six-digit number in the last line of its standard output that is not empty: this takes
 * `aws:alice  123456` of `ykman` as well as a bare code.
 * A command that has failed is not run again for the same refresh: whoever mistypes the code then should not wait for it.
 * @param terminal whether the command may talk to the person on our terminal ("Touch your YubiKey…"); if not, a
 *   notification repeats what it says while it waits
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
      if (byHand) return { kind: 'unavailable', reason: reasons.CODES_REFUSED };
      const waiting = terminal ? undefined : tellThatItWaits(profile, environment);
      const result = await runCommand(command, { timeout: LIMIT, signal, terminal, onMessage: waiting?.onMessage });
      waiting?.end();
      if (!result.ok && result.ended === 'aborted') return { kind: 'dismissed' };
      const code = result.ok ? codeInOutput(result.stdout) : undefined;
      if (code !== undefined) return { kind: 'code', code, automatic: true };
      failure = result.ok ? reasons.NO_CODE_PRINTED : withoutSecrets(result.reason);
      return { kind: 'unavailable', reason: failure, problem: texts.commandFailed(profile, failure) };
    },
  };
}

/** A notification says that the command waits, and repeats its last message, until it ends. */
function tellThatItWaits(profile: string, environment: NodeJS.ProcessEnv) {
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
    text = withoutSecrets(line);
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

/** Numbers that may be codes, and words that may be seeds or keys: people put `set -x` into such commands. */
function withoutSecrets(message: string): string {
  return message.replace(/[A-Za-z0-9]{16,}/g, '******').replace(/\d{3} ?\d{3,}/g, '******');
}

/** @returns six digits, or undefined */
export function codeInOutput(output: string): string | undefined {
  const line = output.split(/\r?\n/).findLast((one) => one.trim() !== '') ?? '';
  return codeIn(line) ?? /(?<!\d)\d{6}(?!\d)/.exec(line)?.[0];
}
