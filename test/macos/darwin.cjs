// Loaded by `--require`: a Node on Linux that says it runs on macOS, on Apple silicon, as an ordinary user.
const os = require('node:os');

Object.defineProperty(process, 'platform', { value: 'darwin' });
Object.defineProperty(process, 'arch', { value: 'arm64' });
os.platform = () => 'darwin';
os.type = () => 'Darwin';
process.getuid = () => 501;
