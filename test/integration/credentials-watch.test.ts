import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { changeCredentials } from '../../src/files/replace.ts';
import { watchFile } from '../../src/files/watch.ts';
import { within } from '../within.ts';

let folder: string;
let file: string;
let closeAll: (() => void)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-watch-'));
  file = join(folder, '.aws/credentials');
  closeAll = [];
});
afterEach(() => {
  for (const close of closeAll) close();
  rmSync(folder, { recursive: true, force: true });
});

/** Watches a file; `sees` resolves when the listener is called while the file holds this text (undefined: is missing). */
function watching(path = file) {
  const problems: unknown[] = [];
  const waiting = new Set<() => void>();
  let calls = 0;
  const watch = watchFile(
    path,
    () => {
      calls++;
      for (const look of waiting) look();
    },
    (error) => problems.push(error),
  );
  closeAll.push(watch.close);
  const sees = (text: string | undefined) => {
    const seen = new Promise<void>((resolve) => {
      const look = () => {
        if (textOf(path) !== text) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
    });
    return within(`the listener is called at ${text}`, seen, () => ({ text: textOf(path), calls, problems }));
  };
  return { sees, close: watch.close, problems, calls: () => calls };
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

/** Does something, and waits until the listener has seen what it led to. */
async function after(act: () => void, { sees }: ReturnType<typeof watching>, text: string | undefined): Promise<void> {
  const seen = sees(text);
  act();
  await seen;
}

test('a watch reports a file that is replaced several times', async () => {
  mkdirSync(join(folder, '.aws'));
  writeFileSync(file, '1');
  const watch = watching();
  for (const text of ['2', '3', '4']) await after(() => replace(file, text), watch, text);
});

test('a watch reports a file that is written in place, removed, and created again', async () => {
  mkdirSync(join(folder, '.aws'));
  writeFileSync(file, '1');
  const watch = watching();
  await after(() => writeFileSync(file, '2'), watch, '2');
  await after(() => rmSync(file), watch, undefined);
  await after(() => writeFileSync(file, '3'), watch, '3');
});

test('a watch reports each change of the agent itself once', async () => {
  mkdirSync(join(folder, '.aws'));
  writeFileSync(file, '1');
  const watch = watching();
  const seen = watch.sees('12');
  await changeCredentials(file, (bytes) => (bytes.includes('2') ? bytes : Buffer.from('12')));
  await seen;
  expect(watch.calls()).toBe(1);
});

test('a watch reports a file whose folders are created later, one by one and all at once', async () => {
  const watch = watching();
  await after(() => mkdirSync(join(folder, '.aws')), watch, undefined);
  await after(() => writeFileSync(file, '1'), watch, '1');

  const deep = watching(join(folder, 'a/b/c/credentials'));
  const make = () => {
    mkdirSync(join(folder, 'a/b/c'), { recursive: true });
    writeFileSync(join(folder, 'a/b/c/credentials'), '1');
  };
  await after(make, deep, '1');
  await after(() => replace(join(folder, 'a/b/c/credentials'), '2'), deep, '2');
});

test('a watch reports a folder that is deleted and created again, or moved away and back', async () => {
  mkdirSync(join(folder, '.aws'));
  writeFileSync(file, '1');
  const watch = watching();
  await after(() => rmSync(join(folder, '.aws'), { recursive: true }), watch, undefined);
  await after(() => mkdirSync(join(folder, '.aws')), watch, undefined);
  await after(() => writeFileSync(file, '2'), watch, '2');
  await after(() => renameSync(join(folder, '.aws'), join(folder, 'away')), watch, undefined);
  await after(() => renameSync(join(folder, 'away'), join(folder, '.aws')), watch, '2');
  await after(() => replace(file, '3'), watch, '3');
  const remake = () => {
    rmSync(join(folder, '.aws'), { recursive: true });
    mkdirSync(join(folder, '.aws'));
    writeFileSync(file, '4');
  };
  await after(remake, watch, '4');
  await after(() => replace(file, '5'), watch, '5');
});

test('a watch reports changes of the file behind a symbolic link, and of the link itself', async () => {
  mkdirSync(join(folder, '.aws'));
  mkdirSync(join(folder, 'dotfiles'));
  writeFileSync(join(folder, 'dotfiles/one'), '1');
  symlinkSync('../dotfiles/one', file);
  const watch = watching();
  await after(() => replace(join(folder, 'dotfiles/one'), '2'), watch, '2');
  const point = () => {
    symlinkSync('../elsewhere/two', `${file}.new`);
    renameSync(`${file}.new`, file);
  };
  await after(point, watch, undefined);
  await after(() => mkdirSync(join(folder, 'elsewhere')), watch, undefined);
  await after(() => writeFileSync(join(folder, 'elsewhere/two'), '3'), watch, '3');
  await after(() => replace(join(folder, 'elsewhere/two'), '4'), watch, '4');
});

test('a watch reports a folder that is a symbolic link and is pointed elsewhere', async () => {
  for (const name of ['one', 'two']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'credentials'), name);
  }
  symlinkSync('one', join(folder, '.aws'));
  const watch = watching();
  const point = () => {
    symlinkSync('two', join(folder, '.aws.new'));
    renameSync(join(folder, '.aws.new'), join(folder, '.aws'));
  };
  await after(point, watch, 'two');
  await after(() => replace(join(folder, 'two/credentials'), '2'), watch, '2');
});

test('a watch ignores other files in the folder', async () => {
  mkdirSync(join(folder, '.aws'));
  writeFileSync(file, '1');
  const watch = watching();
  for (let turn = 0; turn < 50; turn++) writeFileSync(join(folder, '.aws', `other-${turn}`), '');
  await after(() => replace(file, '2'), watch, '2');
  expect(watch.calls()).toBe(1);
});

test('a watch reports nothing and holds nothing after it is closed', async () => {
  mkdirSync(join(folder, '.aws'));
  writeFileSync(file, '1');
  const [closed, open] = [watching(), watching()];
  closed.close();
  closed.close();
  await after(() => replace(file, '2'), open, '2');
  expect(closed.calls()).toBe(0);
  const late = watching();
  replace(file, '3');
  late.close();
  await after(() => replace(file, '4'), open, '4');
  expect(late.calls()).toBe(0);
});

test('a watch reports circular links as a problem, and sees when they end', async () => {
  mkdirSync(join(folder, '.aws'));
  symlinkSync('credentials', file);
  const watch = watching();
  expect(watch.problems).toEqual([expect.objectContaining({ message: expect.stringMatching(/ELOOP/) })]);
  await after(() => replace(file, '1'), watch, '1');
  await after(() => replace(file, '2'), watch, '2');
  expect(watch.problems.length).toBe(1);
});
