import { UserError } from '../errors.ts';

/** For each error code of the file system: what it means for the file, and what to do. */
const REASONS: Record<string, string> = {
  EACCES: 'permission denied; check the owner and the mode of the file and of its folder',
  EBUSY: 'the file itself is a mount point, so it cannot be replaced; mount its folder instead',
  EDQUOT: 'your disk quota is used up; free some space',
  EIO: 'the disk reported an error; check it',
  EEXIST: 'its path leads through a file that should be a folder; move that file away',
  EISDIR: 'it is a folder; move it away',
  ELOOP: 'its symbolic links form a circle; correct them',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENAMETOOLONG: 'its name is too long; choose a shorter one',
  ENFILE: 'too many files are open on this machine; close some programs',
  ENOENT: 'a folder on its path is missing and cannot be created; create it',
  ENOSPC: 'the disk is full; free some space',
  ENOTDIR: 'its path leads through a file that should be a folder; move that file away',
  ENXIO: 'it is a socket, not a file; move it away',
  EPERM: notPermitted(process.platform),
  EROFS: 'the file system is read-only; mount it for writing, or set AWS_SHARED_CREDENTIALS_FILE to a file elsewhere',
  EXDEV: 'the file itself is a mount point, so it cannot be replaced; mount its folder instead',
};

/** macOS also protects folders such as Documents, and what iCloud keeps, from programs that the user has not allowed there. */
function notPermitted(platform: NodeJS.Platform): string {
  if (platform !== 'darwin')
    return 'not permitted; run this as the owner of the file, and check its attributes (lsattr)';
  return 'not permitted; run this as the owner of the file, check its flags (ls -lO), and allow node there in System Settings > Privacy & Security > Files and Folders';
}

/** For EACCES of mkdir: the file is replaced, so its folder must be writable, not only the file itself. */
const NO_NEW_FILE =
  'permission denied: to replace the file, a new file must be created in its folder; check the owner and the mode of the folder';

/** For fchown: the new file belongs to the user who runs the program. */
const OWNER_LOST =
  'the new file cannot have the owner and the group of the old one; run this as its owner, or change its group to one of yours (chgrp)';

/**
 * Returns the error as a UserError whose message says what failed, for which file, why, and what to do. Returns an error
 * that is not of the file system as it is.
 */
export function explained(error: unknown, doing: 'read' | 'write' | 'watch', file: string): unknown {
  if (error instanceof UserError) {
    const isOfFile = error.code === 'credentials-file' || error.code === 'target-profile';
    return isOfFile ? new UserError(`cannot ${doing} ${file}: ${error.message}`, error.code, { cause: error }) : error;
  }
  const { message, syscall } = error as NodeJS.ErrnoException;
  const code = codeOf(error as NodeJS.ErrnoException);
  if (code === undefined) return error;
  const special = { mkdir: code === 'EACCES' ? NO_NEW_FILE : undefined, fchown: OWNER_LOST }[syscall ?? ''];
  const reason = special ?? REASONS[code];
  return new UserError(`cannot ${doing} ${file}: ${reason ? `${reason} (${code})` : message}`, 'failed', {
    cause: error,
  });
}

/** Node.js has no name for EDQUOT: this is its number on macOS and on Linux. */
const EDQUOT = process.platform === 'darwin' ? -69 : -122;

function codeOf({ code, errno }: NodeJS.ErrnoException): string | undefined {
  return errno === EDQUOT ? 'EDQUOT' : code;
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
