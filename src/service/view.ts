import { accessSync, constants, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { packageVersion } from '../package-file.ts';
import { isNodeGone } from '../start-child.ts';
import * as texts from './texts.ts';

/** A service's view of the file system, which is fixed when it starts, compared with what the agent needs. */
export interface View {
  /** Returns why the agent must be restarted before it does anything more, or undefined. */
  outdated(): string | undefined;
  /** Returns why a session cannot be written, and the remedy, if a restart of the agent would not help. */
  unwritable(): string | undefined;
}

type Access = 'writable' | 'read-only' | 'missing';

/**
 * Returns the view of a running service. Inside the unit, the home folder is read-only but for a mount of the credentials
 * file's folder: a folder created or restored later is read-only. Modules imported late must be of the running version.
 * @param version the running version
 */
export function viewOfService(credentials: string, version: string): View {
  const before = accessTo(credentials).access;
  return {
    outdated: () => {
      if (isNodeGone()) return `${process.execPath} has been removed`;
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
    folder = dirname(realpathSync.native(file));
  } catch {
    // The file does not exist yet.
  }
  try {
    accessSync(folder, constants.W_OK);
    return { folder, access: 'writable' };
  } catch (error) {
    return { folder, access: (error as NodeJS.ErrnoException).code === 'EROFS' ? 'read-only' : 'missing' };
  }
}

/** Whether a new file gets the owner and group of the old one by itself: in a user namespace, they cannot be changed. */
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
    return packageVersion();
  } catch {
    // During an upgrade, or after the package was removed.
    return undefined;
  }
}
