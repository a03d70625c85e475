import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Answer, AskRequest, Way } from '../../src/ask/ask.ts';
import { createAsk } from '../../src/ask/choose.ts';
import { inTurn } from '../../src/ask/in-turn.ts';
import { mfaProcess } from '../../src/ask/mfa-process.ts';
import { built } from '../built.ts';
import { asking, request } from '../desktop/asking.ts';
import { needs } from '../needs.ts';

const NOWHERE = { PATH: '/nonexistent' };

function way(name: string, ask: Way['ask']): Way {
  return { name, unfit: async () => undefined, ask };
}

const unavailable = (reason: string) => async (): Promise<Answer> => ({ kind: 'unavailable', reason });

describe('mfa_process', () => {
  it('mfa_process gives the code that its command prints, which was not typed', async () => {
    const answer = await mfaProcess('echo 123456').ask(request(), asking());
    expect(answer).toEqual({ kind: 'code', code: '123456', automatic: true });
  });

  it('mfa_process runs its command in a shell, like aws-vault', async () => {
    const answer = await mfaProcess(`printf '%s\\n' "otp: 654321" | sed 's/otp: //'`).ask(request(), asking());
    expect(answer).toMatchObject({ kind: 'code', code: '654321' });
  });

  it('mfa_process reports how the command failed, and nothing of what it printed', async () => {
    const answer = await mfaProcess('echo 123456; echo "no key for 123456 found" >&2; exit 1').ask(request(), asking());
    expect(answer).toEqual({
      kind: 'unavailable',
      reason: 'exit status 1',
      problem: 'mfa_process of [mfa] failed (exit status 1).',
    });
  });

  it('mfa_process is unavailable when its command prints no code or does not exist', async () => {
    const empty = await mfaProcess('echo none').ask(request(), asking());
    expect(empty).toMatchObject({ kind: 'unavailable', reason: 'printed no six-digit code' });
    const missing = await mfaProcess('/nonexistent/program').ask(request(), asking());
    expect(missing).toMatchObject({
      kind: 'unavailable',
      reason: 'exit status 127, no such program',
    });
  });

  it('mfa_process ends its command and all its processes after 30 seconds', needs('Linux', 'faketime'), async () => {
    // Of no other test that runs on this machine.
    const sleep = `sleep 4242.${process.pid}`;
    const program = `
      import { mfaProcess } from '${built('ask/mfa-process.ts')}';
      const way = mfaProcess('${sleep} & ${sleep}', false, {});
      const { signal } = new AbortController();
      console.log(JSON.stringify(await way.ask(${JSON.stringify(request())}, { signal, onChange() {} })));
    `;
    // A clock that goes thirty times as fast.
    const words = ['-f', '+0 x30', process.execPath, '--input-type=module', '-e', program];
    const { stdout } = await promisify(execFile)('faketime', words);
    expect(JSON.parse(stdout)).toMatchObject({ kind: 'unavailable', reason: 'timed out after 30 s' });
    const processes = await promisify(execFile)('sh', ['-c', "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]);
    expect(processes.stdout).toContain('vitest');
    expect(processes.stdout).not.toContain(sleep);
  });

  it('mfa_process ends its command when the prompt is closed', async () => {
    const question = asking();
    const answer = mfaProcess('sleep 1000').ask(request(), question);
    question.withdraw();
    expect(await answer).toEqual({ kind: 'dismissed' });
  });
});

describe('several ways of asking', () => {
  it('several ways of asking are tried in turn until the first answer', async () => {
    const asked: string[] = [];
    const ask = inTurn([
      way('a', unavailable('broken')),
      way('b', async () => ({ kind: 'dismissed' })),
      way('c', async () => {
        asked.push('c');
        return { kind: 'code', code: '123456' };
      }),
    ]);
    expect(await ask(request(), asking())).toEqual({ kind: 'dismissed' });
    expect(asked).toEqual([]);
  });

  it('several ways of asking give all reasons when none is available', async () => {
    const ask = inTurn([way('a', unavailable('broken')), way('b', unavailable('missing'))]);
    expect(await ask(request(), asking())).toEqual({
      kind: 'unavailable',
      reason: 'a: broken; b: missing',
      summary: 'a: broken; run `aws-mfa-agent doctor`',
    });
  });

  it('several ways of asking show the problem of an earlier way in the next prompt, beside its own reason', async () => {
    const warned: string[] = [];
    const seen: (string | undefined)[] = [];
    const failed = async (): Promise<Answer> => ({ kind: 'unavailable', reason: 'broken', problem: 'It is broken.' });
    const ways = [
      way('a', unavailable('missing')),
      way('b', failed),
      way('c', async ({ problem }) => {
        seen.push(problem);
        return { kind: 'dismissed' };
      }),
    ];
    const ask = inTurn(ways, (problem) => warned.push(problem));
    await ask(request(), asking());
    await ask(request({ problem: 'That code was already used.' }), asking());
    expect(seen).toEqual(['It is broken.', 'It is broken. That code was already used.']);
    expect(warned).toEqual(['It is broken.', 'It is broken.']);
  });

  it('several ways of asking stop when the prompt is closed', async () => {
    const question = asking();
    const ask = inTurn([
      way('a', async () => {
        question.withdraw();
        return { kind: 'unavailable', reason: 'broken' };
      }),
      way('b', async () => ({ kind: 'code', code: '123456' })),
    ]);
    expect(await ask(request(), question)).toEqual({ kind: 'dismissed' });
  });

  it('several ways of asking pass the newest request to the next way, and later changes only to it', async () => {
    const question = asking();
    const seen: AskRequest[] = [];
    const ask = inTurn([
      way('a', async (_request, { onChange }) => {
        onChange(() => expect.unreachable());
        onChange((changed) => seen.push(changed));
        question.change(request({ reminder: 1 }));
        return { kind: 'unavailable', reason: 'broken' };
      }),
      way('b', async (asked, { onChange }) => {
        onChange((changed) => seen.push(changed));
        question.change(request({ reminder: 2 }));
        return { kind: 'snooze', until: asked.reminder };
      }),
    ]);
    expect(await ask(request(), question)).toEqual({ kind: 'snooze', until: 1 });
    expect(seen.map(({ reminder }) => reminder)).toEqual([1, 2]);
  });

  it('ways in turn keep the reason why the last code was not accepted when a reminder comes', async () => {
    const question = asking();
    const problems: (string | undefined)[] = [];
    const ask = inTurn([
      way('a', async ({ problem }, { onChange }) => {
        onChange((changed) => problems.push(problem, changed.problem));
        question.change(request({ reminder: 1 }));
        question.change(request({ reminder: 2, problem: 'Another.' }));
        return { kind: 'dismissed' };
      }),
    ]);
    await ask(request({ problem: 'Too late.' }), question);
    expect(problems).toEqual(['Too late.', 'Too late.', 'Too late.', 'Another.']);
  });
});

describe('the choice of ways', () => {
  const names = async (...settings: Parameters<typeof createAsk>) =>
    (await createAsk(...settings).ways()).map(({ name }) => name);

  it('the default order of ways begins with mfa_process, and ends with the terminal and the browser', async () => {
    const linux = { environment: NOWHERE, platform: 'linux' as const };
    expect(await names({ prompt: 'auto' }, { mfaProcess: 'echo 1' }, linux)).toEqual([
      ...['mfa_process', 'notification', 'window', 'zenity', 'kdialog', 'pinentry', 'terminal', 'browser'],
    ]);
    expect(await names({ prompt: 'auto' }, {}, linux)).not.toContain('mfa_process');
  });

  it('the default order of ways begins with the dialog of the desktop', async () => {
    const plasma = { environment: { ...NOWHERE, XDG_CURRENT_DESKTOP: 'KDE' }, platform: 'linux' as const };
    expect(await names({ prompt: 'auto' }, {}, plasma)).toEqual([
      ...['notification', 'window', 'kdialog', 'zenity', 'pinentry', 'terminal', 'browser'],
    ]);
  });

  it('the default order of ways is another one on macOS', async () => {
    const mac = { environment: NOWHERE, platform: 'darwin' as const };
    expect(await names({ prompt: 'auto' }, {}, mac)).toEqual([
      ...['notification', 'window', 'osascript', 'pinentry', 'terminal', 'browser'],
    ]);
  });

  it('the order of ways is that of the settings, and reports why a way cannot work here', async () => {
    const { ways } = createAsk(
      { prompt: ['terminal', 'kdialog', 'mfa_process', 'osascript'] },
      {},
      { environment: { ...NOWHERE, DISPLAY: ':0' }, platform: 'linux', standardInput: true },
    );
    expect(await ways()).toEqual([
      { name: 'terminal' },
      { name: 'kdialog', unfit: 'not installed' },
      { name: 'mfa_process', unfit: 'no mfa_process is set' },
      { name: 'osascript', unfit: 'not available on this system' },
    ]);
  });

  it('the browser is used when nothing else works, but only if it can be opened or is in the settings', async () => {
    const linux = { environment: NOWHERE, platform: 'linux' as const, tell: () => {} };
    const browserIn = async (prompt: 'auto' | string[]) =>
      (await createAsk({ prompt }, {}, linux).ways()).find(({ name }) => name === 'browser');
    expect(await browserIn('auto')).toMatchObject({ unfit: expect.stringContaining('no display') });
    expect(await browserIn(['browser'])).toEqual({ name: 'browser' });
  });

  it('the user is asked when mfa_process fails, and all reasons are given when no way works', async () => {
    const { ask } = createAsk(
      { prompt: ['mfa_process', 'notification', 'zenity'] },
      { mfaProcess: 'exit 1' },
      { environment: NOWHERE, platform: 'linux' },
    );
    expect(await ask(request(), asking())).toEqual({
      kind: 'unavailable',
      reason:
        'mfa_process: exit status 1; notification: no session bus: DBUS_SESSION_BUS_ADDRESS is not set; ' +
        'zenity: no display: neither DISPLAY nor WAYLAND_DISPLAY is set',
      summary: 'no display; run `aws-mfa-agent doctor`',
    });
  });
});
