import { type BigIntStats, fchmodSync, fchownSync, fstatSync } from 'node:fs';
import { runCommand } from '../run-command.ts';

/** A new file that is about to replace another one. */
export interface NewFile {
  path: string;
  descriptor: number;
}

/** How long a tool for access control lists may take, in milliseconds. */
const PATIENCE = 5_000;

/** Calls fchown only if the owner differs: some file systems refuse it even without a change. */
export function keepOwner({ descriptor }: NewFile, original: BigIntStats | undefined): void {
  const own = fstatSync(descriptor, { bigint: true });
  if (original && (original.uid !== own.uid || original.gid !== own.gid)) {
    fchownSync(descriptor, Number(original.uid), Number(original.gid));
  }
}

/**
 * Gives a new file, which only its owner may read, the mode and the access control list of the file that it replaces. Never
 * gives a user more access than the original did.
 *
 * If a file has a list, its group bits are the most that the list allows, not what the group may do. Node.js cannot read
 * lists, so getfacl and setfacl copy them; without these tools, only the owner keeps access. A file that only its owner may
 * use needs none of this: a list can then allow nothing to others.
 * @param target the file to replace
 * @returns a sentence for the user if other users lose access
 */
export async function keepAccess(
  file: NewFile,
  target: string,
  original: BigIntStats | undefined,
): Promise<string | undefined> {
  const mode = Number(original?.mode ?? 0o600n) & 0o7777;
  // It was created with 0600. If it has more, this file system has no modes.
  const isShared = (mode & 0o077) !== 0 && (modeOf(file) & 0o077) === 0;
  if (isShared && !(await hasSameList(file, target))) {
    setMode(file, mode & 0o700);
    const why =
      process.platform === 'darwin'
        ? 'its access control list cannot be copied'
        : 'an access control list cannot be read and copied here (install getfacl and setfacl)';
    return `only the owner can access ${target} now: ${why}`;
  }
  setMode(file, mode);
  return undefined;
}

/** Removes the access control list that a new file has inherited from its folder. Only macOS ignores the mode there. */
export async function withoutInheritedList({ path }: NewFile): Promise<void> {
  if (process.platform === 'darwin') await runCommand(['/bin/chmod', '-N', path], { timeout: PATIENCE });
}

/**
 * Copies the list of a file, or its absence: the folder may have given the new file one. The copy allows nothing to others
 * before the mode is set, which is also its mask.
 * @returns whether that was done
 */
async function hasSameList({ path }: NewFile, target: string): Promise<boolean> {
  if (process.platform === 'darwin') {
    const list = await runCommand(['/bin/ls', '-lde', target], { timeout: PATIENCE });
    return list.ok && list.stdout.trim().split('\n').length === 1;
  }
  const list = await listOf(target);
  if (list === undefined) return false;
  const closed = list.replace(/^other::.*$/m, 'other::---').replace(/^mask::.*$/m, 'mask::---');
  const wanted = /^mask::/m.test(closed) ? closed : closed.replace(/^group::.*$/m, 'group::---');
  await runCommand(['setfacl', '--set-file=-', '--', path], { timeout: PATIENCE, input: wanted });
  return (await listOf(path)) === wanted;
}

async function listOf(path: string): Promise<string | undefined> {
  const asText = ['--absolute-names', '--numeric', '--omit-header', '--access', '--no-effective'];
  const list = await runCommand(['getfacl', ...asText, '--', path], { timeout: PATIENCE });
  return list.ok ? list.stdout : undefined;
}

function modeOf({ descriptor }: NewFile): number {
  return fstatSync(descriptor).mode & 0o7777;
}

function setMode(file: NewFile, mode: number): void {
  if (mode !== modeOf(file)) fchmodSync(file.descriptor, mode);
}
