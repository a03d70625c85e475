import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dialog } from '../../src/ask/field.ts';
import { asking, request } from '../desktop/asking.ts';

/** The real programs are tried in `test/desktop/dialogs.test.ts`; a script ends here in every way that they may. */
describe.skipIf(process.platform === 'win32')('a program that shows a dialog', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dialog-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const shown = async () => (await readFile(join(folder, 'shown'), 'utf8')).trimEnd().split('\n');

  /** The answer of a dialog that is this script. What it is to show as a problem goes to the file `shown`. */
  async function answerOf(script: string) {
    const program = `#!/bin/sh\ncd ${folder}\nprintf '%s\\n' "$1" >> shown\n${script}\n`;
    await writeFile(join(folder, 'ask-code'), program, { mode: 0o755 });
    const words = ({ problem }: { problem?: string }) => [problem ?? 'no problem'];
    const way = dialog({ name: 'ask-code', display: false, words }, { PATH: `${folder}:/usr/bin:/bin` });
    return way.ask(request(), asking());
  }

  it.each([
    ['prints a code', 'echo 123 456', { kind: 'code', code: '123456' }],
    ['is cancelled', 'exit 1', { kind: 'dismissed' }],
    ['is terminated', 'kill -TERM $$', { kind: 'dismissed' }],
    ['is killed', 'kill -KILL $$', { kind: 'dismissed' }],
    ['crashes', 'kill -SEGV $$', { kind: 'unavailable', reason: 'ended by SIGSEGV' }],
    ['aborts', 'kill -ABRT $$', { kind: 'unavailable', reason: 'ended by SIGABRT' }],
    ['fails in another way', 'echo broken >&2; exit 3', { kind: 'unavailable', reason: 'exit status 3: broken' }],
    [
      'cannot open its display',
      'echo "cannot open display: :9" >&2; exit 1',
      { kind: 'unavailable', reason: 'exit status 1: cannot open display: :9' },
    ],
    [
      'failed to open its display',
      'echo "Failed to open display" >&2; exit 1',
      { kind: 'unavailable', reason: 'exit status 1: Failed to open display' },
    ],
  ])('a dialog is understood when it %s', async (_, script, answer) => {
    expect(await answerOf(script)).toEqual(answer);
  });

  it('a dialog is shown again, with what was wrong, until a code is typed, at most ten times', async () => {
    const tenth = 'if [ "$(wc -l < shown)" -lt 10 ]; then echo 12345; else echo 123456; fi';
    expect(await answerOf(tenth)).toEqual({ kind: 'code', code: '123456' });
    expect(await shown()).toEqual(['no problem', ...Array(9).fill('A code has six digits. Try again.')]);
    await rm(join(folder, 'shown'));
    expect(await answerOf('echo 12345')).toEqual({ kind: 'dismissed' });
    expect(await shown()).toHaveLength(10);
  });
});
