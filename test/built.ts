import { existsSync } from 'node:fs';

/**
 * The address of a module of ours as `npm run build` leaves it, for a process of a test's own: plain Node.js does not read
 * TypeScript.
 * @param source its path in `src/`
 */
export function built(source: string): string {
  // Not only the built file: one of an older build may be left.
  if (!existsSync(new URL(`../src/${source}`, import.meta.url))) throw new Error(`there is no src/${source}`);
  const module = new URL(`../build/${source.replace(/\.ts$/, '.js')}`, import.meta.url);
  if (!existsSync(module)) throw new Error(`src/${source} is not built: run "npm run build"`);
  return module.href;
}

/** The path, in an installed package, of the program that makes the compiled form of the short commands. */
export const PRECOMPILE = 'dist/precompile.cjs';
