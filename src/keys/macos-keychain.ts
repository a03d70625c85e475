import { UserError } from '../errors.ts';
import { childEnvironment, runCommand } from '../run-command.ts';
import { type Keychain, SERVICE } from './keychain.ts';
import * as texts from './texts.ts';

const SECURITY = '/usr/bin/security';

/** How long the user may take to unlock the keychain, in milliseconds. */
const LIMIT = 120_000;

/** The exit status for errSecItemNotFound: the lowest byte of the error's number. */
const NOT_FOUND = 44;
/** errSecInteractionNotAllowed, errSecAuthFailed, errSecUserCanceled. */
const LOCKED = [36, 51, 128];

/**
 * Returns the keychain of macOS. Its items belong to `security`, not to Node: otherwise macOS would ask the user again after
 * each upgrade of Node, and would trust every script.
 * @param program replaces `security`
 */
export function macosKeychain(environment: NodeJS.ProcessEnv, program = SECURITY): Keychain {
  /** Runs one command. @returns what it printed; undefined if there is no such item */
  const run = async (words: string[], input?: string): Promise<string | undefined> => {
    const settings = { timeout: LIMIT, environment: childEnvironment(environment) };
    const result = await runCommand([program, ...words], { ...settings, ...(input !== undefined && { input }) });
    if (result.ok) return result.stdout;
    if (result.ended === NOT_FOUND) return undefined;
    const isLocked = typeof result.ended === 'number' && LOCKED.includes(result.ended);
    throw new UserError(isLocked ? texts.NOT_UNLOCKED : texts.noMacosKeychain(result.how));
  };
  const find = (profile: string, ...words: string[]) =>
    run(['find-generic-password', '-s', SERVICE, '-a', profile, ...words]);
  const look = async (profile: string) => {
    const found = await find(profile);
    if (found === undefined) return undefined;
    return { label: /^\s*0x00000007 <blob>="(.*)"$/m.exec(found)?.[1], isLocked: false };
  };
  return {
    name: texts.KEYCHAIN,
    // Whether it is locked is not known without a dialog. It is unlocked at login.
    isOpen: async () => !environment.SSH_CONNECTION,
    look,
    unlock: async (profile) => (await look(profile)) !== undefined,
    read: async (profile) => (await find(profile, '-w'))?.replace(/\n$/, ''),
    write: async (profile, label, text) => {
      // The text is in no list of arguments, which other programs can read.
      const hex = Buffer.from(text, 'utf8').toString('hex');
      const named = `-s ${SERVICE} -a ${quoted(profile)} -l ${quoted(label)}`;
      await run(['-i'], `add-generic-password -U ${named} -X ${hex}\n`);
    },
    remove: async (profile) => {
      await run(['delete-generic-password', '-s', SERVICE, '-a', profile]);
    },
  };
}

/** Returns a word of a line that `security -i` reads: in double quotes, with a backslash before a quote or a backslash. */
function quoted(word: string): string {
  return `"${word.replace(/["\\]/g, '\\$&')}"`;
}
