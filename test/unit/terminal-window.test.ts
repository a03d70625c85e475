import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { terminalWindow } from '../../src/ask/terminal-window.ts';
import { asking, request } from '../desktop/asking.ts';

let folder: string;
let environment: NodeJS.ProcessEnv;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'terminal-window-'));
  // A terminal emulator that shows what its command would be.
  put('x-terminal-emulator', `shift; printf '%s\\n' "$@" >${folder}/shown`);
  environment = { PATH: `${folder}:/usr/bin:/bin`, DISPLAY: ':7' };
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

async function shownWith(more: NodeJS.ProcessEnv): Promise<string[]> {
  const way = terminalWindow(['--config', '/c.ini', 'refresh', 'mfa'], { ...environment, ...more });
  expect(await way.ask(request(), asking())).toEqual({ kind: 'dismissed' });
  return readFileSync(join(folder, 'shown'), 'utf8').trim().split('\n');
}

it('a terminal that the agent opens runs the command with the files of the agent, also outside its service', async () => {
  // Starts a program with the variables of systemd, and none of ours.
  put('systemd-run', 'while [ "$1" != -- ]; do shift; done; shift; exec env -i "PATH=$PATH" "$@"');
  const variables = { AWS_SHARED_CREDENTIALS_FILE: '/work/credentials', XDG_STATE_HOME: '/work/state' };
  const words = await shownWith({ ...variables, AWS_REGION: 'eu-west-1', INVOCATION_ID: 'f00' });
  const program = words.findIndex((word) => word.endsWith('cli.cjs'));
  expect(words.slice(0, program - 1)).toEqual([
    '/usr/bin/env',
    'AWS_SHARED_CREDENTIALS_FILE=/work/credentials',
    'XDG_STATE_HOME=/work/state',
    'AWS_REGION=eu-west-1',
  ]);
  expect(words.slice(program + 1)).toEqual(['--config', '/c.ini', 'refresh', 'mfa']);
});

it('a terminal that the agent opens has no password in its arguments', async () => {
  const words = await shownWith({
    HTTPS_PROXY: 'http://me:secret@proxy:3128',
    AWS_ENDPOINT_URL: 'http://me:secret@sts:80',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1',
  });
  expect(words.filter((word) => /secret/.test(word))).toEqual([]);
  expect(words).toContain('AWS_ENDPOINT_URL_STS=http://127.0.0.1:1');
});
