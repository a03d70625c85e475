import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

/** The test files that a text names in backticks, without their folders where it leaves those out. */
const namedIn = (text: string) => [...text.matchAll(/`(?:test\/)?([\w/-]+\.test\.ts)`/g)].map(([, name = '']) => name);

describe('test/README.md', () => {
  it('test/README.md names only tests that exist', () => {
    const named = namedIn(read('test/README.md'));
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter((name) => !existsSync(new URL(`test/${name}`, ROOT)))).toEqual([]);
  });

  it('test/README.md names every test that SECURITY.md does', () => {
    const known = namedIn(read('test/README.md'));
    const promised = namedIn(read('SECURITY.md'));
    expect(promised.length).toBeGreaterThan(5);
    expect(promised.filter((name) => !known.some((other) => other.endsWith(name)))).toEqual([]);
  });
});
