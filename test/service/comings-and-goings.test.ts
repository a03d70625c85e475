import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askAgent } from '../../src/control/client.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { type NotificationServer, startNotificationServer } from '../desktop/notification-server.ts';
import { needs } from '../needs.ts';
import { busConfiguration } from '../presence/buses.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { until } from '../within.ts';
import { HOME, startUserManager, type UserManager } from './user-manager.ts';

const BUS = `unix:path=${HOME}/bus`;

describe('the service of a user who logs out and in', needs('a user manager'), () => {
  let sandbox: Sandbox;
  let alice: UserManager;
  let screen: NotificationServer;
  beforeAll(async () => {
    sandbox = await startSandbox({ tolerance: 60 });
    alice = await startUserManager(sandbox.home);
    alice.write('.config/aws-mfa-agent/config.ini', 'check = * * * * * *\nprompt_before = 1m\n');
    session(7200);
    await desktopStarts();
    await alice.run(['aws-mfa-agent', 'install'], { AWS_ENDPOINT_URL_STS: sandbox.sts.url });
    await alice.becomes('StatusText', /fresh until/);
  });
  afterAll(async () => {
    await screen?.stop();
    await alice?.stop();
    await sandbox?.close();
  });

  function session(seconds: number): void {
    const bytes = withSession(readFileSync(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', seconds));
    alice.write('.aws/credentials', bytes.toString(), 0o600);
  }
  /** A session bus with a notification service on it, both of a desktop that starts. */
  async function desktopStarts(): Promise<void> {
    alice.write('bus.conf', busConfiguration(HOME));
    await alice.run(['dbus-daemon', `--config-file=${HOME}/bus.conf`, '--fork', '--nopidfile']);
    await alice.systemctl('set-environment', `DBUS_SESSION_BUS_ADDRESS=${BUS}`);
    screen = await startNotificationServer({ DBUS_SESSION_BUS_ADDRESS: `unix:path=${sandbox.home}/bus` }, [
      ...['actions', 'body', 'inline-reply'],
    ]);
  }
  /** Its bus goes first, with all that is on it. */
  async function desktopEnds(): Promise<void> {
    await alice.run(['pkill', '-KILL', '-f', `dbus-daemon --config-file=${HOME}/bus.conf`]);
    await alice.run(['rm', '-f', `${HOME}/bus`]);
    await screen.stop();
  }
  /** The n-th prompt (from 1). A result of a code has no buttons. */
  const prompts = () => screen.shown.filter(({ actions }) => actions.length > 0);
  const prompt = (count: number) =>
    until(
      `${count} prompts`,
      () => prompts()[count - 1],
      () => screen.shown,
    );
  async function answers(): Promise<void> {
    const { id } = await prompt(1);
    screen.emit('NotificationReplied', id, sandbox.code());
    await alice.becomes('StatusText', /fresh until/);
  }

  it('the service asks again on the new session bus after the one with its prompt ended', async () => {
    const pid = await alice.property('MainPID');
    session(30);
    await screen.nth(1);
    await desktopEnds();
    await alice.becomes('StatusText', /nothing to ask with: no display/);
    await desktopStarts();
    // It tries again by itself after `remind_every`; told to look, at once.
    await askAgent(alice.outside('/run/user/4321/aws-mfa-agent'), 'POST /v1/check', {});
    await answers();
    expect(await alice.property('MainPID')).toBe(pid);
  });

  it('the service handles a folder of the credentials file that is removed and comes back', async () => {
    session(7200);
    await alice.becomes('StatusText', /fresh until/);
    const [pid, shown] = [await alice.property('MainPID'), prompts().length];
    await alice.run(['cp', '-a', `${HOME}/.aws`, `${HOME}/backup`]);
    await alice.run(['rm', '-r', `${HOME}/.aws`]);
    // No code is asked for that could not be used.
    const said = () =>
      screen.shown.find(({ body }) =>
        /\/home\/alice\/\.aws is missing, and .* mkdir -p -m 700 \/home\/alice\/\.aws /.test(body),
      );
    await until('a notice', said, () => screen.shown);
    expect(prompts()).toHaveLength(shown);
    await alice.run(['cp', '-a', `${HOME}/backup`, `${HOME}/.aws`]);
    await alice.becomes('StatusText', /fresh until/);
    expect(await alice.property('MainPID')).toBe(pid);

    // Where a unit may write is decided when it starts: so it restarts before it asks.
    session(30);
    screen.emit('NotificationReplied', (await prompt(shown + 1)).id, sandbox.code());
    await alice.becomes('StatusText', /fresh until/);
    expect(await alice.property('MainPID')).not.toBe(pid);
    expect(sandbox.sts.requests.every(({ outcome }) => outcome === 'granted')).toBe(true);
  });

  it('the service ends at logout, runs again at the next login, and has kept what it knew', async () => {
    session(7200);
    await alice.becomes('StatusText', /fresh until/);
    const [pid, credentials] = [await alice.property('MainPID'), alice.read('.aws/credentials')];
    await desktopEnds();
    await alice.logOutAndIn();
    await alice.becomes('StatusText', /fresh until/);
    expect(await alice.property('MainPID')).not.toBe(pid);
    expect((await alice.run(['kill', '-0', pid])).status).not.toBe(0);
    expect(alice.read('.aws/credentials')).toBe(credentials);

    // The desktop of that login starts after it.
    await desktopStarts();
    session(30);
    await answers();
  });
});
