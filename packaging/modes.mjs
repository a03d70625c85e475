// Gives every file that npm packs the same mode everywhere, whatever the umask: npm packs modes, and leaves out times and owners.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const { files } = JSON.parse(readFileSync('package.json', 'utf8'));
const packed = [...files, 'package.json', 'README.md', 'LICENSE'].filter((path) => existsSync(path));
execFileSync('chmod', ['-R', 'u=rwX,go=rX', ...packed]);
