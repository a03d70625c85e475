import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Asking, CodeResult, Way } from '../../src/ask/ask.ts';
import { window } from '../../src/ask/window/window.ts';
import { deferred } from '../../src/time/deferred.ts';
import { needs } from '../needs.ts';
import { start } from '../program.ts';
import { startSandbox } from '../sandbox.ts';
import { signalAll } from '../signals.ts';
import { holds, until, within } from '../within.ts';
import { asking, expiredRequest, request, SNOOZED, STALE_SNOOZE } from './asking.ts';
import { type Desktop, startDesktop, type Window } from './desktop.ts';
import { type ScreenReader, startScreenReader } from './screen-reader.ts';

const TITLE = 'AWS MFA code: mfa';
const PROBLEM = 'AWS did not accept this code.';

describe('our own window', needs('a desktop', 'a screen reader', 'typelib:Adw-1', 'xclip', 'xprop'), () => {
  let desktop: Desktop;
  let reader: ScreenReader;
  let way: Way;
  let question: ReturnType<typeof asking>;
  let result: ReturnType<typeof deferred<CodeResult>>;

  beforeAll(async () => {
    desktop = await startDesktop();
    reader = await startScreenReader(desktop);
  });
  afterAll(async () => {
    await reader.stop();
    await desktop.stop();
  });
  beforeEach(() => {
    way = window(desktop.environment);
    question = asking();
    result = deferred<CodeResult>();
  });
  afterEach(async () => {
    question.withdraw();
    result.resolve({ kind: 'over', text: '' });
    await desktop.noWindow('AWS MFA code');
    await desktop.noProcess('gjs');
  });

  const left = () => desktop.processes('gjs');
  const ask = (changes: Parameters<typeof request>[0] = {}, more: Partial<Asking> = {}) =>
    way.ask(request(changes), { ...question, outcome: result.promise, ...more });
  const type = (text: string) => desktop.tool('xdotool', 'type', '--delay', '20', text);
  const key = (name: string) => desktop.tool('xdotool', 'key', name);
  const opened = async () => {
    const shown = await desktop.window(TITLE);
    await desktop.tool('xdotool', 'windowfocus', '--sync', shown.id);
    return shown;
  };
  const paste = async (text: string) => {
    const owner = spawn('xclip', ['-selection', 'clipboard', '-in', '-quiet'], {
      env: desktop.environment,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    owner.stdin.end(text);
    const copied = () => desktop.tool('xclip', '-selection', 'clipboard', '-out').catch(() => '');
    await until('the text is on the clipboard', async () => (await copied()) === text.trim());
    await key('ctrl+v');
    return () => owner.kill();
  };

  it('our window can be used here', async () => {
    expect(await way.unfit()).toBeUndefined();
  });

  it('our window submits the code at the sixth digit, without Return', async () => {
    const answer = ask();
    await opened();
    await desktop.picture('window-asks');
    await type('12345');
    await desktop.picture('window-five-digits');
    await type('6');
    expect(await within('the code', answer)).toEqual({ kind: 'code', code: '123456' });
  });

  it.each([
    ['blanks', '123 456'],
    ['dashes', '123-456'],
    ['a dash of another kind', '123\u2013456'],
    ['full-width digits', '１２３４５６'],
    ['zero-width characters', '\u200b123\u200d456\ufeff'],
    ['a line end', '123456\n'],
  ])('our window accepts a pasted code with %s', async (_, text) => {
    const answer = ask();
    await opened();
    const stop = await paste(text);
    expect(await within('the code', answer)).toEqual({ kind: 'code', code: '123456' });
    stop();
  });

  it('our window sends nothing that is not six digits, and says so at Return', async () => {
    const answer = ask();
    await opened();
    await type('my 123456');
    await key('Return');
    await reader.reads('A code has six digits. Try again.');
    await desktop.picture('window-not-six-digits');
    question.change(expiredRequest());
    await reader.reads(/^AWS session \[mfa\] ended at/);
    await reader.reads('A code has six digits. Try again.');
    await key('ctrl+a');
    await type('654321');
    expect(await within('the code', answer)).toEqual({ kind: 'code', code: '654321' });
  });

  it('our window has names for a screen reader, and gives the field the focus', async () => {
    void ask({ problem: PROBLEM });
    await opened();
    await reader.reads(PROBLEM);
    const parts = (role: string, expected: object[]) =>
      holds(async () => expect(await reader.parts(role)).toMatchObject(expected));
    const named = (...names: string[]) => names.map((name) => ({ name }));
    await parts('dialog', named(TITLE));
    const field = { name: 'MFA code of alice in account 123456789012', description: PROBLEM, focused: true };
    await parts('text', [field]);
    await parts('push button', named('Close', 'Snooze until 14:27', 'OK'));
    await parts('level bar', named('Time left in the session', 'Time until the next code'));
    await parts('status bar', named(PROBLEM));
    await reader.reads(/^Next code in \d+ s$/);
  });

  it('our window counts down the time of the present code', async () => {
    void ask();
    await opened();
    const first = await reader.reads(/^Next code in \d+ s$/);
    await until('another number', async () => (await reader.reads(/^Next code in \d+ s$/)).name !== first.name);
  });

  it('our window is dismissed by Escape, by closing it, and by killing it', async () => {
    const ends = [
      () => key('Escape'),
      (shown: Window) => desktop.close(shown),
      (shown: Window) => desktop.tool('xdotool', 'windowkill', shown.id),
      async () => {
        signalAll(await left(), 'SIGKILL');
      },
    ];
    for (const end of ends) {
      const answer = ask();
      await end(await opened());
      expect(await within('the answer', answer)).toEqual({ kind: 'dismissed' });
      await desktop.noWindow(TITLE);
      await desktop.noProcess('gjs');
    }
  });

  it('our window can be snoozed', async () => {
    // The time on the button has nearly come, so the window names, and answers with, another one.
    const answer = ask({ snooze: STALE_SNOOZE });
    await opened();
    await key('Tab');
    await key('Return');
    expect(await within('the answer', answer)).toEqual(SNOOZED);
  });

  it('our window closes when the prompt is closed', async () => {
    const answer = ask();
    await opened();
    question.withdraw();
    expect(await within('the answer', answer)).toEqual({ kind: 'dismissed' });
    await desktop.noProcess('gjs');
  });

  it('our window does not open for a prompt that was closed before', async () => {
    question.withdraw();
    expect(await ask()).toEqual({ kind: 'dismissed' });
    expect(await left()).toEqual([]);
  });

  it('our window shows that AWS is slow and that it refused, accepts another code, and closes after the result', async () => {
    const first = ask();
    const shown = await opened();
    await type('111111');
    expect(await within('the code', first)).toEqual({ kind: 'code', code: '111111' });
    await reader.reads('Checking with AWS…');
    await desktop.picture('window-checking');
    // Nothing is taken meanwhile.
    await type('9');
    await key('Return');

    const second = ask({ problem: PROBLEM });
    await reader.reads(PROBLEM);
    expect(await desktop.window(TITLE)).toEqual(shown);
    await holds(async () => expect(await reader.parts('text')).toMatchObject([{ focused: true }]));
    await desktop.picture('window-refused');
    await type('222222');
    expect(await within('the code', second)).toEqual({ kind: 'code', code: '222222' });

    const shownFresh = await reader.watch(/^\[mfa\] is fresh until 02:20 \(12h 00m\)$/);
    const done = performance.now();
    result.resolve({ kind: 'fresh', text: '[mfa] is fresh until 02:20 (12h 00m)' });
    await shownFresh();
    await desktop.picture('window-fresh');
    await desktop.noWindow(TITLE);
    // From before it is told to the window until after that has closed: never less than the window's own two seconds.
    expect(performance.now() - done).toBeGreaterThan(1_999);
  });

  it('our window shows a failure until the user closes it', async () => {
    const answer = ask();
    await opened();
    await type('123456');
    await within('the code', answer);
    result.resolve({
      kind: 'failed',
      text: 'cannot refresh [mfa]: no answer from https://sts.eu-west-1.amazonaws.com',
    });
    await reader.reads(/^cannot refresh \[mfa\]/);
    await desktop.picture('window-failed');
    await key('Return');
    await desktop.noWindow(TITLE);
  });

  it('our window opens again if the user closed it before AWS refused the code', async () => {
    const first = ask();
    const shown = await opened();
    await type('111111');
    await within('the code', first);
    await desktop.close(shown);
    await desktop.noWindow(TITLE);
    const second = ask({ problem: PROBLEM });
    await opened();
    await type('222222');
    expect(await within('the code', second)).toEqual({ kind: 'code', code: '222222' });
  });

  it('our window shows the new time at a reminder, and keeps what was typed', async () => {
    const answer = ask();
    await opened();
    await reader.reads(/^AWS session \[mfa\] ends in 1[45]m/);
    await type('123');
    question.change(expiredRequest());
    await reader.reads(/^AWS session \[mfa\] ended at/);
    await desktop.picture('window-ended');
    await type('456');
    expect(await within('the code', answer)).toEqual({ kind: 'code', code: '123456' });
  });

  it('our window shows names unchanged', async () => {
    void ask({ profile: '<b>a&b</b>', serialNumber: 'arn:aws:iam::123456789012:mfa/_x_\\n%s<i>' });
    await desktop.window('AWS MFA code: <b>a&b</b>');
    await reader.reads(/^AWS session \[<b>a&b<\/b>\] ends/);
    await reader.reads('MFA code of _x_\\n%s<i> in account 123456789012');
  });

  it('our window looks the same without libadwaita', async () => {
    const folder = desktop.environment.HOME ?? '';
    await writeFile(join(folder, 'Adw-1.typelib'), 'broken');
    way = window({ ...desktop.environment, GI_TYPELIB_PATH: folder });
    const answer = ask({ problem: PROBLEM });
    await opened();
    await reader.reads(PROBLEM);
    await desktop.picture('window-without-libadwaita');
    await type('123456');
    expect(await within('the code', answer)).toEqual({ kind: 'code', code: '123456' });
  });

  it('our window gets the activation token of the click, and no AWS keys', async () => {
    way = window({ ...desktop.environment, AWS_SECRET_ACCESS_KEY: 'secret' });
    void ask({}, { activationToken: 'token-of-the-click' });
    await opened();
    const [pid] = await left();
    const environment = await readFile(`/proc/${pid}/environ`, 'utf8');
    expect(environment).toContain('XDG_ACTIVATION_TOKEN=token-of-the-click');
    expect(environment).not.toContain('secret');
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain('123456789012');
  });

  it('our window tells a window manager that it is a dialog of a fixed size', async () => {
    void ask();
    const shown = await opened();
    const properties = await desktop.tool('xprop', '-id', shown.id);
    expect(properties).toContain('_NET_WM_STATE_MODAL');
    const [, width, height] = /minimum size: (\d+) by (\d+)/.exec(properties) ?? [];
    expect(properties).toContain(`maximum size: ${width} by ${height}`);
  });

  it('our windows that open by themselves come one after the other', async () => {
    const first = ask();
    const shown = await opened();
    const other = asking();
    const second = window(desktop.environment).ask(request({ profile: 'other' }), {
      ...other,
      outcome: result.promise,
    });
    const third = window(desktop.environment).ask(request({ profile: 'third' }), asking());
    await until('three processes', async () => (await left()).length === 3, left);
    // One that the user has clicked for does not wait.
    const clicked = asking();
    const fourth = window(desktop.environment).ask(request({ profile: 'clicked' }), { ...clicked, isClicked: true });
    await desktop.window('AWS MFA code: clicked');
    expect(
      await desktop
        .tool('xdotool', 'search', '--onlyvisible', '--name', 'AWS MFA')
        .then((ids) => ids.split('\n').length),
    ).toBe(2);
    clicked.withdraw();
    await fourth;

    await desktop.tool('xdotool', 'windowfocus', '--sync', shown.id);
    await type('123456');
    expect(await within('the code', first)).toEqual({ kind: 'code', code: '123456' });
    result.resolve({ kind: 'fresh', text: '[mfa] is fresh until 02:20 (12h 00m)' });
    // Whichever of the two was sooner in the queue.
    const next = await desktop.window('AWS MFA code: (other|third)');
    const isOther = (await desktop.tool('xdotool', 'getwindowname', next.id)).trim().endsWith('other');
    await desktop.noWindow(TITLE);
    await desktop.tool('xdotool', 'windowkill', next.id);
    expect(await within('the answer', isOther ? second : third)).toEqual({ kind: 'dismissed' });
    await desktop.close(await desktop.window(`AWS MFA code: ${isOther ? 'third' : 'other'}`));
    expect(await within('the answer', isOther ? third : second)).toEqual({ kind: 'dismissed' });
  });

  it('our window that waits for its turn closes when the code is no longer needed', async () => {
    void ask();
    await opened();
    const other = asking();
    const answer = window(desktop.environment).ask(request({ profile: 'other' }), other);
    await until('two processes', async () => (await left()).length === 2, left);
    other.withdraw();
    expect(await within('the answer', answer)).toEqual({ kind: 'dismissed' });
    await until('one process', async () => (await left()).length === 1, left);
  });

  it('our window stays when the session bus ends', async () => {
    const own = await startDesktop();
    const answer = window(own.environment).ask(request(), question);
    const shown = await own.window(TITLE);
    await own.killBus();
    await own.tool('xdotool', 'windowfocus', '--sync', shown.id, 'type', '--delay', '20', '123456');
    expect(await within('the code', answer)).toEqual({ kind: 'code', code: '123456' });
    await own.stop();
  });

  it.each(['run', 'refresh'])('our window closes when the program (%s) is killed', async (command) => {
    const sandbox = await startSandbox();
    const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.ini'), 'prompt = window\n');
    const program = start([command], { ...desktop.environment, ...sandbox.env });
    await opened();
    program.child.kill('SIGKILL');
    await desktop.noWindow(TITLE);
    await desktop.noProcess('gjs');
    await sandbox.close();
  });

  it('our window is unavailable without a display, and on one that does not exist', async () => {
    const { DISPLAY: _, ...without } = desktop.environment;
    const reason = 'no display: neither DISPLAY nor WAYLAND_DISPLAY is set';
    expect(await window(without).ask(request(), question)).toEqual({ kind: 'unavailable', reason });
    const answer = await window({ ...without, DISPLAY: ':4242' }).ask(request(), question);
    // Without the prefix of a log: `(aws-mfa-agent:123): Gtk-WARNING **: `.
    expect(answer).toMatchObject({
      kind: 'unavailable',
      reason: expect.stringMatching(/^(cannot|failed to) open display/i),
    });
  });

  it('our window is unavailable when its program crashes, and the reason is the crash', async () => {
    const answer = ask();
    await opened();
    signalAll(await left(), 'SIGABRT');
    expect(await within('the answer', answer)).toEqual({ kind: 'unavailable', reason: 'gjs ended with SIGABRT' });
  });

  it('our window has the whole width for a text that says why, and one line for a short one', async () => {
    const problem =
      'AWS refused that code. If you mistyped it, type it again; otherwise the next one comes at 14:20:30.';
    void ask({ problem });
    await opened();
    const [long, device] = [await reader.reads(problem), await reader.reads(/^MFA code of alice/)];
    expect(long.width).toBe(device.width);
    expect(long.height).toBeGreaterThan(device.height);
    question.withdraw();
    await desktop.noProcess('gjs');

    question = asking();
    void ask({ problem: 'A code has six digits. Try again.' });
    await opened();
    expect((await reader.reads('A code has six digits. Try again.')).height).toBe(device.height);
  });

  it('our window is reported as not usable without GJS', async () => {
    expect(await window({ ...desktop.environment, PATH: '/nonexistent' }).unfit()).toBe('gjs is not installed');
  });
});
