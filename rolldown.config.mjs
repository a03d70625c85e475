// Builds the program that ships, into dist/. As separate modules, `status` would take more than three times as long to start.
// Packages that are `dependencies` in package.json stay outside, except `ini` and `pino`.
import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';

/** Dependencies that are bundled too: finding their files takes longer than reading all settings, and 1.6 MB of the agent. */
const BUNDLED = ['ini', 'pino'];

const dependencies = Object.keys(JSON.parse(readFileSync('package.json', 'utf8')).dependencies);

/** Parts of packages that the program never uses: subcommand programs, the log threads of pino, and the D-Bus XML reader. */
const isUnused = (id, importer = '') =>
  (importer.includes('/node_modules/commander/') && id === 'node:child_process') ||
  (importer.includes('/node_modules/@jellybrick/dbus-next/') && id === 'fast-xml-parser') ||
  (importer.includes('/node_modules/pino/') && (id.endsWith('/transport') || id === 'worker_threads'));
const EMPTY = '\0empty.cjs';

export default {
  input: ['src/cli.ts', 'src/job-child.ts', 'src/precompile.ts'],
  platform: 'node',
  external(id, importer) {
    if (isBuiltin(id)) return !isUnused(id, importer);
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(id)?.[0];
    return dependencies.includes(name) && !BUNDLED.includes(name);
  },
  plugins: [
    {
      name: 'unused',
      resolveId: (id, importer) => (isUnused(id, importer) ? EMPTY : null),
      load: (id) => (id === EMPTY ? '' : null),
    },
    { name: 'licenses', generateBundle: emitLicenses },
    { name: 'scripts', generateBundle: emitScripts },
    { name: 'runtime', generateBundle: inlineRuntime },
    { name: 'compiled', generateBundle: loadCompiledFirst },
    { name: 'old-node', generateBundle: checkNodeFirst },
    { name: 'ascii', generateBundle: escapeAll },
  ],
  output: {
    dir: 'dist',
    cleanDir: true,
    format: 'cjs',
    // Node would keep comments in memory.
    comments: false,
    // `require` instead of Node's ES module loader saves time and 2 MB.
    dynamicImportInCjs: false,
    entryFileNames: '[name].cjs',
    chunkFileNames: '[name]-[hash].cjs',
    // Each group takes along what its modules import, so a short command loads two files, and the agent three.
    codeSplitting: {
      groups: [
        { name: 'short', test: /\/src\/commands\/(status|env|credential-process)\.ts$/, priority: 2 },
        { name: 'agent', test: /\/src\/commands\/run\.ts$/, priority: 1 },
      ],
    },
  },
};

/** Scripts that the desktop runs, not Node. */
const SCRIPTS = ['src/ask/window/gtk-window.js', 'src/ask/window/macos-window.js', 'src/agent/macos-events.js'];

/** Emits these scripts as they are, beside the files that start them. */
function emitScripts() {
  for (const file of SCRIPTS) {
    this.emitFile({ type: 'asset', fileName: basename(file), source: readFileSync(file, 'utf8') });
  }
}

/** Puts rolldown's own helper functions, which have no state, into the chunk of the short commands: a file less to find and load. */
function inlineRuntime(_, bundle) {
  const chunks = Object.values(bundle);
  const short = chunks.find(({ name }) => name === 'short');
  const runtime = chunks.find(({ name }) => name === 'rolldown-runtime');
  const inline = `(() => { const exports = {};\n${runtime.code}\nreturn exports; })()`;
  short.code = short.code.replace(`require("./${runtime.fileName}")`, () => inline);
}

/** Has `cli.cjs` load the short commands with what src/precompile.ts has left beside them. */
function loadCompiledFirst(_, bundle) {
  const cli = bundle['cli.cjs'];
  cli.code = cli.code.replace(
    /(?<=^const \w+ = )require\("\.\/(short-.*)"\);/m,
    (_, file) => `(${loadCompiled})("${file}");`,
  );
}

/** Runs in `cli.cjs`. Without a compiled form, or with that of another V8, Node compiles the file. */
function loadCompiled(file) {
  const path = require('node:path').join(__dirname, file);
  const { readFileSync } = require('node:fs');
  let cachedData;
  try {
    cachedData = readFileSync(`${path}.${process.arch}-${process.versions.v8}.compiled`);
  } catch {
    return require(path);
  }
  const { Script } = require('node:vm');
  const script = new Script(module.constructor.wrap(readFileSync(path, 'utf8')), { filename: path, cachedData });
  if (script.cachedDataRejected) return require(path);
  const loaded = new module.constructor(path, module);
  loaded.filename = path;
  loaded.paths = module.paths;
  // The other files of the program require it too.
  require.cache[path] = loaded;
  script.runInThisContext()(loaded.exports, (name) => loaded.require(name), loaded, path, __dirname);
  loaded.loaded = true;
  return loaded.exports;
}

/** Puts the check of Node's version before everything that an old Node could not run. */
function checkNodeFirst(_, bundle) {
  const check = readFileSync('check-node.cjs', 'utf8').replace(/^\/\/.*\n/gm, '');
  bundle['cli.cjs'].code = bundle['cli.cjs'].code.replace(/(?<=^#!.*\n)/, () => check);
}

/** Escapes what is not ASCII: because of one such character, V8 keeps a whole file with two bytes for each (0.3 MB of the agent). */
function escapeAll(_, bundle) {
  for (const chunk of Object.values(bundle).filter(({ type }) => type === 'chunk')) {
    chunk.code = chunk.code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }
}

/**
 * Emits licenses.txt: a table of all packages that ship, in the bundle or installed beside it, then their licenses, each once.
 * Those in the bundle require it; Debian and RPM packages contain the others too.
 */
function emitLicenses(_, bundle) {
  const modules = Object.values(bundle).flatMap(({ moduleIds }) => moduleIds ?? []);
  const bundled = modules.flatMap(
    (id) => /\/(node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)/.exec(id)?.[1] ?? [],
  );
  const locked = Object.entries(JSON.parse(readFileSync('package-lock.json', 'utf8')).packages);
  const installed = locked.filter(([path, { dev }]) => path !== '' && !dev).map(([path]) => path);
  const packages = new Map([...bundled, ...installed].map((folder) => licensed(folder)));
  const table = [...packages.keys()].sort();
  const texts = [...new Set(table.map((one) => packages.get(one)))].map((text) => {
    const names = table.filter((one) => packages.get(one) === text);
    return `${'-'.repeat(80)}\n${names.join('\n')}\n\n${text}\n`;
  });
  this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: `${table.join('\n')}\n\n${texts.join('\n')}` });
}

/** Returns the name, version and license of a package, and the text of the license. */
function licensed(folder) {
  const { name, version, license, author } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
  const text = file ? readFileSync(join(folder, file), 'utf8').replaceAll('\r', '').trim() : undefined;
  return [`${name} ${version} (${license})`, text ?? `${license}, ${author?.name ?? author}`];
}
