// Makes all files of a release in release/VERSION, and checks what is made elsewhere: npm run release [-- --draft]
// `--draft` reports what is missing for a release, and makes the files anyway. See packaging/README.md.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { releaseDate } from './release-date.mjs';

const { version, homepage, engines } = JSON.parse(readFileSync('package.json', 'utf8'));
const folder = join('release', version);
const isDraft = process.argv.includes('--draft');

const run = (program, ...words) => execFileSync(program, words, { stdio: ['ignore', 'inherit', 'inherit'] });
const read = (program, ...words) => execFileSync(program, words, { encoding: 'utf8', maxBuffer: 2 ** 26 }).trim();
const has = (program) => spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
const say = (text) => process.stdout.write(`\n== ${text}\n`);

function missing() {
  const changes = readFileSync('CHANGELOG.md', 'utf8');
  const newest = /^## \[?(\d+\.\d+\.\d+)\b/m.exec(changes)?.[1];
  const tag = read('git', 'tag', '--points-at', 'HEAD').split('\n');
  return [
    read('git', 'status', '--porcelain') !== '' && 'the tree has changes that are not committed',
    newest !== version && `the newest release in CHANGELOG.md is ${newest}, not ${version}`,
    /^## Unreleased\n+(?!## )\S/m.test(changes) &&
      `CHANGELOG.md has changes under "Unreleased": move them to ${version}`,
    !tag.includes(`v${version}`) && `this commit has no tag v${version}: git tag -s v${version}`,
    /\/OWNER\//.test(homepage ?? '/OWNER/') && 'package.json has no owner of the repository yet',
  ].filter((problem) => problem !== false);
}

/** Returns the CycloneDX list of npm with the packages that ship: those of licenses.txt. Drops its date and random number. */
function billOfMaterials() {
  const { serialNumber: _, metadata, ...all } = JSON.parse(read('npm', 'sbom', '--sbom-format', 'cyclonedx'));
  const table = readFileSync('dist/licenses.txt', 'utf8').split('\n\n')[0].split('\n');
  const shipped = new Set(table.map((line) => line.replace(/ \(.*$/, '')));
  const components = all.components.filter(({ name, group, version }) => {
    return shipped.delete(`${group ? `${group}/` : ''}${name} ${version}`);
  });
  if (shipped.size > 0) throw new Error(`npm sbom does not list ${[...shipped].join(', ')}`);
  const kept = new Set([metadata.component['bom-ref'], ...components.map((component) => component['bom-ref'])]);
  const dependencies = all.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) }));
  const timestamp = new Date(releaseDate()).toISOString();
  return { ...all, metadata: { ...metadata, timestamp }, components, dependencies };
}

function formula(tarball) {
  const text = readFileSync('packaging/homebrew/aws-mfa-agent.rb', 'utf8');
  const page = homepage.replace(/#.*/, '');
  return text
    .replaceAll('https://github.com/OWNER/aws-mfa-agent', page)
    .replaceAll('0.0.0', version)
    .replace(/0{64}/, sumOf(tarball));
}

function sumOf(file) {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

const problems = missing();
for (const problem of problems) process.stderr.write(`release: ${problem}\n`);
if (problems.length > 0 && !isDraft) process.exit(1);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
say('the npm package');
run('npm', 'pack', '--pack-destination', folder);
const tarball = join(folder, `aws-mfa-agent-${version}.tgz`);
say('the list of what ships');
writeFileSync(join(folder, `aws-mfa-agent-${version}.cdx.json`), `${JSON.stringify(billOfMaterials(), null, 2)}\n`);
writeFileSync(join(folder, 'aws-mfa-agent.rb'), formula(tarball));
for (const [program, script] of [
  ['dpkg-deb', 'debian/build.sh'],
  ['rpmbuild', 'packaging/rpm/build.sh'],
]) {
  say(script);
  if (has(program)) run('bash', script, folder);
  else problems.push(`${script} was left out: ${program} is not installed`);
}
if (has('lintian'))
  run('lintian', '--allow-root', '--fail-on', 'error,warning', join(folder, `aws-mfa-agent_${version}-1_all.deb`));
else problems.push('the Debian package was not checked: lintian is not installed');
if (has('ruby')) run('ruby', '-c', join(folder, 'aws-mfa-agent.rb'));

say('checksums');
const files = readdirSync(folder).sort();
writeFileSync(join(folder, 'SHA256SUMS'), files.map((file) => `${sumOf(join(folder, file))}  ${file}\n`).join(''));
process.stdout.write(readFileSync(join(folder, 'SHA256SUMS'), 'utf8'));
say(
  problems.length === 0
    ? `release ${version} for Node ${engines.node} is in ${folder}`
    : `a draft is in ${folder}. For a release:`,
);
for (const problem of problems) process.stdout.write(`- ${problem}\n`);
