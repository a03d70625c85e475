import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mfaProcess } from '../../src/ask/mfa-process.ts';
import { needs } from '../needs.ts';
import { type PrivateBus, startBus } from '../presence/buses.ts';
import { answered, asking, request } from './asking.ts';
import { startDesktop } from './desktop.ts';
import { type NotificationServer, startNotificationServer } from './notification-server.ts';

const CODE = { kind: 'code', code: '123456', automatic: true };

describe('a message of mfa_process', needs('dbus-daemon'), () => {
  let folder: string;
  let bus: PrivateBus;
  let environment: NodeJS.ProcessEnv;
  let server: NotificationServer;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'mfa-process-'));
    bus = await startBus();
    environment = { DBUS_SESSION_BUS_ADDRESS: bus.address };
    server = await startNotificationServer(environment, ['actions', 'body', 'body-markup']);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await server.stop();
    await bus.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** A step in a command line that waits until the test lets it go on. */
  const touch = (name = 'touched') => `while [ ! -e ${folder}/${name} ]; do sleep 0.05; done`;
  const touched = (name = 'touched') => writeFile(join(folder, name), '');

  describe('a message of mfa_process with dunst', () => {
    it('dunst shows a message of mfa_process unchanged until the command ends', needs('a desktop'), async () => {
      const desktop = await startDesktop();
      try {
        await desktop.startDunst();
        const command = `echo 'Touch <b>your</b> YubiKey & wait...' >&2; ${touch()}; echo 123456`;
        const answer = mfaProcess(command, false, desktop.environment).ask(request(), asking());
        await desktop.window('Dunst');
        await desktop.picture('touch-your-key');
        await touched();
        expect(await answered(answer, desktop.seen)).toEqual(CODE);
        await desktop.noWindow('Dunst');
      } finally {
        await desktop.stop();
      }
    });
  });

  describe('a message of mfa_process with a notification service', () => {
    const ask = (command: string) => mfaProcess(command, false, environment).ask(request(), asking());
    /** Resolves when only the service is connected to the bus. */
    const allGone = () => bus.connections(1);

    it('a message is shown with markup escaped and secrets left out, each line in the place of the last', async () => {
      const said = [
        `echo 'Touch <b>your</b> "key" & wait' >&2; ${touch('first')}`,
        `echo '+ oathtool -b JBSWY3DPEHPK3PXP' >&2; echo 'Touch slot 2' >&2; ${touch()}; echo 123456`,
      ];
      const answer = ask(said.join('; '));
      expect(await server.nth(1)).toMatchObject({
        summary: 'mfa_process of [mfa] is waiting',
        body: 'Touch &lt;b&gt;your&lt;/b&gt; "key" &amp; wait',
        actions: [],
        hints: { urgency: 1, transient: true },
        replaces: 0,
      });
      await touched('first');
      expect(await server.nth(2)).toMatchObject({ body: 'Touch slot 2', replaces: 1 });
      expect(server.closed).toEqual([]);
      await touched();
      expect(await answered(answer, () => server.shown)).toEqual(CODE);
      await server.closedCount(1);
      expect(server.closed).toEqual([1]);
      await allGone();
    });

    it('a message is shown after two seconds also when mfa_process prints nothing', async () => {
      const answer = ask(`${touch()}; echo 123456`);
      expect(await server.nth(1)).toMatchObject({ body: 'Touch your security key, or enter its password.' });
      await touched();
      expect(await answered(answer, () => server.shown)).toEqual(CODE);
      await server.closedCount(1);
    });

    it('a message is shown until the prompt is closed', async () => {
      const question = asking();
      const answer = mfaProcess('echo touch it >&2; sleep 1000', false, environment).ask(request(), question);
      await server.nth(1);
      question.withdraw();
      expect(await answered(answer, () => server.shown)).toEqual({ kind: 'dismissed' });
      await server.closedCount(1);
      await allGone();
    });

    /** Has a timer wait for minutes instead: on a busy machine, a command that is over at once may take longer than it. */
    const lengthen = (timer: number) => {
      const { setTimeout } = globalThis;
      vi.spyOn(globalThis, 'setTimeout').mockImplementation(((act: () => void, wait: number) =>
        setTimeout(act, wait === timer ? 300_000 : wait)) as typeof setTimeout);
    };

    it.each([
      ['says something and is over a moment later', 'echo note >&2; sleep 0.1', 300],
      ['says nothing and is over within a second', 'sleep 0.5', 2_000],
    ])('a command that %s is not announced', async (_, command, limit) => {
      lengthen(limit);
      expect(await ask(`${command}; echo 123456`)).toEqual(CODE);
      await bus.connections(1);
      expect(server.shown).toEqual([]);
    });

    it('a message is not shown for a command that gives its code at once, or has a terminal', async () => {
      lengthen(300);
      expect(await ask('echo note >&2; echo 123456')).toEqual(CODE);
      const onTerminal = mfaProcess(`${touch()}; echo 123456`, true, environment).ask(request(), asking());
      // Longer than a silent command without a terminal would be left alone.
      await mfaProcess('sleep 2.2', false, {}).ask(request(), asking());
      await touched();
      expect(await answered(onTerminal, () => server.shown)).toEqual(CODE);
      expect(server.shown).toEqual([]);
    });

    it('a message is updated at a limited rate, whatever the command prints', async () => {
      const begin = performance.now();
      const answer = ask(`yes 'touch it' | head -c 1000000 | nl >&2; ${touch()}; echo 123456`);
      await server.nth(1);
      await touched();
      expect(await answered(answer, () => server.shown)).toEqual(CODE);
      await server.closedCount(1);
      // At most one every half a second, of thousands.
      expect(server.shown.length).toBeLessThan(3 + (performance.now() - begin) / 500);
    });

    it('a message does not delay the code when the service hangs, and leaves no connection', async () => {
      server.hang();
      const answer = ask(`echo 'Touch it' >&2; ${touch()}; echo 123456`);
      await bus.connections(2);
      await touched();
      const gone = allGone();
      // The code is there while the service is still waited for.
      const first = await Promise.race([answered(answer, () => server.shown), gone.then(() => 'the connection ended')]);
      expect(first).toEqual(CODE);
      await gone;
    });
  });

  it('a message is not shown without a bus, and the code comes anyway', async () => {
    const environments = [{}, { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' }];
    const command = 'echo Touch it >&2; sleep 0.5; echo 123456';
    const answers = environments.map((environment) => mfaProcess(command, false, environment).ask(request(), asking()));
    expect(await Promise.all(answers)).toEqual([CODE, CODE]);
  });
});
