import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Running, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { until } from '../within.ts';
import { type Desktop, startDesktop } from './desktop.ts';

const TITLE = 'AWS MFA code';
const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** Later than a key that was meant for another window. */
const LATE = 2_200;

describe('an agent with five devices that are due, and no notification service', needs('a desktop'), () => {
  let desktop: Desktop;
  let sandbox: Sandbox;
  let agent: Running;
  beforeEach(async () => {
    [desktop, sandbox] = await Promise.all([startDesktop(), startSandbox()]);
  });
  afterEach(async () => {
    agent.child.kill('SIGTERM');
    await agent.ended;
    await Promise.all([desktop.stop(), sandbox.close()]);
  });

  const titles = async () => {
    const found = await desktop.tool('xdotool', 'search', '--onlyvisible', '--name', TITLE).catch(() => '');
    const ids = found.split('\n').filter((id) => id !== '');
    return Promise.all(ids.map((id) => desktop.tool('xdotool', 'getwindowname', id).catch(() => 'gone')));
  };

  it.each([
    ['auto', 'on'],
    ['zenity', 'on'],
    ['kdialog, zenity', 'on'],
    ['auto', 'without'],
    ['zenity', 'without'],
  ])('five devices get one dialog at a time: prompt = %s, %s a session bus', async (prompt, bus) => {
    const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    const profiles = NAMES.map((name, index) => `[${name}]\nmfa_serial = GAHT1234567${index}\n`);
    await writeFile(join(folder, 'config.ini'), [`prompt = ${prompt}\n`, ...profiles].join(''));
    const { DBUS_SESSION_BUS_ADDRESS, ...screen } = desktop.environment;
    const session = bus === 'on' ? { DBUS_SESSION_BUS_ADDRESS } : {};
    agent = start(['run'], { ...screen, ...session, ...sandbox.env });
    for (const name of NAMES) await agent.says(new RegExp(`"profile":"${name}","state":"missing","standing":"asking"`));
    const seen: string[] = [];
    for (let last: string | undefined; seen.length < NAMES.length; ) {
      const shown = await desktop.window(TITLE, last);
      last = shown.process;
      await pause(LATE);
      const all = await titles();
      expect(all).toHaveLength(1);
      seen.push(...all);
      await desktop.key(shown, 'Escape');
      await until('the window is gone', async () => !(await titles()).includes(all[0] ?? ''), desktop.seen);
    }
    expect(seen.map((title) => title.replace(' — KDialog', '')).sort()).toEqual(
      NAMES.map((name) => `${TITLE}: ${name}`),
    );
    await pause(LATE);
    expect(await titles()).toEqual([]);
  });
});
