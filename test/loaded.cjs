// Preloaded into the program: at its end, its standard error has the files that it has loaded, and the modules of Node.js.
const before = new Set(process.moduleLoadList);
process.on('exit', () => {
  const files = Object.keys(require.cache).filter((path) => path !== __filename);
  const builtins = process.moduleLoadList.filter((name) => !before.has(name));
  require('node:fs').writeSync(2, JSON.stringify({ files, builtins }));
});
