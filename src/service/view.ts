import { accessSync, constants, existsSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { packageVersion } from '../package-file.ts';
import type { Paths } from '../settings/paths.ts';
import { isNodeGone } from '../start-child.ts';
import * as texts from './texts.ts';

/** A service's view of the file system, which is fixed when it starts, compared with what the agent needs. */
export interface View {
  /** Returns why the agent must be restarted before it does anything more, or undefined. */
  outdated(): string | undefined;
  /** Returns why a session cannot be written, and the remedy, if a restart of the agent would not help. */
  unwritable(): string | undefined;
  /** Why nothing will be remembered when the agent ends, and the remedy; undefined if it will. */
  unsaved: string | undefined;
}

type Access = 'writable' | 'read-only' | 'missing';

/**
 * Returns the view of a running service. Inside the unit, the home folder is read-only but for mounts of the credentials
 * file's folder and of the state's: a folder created or restored later is read-only. The unit creates the state's folder at
 * each start. Modules imported late must be of the running version.
 * @param version the running version
 */
export function viewOfService({ credentials, state }: Pick<Paths, 'credentials' | 'state'>, version: string): View {
  const before = accessTo(credentials).access;
  const wasSaved = nearestAccess(state) !== 'read-only';
  const hadState = existsSync(state);
  return {
    outdated: () => {
      if (isNodeGone()) return `${process.execPath} has been removed`;
      const installed = installedVersion();
      if (installed !== undefined && installed !== version) return `version ${installed} is installed`;
      const replaced = (folder: string) => `${folder} has been replaced since the agent started`;
      const { access, folder } = accessTo(credentials);
      if (access === 'read-only' && before !== 'read-only') return replaced(folder);
      const isStateLost = nearestAccess(state) === 'read-only' && (wasSaved || (!hadState && existsSync(state)));
      return isStateLost ? replaced(state) : undefined;
    },
    unwritable: () => {
      const { access, folder } = accessTo(credentials);
      if (access === 'read-only' && before === 'read-only') return texts.readOnlyInService(folder);
      return isOwnerKept(credentials, folder) ? undefined : texts.foreignInService(credentials);
    },
    unsaved: wasSaved ? undefined : texts.readOnlyInService(state),
  };
}

function accessTo(file: string): { folder: string; access: Access } {
  let folder = dirname(file);
  try {
    folder = dirname(realpathSync.native(file));
  } catch {
    // The file does not exist yet.
  }
  return { folder, access: accessIn(folder) };
}

function accessIn(folder: string): Access {
  try {
    accessSync(folder, constants.W_OK);
    return 'writable';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS' ? 'read-only' : 'missing';
  }
}

/** Returns the access to a folder, or to the first one above it that exists. */
function nearestAccess(folder: string): Access {
  const access = accessIn(folder);
  return access === 'missing' && dirname(folder) !== folder ? nearestAccess(dirname(folder)) : access;
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
