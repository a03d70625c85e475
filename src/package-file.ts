import { readFileSync } from 'node:fs';

/**
 * Returns the URL of a file of this package. Works in `src/`, in `build/` (the modules for the tests) and in `dist/`, since
 * each is a folder of the package.
 */
export function packageFile(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}

/** The built program. */
export const PROGRAM = packageFile('dist/cli.cjs');

/** Returns the version of this package. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version;
}
