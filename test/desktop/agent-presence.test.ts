import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Logind, type PrivateBus, startBus, startLogind } from '../presence/buses.ts';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { type NotificationServer, startNotificationServer } from './notification-server.ts';

const FIELD = 'AWS MFA code';
/** No scheduled check comes while a test runs: what happens, happens because the user has come back. */
const NEVER = 'check = 0 0 29 2 *\n';

describe('the agent while the user is absent', needs('a desktop'), () => {
  let desktop: Desktop;
  let systemBus: PrivateBus;
  let sandbox: Sandbox;
  let server: NotificationServer;
  let agent: Running;
  let environment: NodeJS.ProcessEnv;

  beforeEach(async () => {
    [desktop, systemBus, sandbox] = await Promise.all([startDesktop(), startBus(), startSandbox({ tolerance: 9 })]);
    const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.ini'), NEVER);
    environment = { ...desktop.environment, ...sandbox.env, DBUS_SYSTEM_BUS_ADDRESS: systemBus.address };
  });
  afterEach(async () => {
    agent.child.kill('SIGTERM');
    await agent.ended;
    await server.stop();
    await Promise.all([desktop.stop(), systemBus.stop(), sandbox.close()]);
  });

  const begin = async (capabilities: string[], hints: Parameters<typeof startLogind>[1]): Promise<Logind> => {
    server = await startNotificationServer(desktop.environment, capabilities);
    const logind = await startLogind(systemBus.address, hints);
    agent = start(['run'], environment);
    return logind;
  };
  const statusNow = async () => (await run(['status'], environment)).stdout;

  it('the agent does not ask on a locked screen, and asks as soon as it is unlocked', async () => {
    const logind = await begin(['actions', 'body', 'inline-reply'], { LockedHint: true });
    await agent.says(/"standing":"held"/);
    expect(await statusNow()).toContain('held: screen locked');
    expect(server.shown).toEqual([]);

    logind.change({ LockedHint: false });
    await server.nth(1);
    await agent.says(/"standing":"asking"/);
    expect(await statusNow()).toMatch(/asking since (\w+ )?\d\d:\d\d/);

    logind.change({ LockedHint: true });
    await server.closedCount(1);
    logind.change({ LockedHint: false });
    const { id } = await server.nth(2);
    server.emit('NotificationReplied', id, sandbox.code());
    await agent.says(/session refreshed/);
    await server.closedCount(2);
  });

  it('the agent opens the code field itself when notifications have no buttons, but not before the user returns', async () => {
    const logind = await begin(['body'], { IdleHint: true });
    await agent.says(/"standing":"held"/);
    expect(await statusNow()).toContain('held: the user is away');
    expect(await desktop.processes('gjs')).toEqual([]);

    logind.change({ IdleHint: false });
    await desktop.type(await desktop.window(FIELD), sandbox.code());
    await agent.says(/session refreshed/);
    expect(server.shown).toEqual([]);
  });

  it('the agent asks again once when the machine wakes, whatever was dismissed before', async () => {
    const logind = await begin(['actions', 'body', 'inline-reply'], {});
    const first = await server.nth(1);
    server.emitClosed(first.id, 2);
    await agent.says(/"standing":"unanswered"/);
    logind.sleep();
    logind.wake();
    const { id } = await server.nth(2);
    server.emit('NotificationReplied', id, sandbox.code());
    await agent.says(/session refreshed/);
    // On a slow machine, a check of more than a second is announced.
    expect(server.shown.map(({ body }) => body).filter((body) => body !== 'Checking with AWS…')).toEqual([
      ...['MFA code of alice in account 123456789012', 'MFA code of alice in account 123456789012'],
      expect.stringMatching(/^\[mfa\] is fresh until /),
    ]);
  });
});
