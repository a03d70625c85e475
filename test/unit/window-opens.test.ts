import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { window } from '../../src/ask/window/window.ts';
import { answered, asking, request } from '../desktop/asking.ts';

it.each([
  ['when it is on the screen', ['waiting', 'ready', 'closed'], 1],
  ['and not while it waits for its turn', ['waiting', 'closed'], 0],
])('our window says that it opens %s', async (_, answers, count) => {
  const folder = mkdtempSync(join(tmpdir(), 'window-opens-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'typelibs'));
  writeFileSync(join(folder, 'typelibs/Gtk-4.0.typelib'), '');
  const said = answers.map((answer) => `echo '{"answer":"${answer}"}'`);
  writeFileSync(join(folder, 'gjs'), ['#!/bin/sh', ...said, ''].join('\n'), { mode: 0o755 });
  const environment = { DISPLAY: ':7', GI_TYPELIB_PATH: join(folder, 'typelibs'), PATH: `${folder}:/usr/bin:/bin` };
  let opened = 0;
  const onOpen = () => {
    opened += 1;
  };
  const answer = window(environment, 'linux').ask(request(), { ...asking(), onOpen });
  expect(await answered(answer)).toEqual({ kind: 'dismissed' });
  expect(opened).toBe(count);
});
