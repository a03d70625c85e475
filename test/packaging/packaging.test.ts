import { execFile, execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { needs } from '../needs.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

const folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-packaging-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Locked {
  version: string;
  license: string;
  dev?: boolean;
}

const npm = (...words: string[]) =>
  execFileSync('npm', ['--no-audit', '--no-fund', ...words], { stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });

const [packed] = JSON.parse(npm('pack', '--json', '--ignore-scripts', '--pack-destination', folder)) as [
  { filename: string; files: { path: string; mode: number }[] },
];

describe('the published package', () => {
  it('the published package contains what runs, and nothing else', () => {
    const parts = packed.files.map(({ path }) =>
      path.replace(/^dist\/.*\.cjs$/, 'dist/*.cjs').replace(/^docs\/.*/, 'docs/*'),
    );
    expect([...new Set(parts)].sort()).toEqual([
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'README.pt-BR.md',
      'SECURITY.md',
      'completions/aws-mfa-agent.bash',
      'completions/aws-mfa-agent.fish',
      'completions/aws-mfa-agent.zsh',
      'desktop/aws-mfa-agent.desktop',
      'desktop/aws-mfa-agent.svg',
      'dist/*.cjs',
      'dist/aws-mfa-agent.1',
      'dist/gtk-window.js',
      'dist/licenses.txt',
      'dist/macos-events.js',
      'dist/macos-window.js',
      'docs/*',
      'launchd/io.github.aws-mfa-agent.plist',
      'package.json',
      'systemd/aws-mfa-agent.service',
    ]);
    expect(packed.files.find(({ path }) => path === 'dist/cli.cjs')?.mode).toBe(0o755);
  });

  it(
    'the published package is the same, byte for byte, when it is built on another day, elsewhere, with another umask',
    needs('faketime'),
    () => {
      // On the same disk, for links to what npm installed.
      mkdirSync('build', { recursive: true });
      const elsewhere = mkdtempSync(resolve('build/another folder '));
      onTestFinished(() => rmSync(elsewhere, { recursive: true, force: true }));
      const left = ['node_modules', 'dist', 'build', 'release', '.git', 'test/artifacts'].map(
        (one) => `--exclude=./${one}`,
      );
      const copy = 'to=$0; umask 077; tar -c "$@" . | tar -x --no-same-permissions -C "$to"';
      execFileSync('sh', ['-c', copy, elsewhere, ...left]);
      execFileSync('cp', ['--archive', '--link', 'node_modules', elsewhere]);
      const again = 'umask 077; exec faketime -f +40d npm pack --silent';
      execFileSync('sh', ['-c', again], { cwd: elsewhere, stdio: 'pipe' });
      expect(readFileSync(join(elsewhere, packed.filename)).equals(readFileSync(join(folder, packed.filename)))).toBe(
        true,
      );
    },
  );

  it('the published package names every package that ships, with its license', () => {
    const text = readFileSync('dist/licenses.txt', 'utf8');
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, Locked> };
    const bundled =
      /^Bundled into the program[\s\S]*?\n\n((?:\|.*\n)+)/m.exec(readFileSync('CONTRIBUTING.md', 'utf8'))?.[1] ?? '';
    const named = [...bundled.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name);
    expect(named).toContain('commander');
    const shipped = Object.entries(packages).filter(
      ([path, { dev }]) => path !== '' && (!dev || named.includes(path.slice('node_modules/'.length))),
    );
    for (const [path, { version, license }] of shipped) {
      const name = path.replace(/^.*node_modules\//, '');
      expect(text.split(`${name} ${version} (${license})\n`), name).toHaveLength(3);
    }
  });

  it('the published package runs no scripts at installation, and neither do its dependencies', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(name);
    const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
    const running = Object.entries<{ dev?: boolean; hasInstallScript?: boolean }>(packages)
      .filter(([, { dev, hasInstallScript }]) => hasInstallScript && !dev)
      .map(([path]) => path);
    expect(running).toEqual([]);
  });

  it('the published program and the build say which Node they need, on an older one', () => {
    const { engines, scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
    const old = join(folder, 'old-node.cjs');
    writeFileSync(old, "Object.defineProperty(process, 'versions', { value: { node: '20.11.1' } });");
    expect(scripts.prebuild).toBe('node check-node.cjs');
    expect(scripts.pretest).toMatch(/^node check-node.cjs && /);
    for (const file of ['dist/cli.cjs', 'check-node.cjs']) {
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--require', old, file, 'status'], {
        encoding: 'utf8',
      });
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toMatch(/^aws-mfa-agent needs Node\.js [\d.]+ or later; .*\n$/);
      expect(engines.node).toBe(`>=${/\d[\d.]+/.exec(stderr)?.[0]}`);
    }
  });
});

