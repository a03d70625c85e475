// Updates the tables of packages in CONTRIBUTING.md: sizes from node_modules, the rest from the npm registry.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = 'CONTRIBUTING.md';
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** The folder of a package, as one that is installed in the folder `from` finds it. */
function folderOf(name, from) {
  const nested = join(from, 'node_modules', name);
  return existsSync(nested) ? nested : folderOf(name, from.replace(/\/?node_modules\/(@[^/]+\/)?[^/]+$/, ''));
}

/** The folders of a package and of all that it needs. */
function withNeeds(folder, found = new Set()) {
  if (found.has(folder)) return found;
  found.add(folder);
  for (const name of Object.keys(read(join(folder, 'package.json')).dependencies ?? {})) {
    withNeeds(folderOf(name, folder), found);
  }
  return found;
}

function sizeOf(folder) {
  const sizes = readdirSync(folder, { withFileTypes: true }).map((entry) => {
    if (entry.isDirectory()) return entry.name === 'node_modules' ? 0 : sizeOf(join(folder, entry.name));
    return statSync(join(folder, entry.name)).size;
  });
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** When the version and the first one were released, and how many may publish. A mirror may not say: "?". */
function registryCell(name, version) {
  const { time, maintainers } = JSON.parse(
    execFileSync('npm', ['view', name, 'time', 'maintainers', '--json'], { encoding: 'utf8' }),
  );
  if (!time?.created || !maintainers) return '?';
  return `${time[version].slice(0, 7)}, ${time.created.slice(0, 4)}, ${maintainers.length}`;
}

function row(name, reason) {
  const folder = join('node_modules', name);
  const { version, author, maintainers } = read(join(folder, 'package.json'));
  const all = [...withNeeds(folder)];
  const size = all.reduce((sum, one) => sum + sizeOf(one), 0) / 1e3;
  const by = (author ?? maintainers[0]).name ?? author.replace(/ [<(].*/, '');
  const cells = [`${Math.round(size)} kB, ${all.length}`, by, registryCell(name, version), reason];
  return `| \`${name}\` ${version} | ${cells.join(' | ')} |`;
}

const page = readFileSync(PAGE, 'utf8');
writeFileSync(
  PAGE,
  page.replace(/^\| `([^` ]+)`[^|\n]*\|(?:[^|\n]*\|){3} (.*) \|$/gm, (_, name, reason) => row(name, reason)),
);
