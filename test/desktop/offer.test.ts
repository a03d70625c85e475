import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { offer } from '../../src/ask/desktop/offer.ts';
import { packageVersion } from '../../src/package-file.ts';
import { needs } from '../needs.ts';
import { type PrivateBus, startBus } from '../presence/buses.ts';
import { until, within } from '../within.ts';
import { type NotificationServer, startNotificationServer } from './notification-server.ts';

/** Its command prints the version of the program. */
const OFFER = { text: 'The access key of [default] is 91d old.', words: ['--version'] };

describe('an offer', needs('dbus-daemon'), () => {
  let bus: PrivateBus;
  let programs: string;
  let environment: NodeJS.ProcessEnv;
  let server: NotificationServer | undefined;
  const over = () => new AbortController();

  beforeEach(async () => {
    [bus, programs] = await Promise.all([startBus(), mkdtemp(join(tmpdir(), 'offer-'))]);
    // A terminal emulator that writes down what it would show.
    const terminal = join(programs, 'x-terminal-emulator');
    const shown = join(programs, 'shown');
    await writeFile(
      terminal,
      `#!/bin/sh\nshift\n(echo "$XDG_ACTIVATION_TOKEN"; "$@" </dev/null) >${shown}.new 2>&1\nmv ${shown}.new ${shown}\n`,
    );
    await chmod(terminal, 0o755);
    environment = { DBUS_SESSION_BUS_ADDRESS: bus.address, DISPLAY: ':7', PATH: `${programs}:${process.env.PATH}` };
  });
  afterEach(async () => {
    await server?.stop();
    server = undefined;
    await bus.stop();
    await rm(programs, { recursive: true, force: true });
  });

  it('a click on an offer opens a terminal with the command', async () => {
    server = await startNotificationServer(environment, ['actions', 'body']);
    const offered = offer(OFFER, environment, over().signal);
    const shown = await server.nth(1);
    expect(shown).toMatchObject({
      body: OFFER.text,
      actions: ['default', '', 'enter', 'Open a terminal'],
      expireTimeout: 0,
    });
    // It expired, but is still in a list of notifications.
    server.emitClosed(shown.id, 1);
    server.emit('ActivationToken', shown.id, 'token-7');
    server.emit('ActionInvoked', shown.id, 'enter');
    expect(await within('the end of the offer', offered)).toBe(true);
    const look = () => readFile(join(programs, 'shown'), 'utf8').catch(() => undefined);
    expect(await until('a terminal is opened', look)).toBe(
      `token-7\n${packageVersion()}\n\nPress Return to close this window. `,
    );
  });

  it('an offer that is closed, or no longer needed, opens nothing', async () => {
    server = await startNotificationServer(environment, ['actions', 'body']);
    const closed = offer(OFFER, environment, over().signal);
    server.emitClosed((await server.nth(1)).id, 2);
    expect(await within('the end of the offer', closed)).toBe(true);
    const stopped = over();
    const ended = offer(OFFER, environment, stopped.signal);
    await server.nth(2);
    stopped.abort();
    await within('the end of the offer', ended);
    await server.closedCount(2);
    await expect(readFile(join(programs, 'shown'))).rejects.toThrow('ENOENT');
  });

  it('an offer is a notice where nothing can be clicked or opened, and does no harm where nothing is shown', async () => {
    expect(await offer(OFFER, environment, over().signal)).toBe(false);
    server = await startNotificationServer(environment, ['actions', 'body']);
    const { DISPLAY: _, ...withoutDisplay } = environment;
    expect(await within('the offer', offer(OFFER, withoutDisplay, over().signal))).toBe(true);
    expect(server.shown).toMatchObject([{ body: OFFER.text, actions: [] }]);
    expect(server.closed).toEqual([]);
  });
});
