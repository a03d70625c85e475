import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watchPresence } from '../../src/agent/presence.ts';
import { hostOn } from '../../src/ask/window/host.ts';
import type { Question, WindowAnswer } from '../../src/ask/window/protocol.ts';
import { changeCredentials } from '../../src/files/replace.ts';
import { watchFile } from '../../src/files/watch.ts';
import { needs } from '../needs.ts';
import { within } from '../within.ts';

/** What the stand-ins cannot show. Run by real.sh on a Mac whose user is logged in at the screen; not run anywhere yet. */
describe('a real Mac', needs('macOS'), () => {
  let folder: string;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'real-'));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs a script of ours; the lines that it prints. */
  function script(file: URL | string[]) {
    const words = Array.isArray(file) ? file : ['-l', 'JavaScript', fileURLToPath(file)];
    const child = spawn('osascript', words, { stdio: ['pipe', 'pipe', 'inherit'] });
    children.push(child);
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const ended = once(child, 'close');
    const next = async () => (await within('a line', lines.next(), undefined, 20_000)).value;
    return { child, ended, next };
  }

  it('ioreg lists the sessions at the screen, and the user of this one is here', async () => {
    const printed = execFileSync('ioreg', ['-n', 'Root', '-d1', '-a'], { encoding: 'utf8', maxBuffer: 2 ** 24 });
    expect(printed).toContain('<key>IOConsoleUsers</key>');
    expect(printed).toContain(`<integer>${process.getuid?.()}</integer>`);
    const presence = await watchPresence(process.env, () => {});
    expect(presence.held()).toBeUndefined();
    presence.close();
  });

  it('the script for the events of the screen starts, and ends with its input', async () => {
    const { child, ended, next } = script(new URL('../../src/agent/macos-events.js', import.meta.url));
    expect(await next()).toBe('ready');
    child.stdin.end();
    await within('its end', ended);
  });

  it('the window opens, takes a code where it may be typed by a program, and is gone after SIGTERM', async () => {
    const { child, ended, next } = script(hostOn('darwin').words);
    const now = Date.now();
    const question: Question = {
      ...{ show: 'question', id: 1, raise: false, byItself: false, now, codeStep: 30_000 },
      ...{
        title: 'AWS MFA code: mfa',
        heading: 'AWS session [mfa] ends soon',
        device: 'MFA code of alice',
        problem: '',
      },
      session: { from: now - 60_000, until: now + 60_000 },
      words: {
        ...{ submit: 'OK', snooze: 'Snooze', close: 'Close', sessionLeft: 'Session', codeLeft: 'Code' },
        ...{ nextCode: 'Next code in {seconds} s', notSixDigits: 'A code has six digits.' },
      },
    };
    child.stdin.write(`${JSON.stringify(question)}\n`);
    expect(JSON.parse(await next())).toEqual({ answer: 'ready' });
    const { ARTIFACTS } = process.env;
    if (ARTIFACTS) {
      mkdirSync(ARTIFACTS, { recursive: true });
      spawnSync('screencapture', ['-x', join(ARTIFACTS, `window-node-${process.version}.png`)], { timeout: 10_000 });
    }
    // macOS lets only permitted programs type.
    const keys = spawnSync('osascript', ['-e', 'tell application "System Events" to keystroke "123456"'], {
      timeout: 10_000,
    });
    const answer = await Promise.race([next(), pause(5_000)]);
    if (answer === undefined) process.stderr.write(`the window got no keys (osascript ended with ${keys.status})\n`);
    else expect(JSON.parse(answer) as WindowAnswer).toEqual({ answer: 'code', id: 1, code: '123456' });
    child.kill();
    await within('its end', ended);
  });

  it('a rename is seen within a second', async () => {
    const file = join(folder, 'credentials');
    writeFileSync(file, 'before');
    let seen = () => {};
    const watch = watchFile(file, () => seen());
    await pause(500);
    const change = new Promise<void>((resolve) => {
      seen = resolve;
    });
    writeFileSync(`${file}.new`, 'after');
    renameSync(`${file}.new`, file);
    await within('a change', change, undefined, 1_000);
    watch.close();
  });

  it('200 rewrites beside readers: each reads a whole file, of mode 0600, without a list that it inherits', async () => {
    execFileSync('chmod', ['+a', 'everyone allow read,file_inherit', folder]);
    const file = join(folder, 'credentials');
    const text = (round: number) => `[mfa]\nround = ${round}\n${'# filling\n'.repeat(500)}# end ${round}\n`;
    writeFileSync(file, text(0), { mode: 0o600 });
    execFileSync('chmod', ['-N', file]);
    const torn: string[] = [];
    let isOver = false;
    const readers = [1, 2, 3].map(async () => {
      while (!isOver) {
        const read = readFileSync(file, 'utf8');
        if (read !== text(Number(/round = (\d+)/.exec(read)?.[1]))) torn.push(read.slice(0, 100));
        await pause(1);
      }
    });
    for (let round = 1; round <= 200; round += 1) await changeCredentials(file, () => Buffer.from(text(round)));
    isOver = true;
    await Promise.all(readers);
    expect(torn).toEqual([]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(execFileSync('ls', ['-le', file], { encoding: 'utf8' }).trim().split('\n')).toHaveLength(1);
  }, 120_000);
});
