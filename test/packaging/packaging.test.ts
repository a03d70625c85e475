import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

const folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-packaging-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

// The registry is asked for other versions of Node.
describe('the published program, installed globally', needs('the npm registry'), () => {
  let sandbox: Sandbox;
  beforeAll(async () => {
    npm('install', '--global', '--prefix', join(folder, 'prefix'), join(folder, packed.filename));
    sandbox = await startSandbox({ tolerance: 9 });
  });
  afterAll(() => sandbox?.close());

  it.each(['20.12.0', '22', '24'])('the published program gets a session with Node %s', async (version) => {
    const place = join(folder, version);
    mkdirSync(place);
    npm('install', '--prefix', place, '--no-save', '--no-package-lock', `node@${version}`);
    const node = join(place, 'node_modules/node/bin/node');
    const program = join(folder, 'prefix/bin/aws-mfa-agent');
    const env = { ...sandbox.env, PATH: `${join(node, '..')}:${process.env.PATH}` };
    // Not synchronous: the sandbox STS answers in this process.
    const run = async (...words: string[]) => (await promisify(execFile)(program, words, { env })).stdout;
    expect(execFileSync('node', ['--version'], { env, encoding: 'utf8' })).toMatch(new RegExp(`^v${version}`));
    await run('refresh', '--force', '--token-code', sandbox.code());
    expect(await run('status')).toMatch(/^mfa +fresh/m);
    expect(JSON.parse(await run('credential-process'))).toMatchObject({ Version: 1 });
  });
});

describe('the Debian package', needs('the npm registry', 'dpkg-deb'), () => {
  const root = join(folder, 'root');
  beforeAll(() => {
    execFileSync('bash', ['debian/build.sh', folder, join(folder, 'prefix/lib/node_modules/aws-mfa-agent')], {
      stdio: 'pipe',
    });
    mkdirSync(join(root, 'var/lib/dpkg/updates'), { recursive: true });
    mkdirSync(join(root, 'var/lib/dpkg/info'));
    for (const name of ['status', 'available']) writeFileSync(join(root, 'var/lib/dpkg', name), '');
    const deb = readdirSync(folder).find((name) => name.endsWith('_all.deb')) ?? '';
    // Node comes from elsewhere here.
    const options = [`--root=${root}`, '--force-not-root', '--force-depends', '--log=/dev/null'];
    // It looks for ldconfig, which an ordinary user does not have in PATH.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
    execFileSync('dpkg', [...options, '--install', join(folder, deb)], { stdio: 'pipe', env });
  });

  it('the Debian package installs every file in its place, and runs', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    const program = join(root, 'usr/bin/aws-mfa-agent');
    expect(execFileSync(program, ['--version'], { encoding: 'utf8' })).toBe(`${version}\n`);
    for (const path of [
      'lib/systemd/user/aws-mfa-agent.service',
      'share/applications/aws-mfa-agent.desktop',
      'share/icons/hicolor/scalable/apps/aws-mfa-agent.svg',
      'share/man/man1/aws-mfa-agent.1.gz',
      'share/doc/aws-mfa-agent/copyright',
      'share/doc/aws-mfa-agent/README.md',
      'share/doc/aws-mfa-agent/docs/use-it.md',
      'share/bash-completion/completions/aws-mfa-agent',
      'share/zsh/vendor-completions/_aws-mfa-agent',
      'share/fish/vendor_completions.d/aws-mfa-agent.fish',
    ]) {
      expect(statSync(join(root, 'usr', path)).mode & 0o777, path).toBe(0o644);
    }
  });

  it('the files of the Debian package belong to root, and only root may write them', () => {
    const deb = readdirSync(folder).find((name) => name.endsWith('_all.deb')) ?? '';
    const lines = execFileSync('dpkg-deb', ['--contents', join(folder, deb)], { encoding: 'utf8' })
      .trim()
      .split('\n');
    expect(lines.filter((line) => !/^(l|[d-]rw[x-]r-[x-]r-[x-]) ?.*root\/root/.test(line))).toEqual([]);
  });
});
