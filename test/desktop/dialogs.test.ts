import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Way } from '../../src/ask/ask.ts';
import { kdialog } from '../../src/ask/kdialog.ts';
import { pinentry } from '../../src/ask/pinentry.ts';
import { zenity } from '../../src/ask/zenity.ts';
import { needs } from '../needs.ts';
import { signalAll } from '../signals.ts';
import { answered, asking, request, SNOOZED } from './asking.ts';
import { type Desktop, startDesktop, type Window } from './desktop.ts';
import { startScreenReader } from './screen-reader.ts';

const TITLE = 'AWS MFA code';

describe('a code field', needs('a desktop'), () => {
  let desktop: Desktop;
  beforeAll(async () => {
    desktop = await startDesktop();
  });
  afterAll(() => desktop.stop());

  /** `pinentry` itself may be a flavour that has no window here, and give way to this one. */
  const left = (name: string) => desktop.processes(name, `${name}-gtk-2`);

  const NO_DISPLAY = 'no display: neither DISPLAY nor WAYLAND_DISPLAY is set';

  describe.each([
    ['zenity', zenity, NO_DISPLAY],
    ['kdialog', kdialog, NO_DISPLAY],
    ['pinentry', pinentry, 'cannot open a window here'],
  ] as [string, (environment: NodeJS.ProcessEnv) => Way, string][])('the code field of %s', (name, make, noDisplay) => {
    const way = () => make(desktop.environment);

    it('the code field can be used here', async () => {
      expect(await way().unfit()).toBeUndefined();
    });

    it('the code field gives the typed code without its spaces', async () => {
      const answer = way().ask(request(), asking());
      const window = await desktop.window(TITLE);
      await desktop.picture(`${name}-asks`);
      await desktop.type(window, '123 456');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
      expect(await left(name)).toEqual([]);
    });

    it('the code field asks again, with the reason, when the text is not a code', async () => {
      const answer = way().ask(
        request({ problem: 'That code was already used; the next one comes at 14:20:30.' }),
        asking(),
      );
      const first = await desktop.window(TITLE);
      await desktop.picture(`${name}-says-why`);
      await desktop.type(first, 'abcdef');
      const second = await desktop.window(TITLE, first.process);
      await desktop.picture(`${name}-after-no-code`);
      await desktop.type(second, '654321');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '654321' });
    });

    it('the code field shows markup, underscores and backslashes of names unchanged', async () => {
      const answer = way().ask(
        request({ profile: '--help', serialNumber: 'arn:aws:iam::123456789012:mfa/<b>my_team</b>&amp;\\n%s%0A' }),
        asking(),
      );
      const window = await desktop.window(TITLE);
      await desktop.picture(`${name}-names-as-they-are`);
      await desktop.key(window, 'Escape');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
    });

    it('the code field is dismissed by Escape, by closing its window, and by killing it', async () => {
      const ends = [
        (window: Window) => desktop.key(window, 'Escape'),
        (window: Window) => desktop.close(window),
        (window: Window) => desktop.tool('xdotool', 'windowkill', window.id),
        async () => {
          signalAll(await left(name), 'SIGKILL');
        },
      ];
      for (const end of ends) {
        const answer = way().ask(request(), asking());
        await end(await desktop.window(TITLE));
        expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
        await desktop.noWindow(TITLE);
      }
      expect(await left(name)).toEqual([]);
    });

    it('the code field is closed when the prompt is closed', async () => {
      const question = asking();
      const answer = way().ask(request(), question);
      await desktop.window(TITLE);
      question.withdraw();
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
      expect(await left(name)).toEqual([]);
      await desktop.noWindow(TITLE);
    });

    it('the code field does not open for a prompt that was closed before', async () => {
      const question = asking();
      question.withdraw();
      expect(await way().ask(request(), question)).toEqual({ kind: 'dismissed' });
    });

    it('the code field is unavailable without a display, and on one that does not exist', async () => {
      const { DISPLAY: _, ...without } = desktop.environment;
      expect(await make(without).ask(request(), asking())).toEqual({
        kind: 'unavailable',
        reason: noDisplay,
      });
      const answer = await make({ ...without, DISPLAY: ':4242' }).ask(request(), asking());
      expect(answer.kind).toBe('unavailable');
    });

    it('the code field is reported as not installed when its program is missing', async () => {
      expect(await make({ ...desktop.environment, PATH: '/nonexistent' }).unfit()).toBe('not installed');
    });
  });

  it('kdialog shows a screen reader no markup', needs('a screen reader'), async () => {
    const reader = await startScreenReader(desktop, 'kdialog');
    const environment = { ...desktop.environment, QT_LINUX_ACCESSIBILITY_ALWAYS_ON: '1' };
    const question = asking();
    const answer = kdialog(environment).ask(request({ profile: '<b>a&b</b>\\n', problem: '<i>No.</i>' }), question);
    await desktop.window(TITLE);
    const label = await reader.reads(/^Enter the code/);
    expect(label.name.split('\n')).toEqual([
      ...['Enter the code of your MFA device.', '<i>No.</i>', ''],
      expect.stringMatching(/^AWS session \[<b>a&b<\/b>\\n\] ends at/),
      'MFA code of alice in account 123456789012',
    ]);
    expect((await reader.parts('text')).map(({ name }) => name)).toEqual([label.name]);
    question.withdraw();
    await answered(answer, desktop.seen);
    await reader.stop();
  });

  it('the code field of zenity can be snoozed, since it may have opened by itself', async () => {
    const answer = zenity(desktop.environment).ask(request(), asking());
    const window = await desktop.window(TITLE);
    // Past Cancel and OK.
    for (let button = 1; button <= 3; button += 1) await desktop.key(window, 'Tab');
    await desktop.picture('zenity-snooze');
    await desktop.key(window, 'Return');
    expect(await answered(answer, desktop.seen)).toEqual(SNOOZED);
  });
});
