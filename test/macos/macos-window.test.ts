import { spawn } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CodeResult } from '../../src/ask/ask.ts';
import { hostOn } from '../../src/ask/window/host.ts';
import { window } from '../../src/ask/window/window.ts';
import { deferred } from '../../src/time/deferred.ts';
import { answered, asking, expiredRequest, request, SNOOZED } from '../desktop/asking.ts';
import { needs } from '../needs.ts';
import { until, within } from '../within.ts';
import { standIns } from './script.ts';

/**
 * The script's logic under a small host that plays the Objective-C bridge. It draws nothing: that AppKit takes what the script says,
 * and that a person sees it, is not proven here.
 */
describe('the window for macOS', needs('Linux'), () => {
  let mac: ReturnType<typeof standIns>;
  beforeEach(() => {
    mac = standIns();
  });
  afterEach(() => mac.remove());

  it('the window shows the session, the device, two bars and the buttons, above other windows', async () => {
    const person = asking();
    const answer = window(mac.environment, 'darwin').ask(request(), person);
    const script = await mac.script();
    const seen = await until('a window', async () => {
      const now = await script.look();
      return now.isVisible ? now : undefined;
    });
    expect(seen).toMatchObject({
      title: 'AWS MFA code: mfa',
      texts: [
        expect.stringMatching(/^AWS session \[mfa\] ends in 1[45]m, at /),
        'MFA code of alice in account 123456789012',
        expect.stringMatching(/^Next code in \d+ s$/),
      ],
      field: [''],
      unseen: 0,
      hasFocus: true,
      level: 3,
      buttons: [
        ['Snooze until 14:27', true],
        ['OK', false],
      ],
      names: ['MFA code of alice in account 123456789012', 'Time left in the session', 'Time until the next code'],
    });
    // 15 of 30 minutes are left, or a little less.
    expect(seen.bars[0]).toBeCloseTo(0.5, 1);
    person.withdraw();
    expect(await answered(answer)).toEqual({ kind: 'dismissed' });
    await within('the end of the script', script.ended);
  });

  it('the window answers at the sixth digit, says that AWS is asked, and shows the result', async () => {
    const outcome = deferred<CodeResult>();
    const answer = window(mac.environment, 'darwin').ask(request(), { ...asking(), outcome: outcome.promise });
    const script = await mac.script();
    await until('a window', async () => (await script.look()).isVisible);
    expect((await script.type('12345')).buttons[1]).toEqual(['OK', false]);
    await script.type('123 456');
    expect(await answered(answer)).toEqual({ kind: 'code', code: '123456' });
    const checking = await until('a sign', async () => {
      const seen = await script.look();
      return seen.isSpinning ? seen : undefined;
    });
    expect(checking.texts).toContain('Checking with AWS…');
    outcome.resolve({ kind: 'fresh', text: '[mfa] is fresh until 23:19' });
    const shown = await until('the result', async () => {
      const seen = await script.look();
      return seen.texts.length === 1 ? seen : undefined;
    });
    expect(shown).toMatchObject({ texts: ['✓ [mfa] is fresh until 23:19'], buttons: [], field: [] });
    expect(shown.announced).toContain('[mfa] is fresh until 23:19');
    await within('the end of the script', script.ended);
  });

  it('the window takes the next code after AWS has refused one', async () => {
    const way = window(mac.environment, 'darwin');
    const results = [deferred<CodeResult>(), deferred<CodeResult>()] as const;
    const first = way.ask(request(), { ...asking(), outcome: results[0].promise });
    const script = await mac.script();
    await until('a window', async () => (await script.look()).isVisible);
    await script.type('111111');
    expect(await answered(first)).toMatchObject({ code: '111111' });
    expect((await script.type('222222')).field).toEqual(['111111']);
    const second = way.ask(request({ problem: 'AWS refused that code.' }), {
      ...asking(),
      outcome: results[0].promise,
    });
    const seen = await until('the problem', async () => {
      const now = await script.look();
      return now.red.length > 0 ? now : undefined;
    });
    expect(seen).toMatchObject({ red: ['AWS refused that code.'], field: [''], hasFocus: true });
    await script.type('333333');
    expect(await answered(second)).toMatchObject({ code: '333333' });
    results[0].resolve({ kind: 'failed', text: 'AWS is busy.' });
    expect(
      (await until('the result', async () => (await script.look()).texts[0]?.startsWith('⚠') && script.look())).buttons,
    ).toEqual([['Close', true]]);
    await script.press('Close').catch(() => {});
    await within('the end of the script', script.ended);
  });

  it.each([
    ['Return without six digits', '12', '\r', undefined],
    ['Snooze', '', 'Snooze until 14:27', SNOOZED],
    ['Escape', '', '\u001b', { kind: 'dismissed' }],
  ])('the window has a meaning for %s', async (_which, typed, key, meaning) => {
    const person = asking();
    const answer = window(mac.environment, 'darwin').ask(request(), person);
    const script = await mac.script();
    await until('a window', async () => (await script.look()).isVisible);
    if (typed) await script.type(typed);
    const pressed = script.press(key).catch(() => undefined);
    if (meaning) {
      expect(await answered(answer)).toEqual(meaning);
    } else {
      // The button is off as long as the field does not hold a code; the field takes the key.
      const seen = await pressed;
      expect(seen?.field).toEqual(['12']);
      expect([seen?.red, seen?.announced]).toEqual(Array(2).fill(['A code has six digits. Try again.']));
      person.change(expiredRequest());
      const later = await until('another time', async () => {
        const now = await script.look();
        return now.texts[0]?.includes(' ended at ') && now;
      });
      expect(later.red).toEqual(seen?.red);
      person.withdraw();
      await answered(answer);
    }
  });

  it('the window comes to the front again with a reminder, and keeps what was typed', async () => {
    const person = asking();
    const answer = window(mac.environment, 'darwin').ask(request(), person);
    const script = await mac.script();
    await until('a window', async () => (await script.look()).isVisible);
    await script.type('123');
    person.change(expiredRequest());
    const seen = await until('a reminder', async () => {
      const now = await script.look();
      return now.raised > 1 ? now : undefined;
    });
    expect(seen).toMatchObject({
      field: ['123'],
      texts: [expect.stringMatching(/ ended at /), expect.any(String), expect.any(String)],
    });
    expect(seen.bars).toHaveLength(1);
    person.withdraw();
    await answered(answer);
  });

  it('a window that opens by itself waits until the last one is closed; one that is clicked does not', async () => {
    const people = [asking(), asking(), asking()] as const;
    const first = window(mac.environment, 'darwin').ask(request(), people[0]);
    const one = await mac.script();
    await until('a window', async () => (await one.look()).isVisible);
    const second = window(mac.environment, 'darwin').ask(request({ profile: 'other' }), people[1]);
    const other = await mac.script([one]);
    const third = window(mac.environment, 'darwin').ask(request(), { ...people[2], isClicked: true });
    const clicked = await mac.script([one, other]);
    await until('the clicked window', async () => (await clicked.look()).isVisible);
    expect((await other.look()).isVisible).toBe(false);
    people[0].withdraw();
    await answered(first);
    await until('the next window', async () => (await other.look()).isVisible);
    for (const person of people) person.withdraw();
    await Promise.all([answered(second), answered(third)]);
  });

  it('the script ends on SIGTERM and when its input ends', async () => {
    const { program, words } = hostOn('darwin');
    for (const end of [
      (child: ReturnType<typeof spawn>) => child.kill(),
      (child: ReturnType<typeof spawn>) => child.stdin?.end(),
    ]) {
      const child = spawn(program, words, { env: mac.environment });
      const script = await mac.script();
      end(child);
      await within('the end of the script', script.ended);
    }
  });

  it('the next way asks where the script fails before its window is there', async () => {
    mac.install('osascript', 'echo "execution error: Error: no window server (-2700)" >&2; exit 1');
    expect(await answered(window(mac.environment, 'darwin').ask(request(), asking()))).toMatchObject({
      kind: 'unavailable',
      reason: 'execution error: Error: no window server (-2700)',
    });
  });

  it('there is no window over ssh', async () => {
    const environment = { ...mac.environment, SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' };
    expect(await window(environment, 'darwin').unfit()).toBe('cannot open a window here');
    expect(await window(mac.environment, 'darwin').unfit()).toBeUndefined();
  });
});
