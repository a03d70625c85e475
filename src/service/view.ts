import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { packageFile } from '../package-file.ts';
import * as texts from './texts.ts';

/** What a service sees of the file system is settled when it starts. Whether that is still what it needs. */
export interface View {
  /** Why the agent must be started anew before it does anything more, or undefined. */
  outdated(): string | undefined;
  /** Why a session could not be written, where starting the agent anew would not mend that, and what would. */
  unwritable(): string | undefined;
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
        ? `${folder} has been replaced since the agent started`
        : undefined;
    },
    unwritable: () => {
      const { access, folder } = accessTo(credentials);
      if (access === 'read-only' && before === 'read-only') return texts.readOnlyInService(folder);
      return isOwnerKept(credentials, folder) ? undefined : texts.foreignInService(credentials);
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

/** Whether what replaces a file belongs to whom the file does, by itself: in a user namespace, nothing can be given away. */
function isOwnerKept(file: string, folder: string): boolean {
  try {
    const [now, around] = [statSync(file), statSync(folder)];
    const inherits = (around.mode & 0o2000) !== 0;
    return now.uid === process.getuid?.() && now.gid === (inherits ? around.gid : process.getgid?.());
  } catch {
    return true;
  }
}

function installedVersion(): string | undefined {
  try {
    return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version;
  } catch {
    // In the middle of an upgrade, or taken away.
    return undefined;
  }
}
