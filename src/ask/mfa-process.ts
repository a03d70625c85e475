import { runCommand } from '../command.ts';
import { codeIn, type Way } from './ask.ts';

/** Time to touch a key or unlock a password manager. */
const LIMIT = 30_000;

/**
 * A command of the person's own that prints the code, as `mfa_process` of aws-vault. It is run by the shell, as
 * aws-vault does it (and the AWS SDKs with `credential_process`): what is quoted there means the same here.
 *
 * The code is the first six-digit number in the last line of its standard output that is not empty: this takes
 * `aws:alice  123456` of `ykman` as well as a bare code.
 * @param terminal whether the command may talk to the person on our terminal ("Touch your YubiKey…")
 */
export function mfaProcess(command: string | undefined, terminal = false): Way {
  return {
    name: 'mfa_process',
    unfit: async () => (command === undefined ? 'no mfa_process is set' : undefined),
    ask: async (_request, { signal }) => {
      if (command === undefined) return { kind: 'unavailable', reason: 'no mfa_process is set' };
      const result = await runCommand(command, { timeout: LIMIT, signal, terminal });
      if (!result.ok && result.ended === 'aborted') return { kind: 'dismissed' };
      // Never its output, and no number that could be a code: people put `set -x` into such commands.
      if (!result.ok) return { kind: 'unavailable', reason: result.reason.replace(/\d{6,8}/g, '******') };
      const code = codeInOutput(result.stdout);
      if (code === undefined) return { kind: 'unavailable', reason: 'printed no six-digit code' };
      return { kind: 'code', code, automatic: true };
    },
  };
}

/** @returns six digits, or undefined */
export function codeInOutput(output: string): string | undefined {
  const line = output.split(/\r?\n/).findLast((one) => one.trim() !== '') ?? '';
  return codeIn(line) ?? /(?<!\d)\d{6}(?!\d)/.exec(line)?.[0];
}
