import { readFileSync } from 'node:fs';

/**
 * A file of this package, by its path in it (`package.json`). The same from the sources, from the modules that are built for
 * the tests, and from the program: each lies in one folder of the package.
 */
export function packageFile(path: string): URL {
  return new URL(`../${path}`, import.meta.url);
}

/** The built program. */
export const PROGRAM = packageFile('dist/cli.cjs');

/** The version of this package. */
export function packageVersion(): string {
  return JSON.parse(readFileSync(packageFile('package.json'), 'utf8')).version;
}
