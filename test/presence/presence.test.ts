import { EventEmitter, once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Presence, watchPresence } from '../../src/agent/presence.ts';
import { needs } from '../needs.ts';
import { until, within } from '../within.ts';
import { type PrivateBus, startBus, startLogind, startNotifications, startScreenSaver } from './buses.ts';

const LOCKED = 'screen locked';
const IDLE = 'the user is away';
const SAVER = 'screen saver on';

/** A presence that keeps what it tells, with what held at that time. */
interface Watched extends Presence {
  told: [what: string, held: string | undefined][];
  /** Resolves with everything that was told, when it is so much. */
  toldSo(count: number): Promise<Watched['told']>;
}

async function watched(environment: NodeJS.ProcessEnv): Promise<Watched> {
  const happened = new EventEmitter();
  const told: Watched['told'] = [];
  const presence: Presence = await watchPresence(environment, (what) => {
    told.push([what, presence.held()]);
    happened.emit('told');
  });
  return {
    ...presence,
    told,
    async toldSo(count) {
      const come = async () => {
        while (told.length < count) await once(happened, 'told');
      };
      await within(`${count} changes`, come(), () => told);
      return told;
    },
  };
}

describe('presence', needs('dbus-daemon'), () => {
  let system: PrivateBus;
  let session: PrivateBus;
  let environment: NodeJS.ProcessEnv;
  const open: Presence[] = [];
  beforeEach(async () => {
    [system, session] = await Promise.all([startBus(), startBus()]);
    environment = { DBUS_SYSTEM_BUS_ADDRESS: system.address, DBUS_SESSION_BUS_ADDRESS: session.address };
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.close();
    await Promise.all([system.stop(), session.stop()]);
  });
  const watch = async (changes: NodeJS.ProcessEnv = {}) => {
    const one = await watched({ ...environment, ...changes });
    open.push(one);
    return one;
  };

  describe('paused notifications', () => {
    it.each([
      ['Plasma', 'org.freedesktop.Notifications', 'Inhibited'],
      ['dunst', 'org.dunstproject.cmd0', 'paused'],
    ])('presence reports that notifications are paused, and wanted again, by the property of %s', async (...names) => {
      const service = await startNotifications(session.address, names[1], names[2]);
      const presence = await watch();
      expect(presence.paused()).toBeUndefined();
      service.pause(true);
      await presence.toldSo(1);
      expect(presence.paused()).toBe('notifications are paused');
      expect(presence.held()).toBeUndefined();
      service.pause(false);
      expect(await presence.toldSo(2)).toEqual([
        ['held', undefined],
        ['returned', undefined],
      ]);
      expect(presence.paused()).toBeUndefined();
    });

    it('presence forgets the pause of a notification service that ends', async () => {
      const service = await startNotifications(session.address, 'org.dunstproject.cmd0', 'paused');
      service.pause(true);
      const presence = await watch();
      expect(presence.paused()).toBe('notifications are paused');
      await service.die();
      await presence.toldSo(1);
      expect(presence.paused()).toBeUndefined();
    });

    it('presence starts no notification service to learn whether it is paused', async () => {
      const started = `${tmpdir()}/started-${process.pid}-notifications`;
      await session.offer('org.freedesktop.Notifications', `touch ${started}; exit 1`);
      expect((await watch()).paused()).toBeUndefined();
      expect(existsSync(started)).toBe(false);
    });
  });

  describe('presence by logind', () => {
    it('presence is known at once, and reported when the screen is locked and unlocked', async () => {
      const logind = await startLogind(system.address, { LockedHint: true });
      const presence = await watch();
      expect(presence.held()).toBe(LOCKED);
      logind.change({ LockedHint: false });
      expect(await presence.toldSo(1)).toEqual([['returned', undefined]]);
      logind.change({ LockedHint: true });
      expect(await presence.toldSo(2)).toEqual([expect.anything(), ['held', LOCKED]]);
    });

    it('presence is reported when the user goes away and returns', async () => {
      const logind = await startLogind(system.address);
      const presence = await watch();
      expect(presence.held()).toBeUndefined();
      logind.change({ IdleHint: true });
      await presence.toldSo(1);
      logind.change({ LockedHint: true });
      await presence.toldSo(2);
      logind.change({ LockedHint: false });
      await presence.toldSo(3);
      logind.change({ IdleHint: false });
      expect(await presence.toldSo(4)).toEqual([
        ['held', IDLE],
        ['held', LOCKED],
        ['held', IDLE],
        ['returned', undefined],
      ]);
    });

    it('presence ignores the idle state of a text console, which would never end', async () => {
      await startLogind(system.address, { IdleHint: true, Type: 'tty' });
      expect((await watch()).held()).toBeUndefined();
    });

    it('presence ends while another session is on the screen', async () => {
      const logind = await startLogind(system.address, { Active: false });
      const presence = await watch();
      expect(presence.held()).toBe('another session is on the screen');
      logind.change({ Active: true });
      expect(await presence.toldSo(1)).toEqual([['returned', undefined]]);
    });

    it('presence is reported when the machine wakes, with the state at that time', async () => {
      const logind = await startLogind(system.address);
      const presence = await watch();
      logind.sleep();
      logind.wake();
      expect(await presence.toldSo(1)).toEqual([['returned', undefined]]);
      logind.sleep();
      logind.change({ LockedHint: true });
      logind.wake();
      const told = await presence.toldSo(2);
      // The lock and the wake may be heard of in one look, or in two.
      expect((await presence.toldSo(told[1]?.[0] === 'returned' ? 2 : 3)).at(-1)).toEqual(['returned', LOCKED]);
    });

    it('presence is reported when the user logs in, and does not prevent asking without a session', async () => {
      const logind = await startLogind(system.address, 'logged out');
      const presence = await watch();
      expect(presence.held()).toBeUndefined();
      logind.logIn();
      expect(await presence.toldSo(1)).toEqual([['returned', undefined]]);
      logind.change({ LockedHint: true });
      await presence.toldSo(2);
      logind.logOut();
      expect((await presence.toldSo(3))[2]).toEqual(['held', undefined]);
      logind.logIn({ LockedHint: true });
      expect((await presence.toldSo(4))[3]).toEqual(['held', LOCKED]);
    });

    it('presence ignores the sessions of other users', async () => {
      const logind = await startLogind(system.address);
      const presence = await watch();
      logind.changeSomebodyElses();
      logind.change({ IdleHint: true });
      expect(await presence.toldSo(1)).toEqual([['held', IDLE]]);
    });

    it('a logind that starts later is used', async () => {
      const presence = await watch();
      expect(presence.held()).toBeUndefined();
      await startLogind(system.address, { LockedHint: true });
      expect(await presence.toldSo(1)).toEqual([['held', LOCKED]]);
    });

    it('a logind that dies does not prevent asking, is not a return of the user, and its successor is used', async () => {
      const logind = await startLogind(system.address, { LockedHint: true });
      const presence = await watch();
      await logind.die();
      expect(await presence.toldSo(1)).toEqual([['held', undefined]]);
      const next = await startLogind(system.address);
      next.change({ LockedHint: true });
      expect((await presence.toldSo(2))[1]).toEqual(['held', LOCKED]);
    });

    it('a logind that never answers is not waited for', async () => {
      (await startLogind(system.address, { LockedHint: true })).hang();
      expect((await within('a presence', watch(), undefined, 4_000)).held()).toBeUndefined();
    });

    it('a logind that stops answering does not prevent asking for long', async () => {
      const logind = await startLogind(system.address, { LockedHint: true });
      const presence = await watch();
      logind.hang();
      logind.change({ LockedHint: false });
      expect(await presence.toldSo(1)).toEqual([['held', undefined]]);
    });
  });

  describe('presence by a screen saver', () => {
    it.each([
      'org.freedesktop.ScreenSaver',
      'org.gnome.ScreenSaver',
      'org.cinnamon.ScreenSaver',
      'org.mate.ScreenSaver',
      'org.xfce.ScreenSaver',
    ])('the screen saver %s is known at once, and reported when it turns on and off', async (name) => {
      const saver = await startScreenSaver(session.address, name, true);
      const presence = await watch();
      expect(presence.held()).toBe(SAVER);
      saver.turn(false);
      expect(await presence.toldSo(1)).toEqual([['returned', undefined]]);
      saver.turn(true);
      expect(await presence.toldSo(2)).toEqual([expect.anything(), ['held', SAVER]]);
      await saver.die();
      expect(await presence.toldSo(3)).toEqual([expect.anything(), expect.anything(), ['held', undefined]]);
    });

    it('presence is reported once when logind reports the same lock as the screen saver', async () => {
      const logind = await startLogind(system.address, { LockedHint: true });
      const saver = await startScreenSaver(session.address, 'org.gnome.ScreenSaver', true);
      const presence = await watch();
      expect(presence.held()).toBe(LOCKED);
      logind.change({ LockedHint: false });
      expect(await presence.toldSo(1)).toEqual([['held', SAVER]]);
      saver.turn(false);
      expect((await presence.toldSo(2))[1]).toEqual(['returned', undefined]);
    });

    it('a screen saver that only keeps the screen on, or never answers, does not prevent asking', async () => {
      await startScreenSaver(session.address, 'org.freedesktop.ScreenSaver');
      (await startScreenSaver(session.address, 'org.gnome.ScreenSaver', true)).hang();
      expect((await watch()).held()).toBeUndefined();
    });

    it('a screen saver service that could be started is not started', async () => {
      const [login, saver] = [`${tmpdir()}/started-${process.pid}-login`, `${tmpdir()}/started-${process.pid}-saver`];
      await system.offer('org.freedesktop.login1', `touch ${login}; exit 1`);
      await session.offer('org.gnome.ScreenSaver', `touch ${saver}; exit 1`);
      const presence = await watch();
      expect(presence.held()).toBeUndefined();
      expect([existsSync(login), existsSync(saver)]).toEqual([false, false]);
    });
  });

  describe('the buses of presence', () => {
    it('presence works without the buses, however often they are looked for', async () => {
      const warnings: Error[] = [];
      const warn = (warning: Error) => warnings.push(warning);
      process.on('warning', warn);
      const nowhere = 'unix:path=/nonexistent/bus';
      const looks = async () => {
        const presence = await watch({ DBUS_SYSTEM_BUS_ADDRESS: nowhere, DBUS_SESSION_BUS_ADDRESS: nowhere });
        expect(presence.held()).toBeUndefined();
        const nonsense = { DBUS_SYSTEM_BUS_ADDRESS: 'nonsense', DBUS_SESSION_BUS_ADDRESS: '' };
        expect((await watch(nonsense)).held()).toBeUndefined();
        for (let turn = 0; turn < 100; turn += 1) {
          expect(presence.held()).toBeUndefined();
          await new Promise(setImmediate);
        }
      };
      await within('the end of all looks', looks(), undefined, 1_500);
      expect(warnings).toEqual([]);
      process.off('warning', warn);
    });

    it('buses that accept connections and never answer are not waited for, and are closed', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'silent-'));
      const server = createServer();
      const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
      server.listen(join(folder, 'bus'));
      const presence = await watch({ DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${folder}/bus` });
      expect(presence.held()).toBeUndefined();
      const left = once((await within('a connection', accepted)).resume(), 'close');
      presence.close();
      await within('the end of the connection', left, undefined, 1_000);
      server.close();
      await rm(folder, { recursive: true });
    });

    it('buses that die do not prevent asking, and are found again at the next request', async () => {
      await startLogind(system.address, { LockedHint: true });
      const presence = await watch();
      await system.kill();
      expect(await presence.toldSo(1)).toEqual([['held', undefined]]);
      expect(presence.held()).toBeUndefined();
      await system.restart();
      await startLogind(system.address, { LockedHint: true });
      // Asked without an end, as the agent does at its checks: the answer comes as a change.
      await until(
        'a second change',
        () => {
          presence.held();
          return presence.told.length >= 2;
        },
        () => presence.told,
      );
      expect(presence.told[1]).toEqual(['held', LOCKED]);
    });

    it('closed buses are left, and report nothing any more', async () => {
      const logind = await startLogind(system.address);
      const saver = await startScreenSaver(session.address, 'org.gnome.ScreenSaver', false);
      const presence = await watch();
      presence.close();
      presence.close();
      logind.change({ LockedHint: true });
      saver.turn(true);
      await Promise.all([system.connections(1), session.connections(1)]);
      expect(presence.held()).toBeUndefined();
      expect(presence.told).toEqual([]);
      await system.connections(1);
    });
  });
});