const prefix = join(folder, 'prefix');
/** Installs the published program globally, once, for the tests of several parts. */
function installGlobally(): void {
  if (!existsSync(prefix)) npm('install', '--global', '--prefix', prefix, join(folder, packed.filename));
}

// The registry is asked for other versions of Node.
describe('the published program, installed globally', needs('the npm registry'), () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    installGlobally();
    sandbox = await startSandbox({ tolerance: 9 });
  });
  afterAll(() => sandbox?.close());

  it.each(['20.12.0', '22', '24'])('the published program gets a session with Node %s', async (version) => {
    const place = join(folder, version);
    mkdirSync(place);
    npm('install', '--prefix', place, '--no-save', '--no-package-lock', `node@${version}`);
    const node = join(place, 'node_modules/node/bin/node');
    expect(execFileSync(node, ['--version'], { encoding: 'utf8' })).toMatch(new RegExp(`^v${version}`));
    await worksWith(join(prefix, 'bin/aws-mfa-agent'), sandbox, node);
  });
});

/** Gets a session with an installed program, and reads it. */
async function worksWith(program: string, sandbox: Sandbox, node = process.execPath): Promise<void> {
  const env = { ...sandbox.env, PATH: `${join(node, '..')}:${process.env.PATH}` };
  // Not synchronous: the sandbox STS answers in this process.
  const run = async (...words: string[]) => (await promisify(execFile)(program, words, { env })).stdout;
  await run('refresh', '--force', '--token-code', sandbox.code());
  expect(await run('status')).toMatch(/^mfa +fresh/m);
  expect(JSON.parse(await run('credential-process'))).toMatchObject({ Version: 1 });
}

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

/** The files that both packages have. */
const FILES = [
  'lib/systemd/user/aws-mfa-agent.service',
  'share/applications/aws-mfa-agent.desktop',
  'share/icons/hicolor/scalable/apps/aws-mfa-agent.svg',
  'share/man/man1/aws-mfa-agent.1.gz',
  'share/bash-completion/completions/aws-mfa-agent',
  'share/fish/vendor_completions.d/aws-mfa-agent.fish',
];

