// Loaded by `--require`: a Node on Linux that says it runs on macOS, as an ordinary user.
const os = require('node:os');

Object.defineProperty(process, 'platform', { value: 'darwin' });
os.platform = () => 'darwin';
os.type = () => 'Darwin';
process.getuid = () => 501;
