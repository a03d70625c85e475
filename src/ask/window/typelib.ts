import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where systems install libraries: Linux, the BSDs, NixOS. */
const PREFIXES = ['/usr', '/usr/local', '/run/current-system/sw'];

/**
 * Returns whether GJS finds the description of a library of the desktop (`Gtk-4.0`). It looks in `GI_TYPELIB_PATH`, then in the
 * `girepository-1.0` of a library folder whose name differs between systems: `lib`, `lib64`, `lib/x86_64-linux-gnu`.
 */
export function hasTypelib(name: string, { GI_TYPELIB_PATH = '' }: NodeJS.ProcessEnv): boolean {
  const libraries = PREFIXES.flatMap((prefix) => {
    const lib = join(prefix, 'lib');
    return [lib, join(prefix, 'lib64'), ...multiarch(lib)];
  });
  const folders = [
    ...GI_TYPELIB_PATH.split(delimiter).filter((folder) => folder !== ''),
    ...libraries.map((folder) => join(folder, 'girepository-1.0')),
  ];
  return folders.some((folder) => existsSync(join(folder, `${name}.typelib`)));
}

/** @see https://wiki.debian.org/Multiarch/Tuples */
function multiarch(lib: string): string[] {
  try {
    return readdirSync(lib).flatMap((name) => (/^[a-z0-9_]+-linux-/.test(name) ? [join(lib, name)] : []));
  } catch {
    return [];
  }
}
