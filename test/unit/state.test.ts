import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  forgetNotifications,
  forgetSessions,
  isForgotten,
  readState,
  rememberExpiry,
  rememberForgotten,
  rememberNotification,
  rememberSnooze,
  rememberVerdict,
  stateFile,
} from '../../src/session/state.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'state-'));
});
afterEach(() => rm(folder, { recursive: true }));

const EXPIRY = { accessKeyId: 'ASIAX', expiration: 1_000, issued: 1 };

describe('the remembered state', () => {
  it('the state keeps snoozes and expiries by file and profile, whichever is written last', async () => {
    await rememberSnooze(folder, '/credentials', 'mfa', 5);
    await rememberExpiry(folder, '/credentials', 'mfa', EXPIRY);
    await rememberSnooze(folder, '/credentials', 'work', 6);
    await rememberSnooze(folder, '/other', 'mfa', 7);
    expect(readState(folder)).toEqual({
      expiries: { '/credentials': { mfa: EXPIRY } },
      forgotten: {},
      snoozes: { '/credentials': { mfa: 5, work: 6 }, '/other': { mfa: 7 } },
      verdicts: {},
      notifications: [],
    });
    await rememberSnooze(folder, '/credentials', 'mfa', undefined);
    expect(readState(folder).snoozes['/credentials']).toEqual({ work: 6 });
    expect((await stat(stateFile(folder))).mode & 0o777).toBe(0o600);
  });

  it('the state keeps that a session is forgotten until another one is written', async () => {
    const files = { state: folder, credentials: '/credentials' };
    await rememberExpiry(folder, '/credentials', 'mfa', EXPIRY);
    await rememberExpiry(folder, '/credentials', 'work', EXPIRY);
    await rememberVerdict(folder, '/credentials', 'mfa', { accessKeyId: 'ASIAX', alive: true, at: 1, askedAt: 1 });
    expect(Object.keys(readState(folder).verdicts['/credentials'] ?? {})).toEqual(['mfa']);
    await rememberForgotten(folder, '/credentials', 'mfa', true);
    await forgetSessions(folder, '/credentials', ['mfa']);
    const { expiries, verdicts } = readState(folder);
    expect({ expiries, verdicts }).toEqual({ expiries: { '/credentials': { work: EXPIRY } }, verdicts: {} });
    expect(['mfa', 'work'].map((profile) => isForgotten(files, profile))).toEqual([true, false]);
    expect(isForgotten({ ...files, credentials: '/other' }, 'mfa')).toBe(false);
    await rememberExpiry(folder, '/credentials', 'mfa', EXPIRY);
    expect(isForgotten(files, 'mfa')).toBe(false);
    await rememberForgotten(folder, '/credentials', 'mfa', true);
    await rememberForgotten(folder, '/credentials', 'mfa', false);
    expect(readState(folder).forgotten).toEqual({});
  });

  it('the state keeps the notifications that are on the screen until they are closed', async () => {
    const [one, two] = [1, 2].map((id) => ({ bus: 'b', owner: ':1.7', id }));
    if (!one || !two) throw new Error('two notifications');
    await rememberNotification(folder, one);
    await rememberSnooze(folder, '/credentials', 'mfa', 5);
    await rememberNotification(folder, two);
    expect(readState(folder).notifications).toEqual([one, two]);
    await forgetNotifications(folder, [one, { ...two, owner: ':1.8' }, { ...two, bus: 'c' }]);
    expect(readState(folder)).toMatchObject({ notifications: [two], snoozes: { '/credentials': { mfa: 5 } } });
  });

  it.each(['', 'null', '[]', '{"expiries":7,"snoozes":"x"}', '{"expiries":null}', '{"expiries":{"/c":{}}'])(
    'the state is empty and can be written when the file contains %s',
    async (text) => {
      await writeFile(stateFile(folder), text);
      expect(readState(folder)).toEqual({ expiries: {}, forgotten: {}, snoozes: {}, verdicts: {}, notifications: [] });
      await rememberSnooze(folder, '/credentials', 'mfa', 5);
      expect(readState(folder).snoozes).toEqual({ '/credentials': { mfa: 5 } });
    },
  );

  it('the state of an agent without snoozes is read', async () => {
    await writeFile(stateFile(folder), JSON.stringify({ expiries: { '/credentials': { mfa: EXPIRY } } }));
    expect(readState(folder)).toEqual({
      expiries: { '/credentials': { mfa: EXPIRY } },
      forgotten: {},
      snoozes: {},
      verdicts: {},
      notifications: [],
    });
  });
});
