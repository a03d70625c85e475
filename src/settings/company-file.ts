import { realpathSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Entry } from '../credentials/section.ts';
import { UserError } from '../errors.ts';
import { explained } from '../files/explain.ts';
import { readIfPresent } from '../files/read.ts';
import { shellWord } from '../plain.ts';
import type { SettingsFile } from './config-ini.ts';

/** The settings in which the company's file may use the login name. */
const WITH_LOGIN_NAME = ['mfa_serial', 'role_session_name'];

/**
 * Returns the content of the company's `config.ini`; undefined if it is missing, as on most machines. The file can name a
 * command to run (`mfa_process`), so only root may be able to write it.
 * @throws UserError (`usage`) if it cannot be read, or if another user can write or replace it
 */
export function companyText(path: string): string | undefined {
  try {
    // A read that fails would cost a short command 0.4 ms.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    const problem = exposure(path);
    if (problem) throw new UserError(problem, 'usage');
    return readIfPresent(path)?.toString('utf8');
  } catch (error) {
    const { message } = explained(error, 'read', path) as Error;
    throw new UserError(message, 'usage', { cause: error });
  }
}

/**
 * Returns how another user could change the file, or undefined. The file and its folder must belong to the owner of `/etc`,
 * who is root. This compares owners, since root has another number in the user namespace of the service.
 */
function exposure(path: string): string | undefined {
  const etc = dirname(dirname(path));
  const root = statSync(etc).uid;
  for (const place of new Set([path, dirname(path), etc, dirname(realpathSync(path))])) {
    const { uid, mode } = statSync(place);
    // In a folder with the sticky bit, others cannot replace a file of root.
    const isOpen = (mode & 0o022) !== 0 && (place === path || (mode & 0o1000) === 0);
    const found = isOpen
      ? `others may write ${place} (mode ${(mode & 0o777).toString(8)})`
      : uid !== root && `${place} does not belong to root`;
    if (found) {
      const mend = isOpen ? 'chmod go-w' : 'chown root';
      return `${path} is not used, because ${found}: have an administrator run "${mend} ${shellWord(place)}"`;
    }
  }
  return undefined;
}

/**
 * Returns the settings with the user's login name for `%u` and `%` for `%%` in those of the company's file in which a name of
 * AWS can depend on the user.
 * @throws UserError (`usage`) if the user has no login name
 */
export function withLoginName({ top, sections }: SettingsFile, company: string): SettingsFile {
  const filledIn = (entry: Entry) => {
    if (entry.file !== company || !WITH_LOGIN_NAME.includes(entry.key)) return entry;
    return { ...entry, value: entry.value.replace(/%[%u]/g, (text) => (text === '%u' ? loginName(entry) : '%')) };
  };
  return {
    top,
    sections: sections.map((section) => ({
      ...section,
      entries: new Map([...section.entries].map(([key, entry]) => [key, filledIn(entry)])),
    })),
  };
}

function loginName({ key, file, line }: Entry): string {
  try {
    return userInfo().username;
  } catch (error) {
    const problem = 'this user has no login name for %u';
    throw new UserError(`${file}:${line}: ${problem}: set ${key} in your own config.ini`, 'usage', { cause: error });
  }
}
