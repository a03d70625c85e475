import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kdialog } from '../../src/ask/kdialog.ts';
import { pinentry } from '../../src/ask/pinentry.ts';
import { standAlone } from '../../src/ask/stand-alone.ts';
import { window } from '../../src/ask/window/window.ts';
import { zenity } from '../../src/ask/zenity.ts';
import { needs } from '../needs.ts';
import { until } from '../within.ts';
import { answered, asking, expiredRequest, request } from './asking.ts';
import { type Desktop, processesNamed, startDesktop } from './desktop.ts';

const TITLE = 'AWS MFA code';

describe('a dialog that opens by itself', needs('a desktop'), () => {
  let desktop: Desktop;
  beforeAll(async () => {
    desktop = await startDesktop();
  });
  afterAll(() => desktop.stop());

  const zenities = () => processesNamed('zenity', desktop.environment.DISPLAY);
  /** The words of the one zenity that is open. */
  const shown = async () => {
    const [pid, ...others] = await zenities();
    return pid === undefined || others.length > 0 ? undefined : readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  };

  it.each([zenity, kdialog, pinentry, window])(
    'the dialog of $name opens once more when a key for another window has closed it',
    async (make) => {
      // A machine that runs many tests takes long to open it.
      const way = standAlone(make(desktop.environment), { tooSoon: 10_000 });
      const answer = way.ask(request(), asking());
      const first = await desktop.window(TITLE);
      await desktop.key(first, 'Escape');
      const second = await desktop.window(TITLE, first.process);
      await desktop.key(second, 'Escape');
      expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
      await desktop.noWindow(TITLE);
    },
  );

  it('the dialog opens again when the session ends, and says so', async () => {
    const question = asking();
    const answer = standAlone(zenity(desktop.environment), { typingTime: 0 }).ask(request(), question);
    const first = await desktop.window(TITLE);
    expect(await shown()).toMatch(/AWS session \[mfa\] ends at/);
    question.change(expiredRequest());
    const second = await desktop.window(TITLE, first.process);
    const words = await until('one zenity', shown);
    expect(words).toMatch(/AWS session \[mfa\] ended at/);
    await desktop.type(second, '123456');
    expect(await answered(answer, desktop.seen)).toEqual({ kind: 'code', code: '123456' });
    expect(await zenities()).toEqual([]);
  });
});
