import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PRECOMPILE } from '../built.ts';
import { follow, PROGRAM } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

const DIST = join(PROGRAM, '..');

/** A copy of the program, and what it needs. */
let folder: string;
let sandbox: Sandbox;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'compiled-'));
  cpSync(DIST, join(folder, 'dist'), { recursive: true });
  for (const name of ['package.json', 'node_modules']) symlinkSync(join(DIST, '..', name), join(folder, name));
  sandbox = await startSandbox();
  await sandbox.put(sandbox.sts.issue('alice', 43_200));
});
afterEach(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

function node(...words: string[]) {
  return follow(spawn(process.execPath, words, { env: sandbox.env, stdio: 'pipe' })).ended;
}
/** The files that V8 reads. */
const compiled = () => readdirSync(join(folder, 'dist')).filter((name) => name.endsWith('.compiled'));
/** Runs a short command, with a line for each script that V8 did not have to compile. */
async function run(...words: string[]) {
  const notes = join(folder, 'notes.cjs');
  writeFileSync(
    notes,
    `const vm = require('node:vm'); const { Script } = vm;
     vm.Script = class extends Script { constructor(...all) { super(...all); if (this.cachedDataRejected === false) console.error('compiled before'); } };`,
  );
  const { status, stdout, stderr } = await node('--require', notes, join(folder, 'dist/cli.cjs'), ...words);
  // Between two runs, a second may pass.
  const timeless = stdout.replace(/("seconds_left": )\d+/, '$1…');
  return { status, stdout: timeless, isCompiled: stderr.includes('compiled before') };
}

describe('the compiled form of the short commands', () => {
  it.each([[['status', '--json']], [['env', 'mfa']], [['credential-process']]])(
    'the compiled form of the short commands is used by %j, which prints the same without it',
    async (words) => {
      const before = await run(...words);
      expect(before).toMatchObject({ status: 0, stdout: expect.stringMatching(/./), isCompiled: true });
      for (const name of compiled()) rmSync(join(folder, 'dist', name));
      expect(await run(...words)).toEqual({ ...before, isCompiled: false });
    },
  );

  it.each([
    ['is empty', () => Buffer.alloc(0)],
    ['was cut', (whole: Buffer) => whole.subarray(0, whole.length / 2)],
    ['was made by another V8', (whole: Buffer) => whole.fill(1, 4, 8)],
  ])('the compiled form of the short commands is ignored if it %s', async (_, changed) => {
    const [name = ''] = compiled();
    const path = join(folder, 'dist', name);
    writeFileSync(path, changed(readFileSync(path)));
    expect(await run('env')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^export /), isCompiled: false });
  });

  it('the compiled form of the short commands is made again, from made-up files alone', async () => {
    const names = compiled();
    expect(names).toHaveLength(1);
    for (const name of names) rmSync(join(folder, 'dist', name));
    const temporary = join(folder, 'tmp');
    mkdirSync(temporary);
    sandbox.env.TMPDIR = temporary;
    writeFileSync(sandbox.credentialsFile, 'a file that cannot be read');
    expect(await node(join(folder, PRECOMPILE))).toMatchObject({ status: 0, stderr: '' });
    expect(compiled()).toEqual(names);
    expect(readdirSync(temporary)).toEqual([]);
    expect(await run('--version')).toMatchObject({ status: 0, isCompiled: true });
  });
});
