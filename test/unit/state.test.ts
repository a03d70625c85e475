import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readState, rememberExpiry, rememberSnooze, stateFile } from '../../src/session/state.ts';

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
      snoozes: { '/credentials': { mfa: 5, work: 6 }, '/other': { mfa: 7 } },
    });
    await rememberSnooze(folder, '/credentials', 'mfa', undefined);
    expect(readState(folder).snoozes['/credentials']).toEqual({ work: 6 });
    expect((await stat(stateFile(folder))).mode & 0o777).toBe(0o600);
  });

  it.each(['', 'null', '[]', '{"expiries":7,"snoozes":"x"}', '{"expiries":{"/c":{}}'])(
    'the state is empty and can be written when the file contains %s',
    async (text) => {
      await writeFile(stateFile(folder), text);
      expect(readState(folder)).toEqual({ expiries: {}, snoozes: {} });
      await rememberSnooze(folder, '/credentials', 'mfa', 5);
      expect(readState(folder).snoozes).toEqual({ '/credentials': { mfa: 5 } });
    },
  );

  it('the state of an agent without snoozes is read', async () => {
    await writeFile(stateFile(folder), JSON.stringify({ expiries: { '/credentials': { mfa: EXPIRY } } }));
    expect(readState(folder)).toEqual({ expiries: { '/credentials': { mfa: EXPIRY } }, snoozes: {} });
  });
});
