import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Way } from '../../src/ask/ask.ts';
import { notification } from '../../src/ask/desktop/notification.ts';
import { kdialog } from '../../src/ask/kdialog.ts';
import { zenity } from '../../src/ask/zenity.ts';
import { needs } from '../needs.ts';
import { until } from '../within.ts';
import { answered, asking, expiredRequest, request, SNOOZED } from './asking.ts';
import { type Desktop, startDesktop } from './desktop.ts';

const FIELD = 'AWS MFA code';
/** How much of the frame of a critical notification is on the screen. */
const RED_PIXELS = 'import -window root png:- | convert png:- -unique-colors txt:- | grep -c "#C01C28" || true';

describe('a notification of dunst', needs('a desktop'), () => {
  let desktop: Desktop;
  beforeEach(async () => {
    desktop = await startDesktop();
  });
  afterEach(() => desktop.stop());

  const way = (field: (environment: NodeJS.ProcessEnv) => Way = zenity) =>
    notification([field(desktop.environment)], desktop.environment);
  const fieldsLeft = () => desktop.processes('zenity', 'kdialog');

  describe('a notification of a running dunst', () => {
    beforeEach(() => desktop.startDunst());

    it('a notification of dunst can be used here', async () => {
      expect(await way().unfit()).toBeUndefined();
    });

    it.each([
      ['zenity', zenity],
      ['kdialog', kdialog],
    ] as const)('a notification of dunst opens %s on a click, and gives the code typed there', async (name, field) => {
      const answer = way(field).ask(request(), asking());
      const bubble = await desktop.window('Dunst');
      await desktop.picture('dunst-asks');
      await desktop.click(bubble);
      const window = await desktop.window(FIELD);
      await desktop.noWindow('Dunst');
      await desktop.picture(`dunst-clicked-${name}`);
      await desktop.type(window, '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
      expect(await fieldsLeft()).toEqual([]);
    });

    it('a notification of dunst is dismissed when the field is cancelled', async () => {
      const answer = way().ask(request(), asking());
      await desktop.click(await desktop.window('Dunst'));
      await desktop.key(await desktop.window(FIELD), 'Escape');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
    });

    it('a notification of dunst is dismissed when the user closes it', async () => {
      const answer = way().ask(request(), asking());
      await desktop.click(await desktop.window('Dunst'), 'right');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
    });

    it('a notification of dunst can be snoozed from its menu', async () => {
      const answer = way().ask(request(), asking());
      await desktop.click(await desktop.window('Dunst'), 'middle');
      expect(await answered(answer, desktop.seen)).toEqual(SNOOZED);
      await desktop.noWindow('Dunst');
    });

    it('a notification of dunst says how to answer it, and has a bar', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      await desktop.window('Dunst');
      question.withdraw();
      await answered(answer, desktop.seen);
      const [[shown]] = JSON.parse(await desktop.tool('dunstctl', 'history')).data;
      expect(shown.body.data).toMatch(/^To enter the code: middle click, or dunstctl action\.\nTo snooze: /m);
      expect(shown.progress.data).toBe(50);
    });

    it('a notification of dunst opens the field by dunstctl action', async () => {
      const answer = way().ask(request(), asking());
      await desktop.window('Dunst');
      await desktop.tool('dunstctl', 'action');
      await desktop.type(await desktop.window(FIELD), '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    });

    it('a notification of dunst becomes critical in place when the session has ended', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      await desktop.window('Dunst');
      question.change(expiredRequest());
      await until('the frame is red', async () => (await desktop.tool('sh', '-c', RED_PIXELS)) !== '0');
      expect(await desktop.tool('dunstctl', 'count', 'displayed')).toBe('1');
      await desktop.picture('dunst-session-ended');
      question.withdraw();
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
      await desktop.noWindow('Dunst');
    });

    it('a notification of dunst shows markup in names unchanged', async () => {
      const question = asking();
      const answer = way().ask(
        request({ profile: '<i>a&b</i>', problem: 'AWS refused "<b>that</b>" code.' }),
        question,
      );
      await desktop.window('Dunst');
      await desktop.picture('dunst-names-as-they-are');
      question.withdraw();
      await answered(answer, desktop.seen);
    });

    it('a notification of dunst leaves nothing behind when the prompt is closed while the field is open', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      await desktop.click(await desktop.window('Dunst'));
      await desktop.window(FIELD);
      question.withdraw();
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
      expect(await fieldsLeft()).toEqual([]);
      await desktop.noWindow('Dunst');
      await desktop.noWindow(FIELD);
    });

    it('a notification of dunst comes back when dunst crashed and was started again', async () => {
      const answer = way().ask(request(), asking());
      await desktop.window('Dunst');
      await desktop.killDunst();
      await desktop.noWindow('Dunst');
      await desktop.startDunst();
      await desktop.click(await desktop.window('Dunst'));
      await desktop.type(await desktop.window(FIELD), '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    });

    it('the open field stays when dunst crashes', async () => {
      const answer = way().ask(request(), asking());
      await desktop.click(await desktop.window('Dunst'));
      const window = await desktop.window(FIELD);
      await desktop.killDunst();
      await desktop.type(window, '123456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    });

    it('a notification of dunst is unavailable when the session bus ends', async () => {
      const answer = way().ask(request(), asking());
      await desktop.window('Dunst');
      await desktop.killBus();
      expect(await answered(answer, desktop.seen)).toEqual({
        kind: 'unavailable',
        reason: expect.stringContaining('the session bus'),
      });
    });

    it('a notification of dunst opens the field at once after a code that was typed there and refused', async () => {
      const one = way();
      const first = one.ask(request(), asking());
      await desktop.click(await desktop.window('Dunst'));
      await desktop.type(await desktop.window(FIELD), '111111');
      expect(await answered(first, desktop.seen)).toEqual({ kind: 'code', code: '111111' });
      const second = one.ask(request({ problem: 'AWS refused that code.' }), asking());
      await desktop.type(await desktop.window(FIELD), '222222');
      expect(await answered(second, desktop.seen)).toEqual({ kind: 'code', code: '222222' });
    });
  });

  it('dunst is started by the bus when a notification needs it, and again after a crash', async () => {
    await desktop.letBusStartDunst();
    expect(await way().unfit()).toBeUndefined();
    expect(await desktop.processes('dunst')).toEqual([]);
    const answer = way().ask(request(), asking());
    await desktop.window('Dunst');
    const [before] = await desktop.processes('dunst');
    await desktop.killDunst();
    await until('the bus has started dunst again', async () => {
      const [now] = await desktop.processes('dunst');
      return now !== undefined && now !== before;
    });
    await desktop.click(await desktop.window('Dunst'));
    await desktop.type(await desktop.window(FIELD), '123456');
    expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
  });
});
