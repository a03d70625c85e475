import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { needs } from '../needs.ts';
import { start } from '../program.ts';
import { startSandbox } from '../sandbox.ts';
import { until } from '../within.ts';
import { startDesktop } from './desktop.ts';

const TITLE = 'AWS MFA code';
const NAMES = ['a', 'b', 'c', 'd', 'e'];
/** Later than a key that was meant for another window. */
const LATE = 2_200;

// Most of it is waiting for a second dialog that must not come, so they wait together.
describe.concurrent('an agent with five devices that are due, and no notification service', needs('a desktop'), () => {
  it.for([
    ['auto', 'on'],
    ['zenity', 'on'],
    ['kdialog, zenity', 'on'],
    ['auto', 'without'],
    ['zenity', 'without'],
  ])('five devices get one dialog at a time: prompt = %s, %s a session bus', async ([prompt, bus], context) => {
    const { expect, onTestFinished } = context;
    const [desktop, sandbox] = await Promise.all([startDesktop(), startSandbox()]);
    onTestFinished(async () => {
      await Promise.all([desktop.stop(), sandbox.close()]);
    });
    const titles = async () => {
      const found = await desktop.tool('xdotool', 'search', '--onlyvisible', '--name', TITLE).catch(() => '');
      const ids = found.split('\n').filter((id) => id !== '');
      return Promise.all(ids.map((id) => desktop.tool('xdotool', 'getwindowname', id).catch(() => 'gone')));
    };
    const profiles = NAMES.map((name, index) => `[${name}]\nmfa_serial = GAHT1234567${index}\n`);
    await sandbox.settings([`prompt = ${prompt}\n`, ...profiles].join(''));
    const { DBUS_SESSION_BUS_ADDRESS, ...screen } = desktop.environment;
    const session = bus === 'on' ? { DBUS_SESSION_BUS_ADDRESS } : {};
    const agent = start(['run'], { ...screen, ...session, ...sandbox.env });
    onTestFinished(async () => {
      agent.child.kill('SIGTERM');
      await agent.ended;
    });
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
