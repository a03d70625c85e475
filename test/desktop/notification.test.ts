import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Way } from '../../src/ask/ask.ts';
import { commandNotification } from '../../src/ask/desktop/command-notification.ts';
import { ICON_FILE } from '../../src/ask/desktop/desktop-entry.ts';
import { notification } from '../../src/ask/desktop/notification.ts';
import { kdialog } from '../../src/ask/kdialog.ts';
import { zenity } from '../../src/ask/zenity.ts';
import { needs } from '../needs.ts';
import { until } from '../within.ts';
import { answered, asking, expiredRequest, request, SNOOZED_AT_END } from './asking.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { type NotificationServer, startNotificationServer } from './notification-server.ts';

const FIELD = 'AWS MFA code';
const PLASMA = ['actions', 'body', 'body-markup', 'inline-reply', 'persistence'];
const GNOME = ['actions', 'body', 'body-markup', 'icon-static', 'persistence', 'sound'];

describe('a notification', needs('a desktop'), () => {
  let desktop: Desktop;
  beforeEach(async () => {
    desktop = await startDesktop();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
    return desktop.stop();
  });

  const way = (...fields: ((environment: NodeJS.ProcessEnv) => Way)[]) =>
    notification(
      (fields.length > 0 ? fields : [zenity]).map((field) => field(desktop.environment)),
      desktop.environment,
    );
  const fieldsLeft = () => desktop.processes('zenity', 'kdialog');

  describe('a notification with a reply field', () => {
    let server: NotificationServer;
    beforeEach(async () => {
      server = await startNotificationServer(desktop.environment, PLASMA);
    });
    afterEach(() => server.stop());

    it('a notification with a reply field asks in it, with everything that the user needs to know', async () => {
      const answer = way().ask(request(), asking());
      const shown = await server.nth(1);
      expect(shown).toMatchObject({
        replaces: 0,
        summary: expect.stringMatching(/^AWS session \[mfa\] ends at (\w+ )?\d\d:\d\d$/),
        body: 'MFA code of alice in account 123456789012',
        hints: { urgency: 1, resident: true, 'x-kde-reply-placeholder-text': 'Six digits' },
        expireTimeout: 0,
      });
      expect(shown.actions).toEqual([...['default', '', 'inline-reply', 'Enter code', 'snooze', 'Snooze until 14:27']]);
      server.emit('NotificationReplied', shown.id, ' 123 456 ');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
      expect(server.closed).toEqual([shown.id]);
    });

    it('a notification with a reply field asks again when the reply is not a code, also when the service closes the old one', async () => {
      const answer = way().ask(request(), asking());
      const first = await server.nth(1);
      server.emit('NotificationReplied', first.id, '12345');
      server.emitClosed(first.id, 2);
      const second = await server.nth(2);
      expect(second.body).toBe('A code has six digits. Try again.\nMFA code of alice in account 123456789012');
      server.emit('NotificationReplied', second.id, '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    });

    it('a notification with a reply field needs no code field', async () => {
      const bare = { ...desktop.environment, PATH: '/nonexistent' };
      const without = notification([zenity(bare)], desktop.environment);
      expect(await without.unfit()).toBeUndefined();
      const answer = without.ask(request(), asking());
      const { id, actions } = await server.nth(1);
      expect(actions).not.toContain('default');
      server.emit('NotificationReplied', id, '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    });

    it('a notification reacts only to its own signals, and only from the service', async () => {
      const other = await startNotificationServer(desktop.environment, []);
      const question = asking();
      const answer = way().ask(request(), question);
      const { id } = await server.nth(1);
      other.emit('NotificationReplied', id, '666666');
      server.emit('NotificationReplied', id + 1, '777777');
      server.emit('ActionInvoked', id, 'inline-reply');
      server.emitClosed(id, 1);
      server.emit('NotificationReplied', id, '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
      await other.stop();
    });
  });

  describe('a notification with buttons only', () => {
    let server: NotificationServer;
    beforeEach(async () => {
      server = await startNotificationServer(desktop.environment, GNOME);
    });
    afterEach(() => server.stop());

    it('a notification is replaced in place by a reminder, and becomes more urgent once the session has ended', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      const first = await server.nth(1);
      question.change(request({ reminder: 1, now: request().now + 5 * 60_000 }));
      expect(await server.nth(2)).toMatchObject({ replaces: first.id, hints: { urgency: 1 } });
      question.change(expiredRequest());
      expect(await server.nth(3)).toMatchObject({
        replaces: first.id,
        summary: expect.stringMatching(/^AWS session \[mfa\] ended at /),
        hints: { urgency: 2 },
      });
      server.emit('ActionInvoked', first.id, 'snooze');
      expect(await answered(answer, desktop.seen)).toEqual(SNOOZED_AT_END);
    });

    it('a notification is critical at the last call', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      await server.nth(1);
      question.change(request({ reminder: 1, now: request().now + 13 * 60_000 }));
      expect(await server.nth(2)).toMatchObject({
        summary: expect.stringMatching(/^AWS session \[mfa\] ends at /),
        hints: { urgency: 2 },
      });
      question.withdraw();
      await answered(answer, desktop.seen);
    });

    it('a notification has the name of our desktop entry, and our icon once that is installed', async () => {
      const data = await mkdtemp(join(tmpdir(), 'data-'));
      vi.stubEnv('XDG_DATA_HOME', data);
      vi.stubEnv('XDG_DATA_DIRS', '/nonexistent');
      const question = asking();
      const answer = way().ask(request(), question);
      expect(await server.nth(1)).toMatchObject({
        icon: 'dialog-password',
        hints: { 'desktop-entry': 'aws-mfa-agent' },
      });
      await mkdir(join(data, ICON_FILE, '..'), { recursive: true });
      await writeFile(join(data, ICON_FILE), '<svg/>');
      question.change(request({ reminder: 1 }));
      expect(await server.nth(2)).toMatchObject({ icon: 'aws-mfa-agent' });
      question.withdraw();
      await answered(answer, desktop.seen);
      await rm(data, { recursive: true });
    });

    it('a notification passes the right to take the focus on to the field', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      const { id } = await server.nth(1);
      server.emit('ActivationToken', id, 'token-of-the-click');
      server.emit('ActionInvoked', id, 'enter');
      await desktop.window(FIELD);
      const [pid] = await fieldsLeft();
      const environment = (await readFile(`/proc/${pid}/environ`, 'latin1')).split('\0');
      expect(environment).toContain('XDG_ACTIVATION_TOKEN=token-of-the-click');
      question.withdraw();
      await answered(answer, desktop.seen);
    });

    it('the field that a click opens shows the time of its opening, not that of the notification', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      const { id, summary } = await server.nth(1);
      expect(summary).toMatch(/ends at /);
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 16 * 60_000);
      server.emit('ActionInvoked', id, 'default');
      await desktop.window(FIELD);
      const [pid] = await fieldsLeft();
      expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/AWS session \[mfa\] ended at /);
      question.withdraw();
      await answered(answer, desktop.seen);
    });

    it('a notification is dismissed when the user closes it, and stays when it timed out', async () => {
      const answer = way().ask(request(), asking());
      const { id } = await server.nth(1);
      server.emitClosed(id, 1);
      server.emitClosed(id, 2);
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
    });

    it('a notification is shown again by another service that takes over', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      await server.nth(1);
      await server.stop();
      server = await startNotificationServer(desktop.environment, PLASMA);
      const { id, replaces, actions } = await server.nth(1);
      expect(replaces).toBe(0);
      expect(actions).toContain('inline-reply');
      server.emit('NotificationReplied', id, '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    });

    it('a notification replaces an unused field when a reminder is due', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      const first = await server.nth(1);
      server.emit('ActionInvoked', first.id, 'default');
      await desktop.window(FIELD);
      question.change(request({ reminder: 1 }));
      expect(await fieldsLeft()).toHaveLength(1);
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 3 * 60_000);
      question.change(expiredRequest());
      const second = await server.nth(2);
      expect(second).toMatchObject({ replaces: 0, hints: { urgency: 2 } });
      expect(await fieldsLeft()).toEqual([]);
      server.emit('ActionInvoked', second.id, 'snooze');
      expect(await answered(answer, desktop.seen)).toEqual(SNOOZED_AT_END);
    });

    it('a notification is closed in limited time when the service hangs', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      await server.nth(1);
      server.hang();
      question.withdraw();
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
    });

    it('a notification is closed at once when the service never answered', async () => {
      server.hang();
      const question = asking();
      const answer = way().ask(request(), question);
      question.withdraw();
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
    });

    it('a notification opens the next field when the first cannot be opened', async () => {
      const broken = () => zenity({ ...desktop.environment, DISPLAY: ':4242' });
      const answer = way(broken, kdialog).ask(request(), asking());
      server.emit('ActionInvoked', (await server.nth(1)).id, 'default');
      await desktop.type(await desktop.window(FIELD), '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    });

    it('a notification is not usable without any code field', async () => {
      const bare = { ...desktop.environment, PATH: '/nonexistent' };
      const without = notification([zenity(bare), kdialog(bare)], desktop.environment);
      const reason = 'no code field can be opened: zenity: not installed, kdialog: not installed';
      expect(await without.unfit()).toBe(reason);
      expect(await without.ask(request(), asking())).toEqual({ kind: 'unavailable', reason });
    });
  });

  describe('a notification of a service without buttons on the screen', () => {
    const MAKO = ['body', 'body-markup', 'actions', 'icon-static'];
    const shownBy = async (name: string, capabilities = MAKO, one = way()) => {
      const server = await startNotificationServer(desktop.environment, capabilities, name);
      const question = asking();
      const answer = one.ask(request(), question);
      const shown = await server.nth(1);
      question.withdraw();
      await answered(answer, desktop.seen);
      await server.stop();
      return shown;
    };

    it.each([
      ['dunst', 'To enter the code: middle click, or dunstctl action.\nTo snooze: dunstctl context.'],
      ['mako', 'To enter the code: click.\nTo snooze: makoctl invoke snooze.'],
    ])('a notification says how to answer it in %s', async (name, line) => {
      expect((await shownBy(name)).body).toBe(`MFA code of alice in account 123456789012\n${line}`);
    });

    it.each(['gnome-shell', 'Plasma', 'Notification Daemon'])(
      'a notification says nothing about that in %s, which shows buttons',
      async (name) => {
        expect((await shownBy(name)).body).toBe('MFA code of alice in account 123456789012');
      },
    );

    it('a notification repeats its title in Xfce, which cuts it', async () => {
      const { summary, body } = await shownBy('Xfce Notify Daemon');
      expect(body).toBe(`${summary}\nMFA code of alice in account 123456789012`);
    });

    it('a notification that names a command says how to open the terminal', async () => {
      const programs = await mkdtemp(join(tmpdir(), 'programs-'));
      await writeFile(join(programs, 'x-terminal-emulator'), '#!/bin/sh\n', { mode: 0o755 });
      const environment = { ...desktop.environment, PATH: programs };
      const { body } = await shownBy('dunst', MAKO, commandNotification([], environment));
      expect(body).toMatch(/^To open a terminal: middle click/m);
      const bare = commandNotification([], { ...environment, PATH: '/nonexistent' });
      expect((await shownBy('dunst', MAKO, bare)).body).not.toContain('middle click');
      await rm(programs, { recursive: true });
    });
  });

  describe('the bar of a notification', () => {
    it.each([
      ['dunst', 50],
      ['mako', 50],
      // Xfce draws it in the place of the texts.
      ['Xfce Notify Daemon', undefined],
      ['gnome-shell', undefined],
      ['Plasma', undefined],
    ])('the bar of a notification in %s shows %s percent of the last half hour', async (name, value) => {
      const server = await startNotificationServer(desktop.environment, GNOME, name);
      const question = asking();
      const answer = way().ask(request(), question);
      const { hints } = await server.nth(1);
      expect(hints.value).toBe(value);
      question.change(expiredRequest());
      expect((await server.nth(2)).hints).not.toHaveProperty('value');
      question.withdraw();
      await answered(answer, desktop.seen);
      await server.stop();
    });

    it('the bar of a notification is drawn again every minute while the notification is shown', async () => {
      const { setTimeout } = globalThis;
      vi.spyOn(globalThis, 'setTimeout').mockImplementation(((act: () => void, wait: number) =>
        setTimeout(act, wait === 60_000 ? 20 : wait)) as typeof setTimeout);
      const server = await startNotificationServer(desktop.environment, GNOME, 'dunst');
      const question = asking();
      const answer = way().ask(request(), question);
      const first = await server.nth(1);
      expect(first.hints.value).toBe(50);
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 6 * 60_000);
      await until('a lower bar', async () => server.shown.at(-1)?.hints.value === 30);
      expect(server.shown.at(-1)).toMatchObject({ replaces: first.id, summary: first.summary, body: first.body });
      server.emitClosed(first.id, 1);
      // What was on its way when the service closed it may still come.
      await until('no more drawings', async () => {
        const { length } = server.shown;
        await pause(300);
        return server.shown.length === length;
      });
      question.withdraw();
      await answered(answer, desktop.seen);
      await server.stop();
    });
  });

  it('a notification is not usable when the service offers no buttons', async () => {
    const server = await startNotificationServer(desktop.environment, ['body']);
    const reason = 'the notification service has no buttons';
    expect(await way().unfit()).toBe(reason);
    expect(await way().ask(request(), asking())).toEqual({ kind: 'unavailable', reason });
    await server.stop();
  });

  it('a notification is not usable when no service runs', async () => {
    const reason = 'no notification service is running';
    expect(await way().unfit()).toBe(reason);
    expect(await way().ask(request(), asking())).toEqual({ kind: 'unavailable', reason });
  });

  it('a notification is not usable without a session bus, whether its variable is not set or it does not answer', async () => {
    const { DBUS_SESSION_BUS_ADDRESS: _, ...without } = desktop.environment;
    expect(await notification([], without).unfit()).toBe('no session bus: DBUS_SESSION_BUS_ADDRESS is not set');
    const dead = { ...without, DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' };
    expect(await notification([], dead).ask(request(), asking())).toEqual({
      kind: 'unavailable',
      reason: expect.stringContaining('cannot connect to the session bus'),
    });
  });
});
