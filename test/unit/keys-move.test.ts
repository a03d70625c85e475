import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KeyPair } from '../../src/credentials/pair.ts';
import { inFile } from '../../src/keys/in-file.ts';
import { inKeychain } from '../../src/keys/in-keychain.ts';
import type { Keychain } from '../../src/keys/keychain.ts';
import { type MoveEffects, restoreKeys, storeKeys } from '../../src/keys/move.ts';

const PAIR = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
const OTHER = { accessKeyId: 'AKIAI44QH8DHBEXAMPLE', secretAccessKey: 'je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY' };
const REST = '# mine\n[default]\nregion = eu-west-1\n; caf\u00e9\n';
const FILE = `${REST.replace('region', `aws_access_key_id=${PAIR.accessKeyId} # of alice\nregion`)}aws_secret_access_key = ${PAIR.secretAccessKey}\n`;
const OPTIONS = { keepFile: false, force: false };

let folder: string;
let path: string;
/** The items of the keychain. */
let items: Map<string, { label: string; text: string }>;
let place: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'keys-move-'));
  path = join(folder, 'credentials');
  writeFileSync(path, FILE);
  items = new Map();
  place = 'file';
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const keychain: Keychain = {
  name: 'the keychain',
  isOpen: async () => true,
  look: async (profile) => {
    const item = items.get(profile);
    return item && { label: item.label, isLocked: false };
  },
  unlock: async (profile) => items.has(profile),
  read: async (profile) => items.get(profile)?.text,
  write: async (profile, label, text) => void items.set(profile, { label, text }),
  remove: async (profile) => void items.delete(profile),
};

const effects = (): MoveEffects => ({
  file: inFile(path),
  keychain: inKeychain(keychain),
  typed: async () => PAIR,
  accepted: async () => {},
  confirm: async () => {},
  decide: async (to) => {
    place = to;
  },
  say: (line) => said.push(line),
});

const stored = async (): Promise<(KeyPair | undefined)[]> => [
  await inFile(path).read('default'),
  await inKeychain(keychain).read('default'),
];
const content = () => readFileSync(path, 'utf8');

/** The same effects, of which the process is killed before or after one of the calls, counted from zero. */
function killed(at: number): { effects: MoveEffects; dead: Promise<'dead'>; calls(): number } {
  let count = 0;
  let die = (_: 'dead') => {};
  const dead = new Promise<'dead'>((resolve) => {
    die = resolve;
  });
  const never = () => {
    die('dead');
    return new Promise<never>(() => {});
  };
  const step = <Words extends unknown[], T>(call: (...words: Words) => Promise<T>) =>
    (async (...words: Words) => {
      if (count++ === at) return never();
      const result = await call(...words);
      return count++ === at ? never() : result;
    }) as (...words: Words) => Promise<T>;
  const { file, keychain: store, accepted, confirm, decide, typed, say } = effects();
  const steps = {
    file: { ...file, read: step(file.read), write: step(file.write), remove: step(file.remove) },
    keychain: { ...store, read: step(store.read), write: step(store.write), remove: step(store.remove) },
    ...{ accepted: step(accepted), confirm: step(confirm), decide: step(decide), typed: step(typed), say },
  };
  return { effects: steps, dead, calls: () => count };
}

