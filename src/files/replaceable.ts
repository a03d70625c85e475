import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Throws what a rename onto a file would: EPERM for a file that must not be changed (`chattr +i` or `+a`), EBUSY for a mount
 * point. Changes nothing.
 */
export function refuseIrreplaceable(target: string): void {
  try {
    closeSync(openSync(target, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch (error) {
    // A missing file, or one that only its mode protects, can be replaced.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') throw error;
  }
  if (isMountPoint(target)) throw Object.assign(new Error('is a mount point'), { code: 'EBUSY', syscall: 'rename' });
}

/** Returns whether a file is itself a mount point, as files are that a container mounts one by one. Linux only. */
function isMountPoint(file: string): boolean {
  try {
    return mountOf(file) !== mountOf(dirname(file));
  } catch {
    // There is no file, or no /proc.
    return false;
  }
}

/** Returns the number of the mount that a path is on. The device does not tell: bind mounts are on the same. */
function mountOf(path: string): string | undefined {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, 'latin1'))?.[1];
  } finally {
    closeSync(descriptor);
  }
}
