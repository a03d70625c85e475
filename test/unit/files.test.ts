import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { explained } from '../../src/files/explain.ts';
import { exposure, exposures } from '../../src/files/exposure.ts';
import { followLinks } from '../../src/files/follow-links.ts';
import { lockStanding } from '../../src/files/lock.ts';
import { makeFolder } from '../../src/files/make-folder.ts';
import { notAFile, readIfPresent } from '../../src/files/read.ts';
import { changeCredentials } from '../../src/files/replace.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'files-'));
  file = join(folder, 'a file');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a file that other users can access', () => {
  it.each([
    [0o600, 0o700, []],
    [0o600, 0o755, []],
    [0o640, 0o700, ['file']],
    [0o602, 0o700, ['file']],
    [0o600, 0o720, ['folder']],
    [0o666, 0o777, ['file', 'folder']],
  ])('a file with mode %o in a folder with mode %o is exposed by %j', (mode, ofFolder, expected) => {
    writeFileSync(file, '');
    chmodSync(file, mode);
    chmodSync(folder, ofFolder);
    expect(exposures(file).map((one) => one.of)).toEqual(expected);
  });

  it('a file that is exposed is named with its mode and what to run', () => {
    expect(exposure(file)).toBeUndefined();
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    expect(exposure(file)).toBe(`others may read or write ${file} (mode 644): chmod 600 '${file}'`);
    chmodSync(file, 0o600);
    chmodSync(folder, 0o777);
    expect(exposure(file)).toBe(`others may replace ${file} (its folder has mode 777): chmod go-w ${folder}`);
  });
});

describe('a small file', () => {
  it('a small file is read if it is one', () => {
    expect(readIfPresent(file)).toBeUndefined();
    writeFileSync(file, 'text');
    expect(readIfPresent(file)?.toString()).toBe('text');
    expect(readIfPresent('/dev/null')?.length).toBe(0);
    expect(() => readIfPresent(folder)).toThrow(`cannot read ${folder}: it is a folder; move it away (EISDIR)`);
    expect(() => readIfPresent('/dev/zero')).toThrow('cannot read /dev/zero: it is a pipe or a device, not a file');
  });

  it('a small file is not read beyond 64 MiB', () => {
    writeFileSync(file, '');
    truncateSync(file, 64 * 1024 * 1024 + 1);
    expect(() => readIfPresent(file)).toThrow(/it has 67108865 bytes, too many for such a file; check its name$/);
  });

  it.each([
    ['/dev/null', undefined],
    ['/nowhere/x', undefined],
    ['/dev/zero', '/dev/zero is a folder, a pipe or a device, not a file'],
    ['/', '/ is a folder, a pipe or a device, not a file'],
  ])('the path %s leads to no file because: %s', (path, problem) => {
    expect(notAFile(path)).toBe(problem);
  });
});

describe('a path with two dots behind a symbolic link', () => {
  beforeEach(() => {
    mkdirSync(join(folder, 'real/deep'), { recursive: true });
    symlinkSync(join(folder, 'real/deep'), join(folder, 'link'));
    file = `${folder}/link/../credentials`;
  });

  it('a path with two dots behind a link leads above the target of the link', () => {
    expect(followLinks(file).target).toBe(join(folder, 'real/credentials'));
    expect(followLinks(relative(process.cwd(), folder) + file.slice(folder.length)).target).toBe(
      join(folder, 'real/credentials'),
    );
  });

  it('a path with two dots behind a link is changed where it is read', async () => {
    await changeCredentials(file, () => Buffer.from('new'));
    expect(readIfPresent(file)?.toString()).toBe('new');
    expect(existsSync(join(folder, 'credentials'))).toBe(false);
  });

  it('a path with two dots behind a missing folder is changed where it is read', async () => {
    file = `${folder}/missing/../credentials`;
    await changeCredentials(file, () => Buffer.from('new'));
    expect(readIfPresent(file)?.toString()).toBe('new');
  });
});

describe('a new folder', () => {
  it('a new folder is for its owner only, and so are the missing ones above it', () => {
    const [above, below] = [join(folder, 'a'), join(folder, 'a', 'b', 'c')];
    for (let time = 0; time < 2; time++) {
      makeFolder(below);
      for (const one of [above, below]) expect(statSync(one).mode & 0o777).toBe(0o700);
    }
  });

  it('a new folder may exist as soon as those above it do', () => {
    makeFolder(`${join(folder, 'a')}/..`);
    expect(statSync(join(folder, 'a')).isDirectory()).toBe(true);
  });

  it('a new folder cannot have the name of a file', () => {
    writeFileSync(file, '');
    expect(() => makeFolder(file)).toThrow('EEXIST');
    expect(() => makeFolder(join(file, 'x'))).toThrow('ENOTDIR');
  });
});

it.each([
  [{ code: 'ENOSPC' }, 'the disk is full; free some space (ENOSPC)'],
  [{ code: 'EACCES' }, 'permission denied; check the owner and the mode of the file and of its folder (EACCES)'],
  [{ code: 'EACCES', syscall: 'mkdir' }, /^permission denied: to replace the file, a new file must be created in its/],
  [
    { code: 'EPERM', syscall: 'fchown' },
    /^the new file cannot have the owner and the group of the old one; .*EPERM\)$/,
  ],
  [{ code: 'EFBIG' }, 'the words of the system'],
])('an error of the file system says what to do: %o', (properties, reason) => {
  const error = explained(Object.assign(new Error('the words of the system'), properties), 'write', '/x') as Error;
  expect(error).toMatchObject({ name: 'UserError', code: 'failed' });
  expect(error.message.replace('cannot write /x: ', '')).toMatch(reason);
});

describe('the lock of a file', () => {
  const NOW = Date.parse('2030-01-31T12:00:00Z');
  const standing = () => lockStanding(file, NOW).standing;
  const lock = (age: number, isOurs: boolean) => {
    mkdirSync(`${file}.lock`);
    // Our locks have an access time before 2001.
    utimesSync(`${file}.lock`, isOurs ? 1_000 : NOW / 1000, (NOW - age) / 1000);
  };

  it.each([
    ['held for ten seconds', 9_000, false, 'held'],
    ['stale after that', 11_000, false, 'stale'],
    ['held for two seconds if it is ours', 1_500, true, 'held'],
    ['stale after that if it is ours', 2_500, true, 'stale'],
    ['stale if its time is far ahead', -11_000, false, 'stale'],
  ])('the lock of a file is %s', (_, age, isOurs, expected) => {
    expect(standing()).toBe('free');
    lock(age, isOurs);
    expect(standing()).toBe(expected);
  });

  it('the lock of a file is blocked by anything else with its name', () => {
    lock(60_000, false);
    writeFileSync(join(`${file}.lock`, 'x'), '');
    utimesSync(`${file}.lock`, NOW / 1000, NOW / 1000 - 60);
    expect(standing()).toBe('blocked');
    rmSync(`${file}.lock`, { recursive: true });
    writeFileSync(`${file}.lock`, '');
    expect(standing()).toBe('blocked');
  });
});
