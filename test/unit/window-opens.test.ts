import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { window } from '../../src/ask/window/window.ts';
import { answered, asking, request } from '../desktop/asking.ts';

/** Returns variables with which these lines of a shell run in place of the window. */
function hostThat(lines: readonly string[]): NodeJS.ProcessEnv {
  const folder = mkdtempSync(join(tmpdir(), 'window-opens-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'typelibs'));
  writeFileSync(join(folder, 'typelibs/Gtk-4.0.typelib'), '');
  writeFileSync(join(folder, 'gjs'), ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
  return { DISPLAY: ':7', GI_TYPELIB_PATH: join(folder, 'typelibs'), PATH: `${folder}:/usr/bin:/bin` };
}

it('our window opens at once if its first prompt is the last call, with a place in the queue', async () => {
  const first = `read -r first; case "$first" in *'"byItself":true'*) ;; *) exit;; esac`;
  const second = `read -r second; case "$second" in *'"byItself":false'*) echo '{"answer":"ready"}';; esac`;
  const environment = hostThat([first, second, `echo '{"answer":"closed"}'`]);
  const onOpen = vi.fn();
  const shown = request({ now: (request().expiration ?? 0) - 2 * 60_000 });
  const answer = window(environment, 'linux').ask(shown, { ...asking(), onOpen });
  expect(await answered(answer)).toEqual({ kind: 'dismissed' });
  expect(onOpen).toHaveBeenCalledOnce();
});

it.each([
  ['when it is on the screen', ['waiting', 'ready', 'closed'], 1],
  ['and not while it waits for its turn', ['waiting', 'closed'], 0],
])('our window says that it opens %s', async (_, answers, count) => {
  const environment = hostThat(answers.map((answer) => `echo '{"answer":"${answer}"}'`));
  let opened = 0;
  const onOpen = () => {
    opened += 1;
  };
  const answer = window(environment, 'linux').ask(request(), { ...asking(), onOpen });
  expect(await answered(answer)).toEqual({ kind: 'dismissed' });
  expect(opened).toBe(count);
});
