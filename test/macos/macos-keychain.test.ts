import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inKeychain, type KeychainStore } from '../../src/keys/in-keychain.ts';
import { macosKeychain } from '../../src/keys/macos-keychain.ts';

const PAIR = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalr/XUtnFEMI+K7MDENG/bPxRfiCY"EXAMPLE\'KEY\\' };
const PROFILE = `it's "my" team\\dev`;

describe('the keychain of macOS, with a stand-in for security', () => {
  let folder: string;
  let keychain: KeychainStore;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'macos-keychain-'));
    const program = join(folder, 'security');
    const script = fileURLToPath(new URL('security.mjs', import.meta.url));
    writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`, { mode: 0o755 });
    keychain = inKeychain(macosKeychain({ ...process.env, KEYCHAIN: join(folder, 'keychain') }, program));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('the keychain of macOS keeps keys with any character, which are in no argument list', async () => {
    expect(await keychain.holds(PROFILE)).toBe(false);
    const lines = [{ key: 'accessKeyId' as const, at: 1, before: 'caf\u00e9 = ', after: '', end: '\n' }];
    await keychain.write(PROFILE, PAIR, undefined, lines);
    expect(await keychain.read(PROFILE)).toEqual(PAIR);
    expect(await keychain.lines(PROFILE)).toEqual(lines);
    expect(await keychain.look(PROFILE)).toEqual({ accessKeyId: PAIR.accessKeyId, isLocked: false });
    expect(await keychain.read('another')).toBeUndefined();
    await keychain.remove(PROFILE, PAIR);
    await keychain.remove(PROFILE, PAIR);
    expect(await keychain.look(PROFILE)).toBeUndefined();
    expect(readFileSync(join(folder, 'keychain.arguments'), 'utf8')).not.toMatch(/wJalr|AKIA|EXAMPLE/);
  });

  it('the keychain of macOS says that it is locked, or that security failed', async () => {
    await keychain.write('default', PAIR, undefined);
    writeFileSync(join(folder, 'keychain.locked'), '');
    await expect(keychain.read('default')).rejects.toThrow(/^the keychain is locked/);
    rmSync(join(folder, 'security'));
    await expect(keychain.read('default')).rejects.toThrow(/^the keychain cannot be used \(.*no such program\)/);
  });
});
