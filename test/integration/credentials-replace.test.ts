import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import lockfile from 'proper-lockfile';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { UserError } from '../../src/errors.ts';
import { readIfPresent } from '../../src/files/read.ts';
import { changeCredentials } from '../../src/files/replace.ts';
import { built } from '../built.ts';
import { needs } from '../needs.ts';
import { refusal } from '../refusal.ts';
import { until, within } from '../within.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-replace-'));
  file = join(folder, 'credentials');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const isRoot = process.getuid?.() === 0;
const append = (text: string) => (bytes: Buffer) =>
  bytes.includes(text) ? bytes : Buffer.concat([bytes, Buffer.from(text)]);
const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);
const failure = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('did not fail');
};

/** A process of its own that runs some lines of JavaScript with these arguments, maybe below another command. */
function otherProcess(code: string, args: string[], below: string[] = []): ChildProcess {
  const [command = '', ...rest] = [...below, process.execPath, '--input-type=module', '-e', code, ...args];
  return spawn(command, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
}

const HOLD_LOCK = `
  import lockfile from ${JSON.stringify(import.meta.resolve('proper-lockfile'))};
  await lockfile.lock(process.argv[1], { realpath: false, stale: 2000 });
  console.log('held');
  setInterval(() => {}, 1e6);
`;

const REPLACE = built('files/replace.ts');
/** Adds `new` to a file by the built program's own code, and prints the message of what goes wrong. */
const CHANGE = `
  import { changeCredentials } from '${REPLACE}';
  const change = (bytes) => bytes.includes('new') ? bytes : Buffer.concat([bytes, Buffer.from('new\\n')]);
  await changeCredentials(process.argv[1], change).catch((error) => console.log(error.name, error.message));
`;

async function outputOf(child: ChildProcess): Promise<string> {
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await within('the end of the program', once(child, 'close'), () => output);
  return output.trim();
}

/** Makes system calls fail or kill, as `-e inject=` of strace(1) has it. */
function strace(injection: string): string[] {
  return ['strace', '-f', '-qq', '-o', '/dev/null', '-e', `inject=${injection}`];
}

describe('a changed file', () => {
  test('a changed file keeps its mode', async () => {
    writeFileSync(file, 'a\n');
    chmodSync(file, 0o640);
    await changeCredentials(file, append('b\n'));
    expect(readFileSync(file, 'utf8')).toBe('a\nb\n');
    expect(modeOf(file)).toBe('640');
  });

  test('the temporary file is readable by its owner alone, also when others may read the real one', async () => {
    writeFileSync(file, 'a\n');
    chmodSync(file, 0o644);
    const mask = process.umask(0);
    try {
      let isOver = false;
      // So much that it takes several turns of the event loop.
      const writing = changeCredentials(file, () => Buffer.alloc(8_000_000, 'b')).finally(() => {
        isOver = true;
      });
      const modes = new Set<string>();
      while (!isOver) {
        const temporary = readdirSync(folder).find((name) => name.startsWith('.credentials.aws-mfa-agent-'));
        if (temporary) modes.add(modeOf(join(folder, temporary)));
        await new Promise(setImmediate);
      }
      await writing;
      expect([...modes]).toEqual(['600']);
      expect(modeOf(file)).toBe('644');
    } finally {
      process.umask(mask);
    }
  });

  test('a changed file keeps its owner and group', needs('root'), async () => {
    writeFileSync(file, 'a\n');
    chownSync(file, 12_345, 23_456);
    chmodSync(file, 0o4600);
    await changeCredentials(file, append('b\n'));
    expect(statSync(file)).toMatchObject({ uid: 12_345, gid: 23_456 });
    expect(modeOf(file)).toBe('4600');
  });

  test('a new file has mode 0600, and its new folder 0700', async () => {
    mkdirSync(join(folder, 'home'));
    chmodSync(join(folder, 'home'), 0o755);
    await changeCredentials(join(folder, 'home/.aws/credentials'), append('a\n'));
    expect(modeOf(join(folder, 'home/.aws/credentials'))).toBe('600');
    expect(modeOf(join(folder, 'home/.aws'))).toBe('700');
    expect(modeOf(join(folder, 'home'))).toBe('755');
  });

  test('a change replaces the file behind a chain of symbolic links, which stay', async () => {
    mkdirSync(join(folder, 'dotfiles'));
    writeFileSync(join(folder, 'dotfiles/real'), 'a\n');
    symlinkSync('dotfiles', join(folder, 'aws'));
    symlinkSync('aws/../dotfiles/real', join(folder, 'link'));
    symlinkSync(join(folder, 'link'), file);
    await changeCredentials(file, append('b\n'));
    expect(readlinkSync(file)).toBe(join(folder, 'link'));
    expect(lstatSync(join(folder, 'link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(folder, 'dotfiles/real'), 'utf8')).toBe('a\nb\n');
    expect(readdirSync(join(folder, 'dotfiles'))).toEqual(['real']);
  });

  test('a change creates the file that a symbolic link leads to', async () => {
    symlinkSync('later/real', file);
    await changeCredentials(file, append('a\n'));
    expect(readFileSync(join(folder, 'later/real'), 'utf8')).toBe('a\n');
    expect(modeOf(join(folder, 'later'))).toBe('700');
  });

  test('a change leaves neither a temporary file nor a lock', async () => {
    await changeCredentials(file, append('a\n'));
    expect(readdirSync(folder)).toEqual(['credentials']);
  });

  test('a change that changes nothing does not write', async () => {
    writeFileSync(file, 'a\n');
    const before = statSync(file, { bigint: true });
    await changeCredentials(file, (bytes) => Buffer.from(bytes));
    const after = statSync(file, { bigint: true });
    expect([after.ino, after.ctimeNs]).toEqual([before.ino, before.ctimeNs]);
    await changeCredentials(join(folder, 'none'), (bytes) => bytes);
    expect(readdirSync(folder)).toEqual(['credentials']);
  });

  test('a changed file is never seen half written by a reader that reads all the time', async () => {
    const session = { accessKeyId: 'ASIAX', secretAccessKey: 's', sessionToken: 't'.repeat(100_000), expiration: 0 };
    writeFileSync(file, '[default]\naws_access_key_id = AKIAX\n');
    let isOver = false;
    const writing = (async () => {
      for (let turn = 0; turn < 20; turn++) {
        await changeCredentials(file, (bytes) => withSession(bytes, 'mfa', { ...session, expiration: turn * 1000 }));
      }
      isOver = true;
    })();
    let reads = 0;
    for (; !isOver; reads++) {
      await new Promise(setImmediate);
      const document = parseCredentials(readIfPresent(file) ?? Buffer.alloc(0));
      expect(document.profile('default')?.values.get('aws_access_key_id')).toBe('AKIAX');
      const token = document.profile('mfa')?.values.get('aws_session_token');
      expect([undefined, 100_000]).toContain(token?.length);
    }
    await writing;
    expect(reads).toBeGreaterThan(20);
  });
});

describe('a change by another program between reading and replacing', () => {
  /** Calls `meddle` after the first read only, and says how often the change was asked for. */
  async function changedWhile(meddle: () => void): Promise<number> {
    let calls = 0;
    await changeCredentials(file, (bytes) => {
      if (calls++ === 0) meddle();
      return append('ours\n')(bytes);
    });
    return calls;
  }

  test('a change of another program in place is noticed, and kept', async () => {
    writeFileSync(file, 'a\n');
    expect(await changedWhile(() => writeFileSync(file, 'a\ntheirs\n'))).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('a\ntheirs\nours\n');
  });

  test('a change of another program with the same size and time stamps is noticed', async () => {
    writeFileSync(file, 'a\n');
    utimesSync(file, 1000, 1000);
    const meddle = () => {
      writeFileSync(file, 'b\n');
      utimesSync(file, 1000, 1000);
    };
    expect(await changedWhile(meddle)).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('b\nours\n');
  });

  test("a change of another program within one tick of the file system's clock is noticed", async () => {
    // Some of these are in one tick: the file is written, read, and written again within a few milliseconds.
    for (let turn = 0; turn < 30; turn++) {
      writeFileSync(file, 'a\n');
      await changedWhile(() => writeFileSync(file, 'b\n'));
      expect(readFileSync(file, 'utf8')).toBe('b\nours\n');
    }
  });

  test('a replacement with the same content by another program is noticed, and its mode is kept', async () => {
    writeFileSync(file, 'a\n', { mode: 0o600 });
    const meddle = () => {
      rmSync(file);
      writeFileSync(file, 'a\n');
      chmodSync(file, 0o644);
    };
    expect(await changedWhile(meddle)).toBe(2);
    expect(modeOf(file)).toBe('644');
  });

  test('a file that another program creates or removes is noticed', async () => {
    expect(await changedWhile(() => writeFileSync(file, 'theirs\n'))).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('theirs\nours\n');
    writeFileSync(file, 'theirs\n');
    expect(await changedWhile(() => rmSync(file))).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('ours\n');
  });

  test('a symbolic link that another program points elsewhere is noticed', async () => {
    writeFileSync(join(folder, 'one'), 'one\n');
    writeFileSync(join(folder, 'two'), 'two\n');
    symlinkSync('one', file);
    let calls = 0;
    await changeCredentials(file, (bytes) => {
      if (calls++ === 0) {
        rmSync(join(folder, 'one'));
        rmSync(file);
        symlinkSync('two', file);
      }
      return append('ours\n')(bytes);
    });
    expect(readFileSync(join(folder, 'two'), 'utf8')).toBe('two\nours\n');
  });

  test('a refusal counts only if the whole file is refused, not a half-written one', async () => {
    writeFileSync(file, '');
    utimesSync(file, 1000, 1000);
    let calls = 0;
    await changeCredentials(file, (bytes) => {
      if (calls++ > 0) return append('ours\n')(bytes);
      writeFileSync(file, 'whole\n');
      throw new Error('half a file');
    });
    expect(readFileSync(file, 'utf8')).toBe('whole\nours\n');
  });

  test('another program that keeps changing the file causes an error, and nothing is lost', async () => {
    let calls = 0;
    const error = await failure(
      changeCredentials(file, (bytes) => {
        writeFileSync(file, `theirs ${calls++}\n`);
        return append('ours\n')(bytes);
      }),
    );
    expect(error.message).toBe(`cannot write ${file}: another program keeps changing it; find and end that program`);
    expect(readFileSync(file, 'utf8')).toBe(`theirs ${calls - 1}\n`);
    expect(readdirSync(folder)).toEqual(['credentials']);
  });

  test('a tool that has just truncated the file is waited for', async () => {
    writeFileSync(file, '');
    const seen: string[] = [];
    const changing = changeCredentials(file, (bytes) => {
      seen.push(bytes.toString());
      return append('ours\n')(bytes);
    });
    await until('the file is locked', () => readdirSync(folder).includes('credentials.lock'));
    // Long after it would have been read. Truncated again each time: on a slow machine, it must not become an old empty file.
    for (let turn = 0; turn < 4; turn++) {
      writeFileSync(file, '');
      await setTimeout(50);
    }
    writeFileSync(file, 'theirs\n');
    await changing;
    expect(seen).toEqual(['theirs\n']);
    expect(readFileSync(file, 'utf8')).toBe('theirs\nours\n');
  });
});

describe('the lock', () => {
  test('many changes at once happen one after another, in one process and in several', async () => {
    writeFileSync(file, 'start\n');
    const code = `
      import { changeCredentials } from '${REPLACE}';
      for (const turn of [1, 2, 3]) {
        const line = process.pid + ' ' + turn + '\\n';
        await changeCredentials(process.argv[1], (bytes) => Buffer.from(bytes + (String(bytes).includes(line) ? '' : line)));
      }`;
    const others = Array.from({ length: 4 }, () => once(otherProcess(code, [file]), 'close'));
    const ours = Array.from({ length: 8 }, (_, index) => changeCredentials(file, append(`ours ${index}\n`)));
    expect(await within('the end of the others', Promise.all(others), () => readFileSync(file, 'utf8'))).toEqual(
      Array.from({ length: 4 }, () => [0, null]),
    );
    await Promise.all(ours);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(lines.length).toBe(1 + 4 * 3 + 8);
    expect(new Set(lines).size).toBe(lines.length);
  });

  test('the lock of a running program is waited for', async () => {
    writeFileSync(file, 'a\n');
    const release = await lockfile.lock(file);
    let isChanged = false;
    const changing = changeCredentials(file, (bytes) => {
      isChanged = true;
      return append('b\n')(bytes);
    });
    await expect(changeCredentials(file, append('c\n'), { timeout: 300 })).rejects.toThrow(/another program has held/);
    expect(isChanged).toBe(false);
    await release();
    await changing;
    expect(readFileSync(file, 'utf8')).toBe('a\nb\n');
  });

  test('a lock that is held too long causes an error that says what to do', async () => {
    const holder = otherProcess(HOLD_LOCK, [file]);
    await within('a lock of another', once(holder.stdout ?? holder, 'data'));
    try {
      // Longer than a dead one's lock would last.
      const error = await failure(changeCredentials(file, append('b\n'), { timeout: 3000 }));
      expect(error).toBeInstanceOf(UserError);
      expect(error.message).toBe(
        `cannot write ${file}: another program has held ${file}.lock for 3 s; end that program, or remove the folder if no program uses it`,
      );
    } finally {
      holder.kill('SIGKILL');
    }
  });

  test('the lock never has a time in the future, which would keep it after its process died', async () => {
    await changeCredentials(file, () => {
      expect(statSync(`${file}.lock`).mtimeMs).toBeLessThanOrEqual(Date.now());
      return Buffer.from('a\n');
    });
  });

  test('the lock of a killed program delays the next by no more than about two seconds', async () => {
    const code = `import { changeCredentials } from '${REPLACE}';
      await changeCredentials(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    await within('the end of the program', once(otherProcess(code, [file]), 'close'));
    expect(readdirSync(folder)).toEqual(['credentials.lock']);
    await within('the change', changeCredentials(file, append('a\n')), () => readdirSync(folder), 2_500);
    expect(readdirSync(folder)).toEqual(['credentials']);
  });

  test('a change starts again when its lock was taken while the process was stopped', async () => {
    writeFileSync(file, 'a\n');
    let calls = 0;
    await changeCredentials(file, (bytes) => {
      // As when the machine sleeps: another process found the lock stale, took it, and has finished.
      if (calls++ === 0) {
        rmSync(`${file}.lock`, { recursive: true });
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1200);
      }
      return append('ours\n')(bytes);
    });
    expect(calls).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('a\nours\n');
  });

  test('the lock leaves it to the program how to end at a signal', async () => {
    const code = `
      import { changeCredentials } from '${REPLACE}';
      process.once('SIGTERM', () => setImmediate(() => { console.log('in its own time'); process.exit(7); }));
      await changeCredentials(process.argv[1], () => Buffer.from('a'));
      process.kill(process.pid, 'SIGTERM');
      setInterval(() => {}, 1e6);`;
    const child = otherProcess(code, [file]);
    expect(await outputOf(child)).toBe('in its own time');
    expect(child.exitCode).toBe(7);
  });

  test('a lock that is not a folder causes an error that names it', async () => {
    writeFileSync(`${file}.lock`, '');
    utimesSync(`${file}.lock`, 1000, 1000);
    const error = await failure(changeCredentials(file, append('b\n')));
    expect(error.message).toBe(`cannot lock ${file}: ${file}.lock exists but is not a lock; remove it`);
  });

  test('a folder under the name of the lock that holds a file is an error that names it', async () => {
    mkdirSync(`${file}.lock`);
    writeFileSync(join(`${file}.lock`, 'theirs'), '');
    utimesSync(`${file}.lock`, 1000, 1000);
    const error = await failure(changeCredentials(file, append('b\n')));
    expect(error.message).toBe(`cannot lock ${file}: ${file}.lock exists but is not a lock; remove it`);
    expect(readdirSync(`${file}.lock`)).toEqual(['theirs']);
  });
});

describe('the temporary file of a killed process', () => {
  test('the temporary file of a killed process is removed by the next change, however new, and similar names are kept', async () => {
    for (const pid of [spawnSync('true').pid, process.pid, process.ppid]) {
      writeFileSync(join(folder, `.credentials.aws-mfa-agent-${pid}-0123456789abcdef`), 'secret');
    }
    const kept = [
      '.credentials.aws-mfa-agent-notes',
      '.credentials.aws-mfa-agent-1-0123456789abcdef~',
      '.credentials.swp',
    ];
    for (const name of kept) writeFileSync(join(folder, name), '');
    await changeCredentials(file, append('a\n'));
    expect(readdirSync(folder).sort()).toEqual([...kept, 'credentials'].sort());
  });

  test('a change starts again when its temporary file was removed while the process was stopped', async () => {
    writeFileSync(file, 'a\n');
    const code = `import { changeCredentials } from '${REPLACE}';
      await changeCredentials(process.argv[1], (bytes) => Buffer.concat([bytes, Buffer.from('theirs\\n')]));`;
    let calls = 0;
    await changeCredentials(file, (bytes) => {
      if (calls++ === 0) {
        rmSync(`${file}.lock`, { recursive: true });
        spawnSync(process.execPath, ['--input-type=module', '-e', code, file], { stdio: 'inherit' });
      }
      return append('ours\n')(bytes);
    });
    expect(calls).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('a\ntheirs\nours\n');
  });
});

describe('the error of a change', () => {
  test('a change of a folder reports that it is a folder, and so does a read', async () => {
    mkdirSync(file);
    const message = `${file}: it is a folder; move it away (EISDIR)`;
    expect((await failure(changeCredentials(file, append('a')))).message).toBe(`cannot write ${message}`);
    expect((await failure((async () => readIfPresent(file))())).message).toBe(`cannot read ${message}`);
    expect(readdirSync(folder)).toEqual(['credentials']);
  });

  test('a change of a file in a folder that is a file reports the path', async () => {
    writeFileSync(join(folder, '.aws'), '');
    const error = await failure(changeCredentials(join(folder, '.aws/credentials'), append('a')));
    expect(error).toBeInstanceOf(UserError);
    expect(error.message).toMatch(/^cannot write .*\/\.aws\/credentials: .*\((?:ENOTDIR|EEXIST)\)$/);
  });

  test('a change of a file with circular symbolic links reports the circle, and so does a read', async () => {
    symlinkSync('credentials', file);
    const message = `${file}: its symbolic links form a circle; correct them (ELOOP)`;
    expect((await failure(changeCredentials(file, append('a')))).message).toBe(`cannot write ${message}`);
    expect((await failure((async () => readIfPresent(file))())).message).toBe(`cannot read ${message}`);
  });

  test('a change of a device reports that it is not a file', async () => {
    symlinkSync('/dev/null', file);
    expect((await failure(changeCredentials(file, append('a')))).message).toMatch(/a device, a pipe or a socket/);
  });

  test('a refusal by the change is reported with the name of the file', async () => {
    writeFileSync(file, '\0');
    const session = { accessKeyId: 'ASIAX', secretAccessKey: 's', sessionToken: 't', expiration: 0 };
    const error = await failure(changeCredentials(file, (bytes) => withSession(bytes, 'mfa', session)));
    expect(error).toEqual(refusal);
    expect(error.message).toBe(`cannot write ${file}: the file is not a text file: restore it, or move it away`);
  });

  test('a read of a missing file is not an error', async () => {
    expect(readIfPresent(file)).toBeUndefined();
    expect(readIfPresent(join(folder, 'no/credentials'))).toBeUndefined();
  });

  describe('a system call that fails', needs('strace'), () => {
    test.each([
      ['mkdir', 'EROFS', 'the file system is read-only'],
      ['mkdir', 'EACCES', 'permission denied'],
      ['fsync', 'ENOSPC', 'the disk is full; free some space (ENOSPC)'],
      ['fsync', 'EIO', 'the disk reported an error; check it (EIO)'],
      ['fchown', 'EPERM', 'the new file cannot have the owner and the group of the old one; run this as its owner'],
      [
        'rename',
        'EBUSY',
        'the file itself is a mount point, so it cannot be replaced; mount its folder instead (EBUSY)',
      ],
    ])('a change reports what to do when %s fails with %s', async (call, code, reason) => {
      writeFileSync(file, 'old\n');
      if (isRoot) chownSync(file, 12_345, 12_345);
      else if (call === 'fchown') return;
      const output = await outputOf(otherProcess(CHANGE, [file], strace(`${call}:error=${code}`)));
      expect(output).toContain(`UserError cannot write ${file}: ${reason}`);
      expect(readFileSync(file, 'utf8')).toBe('old\n');
      expect(readdirSync(folder)).toEqual(['credentials']);
    });
  });
});

describe('a process that is killed', needs('strace'), () => {
  test.each(['mkdir', 'utimensat', 'fchown', 'fchmod', 'fsync', 'rename', 'rmdir'])(
    'a process that is killed at any %s leaves the old or the new file',
    async (call) => {
      for (let when = 1, isKilled = true; isKilled; when++) {
        rmSync(folder, { recursive: true });
        mkdirSync(folder);
        writeFileSync(file, 'old\n');
        chmodSync(file, 0o640);
        const child = otherProcess(CHANGE, [file], strace(`${call}:signal=KILL:when=${when}`));
        const [status, signal] = await within('the end of the program', once(child, 'close'));
        isKilled = signal === 'SIGKILL';
        expect(isKilled || status === 0).toBe(true);
        expect(isKilled ? ['old\n', 'old\nnew\n'] : ['old\nnew\n']).toContain(readFileSync(file, 'utf8'));
        expect(modeOf(file)).toBe('640');
      }
    },
  );
});