describe('keys store', () => {
  it('keys store moves the keys to the keychain, and leaves every other byte of the file', async () => {
    await storeKeys('default', effects(), OPTIONS);
    expect(content()).toBe(REST);
    expect(await stored()).toEqual([undefined, PAIR]);
    expect(place).toBe('keychain');
    expect(items.get('default')?.label).toBe(`AWS keys of [default]: ${PAIR.accessKeyId}`);
    expect(JSON.parse(items.get('default')?.text ?? '')).toMatchObject({ Version: 1, AccessKeyId: PAIR.accessKeyId });
    expect(items.get('default')?.text).toMatch(/^[ -~]+$/);
    expect(said.join()).not.toContain(PAIR.secretAccessKey);
  });

  it('keys store --keep-file changes neither the file nor the settings', async () => {
    await storeKeys('default', effects(), { ...OPTIONS, keepFile: true });
    expect(content()).toBe(FILE);
    expect(await stored()).toEqual([PAIR, PAIR]);
    expect(place).toBe('file');
    await storeKeys('default', effects(), OPTIONS);
    expect(await stored()).toEqual([undefined, PAIR]);
  });

  it('keys store takes typed keys that AWS accepts, and puts them into no file', async () => {
    writeFileSync(path, REST);
    await storeKeys('default', effects(), OPTIONS);
    expect(content()).toBe(REST);
    expect(await stored()).toEqual([undefined, PAIR]);
    expect(place).toBe('keychain');
  });

  it.each([
    ['nothing', undefined],
    ['another pair', OTHER],
  ])('keys store leaves the file and %s in the keychain if AWS does not accept the keys', async (_, former) => {
    if (former) await inKeychain(keychain).write('default', former, undefined);
    const refusing = { ...effects(), accepted: () => Promise.reject(new Error('refused')) };
    await expect(storeKeys('default', refusing, { keepFile: false, force: true })).rejects.toThrow('refused');
    expect(await stored()).toEqual([PAIR, former]);
    expect(content()).toBe(FILE);
    expect(place).toBe('file');
  });

  it('keys store does not replace another pair in the keychain without --force', async () => {
    await inKeychain(keychain).write('default', OTHER, undefined);
    await expect(storeKeys('default', effects(), OPTIONS)).rejects.toThrow(/AKIAI44.* for \[default\].*--force/);
    expect(await stored()).toEqual([PAIR, OTHER]);
    await storeKeys('default', effects(), { ...OPTIONS, force: true });
    expect(await stored()).toEqual([undefined, PAIR]);
  });

  const typedByHand = () => writeFileSync(path, FILE.replaceAll(PAIR.accessKeyId, OTHER.accessKeyId));

  it('keys store leaves keys that another program puts into the file while the user is asked', async () => {
    const slow = { ...effects(), confirm: async () => typedByHand() };
    await expect(storeKeys('default', slow, OPTIONS)).rejects.toThrow(
      /has just changed the keys of \[default\] in .*try again/,
    );
    const [inFile, inKeychain] = await stored();
    expect([inFile?.accessKeyId, inKeychain]).toEqual([OTHER.accessKeyId, undefined]);
    expect(place).toBe('file');
  });

  it('keys store leaves keys that another program puts into the file or the keychain while AWS is asked', async () => {
    const slow = { ...effects(), accepted: async () => typedByHand() };
    await expect(storeKeys('default', slow, OPTIONS)).rejects.toThrow(
      /has just changed the keys of \[default\] in .*try again/,
    );
    const [inFile, inKeychain] = await stored();
    expect([inFile?.accessKeyId, inKeychain?.accessKeyId]).toEqual([OTHER.accessKeyId, PAIR.accessKeyId]);

    writeFileSync(path, FILE);
    items.clear();
    const other = async () => {
      const { text = '' } = items.get('default') ?? {};
      items.set('default', { label: '', text: text.replace(PAIR.accessKeyId, OTHER.accessKeyId) });
      throw new Error('refused');
    };
    await expect(storeKeys('default', { ...effects(), accepted: other }, OPTIONS)).rejects.toThrow(/in the keychain/);
    expect((await stored()).map((one) => one?.accessKeyId)).toEqual([PAIR.accessKeyId, OTHER.accessKeyId]);
  });

  it('keys store changes nothing when the user does not confirm it, or the lines cannot be removed', async () => {
    const refusing = { ...effects(), confirm: () => Promise.reject(new Error('no')) };
    await expect(storeKeys('default', refusing, OPTIONS)).rejects.toThrow('no');
    writeFileSync(path, `${FILE}[default]\n`);
    await expect(storeKeys('default', effects(), OPTIONS)).rejects.toThrow(/cannot be changed safely/);
    expect(items.size).toBe(0);
  });
});

describe('keys restore', () => {
  it('keys restore leaves the file as it was before keys store', async () => {
    await storeKeys('default', effects(), OPTIONS);
    await restoreKeys('default', effects(), { force: false });
    expect(content()).toBe(FILE);
    expect(await stored()).toEqual([PAIR, undefined]);
    expect(place).toBe('file');
  });

  it('keys restore does not replace another pair in the file without --force', async () => {
    await inKeychain(keychain).write('default', OTHER, undefined);
    await expect(restoreKeys('default', effects(), { force: false })).rejects.toThrow(/AKIAIOSF.*--force/);
    expect(await stored()).toEqual([PAIR, OTHER]);
    await restoreKeys('default', effects(), { force: true });
    expect(await stored()).toEqual([OTHER, undefined]);
  });

  it('keys restore leaves keys that another program puts into the file meanwhile', async () => {
    for (const before of [REST, FILE]) {
      writeFileSync(path, before);
      items.clear();
      await inKeychain(keychain).write('default', PAIR, undefined);
      const { file, keychain: store, ...others } = effects();
      const slow = {
        ...store,
        read: async (profile: string) => {
          await file.write(profile, OTHER, await file.read(profile));
          return store.read(profile);
        },
      };
      const restoring = restoreKeys('default', { file, keychain: slow, ...others }, { force: true });
      await expect(restoring).rejects.toThrow(/has just changed the keys of \[default\] in .*try again/);
      expect(await stored()).toEqual([OTHER, PAIR]);
    }
  });

  it('keys restore says when there are no keys', async () => {
    writeFileSync(path, REST);
    await expect(restoreKeys('default', effects(), { force: false })).rejects.toThrow(/^no keys of \[default\]/);
  });
});

describe('a process that is killed at any step', () => {
  it.each([
    ['keys store', () => {}, (one: MoveEffects) => storeKeys('default', one, OPTIONS), [undefined, PAIR]],
    [
      'keys restore',
      () => storeKeys('default', effects(), OPTIONS),
      (one: MoveEffects) => restoreKeys('default', one, { force: false }),
      [PAIR, undefined],
    ],
  ])('%s leaves at least one copy of the keys, and finishes when it is repeated', async (_, begin, move, end) => {
    let tried = 0;
    for (let at = 0; ; at++) {
      writeFileSync(path, FILE);
      items.clear();
      await begin();
      const { effects: dying, dead } = killed(at);
      if ((await Promise.race([move(dying), dead])) !== 'dead') break;
      tried += 1;
      expect(await stored(), `killed at ${at}`).toContainEqual(PAIR);
      await move(effects());
      expect(await stored(), `killed at ${at}, and repeated`).toEqual(end);
    }
    expect(tried).toBeGreaterThan(8);
  });
});
