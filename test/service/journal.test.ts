import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { PROGRAM } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds, within } from '../within.ts';

let sandbox: Sandbox;
beforeEach(async () => {
  sandbox = await startSandbox();
});
afterEach(() => sandbox.close());

/** Starts the agent with a file for standard error that, by `JOURNAL_STREAM`, is the journal. */
function start(settings: string, isJournal = true) {
  const config = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent', 'config.ini');
  mkdirSync(dirname(config), { recursive: true });
  writeFileSync(config, settings);
  const log = join(sandbox.home, 'log');
  const descriptor = openSync(log, 'w');
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  const env = { ...sandbox.env, JOURNAL_STREAM: `${dev}:${isJournal ? ino : ino + 1n}` };
  const child = spawn(process.execPath, [PROGRAM, 'run'], { env, stdio: ['ignore', 'ignore', descriptor] });
  closeSync(descriptor);
  const exited = once(child, 'exit');
  const lines = () => readFileSync(log, 'utf8').split('\n').filter(Boolean);
  return { child, lines, ended: () => within('the end of the agent', exited, lines) };
}

it('the service marks each line of the log with its priority, without a time', async () => {
  const { child, lines, ended } = start('');
  await holds(() => expect(lines().length).toBeGreaterThan(1));
  child.kill();
  await ended();
  for (const line of lines()) expect(Object.keys(JSON.parse(line.replace(/^<[246]>/, '')))).not.toContain('time');
  expect(lines()[0]).toMatch(/^<6>\{"level":"info","version":"[^"]+","profiles":\["mfa"\],"msg":"the agent runs"\}$/);
});

it('the service writes to the journal where to enter the code when no browser can be opened', async () => {
  const { child, lines, ended } = start('prompt = browser\n');
  const told = /^<6>\{"level":"info","msg":"AWS session \[mfa\] needs a code: enter the code at (http:[^"]+)"\}$/m;
  await holds(() => expect(lines().join('\n')).toMatch(told));
  const page = await fetch(told.exec(lines().join('\n'))?.[1] ?? '');
  expect(await page.text()).toContain('MFA code of alice');
  const body = new URLSearchParams({ round: '1', code: sandbox.code() });
  await fetch(page.url, { method: 'POST', body });
  await holds(() => expect(lines().join('\n')).toContain('session refreshed'));
  child.kill();
  await ended();
});

it('the service writes to the journal why it does not start', async () => {
  const { lines, ended } = start('check = nonsense\n');
  expect(await ended()).toEqual([2, null]);
  expect(lines()).toEqual([expect.stringMatching(/^<2>\{"level":"fatal","msg":".*check = .*"\}$/)]);
});

it('the agent marks no lines when standard error is not the journal', async () => {
  const { lines, ended } = start('check = nonsense\n', false);
  await ended();
  expect(lines()).toEqual([expect.stringMatching(/^aws-mfa-agent: .*check = /)]);
});
