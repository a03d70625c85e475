import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { osascript } from '../../src/ask/macos-osascript.ts';
import { asking, request, SNOOZED } from '../desktop/asking.ts';

/** Never tried on macOS: this is what Apple's pages say that the program does. */
describe('a stand-in for osascript', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'osascript-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const ask = async (script: string, asked = request()) => {
    await writeFile(join(folder, 'osascript'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return osascript({ PATH: `${folder}:/usr/bin:/bin` }).ask(asked, asking());
  };

  it('osascript gives the typed code, and asks again after another text', async () => {
    expect(await ask('echo "123 456"')).toEqual({ kind: 'code', code: '123456' });
    const again = `echo "$@" >> ${folder}/words; [ -e ${folder}/asked ] && echo 654321; touch ${folder}/asked; echo`;
    expect(await ask(again)).toEqual({ kind: 'code', code: '654321' });
    expect(await readFile(join(folder, 'words'), 'utf8')).toContain('A code has six digits. Try again.');
  });

  it('osascript gets all texts as arguments, none as part of the script', async () => {
    const hostile = '" & (do shell script "touch /tmp/owned") & "';
    await ask(`printf '%s\\0' "$@" > ${folder}/words; echo 123456`, request({ profile: hostile }));
    const [dashE, script = '', title, text, ...buttons] = (await readFile(join(folder, 'words'), 'utf8')).split('\0');
    expect([dashE, title, ...buttons]).toEqual([
      '-e',
      `AWS MFA code: ${hostile}`,
      'Snooze until 14:27',
      'Cancel',
      'OK',
      '',
    ]);
    expect(text).toMatch(/^AWS session \[" & .* & "\] ends at [0-9:]+\nMFA code of alice in account 123456789012$/);
    expect(script).not.toContain('do shell script');
  });

  it.each([
    ['Cancel', 'execution error: User canceled. (-128)', { kind: 'dismissed' }],
    ['Snooze', 'execution error: An error of type 2 has occurred. (2)', SNOOZED],
    [
      'no screen',
      'execution error: No user interaction allowed. (-1713)',
      { kind: 'unavailable', reason: 'exit status 1: execution error: No user interaction allowed. (-1713)' },
    ],
  ])('osascript reports by its error number what happened: %s', async (_, message, answer) => {
    expect(await ask(`echo "0:1: ${message}" >&2; exit 1`)).toMatchObject(
      'reason' in answer ? { ...answer, reason: expect.stringContaining('No user interaction allowed') } : answer,
    );
  });
});
