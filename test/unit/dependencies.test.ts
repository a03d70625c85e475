import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Record<string, { dev?: boolean; hasInstallScript?: boolean; resolved?: string }>;
};
const installed = Object.entries(packages).filter(([path]) => path !== '');

describe('the dependencies', () => {
  it('the dependencies have exact versions', () => {
    const versions = Object.entries({ ...dependencies, ...devDependencies });
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });

  it('the dependencies of the program run no script at their installation', () => {
    const shipped = installed.filter(([, { dev }]) => !dev).map(([path]) => path);
    expect(shipped).toContain('node_modules/pino');
    const scripts = (path: string) => JSON.parse(readFileSync(`${path}/package.json`, 'utf8')).scripts ?? {};
    const running = ['preinstall', 'install', 'postinstall'];
    expect(shipped.filter((path) => packages[path]?.hasInstallScript)).toEqual([]);
    expect(shipped.filter((path) => running.some((name) => name in scripts(path)))).toEqual([]);
  });

  it('the dependencies are locked without an address to download them from', () => {
    expect(installed.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
  });

  it('the dependencies are those in the tables of CONTRIBUTING.md, in the installed versions', () => {
    const rows = [...readFileSync('CONTRIBUTING.md', 'utf8').matchAll(/^\| `([^`]+)` ([\d.]+) \|/gm)];
    const stated = Object.fromEntries(rows.map(([, name, version]) => [name, version]));
    expect(Object.keys(stated)).toEqual(expect.arrayContaining(Object.keys(dependencies)));
    expect(stated).toEqual(
      Object.fromEntries(Object.keys(stated).map((name) => [name, { ...devDependencies, ...dependencies }[name]])),
    );
  });
});
