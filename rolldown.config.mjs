// What ships. It starts in a third of the time of as many modules as there are sources.
// What package.json has as a dependency stays one. The rest is inside: what every command would wait for, and packages that
// Node 20 cannot require.
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, join, resolve } from 'node:path';

/**
 * What shells and AWS tools call again and again. Each is one file, with all that it needs while the session is fresh, and
 * of each module only that. What they load late is in the files of the rest.
 */
const APART = ['cli.ts', 'commands/status.ts', 'commands/env.ts', 'commands/credential-process.ts'].map((path) =>
  resolve('src', path),
);
/** The source of each file that another may load late, and of each that one does. */
const [sources, late] = [new Map(), new Map()];
/** Everything that has gone into a file. */
const modules = new Set();

const nameOf = (path) => basename(path, '.ts');
/** @param isOther whether what is loaded late is in a file that another build makes */
const build = (isOther, more) => ({
  platform: 'node',
  ...more,
  plugins: [
    ...(more.plugins ?? []),
    {
      name: 'files',
      resolveId(id, by, { kind }) {
        const path = kind === 'dynamic-import' && id.startsWith('.') && resolve(by, '..', id);
        if (!path || !isOther(path)) return null;
        const file = `./${nameOf(path)}.cjs`;
        sources.set(file, path);
        return { id: file, external: true };
      },
      generateBundle(_, bundle) {
        for (const { moduleIds = [], dynamicImports = [] } of Object.values(bundle)) {
          for (const id of moduleIds) modules.add(id);
          for (const file of dynamicImports) if (sources.has(file)) late.set(file, sources.get(file));
        }
      },
    },
  ],
  output: {
    dir: 'dist',
    format: 'cjs',
    // Node's loader of modules takes its time and two megabytes.
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    ...more.output,
  },
});

const packages = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies);
const isOneOf = (names, id) => names.includes(/^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0]);

/** commander loads it for commands that are programs of their own, which ours are not. */
const isIdle = (id, by) => id === 'node:child_process' && by?.includes('/node_modules/commander/');
const NOTHING = '\0nothing.cjs';

export default [
  ...APART.map((path, index) =>
    build(() => true, {
      input: { [nameOf(path)]: path },
      // To find it among the packages would take as long as to read all settings.
      external: (id) => isBuiltin(id) || (id !== 'ini' && isOneOf(packages, id)),
      output: { cleanDir: index === 0 },
    }),
  ),
  build((path) => APART.includes(path), {
    input: { 'job-child': 'src/job-child.ts' },
    preserveEntrySignatures: 'allow-extension',
    external: (id, by) => (isBuiltin(id) && !isIdle(id, by)) || isOneOf(packages, id),
    plugins: [
      {
        name: 'late',
        buildStart() {
          for (const [fileName, id] of late) {
            if (!APART.includes(id)) this.emitFile({ type: 'chunk', id, fileName: fileName.slice(2) });
          }
        },
      },
      {
        name: 'nothing',
        resolveId: (id, by) => (isIdle(id, by) ? NOTHING : null),
        load: (id) => (id === NOTHING ? '' : null),
      },
      { name: 'licenses', generateBundle: emitLicenses },
    ],
  }),
];

/** They ask to be kept with what they license. */
function emitLicenses(_, bundle) {
  const ids = [...modules, ...Object.values(bundle).flatMap(({ moduleIds = [] }) => moduleIds)];
  const folders = ids.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    const text = file ? readFileSync(join(folder, file), 'utf8') : `${license}, ${author?.name ?? author}`;
    return `${name}\n\n${text.trim()}\n`;
  });
  this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: texts.join('\n\n') });
}
