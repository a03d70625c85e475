import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { readState } from '../../src/session/state.ts';
import { needs } from '../needs.ts';
import { type Running, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { signalAll } from '../signals.ts';
import { until } from '../within.ts';
import { type Desktop, startDesktop } from './desktop.ts';

const FIELD = 'AWS MFA code';

describe('an agent or its child that is killed', needs('a desktop', 'notify-send', 'setpriv'), () => {
  let desktop: Desktop;
  let sandbox: Sandbox;
  let agents: Running[];
  beforeEach(async () => {
    [desktop, sandbox] = await Promise.all([startDesktop(), startSandbox({ tolerance: 9 })]);
    agents = [];
  });
  afterEach(async () => {
    for (const { child } of agents) child.kill('SIGTERM');
    await Promise.all(agents.map(({ ended }) => ended));
    await Promise.all([desktop.stop(), sandbox.close()]);
  });

  function agent(): Running {
    const running = start(['run'], { ...desktop.environment, ...sandbox.env });
    agents.push(running);
    return running;
  }
  const settings = (text: string) => sandbox.settings(`check = * * * * * *\n${text}`);
  /** A session as another tool would write it, that ends in so many seconds. */
  async function put(seconds: number): Promise<void> {
    const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', seconds));
    await writeFile(`${sandbox.credentialsFile}.other`, bytes, { mode: 0o600 });
    await rename(`${sandbox.credentialsFile}.other`, sandbox.credentialsFile);
  }
  /**
   * Kills both before either can react to the end of the other. The agent is stopped before its children are listed, so that
   * it neither starts one nor waits for one that has done its job.
   */
  async function killAtOnce(running: Running): Promise<void> {
    const { child } = running;
    const task = `/proc/${child.pid}/task/${child.pid}`;
    child.kill('SIGSTOP');
    try {
      await until('the agent has stopped', async () => /\) T /.test(await readFile(`${task}/stat`, 'utf8')));
      const children = (await readFile(`${task}/children`, 'utf8')).split(' ').filter(Boolean);
      expect(children).not.toEqual([]);
      for (const pid of children) process.kill(Number(pid), 'SIGKILL');
    } finally {
      child.kill('SIGKILL');
    }
    await running.ended;
  }
  const remembered = () => readState(join(sandbox.env.XDG_STATE_HOME ?? '', 'aws-mfa-agent')).notifications;

  it('an agent that is killed leaves a notification, which the next agent closes', async () => {
    await settings('');
    await put(600);
    await desktop.startDunst();
    const first = agent();
    await desktop.window('Dunst');
    await until('the notification is remembered', async () => remembered().length === 1);
    await killAtOnce(first);
    await put(3600);
    expect(await desktop.tool('dunstctl', 'count', 'displayed')).toBe('1');
    await agent().says(/"standing":"fresh"/);
    await desktop.noWindow('Dunst');
    await until('nothing is remembered', async () => remembered().length === 0);
  });

  it('the agent closes the notification of its child when that alone was killed', async () => {
    await settings('');
    await put(600);
    await desktop.startDunst();
    const running = agent();
    await desktop.window('Dunst');
    await until('the notification is remembered', async () => remembered().length === 1);
    signalAll([remembered()[0]?.shownBy ?? Number.NaN], 'SIGKILL');
    await running.says(/ended without a result \(SIGKILL\)/);
    await desktop.noWindow('Dunst');
    await until('nothing is remembered', async () => remembered().length === 0);
  });

  it('the next agent closes no notification of another bus or service', async () => {
    await settings('');
    await put(3600);
    await desktop.startDunst();
    const folder = join(sandbox.env.XDG_STATE_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    const id = Number((await desktop.tool('notify-send', '--print-id', 'of another program')).trim());
    await desktop.window('Dunst');
    const call = ['--session', '--dest', 'org.freedesktop.DBus', '--object-path', '/org/freedesktop/DBus'];
    const ask = async (...words: string[]) =>
      /'(.*)'/.exec(await desktop.tool('gdbus', 'call', ...call, '--method', ...words))?.[1] ?? '';
    const owner = await ask('org.freedesktop.DBus.GetNameOwner', 'org.freedesktop.Notifications');
    const bus = await ask('org.freedesktop.DBus.GetId');
    const notifications = [
      { bus: 'another', owner, id },
      { bus, owner: ':1.4242', id },
    ];
    await writeFile(join(folder, 'state.json'), JSON.stringify({ notifications }));
    await agent().says(/"standing":"fresh"/);
    await until('nothing is remembered', async () => remembered().length === 0);
    expect(await desktop.tool('dunstctl', 'count', 'displayed')).toBe('1');
  });

  it('an answered notification is forgotten', async () => {
    await settings('');
    await put(600);
    await desktop.startDunst();
    const running = agent();
    await until('the notification is remembered', async () => remembered().length === 1);
    await desktop.click(await desktop.window('Dunst'), 'middle');
    await running.says(/"standing":"snoozed"/);
    await until('nothing is remembered', async () => remembered().length === 0);
  });

  it.each(['zenity', 'kdialog', 'pinentry', 'window'])('an agent that is killed takes %s along', async (name) => {
    await settings(`prompt = ${name}\n`);
    await put(600);
    const first = agent();
    await desktop.window(FIELD);
    await killAtOnce(first);
    await desktop.noWindow(FIELD);
    await desktop.noProcess('zenity', 'kdialog', 'pinentry', 'pinentry-gtk-2', 'gjs');
  });
});
