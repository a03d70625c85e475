import { lstatSync, readlinkSync } from 'node:fs';
import { dirname, isAbsolute, join, parse, sep } from 'node:path';
import { absolutePath } from './absolute-path.ts';

/** A name in an existing folder. If it changes, a path may lead elsewhere. */
export interface PathEntry {
  folder: string;
  name: string;
}

/** The limit of Linux. */
const MOST_LINKS = 40;

/**
 * Follows every symbolic link of a path as the kernel does, also to a file that does not exist.
 * @returns `target` is the real path. `places` are the names that decide it: the links, and the file itself or the first
 *   folder that is missing. `problem` is the error that stopped the search (ELOOP, EACCES); `target` is then the path up to
 *   there
 */
export function followLinks(file: string): { target: string; places: PathEntry[]; problem?: unknown } {
  const places: PathEntry[] = [];
  const absolute = absolutePath(file);
  let folder = parse(absolute).root;
  let rest = partsOf(absolute);
  try {
    for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
      if (name === '..') {
        folder = dirname(folder);
        continue;
      }
      const path = join(folder, name);
      const found = lstatSync(path, { throwIfNoEntry: false });
      const isLink = found?.isSymbolicLink() === true;
      if (!found || isLink || rest.length === 0) places.push({ folder, name });
      if (!found) return { target: [path, ...rest].join(sep), places };
      if (isLink) {
        if (places.length > MOST_LINKS) throw Object.assign(new Error('too many symbolic links'), { code: 'ELOOP' });
        const link = readlinkSync(path);
        if (isAbsolute(link)) folder = parse(link).root;
        rest = [...partsOf(link), ...rest];
      } else {
        folder = path;
      }
    }
    return { target: folder, places };
  } catch (problem) {
    return { target: folder, places, problem };
  }
}

function partsOf(path: string): string[] {
  return path
    .slice(parse(path).root.length)
    .split(sep)
    .filter((part) => part !== '' && part !== '.');
}
