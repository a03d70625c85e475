import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, onTestFinished } from 'vitest';
import { findStart } from '../../src/service/start.ts';
import { carried } from '../../src/settings/carried.ts';
import { pathsOf } from '../../src/settings/paths.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'start-')));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '#!/bin/sh\n', { mode: 0o755 });
  return file;
}
function link(path: string, target: string): string {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  symlinkSync(target, file);
  return file;
}
function find(node: string, program: string, PATH: string[], more: NodeJS.ProcessEnv = {}) {
  const env = { PATH: PATH.join(':'), ...more };
  return findStart(env, pathsOf(env, join(folder, 'home')), { node, program, config: undefined });
}

it('the service starts by the links that a package manager keeps, not by where they lead', () => {
  const node = put('Cellar/node/22.1.0/bin/node');
  const program = put('Cellar/node/22.1.0/lib/node_modules/aws-mfa-agent/dist/cli.js');
  const links = [link('bin/node', node), link('bin/aws-mfa-agent', program)];
  const start = find(node, program, [dirname(node), join(folder, 'bin')]);
  expect([start.node, start.program]).toEqual(links);
  expect(start.warnings).toEqual([]);
});

it('install warns of a path that an upgrade removes when there is no other', () => {
  const node = put('.nvm/versions/node/v20.1.0/bin/node');
  const program = link('.nvm/versions/node/v20.1.0/bin/aws-mfa-agent', put('.nvm/versions/node/v20.1.0/lib/cli.js'));
  const start = find(node, program, [dirname(node)]);
  expect([start.node, start.program]).toEqual([node, program]);
  expect(start.warnings).toEqual([
    `an upgrade removes ${node}: run "aws-mfa-agent install" again after each upgrade`,
    `an upgrade removes ${program}: run "aws-mfa-agent install" again after each upgrade`,
  ]);
});

it.each([
  ['Homebrew', 'homebrew/Cellar/node@22/22.11.0_1', 'homebrew/opt/node@22'],
  ['Homebrew, for a short version', 'homebrew/Cellar/aws-mfa-agent/1.0', 'homebrew/opt/aws-mfa-agent'],
  ['fnm', 'fnm/node-versions/v20.1.0/installation', 'fnm/aliases/default'],
  ['mise', 'mise/installs/node/20.1.0', 'mise/installs/node/latest'],
  ['nvm with NVM_SYMLINK_CURRENT', '.nvm/versions/node/v20.1.0', '.nvm/current'],
])('the service starts by the link that %s keeps to the version in use', (_name, version, kept) => {
  const node = put(`${version}/bin/node`);
  const program = put(`${version}/lib/node_modules/aws-mfa-agent/dist/cli.cjs`);
  link(kept, join(folder, version));
  const start = find(node, program, [dirname(node)]);
  expect(start.node).toBe(join(folder, kept, 'bin/node'));
  expect(start.program).toBe(join(folder, kept, 'lib/node_modules/aws-mfa-agent/dist/cli.cjs'));
  expect(start.warnings).toEqual([]);
});

it.each([
  ['Volta', '.volta/tools/image/node/20.1.0', '.volta/bin/node'],
  ['asdf', '.asdf/installs/nodejs/20.1.0', '.asdf/shims/node'],
])('the service starts by the program of %s if that starts the same Node', (_name, version, kept) => {
  const node = put(`${version}/bin/node`);
  const program = put('packages/cli.cjs');
  const shim = put(kept);
  expect(find(node, program, [dirname(node)]).node).toBe(node);
  writeFileSync(shim, '#!/bin/sh\necho /bin/sh\n');
  expect(find(node, program, [dirname(node)]).node).toBe(node);
  writeFileSync(shim, `#!/bin/sh\n[ "$PWD $HOME" = "/ /home/alice" ] && echo '${node}'\n`);
  const start = find(node, program, [dirname(node)], { HOME: '/home/alice' });
  expect(start).toMatchObject({ node: shim, warnings: [] });
});

it('install uses no other program of the same name, and none in a relative folder', () => {
  const [node, program] = [put('a/node'), put('a/cli.js')];
  put('b/node');
  put('b/aws-mfa-agent');
  expect(find(node, program, ['.', join(folder, 'b')])).toMatchObject({ node, program });
});

it('install gives the service the locations of the files, and the folders behind links', () => {
  const credentials = put('dotfiles/aws/credentials');
  link('home/.aws/credentials', credentials);
  const start = find(put('node'), put('cli.js'), [], { AWS_CONFIG_FILE: '/etc/aws', HTTPS_PROXY: 'http://a:b@c' });
  expect(start.environment).toEqual({ AWS_CONFIG_FILE: '/etc/aws' });
  expect(start.folders).toEqual([
    join(folder, 'home/.aws'),
    dirname(credentials),
    join(folder, 'home/.local/state/aws-mfa-agent'),
  ]);
  expect(start.warnings.join()).toMatch(/^the service does not get HTTPS_PROXY: add/);
});

it('install makes paths absolute as this shell reads them, and keeps ".." behind a link', () => {
  link('here/aws', put('far/aws/config').replace(/config$/, ''));
  const here = join(folder, 'here');
  const before = process.cwd();
  onTestFinished(() => process.chdir(before));
  process.chdir(here);
  const variables = {
    AWS_SHARED_CREDENTIALS_FILE: 'aws/../credentials',
    AWS_CONFIG_FILE: '$P/config',
    AWS_MFA_AGENT_CONFIG: 'agent.ini',
    AWS_CA_BUNDLE: 'ca.pem',
  };
  const start = find(put('node'), put('cli.js'), [], { ...variables, P: '/p' });
  expect(start.environment).toEqual({
    AWS_SHARED_CREDENTIALS_FILE: `${here}/aws/../credentials`,
    AWS_CONFIG_FILE: '/p/config',
    AWS_MFA_AGENT_CONFIG: `${here}/agent.ini`,
    AWS_CA_BUNDLE: `${here}/ca.pem`,
  });
  expect(start.folders.filter((one) => !one.startsWith('/') || one.includes('..'))).toEqual([]);
  expect(carried({ ...variables, P: '/p' })).toEqual(start.environment);
});