describe('packages for Linux', needs('the npm registry', 'dpkg-deb', 'rpmbuild', 'rpm2cpio', 'cpio'), () => {
  const root = join(folder, 'root');
  const installed = join(prefix, 'lib/node_modules/aws-mfa-agent');
  const [deb, rpm] = [`aws-mfa-agent_${version}-1_all.deb`, `aws-mfa-agent-${version}-1.noarch.rpm`];
  let sandbox: Sandbox;
  beforeAll(async () => {
    installGlobally();
    const build = (script: string) => promisify(execFile)('bash', [script, folder, installed]);
    const [starting] = await Promise.all([
      startSandbox({ tolerance: 9 }),
      build('debian/build.sh'),
      build('packaging/rpm/build.sh'),
    ]);
    sandbox = starting;
  });
  afterAll(() => sandbox?.close());

  it('the Debian package installs every file in its place, and runs', async () => {
    mkdirSync(join(root, 'var/lib/dpkg/updates'), { recursive: true });
    mkdirSync(join(root, 'var/lib/dpkg/info'));
    for (const name of ['status', 'available']) writeFileSync(join(root, 'var/lib/dpkg', name), '');
    // Node comes from elsewhere here.
    const options = [
      `--root=${root}`,
      '--force-not-root',
      '--force-script-chrootless',
      '--force-depends',
      '--log=/dev/null',
    ];
    // It looks for ldconfig, which an ordinary user does not have in PATH.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    execFileSync('dpkg', [...options, '--install', join(folder, deb)], { stdio: 'pipe', env });
    const program = join(root, 'usr/bin/aws-mfa-agent');
    expect(execFileSync(program, ['--version'], { encoding: 'utf8' })).toBe(`${version}\n`);
    const own = [
      'copyright',
      'README.Debian',
      'changelog.gz',
      'changelog.Debian.gz',
      'README.md',
      'docs/use-it.md',
    ].map((name) => `share/doc/aws-mfa-agent/${name}`);
    for (const path of [...FILES, ...own, 'share/zsh/vendor-completions/_aws-mfa-agent']) {
      expect(statSync(join(root, 'usr', path)).mode & 0o777, path).toBe(0o644);
    }
    await worksWith(program, sandbox);
    // What it makes of itself goes with it.
    const lib = join(root, 'usr/lib/aws-mfa-agent');
    expect(readdirSync(join(lib, 'dist')).filter((name) => name.endsWith('.compiled'))).toHaveLength(1);
    execFileSync('dpkg', [...options, '--remove', 'aws-mfa-agent'], { stdio: 'pipe', env });
    expect(existsSync(lib)).toBe(false);
  });

  it('the files of the Debian package belong to root, and only root may write them', () => {
    const lines = execFileSync('dpkg-deb', ['--contents', join(folder, deb)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    expect(lines.filter((line) => !/^(l|[d-]rw[x-]r-[x-]r-[x-]) ?.*root\/root/.test(line))).toEqual([]);
  });

  it('the RPM package has the same files for the program, needs a Node.js that is new enough, and runs when it is unpacked', async () => {
    const asked = (...words: string[]) =>
      execFileSync('rpm', ['-qp', ...words, join(folder, rpm)], { encoding: 'utf8' }).split('\n');
    const listed = asked('--list');
    const lists = FILES.map((path) => `/usr/${path}`);
    expect(listed).toEqual(
      expect.arrayContaining([...lists, '/usr/bin/aws-mfa-agent', '/usr/share/zsh/site-functions/_aws-mfa-agent']),
    );
    const inDeb = execFileSync('dpkg-deb', ['--contents', join(folder, deb)], { encoding: 'utf8' });
    const ofProgram = (text: string) => [...new Set(text.match(/\/usr\/lib\/aws-mfa-agent\/.*[^/\n]/g))].sort();
    expect(ofProgram(listed.join('\n'))).toEqual(ofProgram(inDeb));
    expect(asked('--requires')).toContain('nodejs >= 1:20.12');
    expect(new Set(asked('--queryformat', '[%{FILEUSERNAME}:%{FILEGROUPNAME}\n]'))).toEqual(new Set(['root:root', '']));
    const unpacked = join(folder, 'rpm');
    mkdirSync(unpacked);
    execFileSync('sh', ['-c', 'rpm2cpio "$0" | cpio --extract --make-directories --quiet', join(folder, rpm)], {
      cwd: unpacked,
    });
    await worksWith(join(unpacked, 'usr/bin/aws-mfa-agent'), sandbox);
  });

  it('neither package has a program for another system', () => {
    const inDeb = execFileSync('dpkg-deb', ['--contents', join(folder, deb)], { encoding: 'utf8' });
    expect(inDeb).toMatch(/node-notifier/);
    expect(inDeb).not.toMatch(/\.(exe|app|dylib|so)\b/);
  });
});

it('the formula for Homebrew is valid Ruby, and leaves out programs for other systems', needs('ruby'), () => {
  const formula = 'packaging/homebrew/aws-mfa-agent.rb';
  expect(execFileSync('ruby', ['-c', formula], { encoding: 'utf8' })).toBe('Syntax OK\n');
  expect(readFileSync(formula, 'utf8')).toContain('rm_r package/"node_modules/node-notifier/vendor"');
  expect(existsSync('node_modules/node-notifier/vendor')).toBe(true);
});
