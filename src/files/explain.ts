import { UserError } from '../errors.ts';

/** What the file system answers, for people: what it means, and what to do. */
const REASONS: Record<string, string> = {
  EACCES: 'permission denied; check the owner and the mode of the file and of its folder',
  EBUSY: 'the file is mounted by itself, so it cannot be replaced; mount its folder instead',
  EDQUOT: 'your disk quota is used up; free some space',
  EIO: 'the disk failed; check it',
  EEXIST: 'a file stands where its path needs a folder; move it away',
  EISDIR: 'there is a folder of that name; move it away',
  ELOOP: 'its symbolic links lead in a circle; mend them',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENAMETOOLONG: 'its name is too long; choose a shorter one',
  ENFILE: 'too many files are open on this machine; close some programs',
  ENOENT: 'a folder on its path vanished; make it again',
  ENOSPC: 'the disk is full; free some space',
  ENOTDIR: 'a file stands where its path needs a folder; move it away',
  EPERM: 'not permitted; run this as the owner of the file, and check its attributes (lsattr)',
  EROFS: 'the file system is read-only; mount it for writing, or set AWS_SHARED_CREDENTIALS_FILE to a file on another',
  EXDEV: 'the file is mounted by itself, so it cannot be replaced; mount its folder instead',
};

/** A file is replaced whole, so it does not help that it could be written itself. */
const NO_NEW_FILE =
  'permission denied to make a new file in its folder, which then takes its place; check the owner and the mode of the folder';

/** Another error for people, with one line: what was being done, to which file, what came back, what to do. */
export function explained(error: unknown, doing: 'read' | 'write' | 'watch', file: string): unknown {
  if (error instanceof UserError) {
    const isOfFile = error.code === 'credentials-file' || error.code === 'target-profile';
    return isOfFile ? new UserError(`cannot ${doing} ${file}: ${error.message}`, error.code, { cause: error }) : error;
  }
  const { message, syscall } = error as NodeJS.ErrnoException;
  const code = codeOf(error as NodeJS.ErrnoException);
  if (code === undefined) return error;
  const reason = code === 'EACCES' && syscall === 'mkdir' ? NO_NEW_FILE : REASONS[code];
  return new UserError(`cannot ${doing} ${file}: ${reason ? `${reason} (${code})` : message}`, 'failed', {
    cause: error,
  });
}

/** Node.js calls it `Unknown system error -122`: by its numbers on Linux and macOS. */
const EDQUOT = process.platform === 'darwin' ? -69 : -122;

function codeOf({ code, errno }: NodeJS.ErrnoException): string | undefined {
  return errno === EDQUOT ? 'EDQUOT' : code;
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
