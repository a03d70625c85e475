import { isAbsolute, join, sep } from 'node:path';

/**
 * Returns a path as an absolute one. Keeps `..`, unlike `resolve` of Node.js: behind a symbolic link, it leads to the folder
 * above the link's target.
 */
export function absolutePath(path: string): string {
  return isAbsolute(path) ? path : join(process.cwd(), sep) + path;
}
