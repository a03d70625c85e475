// Gives every file that npm packs the same mode everywhere, whatever the umask: npm packs modes, and leaves out times and owners.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const { files } = JSON.parse(readFileSync('package.json', 'utf8'));
const always = readdirSync('.').filter((name) => /^(package\.json$|README|LICENSE)/.test(name));
execFileSync('chmod', ['-R', 'u=rwX,go=rX', ...files.filter((name) => !name.startsWith('!')), ...always]);
