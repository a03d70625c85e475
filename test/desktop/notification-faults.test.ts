import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { notification } from '../../src/ask/desktop/notification.ts';
import { connectBus } from '../../src/bus/bus.ts';
import { needs } from '../needs.ts';
import { type PrivateBus, startBus } from '../presence/buses.ts';
import { within } from '../within.ts';
import { answered, asking, request } from './asking.ts';
import { startNotificationServer } from './notification-server.ts';

const NAME = 'org.freedesktop.Notifications';
const CODE = { kind: 'code', code: '123456' };

describe('a notification whose service or bus fails', needs('dbus-daemon'), () => {
  let bus: PrivateBus;
  let environment: NodeJS.ProcessEnv;
  beforeEach(async () => {
    bus = await startBus();
    environment = { DBUS_SESSION_BUS_ADDRESS: bus.address };
  });
  afterEach(() => bus.stop());

  const way = () => notification([], environment);
  /** A service in whose reply field the code is typed. */
  const serve = () => startNotificationServer(environment, ['actions', 'body', 'inline-reply']);
  const allGone = () => bus.connections(0);

  it('a notification gives way to the next method within seconds when the bus cannot start the service', async () => {
    const started: [script: string, reason: RegExp][] = [
      ['exit 1', /exited with status 1/],
      // Lives, and never takes its name.
      ['exec sleep 20', /no answer on the session bus within 5 s/],
    ];
    for (const [script, reason] of started) {
      await bus.offer(NAME, script);
      const answer = way().ask(request(), asking());
      const given = await within('an answer to the question', answer, undefined, 7_000);
      expect(given).toEqual({ kind: 'unavailable', reason: expect.stringMatching(reason) });
    }
    await allGone();
  });

  it('a notification gives way to the next method when the service crashed and is not started again', async () => {
    const server = await serve();
    const answer = way().ask(request(), asking());
    await server.nth(1);
    await server.stop();
    expect(await within('an answer to the question', answer, undefined, 15_000)).toEqual({
      kind: 'unavailable',
      reason: 'the notification service stopped',
    });
    await allGone();
  });

  it('a notification is shown as usual after the bus ended and was started again', async () => {
    const one = way();
    await bus.kill();
    const unreachable = { kind: 'unavailable', reason: expect.stringContaining('cannot connect to the session bus') };
    expect(await one.ask(request(), asking())).toEqual(unreachable);

    await bus.restart();
    const first = await serve();
    const asked = one.ask(request(), asking());
    await first.nth(1);
    await bus.kill();
    expect(await answered(asked)).toEqual({ kind: 'unavailable', reason: 'the connection to the session bus ended' });
    expect(await one.ask(request(), asking())).toEqual(unreachable);

    await bus.restart();
    const second = await serve();
    const again = one.ask(request(), asking());
    const { id } = await second.nth(1);
    second.emit('NotificationReplied', id, '123456');
    expect(await answered(again)).toEqual(CODE);
    await second.stop();
    await allGone();
  });

  it('unanswered calls on the bus fail at once when the connection is closed', async () => {
    const server = await serve();
    server.hang();
    const connection = await connectBus('session', environment);
    const service = { name: NAME, path: `/${NAME.replaceAll('.', '/')}`, interface: NAME };
    const call = connection.call(service, 'GetCapabilities', '', [], 60_000);
    connection.close();
    // Its timer, too, is gone then: an agent that ends does not wait for it.
    await expect(within('the failure of the call', call)).rejects.toThrow('the connection was closed');
    await server.stop();
  });
});
