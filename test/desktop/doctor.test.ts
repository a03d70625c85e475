import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Finding } from '../../src/doctor/finding.ts';
import { testNotification } from '../../src/doctor/test-notification.ts';
import { needs } from '../needs.ts';
import { start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { answered } from './asking.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { startNotificationServer } from './notification-server.ts';

describe('doctor on a desktop', needs('a desktop'), () => {
  let desktop: Desktop;
  beforeEach(async () => {
    desktop = await startDesktop();
  });
  afterEach(() => desktop.stop());

  describe('doctor --try', () => {
    let sandbox: Sandbox;
    beforeEach(async () => {
      sandbox = await startSandbox();
    });
    afterEach(() => sandbox.close());

    it.each([
      ['clicked', 'left', /dunst .* showed a notification, and you clicked it: a click opens a field/],
      ['put away', 'right', /dunst .* showed a notification, and you closed it/],
    ] as const)('doctor --try shows a notification, and reports that it was %s', async (_what, button, found) => {
      await desktop.startDunst();
      const { DISPLAY, DBUS_SESSION_BUS_ADDRESS } = desktop.environment;
      const doctor = start(['doctor', '--try', '--json'], { ...sandbox.env, DISPLAY, DBUS_SESSION_BUS_ADDRESS });
      await desktop.click(await desktop.window('Dunst'), button);
      const { stdout, stderr } = await doctor.ended;
      expect(stderr).toMatch(/click it/);
      const { findings } = JSON.parse(stdout) as { findings: Finding[] };
      expect(findings.find(({ check }) => check === 'asking.test')).toMatchObject({
        level: 'ok',
        found: expect.stringMatching(found),
      });
      expect(findings.find(({ check }) => check === 'asking.ways')).toMatchObject({
        level: 'ok',
        found: expect.stringMatching(/by notification, then window, then zenity/),
      });
      await desktop.noWindow('Dunst');
      // No code was asked for, and none was sent.
      expect(sandbox.sts.requests.map(({ action, tokenCode }) => [action, tokenCode])).toEqual([
        ['GetCallerIdentity', undefined],
        ['ListMFADevices', undefined],
      ]);
    });
  });

  it('doctor --try reports that a notification was not clicked, and closes it', async () => {
    await desktop.startDunst();
    await desktop.tool('dunstctl', 'set-paused', 'true');
    expect(await testNotification(desktop.environment, 200)).toMatchObject({
      check: 'asking.test',
      level: 'warning',
      found: expect.stringMatching(/was not clicked within 0\.2 s/),
      mend: expect.stringMatching(/do not disturb/),
    });
    expect(await desktop.tool('dunstctl', 'count', 'waiting')).toBe('0');
  });

  it('doctor --try reports that no notification can be shown', async () => {
    expect(await testNotification(desktop.environment, 200)).toMatchObject({
      level: 'error',
      found: expect.stringMatching(/no notification can be shown: /),
    });
    expect(await testNotification({}, 200)).toMatchObject({
      level: 'error',
      found: expect.stringMatching(/DBUS_SESSION_BUS_ADDRESS is not set/),
    });
  });

  it('doctor --try reports that codes can be typed into the notification', async () => {
    const server = await startNotificationServer(desktop.environment, ['actions', 'inline-reply', 'body-markup']);
    const tested = testNotification(desktop.environment, 20_000);
    const { id, actions } = await server.nth(1);
    // There is nothing to type a code in.
    expect(actions).not.toContain('inline-reply');
    server.emit('ActionInvoked', id, 'seen');
    expect(await answered(tested, desktop.seen)).toMatchObject({
      level: 'ok',
      found: expect.stringMatching(/codes can be typed into it/),
    });
    await server.closedCount(1);
    await server.stop();
  });
});
