import { accessSync, constants, readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';

/** What a service sees of the file system is settled when it starts. Whether that is still what it needs. */
export interface View {
  /** Why the agent must be started anew before it does anything more, or undefined. */
  outdated(): string | undefined;
  /** The folder that the agent must write in, if it cannot, and starting it anew would not mend that. */
  readOnly(): string | undefined;
}

type Access = 'writable' | 'read-only' | 'missing';

/**
 * Inside the unit, the folder of the credentials file is a mount of its own in a home that is read-only: one that was made
 * or restored later is not. And what is loaded late must be of the version that runs.
 * @param version the one that runs
 */
export function viewOfService(credentials: string, version: string): View {
  const before = accessTo(credentials).access;
  return {
    outdated: () => {
      const installed = installedVersion();
      if (installed !== undefined && installed !== version) return `version ${installed} is installed`;
      const { access, folder } = accessTo(credentials);
      return access === 'read-only' && before !== 'read-only'
        ? `${folder} is another folder than at the start`
        : undefined;
    },
    readOnly: () => {
      const { access, folder } = accessTo(credentials);
      return access === 'read-only' && before === 'read-only' ? folder : undefined;
    },
  };
}

function accessTo(file: string): { folder: string; access: Access } {
  let folder = dirname(file);
  try {
    folder = dirname(realpathSync(file));
  } catch {
    // There is none yet; it will be made in its folder.
  }
  try {
    accessSync(folder, constants.W_OK);
    return { folder, access: 'writable' };
  } catch (error) {
    return { folder, access: (error as NodeJS.ErrnoException).code === 'EROFS' ? 'read-only' : 'missing' };
  }
}

function installedVersion(): string | undefined {
  try {
    return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
  } catch {
    // In the middle of an upgrade, or taken away.
    return undefined;
  }
}
