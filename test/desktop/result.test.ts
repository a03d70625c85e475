import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAgent } from '../../src/control/client.ts';
import { needs } from '../needs.ts';
import { type Running, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { type NotificationServer, startNotificationServer } from './notification-server.ts';

const FIELD = 'AWS MFA code';

describe('the result of a code that was typed in a dialog or a notification', needs('a desktop'), () => {
  let desktop: Desktop;
  let sandbox: Sandbox;
  let agent: Running | undefined;
  let server: NotificationServer | undefined;
  beforeEach(async () => {
    [desktop, sandbox] = await Promise.all([startDesktop(), startSandbox({ tolerance: 9 })]);
  });
  afterEach(async () => {
    agent?.child.kill('SIGTERM');
    await agent?.ended;
    await server?.stop();
    await Promise.all([desktop.stop(), sandbox.close()]);
  });

  /** An agent that asks in these ways, and a notification service with these abilities. */
  async function ask(prompt: string, capabilities = ['body', 'body-markup']): Promise<NotificationServer> {
    server = await startNotificationServer(desktop.environment, capabilities);
    await run(prompt);
    return server;
  }

  async function run(prompt: string): Promise<void> {
    const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.ini'), `prompt = ${prompt}\nremind_every = 1m\n`);
    agent = start(['run'], { ...desktop.environment, ...sandbox.env });
  }

  /** From this one on. On a slow machine, a check of more than a second is announced first. */
  async function result({ nth }: NotificationServer, number: number) {
    for (;;) {
      const shown = await nth(number++);
      if (shown.body !== 'Checking with AWS…') return shown;
    }
  }

  it.each(['zenity', 'kdialog', 'pinentry'])(
    'the result of a code typed in %s is a short notification',
    async (way) => {
      const shown = await ask(way);
      await desktop.type(await desktop.window(FIELD), sandbox.code());
      expect(await result(shown, 1)).toMatchObject({
        summary: 'AWS MFA code: mfa',
        body: expect.stringMatching(/^\[mfa\] is fresh until .*\(12h 00m\)$/),
        actions: [],
        hints: { urgency: 1, transient: true },
        expireTimeout: 6_000,
      });
      await agent?.says(/session refreshed/);
      expect(server?.closed).toEqual([]);
    },
  );

  it('the result is shown by dunst, and goes by itself', async () => {
    await desktop.startDunst();
    await run('zenity');
    await desktop.type(await desktop.window(FIELD), sandbox.code());
    await desktop.window('Dunst');
    await desktop.picture('result-fresh');
    await agent?.says(/session refreshed/);
    await desktop.noWindow('Dunst');
  });

  it('the result notification says after a second that AWS is slow, and then shows the result instead', async () => {
    const answer = sandbox.hold();
    const { nth } = await ask('zenity');
    await desktop.type(await desktop.window(FIELD), sandbox.code());
    const checking = await nth(1);
    expect(checking).toMatchObject({ summary: 'AWS MFA code: mfa', body: 'Checking with AWS…' });
    answer();
    expect(await nth(2)).toMatchObject({ replaces: checking.id, body: expect.stringMatching(/is fresh until/) });
  });

  it('the notification of a slow check gives way to the next prompt when AWS refuses the code', async () => {
    const answer = sandbox.hold();
    const { nth, closedCount } = await ask('zenity');
    const first = await desktop.window(FIELD);
    await desktop.type(first, sandbox.wrongCode());
    await nth(1);
    answer();
    await desktop.window(FIELD, first.process);
    await closedCount(1);
  });

  it('after the third refusal, the result says when the agent asks again, and the next prompt repeats the reason', async () => {
    const server = await ask('zenity');
    const code = sandbox.wrongCode();
    const wrong = [code, code.replace(/.$/, '9'), code.replace(/.$/, '8')];
    let last: string | undefined;
    for (const one of wrong) {
      const field = await desktop.window(FIELD, last);
      last = field.process;
      await desktop.type(field, one);
    }
    const { body } = await result(server, 1);
    expect(body).toMatch(
      /^\[mfa\] was not refreshed: AWS refused the code .*\. The agent asks again at (\w+ )?\d\d:\d\d\.$/,
    );
    expect(sandbox.sts.requests).toHaveLength(3);
    await agent?.says(/"standing":"waiting"/);
    // A user at a command does not wait.
    const runtime = join(sandbox.env.XDG_RUNTIME_DIR ?? '', 'aws-mfa-agent');
    void askAgent(runtime, 'POST /v1/refresh', { profile: 'mfa', person: 'yes', timeout: '10s' }).catch(() => {});
    const { process } = await desktop.window(FIELD, last);
    expect(await readFile(`/proc/${process}/cmdline`, 'utf8')).toContain('The last try failed: AWS refused the codes.');
    await desktop.picture('result-next-prompt');
  });

  it('the result names the outage and when the agent asks again', async () => {
    sandbox.sts.fault({ kind: 'unavailable' }, Number.POSITIVE_INFINITY);
    const server = await ask('zenity');
    await desktop.type(await desktop.window(FIELD), sandbox.code());
    expect((await result(server, 1)).body).toMatch(
      /^\[mfa\] was not refreshed: AWS is busy \(ServiceUnavailable\)\. The agent asks again when AWS answers, at (\w+ )?\d\d:\d\d at the earliest\.$/,
    );
  });

  it('the result of a code typed into the notification is a notification as well', async () => {
    const shown = await ask('notification', ['actions', 'body', 'inline-reply']);
    shown.emit('NotificationReplied', (await shown.nth(1)).id, sandbox.code());
    expect(await result(shown, 2)).toMatchObject({
      body: expect.stringMatching(/^\[mfa\] is fresh until/),
      actions: [],
    });
  });

  it('the result is a notification when our window was closed before AWS answered', async () => {
    const answer = sandbox.hold();
    const { nth } = await ask('window');
    const window = await desktop.window(FIELD);
    await desktop.tool('xdotool', 'windowfocus', '--sync', window.id, 'type', '--delay', '20', sandbox.code());
    await sandbox.sts.arrival(1);
    await desktop.key(window, 'Escape');
    await desktop.noWindow(FIELD);
    expect((await nth(1)).body).toBe('Checking with AWS…');
    answer();
    expect((await nth(2)).body).toMatch(/^\[mfa\] is fresh until/);
  });

  it('a refusal that needs the user is one message, which stays', async () => {
    sandbox.alice.mfa = [];
    const server = await ask('zenity');
    await desktop.type(await desktop.window(FIELD), '123456');
    expect(await result(server, 1)).toMatchObject({
      body: expect.stringMatching(/arn:aws:iam::123456789012:mfa\/alice.*aws iam resync-mfa-device$/),
      expireTimeout: 0,
    });
    await agent?.says(/"standing":"stopped"/);
    expect(server.shown.filter(({ body }) => body !== 'Checking with AWS…')).toHaveLength(1);
  });

  it('a notification service that hangs does not hold up the session', async () => {
    const { hang } = await ask('zenity');
    hang();
    await desktop.type(await desktop.window(FIELD), sandbox.code());
    await agent?.says(/session refreshed/);
    expect(await desktop.processes('zenity')).toEqual([]);
    expect(await readFile(sandbox.credentialsFile, 'utf8')).toContain('[mfa]');
  });
});
