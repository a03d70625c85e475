// What ships: a CommonJS file for each command, and for what several share. It starts in half the time of as many modules.
// What package.json has as a dependency stays one. The rest is inside: what every command would wait for, and packages that
// Node 20 cannot require.
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';

const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const nameIn = (path) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0];

/** commander loads it for commands that are programs of their own, which ours are not. */
const isIdle = (id, by) => id === 'node:child_process' && by?.includes('/node_modules/commander/');
const NOTHING = '\0nothing.cjs';

export default {
  input: { cli: 'src/cli.ts', 'job-child': 'src/job-child.ts' },
  platform: 'node',
  external: (id, by) => (isBuiltin(id) && !isIdle(id, by)) || nameIn(id) in dependencies,
  plugins: [
    { name: 'licenses', generateBundle: emitLicenses },
    {
      name: 'nothing',
      resolveId: (id, by) => (isIdle(id, by) ? NOTHING : null),
      load: (id) => (id === NOTHING ? '' : null),
    },
  ],
  output: {
    dir: 'dist',
    format: 'cjs',
    // Node's loader of modules takes its time and two megabytes.
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    cleanDir: true,
  },
};

/** They ask to be kept with what they license. */
function emitLicenses(_, bundle) {
  const modules = Object.values(bundle).flatMap((file) => file.moduleIds ?? []);
  const folders = modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    const text = file ? readFileSync(join(folder, file), 'utf8') : `${license}, ${author?.name ?? author}`;
    return `${name}\n\n${text.trim()}\n`;
  });
  this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: texts.join('\n\n') });
}
