import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Answer, Asking, AskRequest, Way } from '../../src/ask/ask.ts';
import { inTurn } from '../../src/ask/in-turn.ts';
import { macosNotification, runsIntel } from '../../src/ask/macos-notification.ts';
import { answered, asking, request, SNOOZED } from '../desktop/asking.ts';
import { needs } from '../needs.ts';
import { until } from '../within.ts';
import { isRunning, pidIn, standIns } from './script.ts';

/** What these programs really print is from their sources: no Mac is here. */
describe('a notification on macOS', needs('Linux'), () => {
  let mac: ReturnType<typeof standIns>;
  beforeEach(() => {
    mac = standIns();
  });
  afterEach(() => mac.remove());

  /** A code field that notes how it is asked, and answers. */
  function field(answer: Answer = { kind: 'code', code: '654321' }) {
    const asked: { request: AskRequest; isClicked: boolean | undefined }[] = [];
    const way: Way = {
      name: 'field',
      unfit: async () => undefined,
      ask: async (current, { isClicked }) => {
        asked.push({ request: current, isClicked });
        return answer;
      },
    };
    return { way, asked };
  }
  const NONE = () => undefined;
  const words = () => readFileSync(join(mac.folder, 'words'), 'utf8').split('\0').slice(0, -1);
  const print = (event: Record<string, string>) =>
    `printf '%s\\0' "$@" >> ${mac.folder}/words\necho '${JSON.stringify(event)}'`;
  const FIELD_ANSWER = { kind: 'code', code: '654321' };

  describe.each([
    ['alerter', 'alerter', () => undefined],
    ['terminal-notifier', 'terminal-notifier', () => join(mac.folder, 'terminal-notifier')],
  ])('shown by %s', (_name, program, terminalNotifier) => {
    const ask = (fields: Way[], person: Asking = asking(), limit = 30, tooSoon = 0) =>
      macosNotification(fields, mac.environment, { terminalNotifier, limit, tooSoon }).ask(request(), person);

    it.each<[string, Record<string, string>, object]>([
      ['a reply', { activationType: 'replied', activationValue: '123 456' }, { kind: 'code', code: '123456' }],
      ['the button', { activationType: 'closed', activationValue: 'Snooze until 14:27' }, SNOOZED],
      ['closing', { activationType: 'closed' }, { kind: 'dismissed' }],
    ])(`a notification by ${program} has a meaning for %s`, async (_which, event, meaning) => {
      mac.install(program, print(event));
      const { way, asked } = field();
      expect(await answered(ask([way]))).toEqual(meaning);
      expect(asked).toEqual([]);
    });

    it(`a notification by ${program} names the session and the device, and has a field and a Snooze button with its time`, async () => {
      mac.install(program, print({ activationType: 'closed' }));
      await answered(ask([field().way]));
      const all = words().map((word) => word.replace(/^"(.*)"$/, '$1').replace(/^--?/, ''));
      const value = (...names: string[]) => all[all.findIndex((word) => names.includes(word)) + 1];
      expect(value('title')).toMatch(/^AWS session \[mfa\] ends/);
      expect(value('message')).toBe('MFA code of alice in account 123456789012');
      expect(value('reply')).toBe('Six digits');
      expect(value('closeLabel', 'close-label')).toBe('Snooze until 14:27');
      expect(value('timeout')).toBe('30');
    });

    it(`a notification by ${program} asks again after a reply that is not a code`, async () => {
      const reply = (text: string) => `echo '${JSON.stringify({ activationType: 'replied', activationValue: text })}'`;
      mac.install(
        program,
        `printf '%s\\0' "$@" >> ${mac.folder}/words\nif [ -e ${mac.folder}/again ]; then ${reply('123456')}; else touch ${mac.folder}/again; ${reply('hello')}; fi`,
      );
      expect(await answered(ask([field().way]))).toEqual({ kind: 'code', code: '123456' });
      expect(words().some((word) => word.includes('A code has six digits. Try again.'))).toBe(true);
    });

    it(`a notification by ${program} opens a field by a click`, async () => {
      mac.install(program, print({ activationType: 'contentsClicked' }));
      const { way, asked } = field();
      expect(await answered(ask([way]))).toEqual(FIELD_ANSWER);
      expect(asked).toMatchObject([{ isClicked: true }]);
    });

    it.each([
      ['ends by its own limit', `echo '{"activationType":"timeout"}'`],
      ['may not show notifications', 'echo "Failed to deliver notification" >&2; exit 1'],
      ['prints 150 kB', 'head -c 150000 /dev/zero'],
      ['prints something else', 'echo "{}"'],
    ])(`a notification by ${program} opens a field by itself if the program %s`, async (_which, script) => {
      mac.install(program, script);
      const { way, asked } = field();
      expect(await answered(ask([way]))).toEqual(FIELD_ANSWER);
      expect(asked).toMatchObject([{ isClicked: false }]);
    });

    it.each([
      ['the button', 'Snooze until 14:27'],
      ['closing', undefined],
    ])(
      `a notification by ${program} opens a field by itself if it is closed before a user can have read it, as by %s`,
      async (_which, label) => {
        mac.install(program, print({ activationType: 'closed', ...(label && { activationValue: label }) }));
        const { way, asked } = field();
        expect(await answered(ask([way], asking(), 30, 10_000))).toEqual(FIELD_ANSWER);
        expect(asked).toMatchObject([{ isClicked: false }]);
      },
    );

    it(`a notification by ${program} opens a field by itself if macOS never shows it, and ends the program`, async () => {
      mac.install(program, `echo $$ > ${mac.folder}/pid; exec sleep 60`);
      const { way, asked } = field();
      // The program is given three seconds more than its limit.
      expect(await answered(ask([way], asking(), 0))).toEqual(FIELD_ANSWER);
      expect(asked).toMatchObject([{ isClicked: false }]);
      const pid = readFileSync(join(mac.folder, 'pid'), 'utf8').trim();
      await until('its end', () => !isRunning(pid));
    });

    it(`a notification by ${program} is closed with its program when the code is no longer needed, and opens no field`, async () => {
      mac.install(program, `echo $$ > ${mac.folder}/pid; exec sleep 60`);
      const person = asking();
      const { way, asked } = field();
      const answer = ask([way], person);
      const pid = await until('a program', () => pidIn(join(mac.folder, 'pid')));
      person.withdraw();
      expect(await answered(answer)).toEqual({ kind: 'dismissed' });
      await until('its end', () => !isRunning(pid));
      expect(asked).toEqual([]);
    });
  });

  it('a program for another processor, which Node throws for, is skipped, and the window opens', async () => {
    const loop = join(mac.folder, 'loop');
    symlinkSync(loop, loop);
    const { way } = field();
    const notification = macosNotification([way], mac.environment, { terminalNotifier: () => loop });
    expect(await answered(notification.ask(request(), asking()))).toEqual(FIELD_ANSWER);
  });

  it('any way that throws is skipped, and the next one asks', async () => {
    const broken: Way = {
      name: 'broken',
      unfit: async () => undefined,
      ask: () => {
        throw new Error('spawn Unknown system error -86');
      },
    };
    const { way } = field();
    expect(await inTurn([broken, way])(request(), asking())).toEqual(FIELD_ANSWER);
    expect(await inTurn([broken])(request(), asking())).toMatchObject({
      kind: 'unavailable',
      reason: 'broken: spawn Unknown system error -86',
    });
  });

  it('terminal-notifier is used on Intel and where Rosetta is there, not on bare Apple silicon', () => {
    const rosetta = join(mac.folder, 'libRosettaRuntime');
    expect([runsIntel('x64', rosetta), runsIntel('arm64', rosetta)]).toEqual([true, false]);
    writeFileSync(rosetta, '');
    expect(runsIntel('arm64', rosetta)).toBe(true);
  });

  it('a notification is not offered where neither a program for replies nor a code field works', async () => {
    const none: Way = { ...field().way, unfit: async () => 'not installed' };
    const offered = (way: Way, terminalNotifier: () => string | undefined) =>
      macosNotification([way], mac.environment, { terminalNotifier }).unfit();
    expect(await offered(none, NONE)).toBe('no code field can be opened: field: not installed');
    expect(await offered(none, () => '/terminal-notifier')).toBeUndefined();
    expect(await offered(field().way, NONE)).toBeUndefined();
  });

  it('without a program for replies, a field opens at once beside a plain notification', async () => {
    const { way, asked } = field();
    const notification = macosNotification([way], mac.environment, { terminalNotifier: NONE });
    expect(await notification.unfit()).toBeUndefined();
    expect(await answered(notification.ask(request(), asking()))).toEqual(FIELD_ANSWER);
    expect(asked).toMatchObject([{ isClicked: false }]);
    const shown = await until('a notification', () => {
      const file = join(mac.folder, 'applescripts');
      const [line, ...more] = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
      return more.length > 0 && JSON.parse(line ?? '');
    });
    expect(shown).toEqual([
      expect.stringContaining('display notification theText with title theTitle'),
      expect.stringMatching(/^AWS session \[mfa\] ends/),
      'MFA code of alice in account 123456789012',
    ]);
  });

  it('after a refused code, the field in which it was typed asks again, without a notification', async () => {
    const { way, asked } = field();
    mac.install('alerter', print({ activationType: 'contentsClicked' }));
    const notification = macosNotification([way], mac.environment, { terminalNotifier: NONE });
    await answered(notification.ask(request(), asking()));
    const notified = words().length;
    await answered(notification.ask(request({ problem: 'AWS refused that code.' }), asking()));
    expect(asked).toMatchObject([
      { isClicked: true },
      { isClicked: true, request: { problem: 'AWS refused that code.' } },
    ]);
    expect(words()).toHaveLength(notified);
  });

  it('a reminder reaches the field that has opened, and the newest text the one that opens later', async () => {
    const changes: AskRequest[] = [];
    const person = asking();
    let opened: AskRequest | undefined;
    const way: Way = {
      name: 'field',
      unfit: async () => undefined,
      ask: (current, { onChange, signal }) =>
        new Promise((resolve) => {
          opened = current;
          onChange((changed) => changes.push(changed));
          signal.addEventListener('abort', () => resolve({ kind: 'dismissed' }));
        }),
    };
    mac.install('alerter', `while [ ! -e ${mac.folder}/go ]; do sleep 0.05; done; echo '{"activationType":"timeout"}'`);
    const answer = macosNotification([way], mac.environment, { terminalNotifier: NONE }).ask(request(), person);
    await pause(50);
    person.change(request({ reminder: 1 }));
    mac.install('go', '');
    await until('a field', () => opened);
    expect(opened).toMatchObject({ reminder: 1 });
    person.change(request({ reminder: 2 }));
    expect(changes).toMatchObject([{ reminder: 2 }]);
    person.withdraw();
    expect(await answered(answer)).toEqual({ kind: 'dismissed' });
  });

  it('there is no notification over ssh', async () => {
    const environment = { ...mac.environment, SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' };
    expect(await macosNotification([field().way], environment).unfit()).toBe('cannot open a window here');
  });
});
