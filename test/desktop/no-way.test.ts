import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { type NotificationServer, startNotificationServer } from './notification-server.ts';

const COMMAND = 'To enter the code, run: aws-mfa-agent refresh mfa';

describe('the agent on a desktop where no dialog can be opened', needs('a desktop'), () => {
  let desktop: Desktop;
  let sandbox: Sandbox;
  let server: NotificationServer | undefined;
  let agent: Running;
  let programs: string;
  let environment: NodeJS.ProcessEnv;

  beforeEach(async () => {
    [desktop, sandbox] = await Promise.all([startDesktop(), startSandbox({ tolerance: 9 })]);
    programs = join(sandbox.home, 'programs');
    await mkdir(programs);
    await symlink('/bin/sh', join(programs, 'sh'));
    environment = { ...desktop.environment, ...sandbox.env, PATH: programs };
    await settings('check = * * * * * *\nremind_every = 1h\n');
  });
  afterEach(async () => {
    agent.child.kill('SIGTERM');
    await agent.ended;
    await server?.stop();
    server = undefined;
    await Promise.all([desktop.stop(), sandbox.close()]);
  });

  const settings = (text: string) => sandbox.settings(text);
  /** A terminal emulator without a window, in which the user types the code. */
  async function installTerminal(): Promise<void> {
    const script = `#!/bin/sh\n[ "$1" = -e ] && shift && exec "$@" --token-code ${sandbox.code()}\n`;
    await writeFile(join(programs, 'x-terminal-emulator'), script);
    await chmod(join(programs, 'x-terminal-emulator'), 0o755);
  }

  it('the agent names the command in a notification, says why, and closes it when the command was run', async () => {
    server = await startNotificationServer(desktop.environment, ['actions', 'body']);
    agent = start(['run'], environment);
    const shown = await server.nth(1);
    expect(shown.summary).toBe('AWS session [mfa] needs a code');
    expect(shown.body.split('\n').at(-1)).toBe(COMMAND);
    expect(shown.actions).toEqual(['snooze', expect.stringMatching(/^Snooze until /)]);
    await agent.says(
      /cannot ask here: notification: no code field can be opened: window: gjs is not installed, zenity/,
    );
    expect((await run(['status'], sandbox.env)).stdout).toMatch(
      /asking since .*; only a notification is possible: install gjs or zenity; run `aws-mfa-agent doctor`$/m,
    );
    expect((await run(['refresh', '--token-code', sandbox.code()], sandbox.env)).status).toBe(0);
    await server.closedCount(1);
    await agent.says(/"standing":"fresh"/);
    expect(agent.output().match(/cannot ask here/g)).toHaveLength(1);
  });

  it('the agent names the command where a notification has no buttons', async () => {
    server = await startNotificationServer(desktop.environment, ['body']);
    const config = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent/config.ini');
    agent = start(['--config', config, 'run'], environment);
    expect((await server.nth(1)).body).toContain(COMMAND.replace('refresh', `--config ${config} refresh`));
  });

  it('a click on the notification opens a terminal with the command', async () => {
    await installTerminal();
    await desktop.startDunst();
    agent = start(['run'], environment);
    const bubble = await desktop.window('Dunst');
    await desktop.picture('no-way-notification');
    await desktop.click(bubble);
    await agent.says(/"standing":"fresh"/);
    await desktop.noWindow('Dunst');
    expect(sandbox.sts.requests).toMatchObject([{ action: 'GetSessionToken', outcome: 'granted' }]);
  });

  it('the button of the notification says that it opens a terminal', async () => {
    await installTerminal();
    server = await startNotificationServer(desktop.environment, ['actions', 'body']);
    agent = start(['run'], environment);
    const { actions } = await server.nth(1);
    expect(actions.slice(0, 4)).toEqual(['default', '', 'enter', 'Open a terminal']);
  });

  it('the agent snoozes by the button of the notification', async () => {
    server = await startNotificationServer(desktop.environment, ['actions', 'body']);
    agent = start(['run'], environment);
    const { id } = await server.nth(1);
    server.emit('ActionInvoked', id, 'snooze');
    await agent.says(/"standing":"snoozed"/);
  });

  it('the agent asks properly as soon as a session bus appears, long before the next reminder', async () => {
    await settings('check = * * * * * *\nremind_every = 1h\nprompt = notification\n');
    const { DBUS_SESSION_BUS_ADDRESS = '', ...without } = desktop.environment;
    const bus = DBUS_SESSION_BUS_ADDRESS.replace('unix:path=', '');
    await desktop.startDunst();
    agent = start(['run'], { ...without, ...sandbox.env, PATH: desktop.environment.PATH });
    await agent.says(/cannot ask here: notification: no session bus/);
    await symlink(bus, join(sandbox.env.XDG_RUNTIME_DIR ?? '', 'bus'));
    await desktop.window('Dunst');
    await agent.says(/"standing":"asking"/);
  });

  it('the agent asks properly as soon as a notification service appears', async () => {
    await settings('check = * * * * * *\nremind_every = 1h\nprompt = notification\n');
    agent = start(['run'], { ...environment, PATH: desktop.environment.PATH });
    await agent.says(/cannot ask here: notification: no notification service is running/);
    await desktop.startDunst();
    await desktop.window('Dunst');
  });
});
