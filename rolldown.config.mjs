// What ships. It starts in a third of the time of as many modules as there are sources.
// What package.json has as a dependency stays one. The rest is inside: what every command would wait for, and packages that
// Node 20 cannot require.
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, join, resolve } from 'node:path';

/**
 * What shells and AWS tools call again and again, and the agent. Each is one file, with all that it needs while the session
 * is fresh, and of each module only that. What they load late is in the files of the rest.
 */
const APART = [
  'cli',
  'commands/status',
  'commands/env',
  'commands/credential-process',
  'commands/exec',
  'commands/run',
].map((name) => resolve('src', `${name}.ts`));
/** Packages that they have in them: to find these takes longer than to read all settings, and 1.5 MB of the agent. */
const INSIDE = ['ini', 'pino'];

const packages = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies);
const nameOf = (path) => basename(path, '.ts');
/** The source of each file that another may load late. */
const sources = new Map();
/** The files that one does. */
const late = new Set();
/** Everything that has gone into a file. */
const modules = new Set();

/**
 * What commander loads for commands that are programs of their own, pino for logs that a thread writes, and dbus-next to read
 * how objects describe themselves: of all that we have nothing.
 */
const isIdle = (id, by = '') =>
  (by.includes('/node_modules/commander/') && id === 'node:child_process') ||
  (by.includes('/node_modules/@jellybrick/dbus-next/') && id === 'fast-xml-parser') ||
  (by.includes('/node_modules/pino/') && (id.endsWith('/transport') || id === 'worker_threads'));
const NOTHING = '\0nothing.cjs';

/**
 * @param inside packages that go into the files
 * @param isElsewhere whether a source that is loaded late is in a file that another build makes
 */
const build = ({ input, inside, isElsewhere, plugins, cleanDir }) => ({
  input,
  platform: 'node',
  preserveEntrySignatures: 'allow-extension',
  external(id, by) {
    if (isBuiltin(id)) return !isIdle(id, by);
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
    return packages.includes(name) && !inside.includes(name);
  },
  plugins: [
    {
      name: 'files',
      resolveId(id, by, { kind }) {
        if (isIdle(id, by)) return NOTHING;
        const path = kind === 'dynamic-import' && id.startsWith('.') && resolve(by, '..', id);
        if (!path || !isElsewhere(path)) return null;
        const file = `./${nameOf(path)}.cjs`;
        sources.set(file, path);
        return { id: file, external: true };
      },
      load: (id) => (id === NOTHING ? '' : null),
      generateBundle(_, bundle) {
        for (const chunk of Object.values(bundle).filter(({ type }) => type === 'chunk')) {
          for (const id of chunk.moduleIds) modules.add(id);
          for (const file of chunk.dynamicImports) late.add(file);
          chunk.code = inLatin1(chunk.code);
        }
      },
    },
    ...plugins,
  ],
  output: {
    dir: 'dist',
    cleanDir,
    format: 'cjs',
    // They are in the sources; Node would keep them in memory.
    comments: false,
    // Node's loader of modules takes its time and two megabytes.
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
  },
});

/** One `…` makes Node keep a whole file as two bytes a character. Without comments, they stand in texts alone. */
const inLatin1 = (code) =>
  code.replace(/[^\0-\xff]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);

export default [
  ...APART.map((path, index) =>
    build({
      input: { [nameOf(path)]: path },
      inside: INSIDE,
      isElsewhere: () => true,
      plugins: [],
      cleanDir: index === 0,
    }),
  ),
  build({
    input: { 'job-child': 'src/job-child.ts' },
    inside: [],
    isElsewhere: (path) => APART.includes(path),
    plugins: [
      { name: 'late', buildStart: emitLate },
      { name: 'licenses', generateBundle: emitLicenses },
    ],
    cleanDir: false,
  }),
];

function emitLate() {
  for (const [file, id] of sources) {
    if (late.has(file) && !APART.includes(id)) this.emitFile({ type: 'chunk', id, fileName: basename(file) });
  }
}

/** They ask to be kept with what they license. */
function emitLicenses() {
  const folders = [...modules].flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    const text = file ? readFileSync(join(folder, file), 'utf8') : `${license}, ${author?.name ?? author}`;
    return `${name}\n\n${text.trim()}\n`;
  });
  this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: texts.join('\n\n') });
}
