import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Asking, CodeResult, Way } from '../../src/ask/ask.ts';
import { kdialog } from '../../src/ask/kdialog.ts';
import { pinentry } from '../../src/ask/pinentry.ts';
import { standAlone } from '../../src/ask/stand-alone.ts';
import { window } from '../../src/ask/window/window.ts';
import { zenity } from '../../src/ask/zenity.ts';
import { deferred } from '../../src/time/deferred.ts';
import { needs } from '../needs.ts';
import { start } from '../program.ts';
import { startSandbox } from '../sandbox.ts';
import { until } from '../within.ts';
import { answered, asking, expiredRequest, request } from './asking.ts';
import { type Desktop, startDesktop } from './desktop.ts';

const TITLE = 'AWS MFA code';

describe('a dialog that opens by itself', needs('a desktop'), () => {
  let desktop: Desktop;
  beforeAll(async () => {
    desktop = await startDesktop();
  });
  afterAll(() => desktop.stop());

  const zenities = () => desktop.processes('zenity');
  /** The words of the one zenity that is open; undefined if it has closed meanwhile. */
  const shown = async () => {
    const [pid, ...others] = await zenities();
    if (pid === undefined || others.length > 0) return undefined;
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')) || undefined;
  };

  it.each([zenity, kdialog, pinentry, window])(
    'the dialog of $name opens once more when a key for another window has closed it',
    async (make) => {
      // A machine that runs many tests takes long to open it.
      const way = standAlone(make(desktop.environment), { tooSoon: 60_000 });
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

  describe('dialogs of several devices', () => {
    const questions: ReturnType<typeof asking>[] = [];
    afterEach(async () => {
      for (const question of questions.splice(0)) question.withdraw();
      await desktop.noWindow(TITLE);
    });

    const opensFor = (make: (environment: NodeJS.ProcessEnv) => Way, profile: string, more: Partial<Asking> = {}) => {
      const question = asking();
      questions.push(question);
      const way = standAlone(make(desktop.environment), { environment: desktop.environment, tooSoon: 0 });
      const answer = way.ask(request({ profile }), { ...question, ...more });
      return { way, question, answer };
    };
    const titles = async () => {
      const found = await desktop.tool('xdotool', 'search', '--onlyvisible', '--name', TITLE).catch(() => '');
      const ids = found.split('\n').filter((id) => id !== '');
      return Promise.all(ids.map((id) => desktop.tool('xdotool', 'getwindowname', id)));
    };
    /** Until so many connections wait for their turn, besides the one that has it. */
    const waiting = (count: number) =>
      until(`${count} in the queue`, async () => {
        const call = ['--session', '--dest', 'org.freedesktop.DBus', '--object-path', '/org/freedesktop/DBus'];
        const method = ['--method', 'org.freedesktop.DBus.ListQueuedOwners', 'aws_mfa_agent.Window'];
        const owners = await desktop.tool('gdbus', 'call', ...call, ...method).catch(() => '');
        return (owners.match(/':/g) ?? []).length === count + 1;
      });

    it.each<[string, ((environment: NodeJS.ProcessEnv) => Way)[]]>([
      ['zenity', [zenity, zenity, zenity]],
      ['kdialog and pinentry', [kdialog, pinentry, kdialog]],
      ['our window and a dialog', [window, zenity, window]],
      ['a dialog and our window', [zenity, window, zenity]],
    ])('dialogs come one after the other, and each names its profile: %s', async (_, ways) => {
      const open = [];
      for (const [index, make] of ways.entries()) {
        open.push(opensFor(make, `p${index}`));
        if (index === 0) await desktop.window(`${TITLE}: p0`);
        else await waiting(index);
      }
      for (const [index, { answer }] of open.entries()) {
        const shown = await desktop.window(`${TITLE}: p${index}`);
        expect(await titles()).toEqual([expect.stringContaining(`${TITLE}: p${index}`)]);
        await desktop.key(shown, 'Escape');
        expect(await answered(answer, desktop.seen)).toEqual({ kind: 'dismissed' });
      }
      await desktop.noWindow(TITLE);
    });

    it('a dialog that waits does not open when the code is no longer needed', async () => {
      const first = opensFor(zenity, 'first');
      await desktop.window(`${TITLE}: first`);
      const second = opensFor(zenity, 'second');
      await waiting(1);
      second.question.withdraw();
      expect(await answered(second.answer, desktop.seen)).toEqual({ kind: 'dismissed' });
      expect(await titles()).toEqual([`${TITLE}: first`]);
      first.question.withdraw();
      await answered(first.answer, desktop.seen);
    });

    it('our window that waits opens at the last call', async () => {
      const first = opensFor(zenity, 'first');
      await desktop.window(`${TITLE}: first`);
      const second = opensFor(window, 'second');
      await waiting(1);
      const shown = request({ profile: 'second' });
      second.question.change({ ...shown, now: shown.now + 13 * 60_000, reminder: 1 });
      await desktop.type(await desktop.window(`${TITLE}: second`), '222222');
      expect(await answered(second.answer, desktop.seen)).toMatchObject({ code: '222222' });
      first.question.withdraw();
      await answered(first.answer, desktop.seen);
    });

    it('a dialog keeps its turn until AWS has accepted its code', async () => {
      const outcome = deferred<CodeResult>();
      const first = opensFor(zenity, 'first', { outcome: outcome.promise });
      const shown = await desktop.window(`${TITLE}: first`);
      const second = opensFor(zenity, 'second');
      await waiting(1);
      await desktop.type(shown, '111111');
      expect(await answered(first.answer, desktop.seen)).toMatchObject({ code: '111111' });
      // AWS refuses it.
      const again = first.way.ask(request({ profile: 'first', problem: 'No.' }), {
        ...first.question,
        outcome: outcome.promise,
      });
      const next = await desktop.window(TITLE);
      expect(await titles()).toEqual([`${TITLE}: first`]);
      await desktop.type(next, '222222');
      expect(await answered(again, desktop.seen)).toMatchObject({ code: '222222' });
      expect(await titles()).toEqual([]);
      outcome.resolve({ kind: 'fresh', text: '' });
      await desktop.window(`${TITLE}: second`);
      second.question.withdraw();
      await answered(second.answer, desktop.seen);
    });

    it('the agent opens one dialog at a time for profiles of several devices', async () => {
      const sandbox = await startSandbox();
      const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
      await mkdir(folder, { recursive: true });
      const profiles = ['a', 'b', 'c'].map((name, index) => `[${name}]\nmfa_serial = GAHT1234567${index}\n`);
      await writeFile(join(folder, 'config.ini'), ['prompt = zenity\n', ...profiles].join(''));
      const agent = start(['run'], { ...desktop.environment, ...sandbox.env });
      try {
        const seen: string[] = [];
        await waiting(2);
        for (let last: string | undefined; seen.length < 3; ) {
          const shown = await desktop.window(TITLE, last);
          last = shown.process;
          const all = await titles();
          expect(all).toHaveLength(1);
          seen.push(...all);
          // Later than a key that was meant for another window.
          await until(
            'two seconds',
            async () => Number(await desktop.tool('ps', '-o', 'etimes=', '-p', shown.process)) > 2,
          );
          await desktop.key(shown, 'Escape');
        }
        expect(seen.sort()).toEqual(['a', 'b', 'c'].map((name) => `${TITLE}: ${name}`));
      } finally {
        agent.child.kill('SIGTERM');
        await agent.ended;
        await sandbox.close();
      }
    });

    it('a dialog without a session bus does not wait for one on the bus', async () => {
      const { DBUS_SESSION_BUS_ADDRESS: _, ...environment } = desktop.environment;
      const first = opensFor(zenity, 'first');
      await desktop.window(`${TITLE}: first`);
      const question = asking();
      const answer = standAlone(zenity(environment), { environment }).ask(request({ profile: 'second' }), question);
      await desktop.window(`${TITLE}: second`);
      for (const one of [first.question, question]) one.withdraw();
      await Promise.all([first.answer, answer].map((one) => answered(one, desktop.seen)));
    });
  });
});
