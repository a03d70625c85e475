import { describe, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { aged, endOf, sessionIn, startOf, stateAt } from '../../src/session/session.ts';

const read = (body: string, remembered?: { accessKeyId: string; expiration: number; issued?: number }) =>
  sessionIn(parseCredentials(Buffer.from(`[mfa]\n${body}`)).profile('mfa'), remembered);

const SESSION = 'aws_access_key_id = ASIAX\naws_secret_access_key = s\naws_session_token = t\n';
const KEYS = { kind: 'session', accessKeyId: 'ASIAX', secretAccessKey: 's', sessionToken: 't' };
const NOON = Date.UTC(2026, 2, 1, 12);

describe('what stands in a profile', () => {
  test('nothing, where there is no profile or no complete session', () => {
    expect(sessionIn(undefined)).toEqual({ kind: 'none' });
    expect(read('region = x\n')).toEqual({ kind: 'none' });
    expect(read('aws_access_key_id =\naws_secret_access_key =\naws_session_token =\n')).toEqual({ kind: 'none' });
    expect(read('aws_access_key_id = ASIAX\naws_session_token = t\n')).toEqual({ kind: 'none' });
    expect(read('aws_access_key_id = ASIAX\naws_secret_access_key = s\n')).toEqual({ kind: 'none' });
  });

  test('long-term credentials, by their key id or for want of a session token', () => {
    expect(read('aws_access_key_id = AKIAX\n')).toEqual({ kind: 'long-term', accessKeyId: 'AKIAX' });
    for (const token of ['aws_session_token', 'aws_security_token']) {
      expect(read(`aws_access_key_id = AKIAX\naws_secret_access_key = s\n${token} = t\n`)).toEqual({
        kind: 'long-term',
        accessKeyId: 'AKIAX',
      });
    }
    expect(read('aws_access_key_id = X\naws_secret_access_key = s\n')).toEqual({ kind: 'long-term', accessKeyId: 'X' });
    expect(read('aws_secret_access_key = s\n')).toEqual({ kind: 'long-term', accessKeyId: '' });
  });

  test('a session, with its expiration', () => {
    expect(read(`${SESSION}expiration = 2026-03-01T12:00:00Z\n`)).toEqual({ ...KEYS, expiration: NOON });
  });

  test('a session by the old name of the token, which outranks the new one as in botocore, unless it is empty', () => {
    const old = SESSION.replace('session_token', 'security_token');
    expect(read(old)).toEqual({ ...KEYS, expiration: undefined });
    expect(read(`${SESSION}aws_security_token = old\n`)).toMatchObject({ kind: 'session', sessionToken: 'old' });
    expect(read(`aws_security_token = old\n${SESSION}`)).toMatchObject({ kind: 'session', sessionToken: 'old' });
    expect(read(`${SESSION}aws_security_token =\n`)).toMatchObject({ kind: 'session', sessionToken: 't' });
    expect(read(`${old}aws_session_token =\n`)).toMatchObject({ kind: 'session', sessionToken: 't' });
    expect(read(`${old.replace('= t', '=')}aws_session_token =\n`)).toEqual({ kind: 'none' });
  });

  test('a session under keys in any letter case', () => {
    const old = SESSION.replace('session_token', 'security_token');
    expect(read(`${old.toUpperCase().replace('= S\n', '= s\n').replace('= T\n', '= t\n')}`)).toEqual({
      ...KEYS,
      expiration: undefined,
    });
  });

  test.each(['aws_session_token', 'aws_security_token'])('a long-term key, also beside %s', (key) => {
    const text = `aws_access_key_id = AKIAX\naws_secret_access_key = s\n${key} = t\n`;
    expect(read(text)).toEqual({ kind: 'long-term', accessKeyId: 'AKIAX' });
  });

  test.each(['aws_session_token', 'aws_security_token'])('no session where %s has no key or no secret', (key) => {
    expect(read(`aws_secret_access_key = s\n${key} = t\n`)).toEqual({ kind: 'none' });
    expect(read(`aws_access_key_id =\naws_secret_access_key = s\n${key} = t\n`)).toEqual({ kind: 'none' });
    expect(read(`aws_access_key_id = ASIAX\n${key} = t\n`)).toEqual({ kind: 'none' });
    expect(read(`aws_access_key_id = ASIAX\naws_secret_access_key =\n${key} = t\n`)).toEqual({ kind: 'none' });
  });

  test('a key id that only ends in AKIA is that of a session', () => {
    expect(read(SESSION.replace('ASIAX', 'ASIAXAKIA'))).toMatchObject({ kind: 'session', accessKeyId: 'ASIAXAKIA' });
  });

  test('a session that ends nobody knows when, where the expiry is missing or no date', () => {
    expect(read(SESSION)).toEqual({ ...KEYS, expiration: undefined });
    expect(read(`${SESSION}expiration = soon\n`)).toEqual({ ...KEYS, expiration: undefined });
  });
});

describe('an expiry is trusted only for the access key that it was written for', () => {
  const expiration = NOON + 700;
  const written = `${SESSION}expiration = 2026-03-01T12:00:00Z\n`;

  test('another key beside the expiry that we wrote: unknown', () => {
    expect(read(written, { accessKeyId: 'ASIAOLD', expiration })).toMatchObject({ expiration: undefined });
  });

  test('another key beside another expiry: somebody else has written both', () => {
    expect(read(written, { accessKeyId: 'ASIAOLD', expiration: NOON - 1000 })).toMatchObject({ expiration: NOON });
  });

  test('another key, with its expiry in another dialect beside the one that we wrote', () => {
    const both = `${written}aws_expiration = 2026-03-01T18:00:00Z\n`;
    expect(read(both, { accessKeyId: 'ASIAOLD', expiration })).toMatchObject({ expiration: NOON + 6 * 3_600_000 });
  });

  test('our key, whose expiry is gone from the file: the one that we remember', () => {
    expect(read(SESSION, { accessKeyId: 'ASIAX', expiration })).toMatchObject({ expiration });
  });
});

test.each([
  [NOON - 20, 'fresh'],
  [NOON - 10, 'due'],
  [NOON - 1, 'due'],
  [NOON, 'expired'],
] as const)('at %i the state is %s', (now, state) => {
  expect(stateAt({ kind: 'session', accessKeyId: 'ASIAX', expiration: NOON }, now, 10)).toBe(state);
});

describe('a session that may be no older than', () => {
  const HOUR = 3_600_000;
  const settings = { maxAge: HOUR, durationSeconds: 12 * 3600 };
  const from = (issued: number | undefined, maxAge = HOUR) =>
    aged({ kind: 'session', accessKeyId: 'ASIAX', expiration: NOON, issued }, { ...settings, maxAge });

  test('an hour is done with an hour after it was given, though it works for longer', () => {
    const session = from(NOON - 12 * HOUR);
    expect(endOf(session)).toBe(NOON - 11 * HOUR);
    expect(stateAt(session, NOON - 11 * HOUR - 11, 10)).toBe('fresh');
    expect(stateAt(session, NOON - 11 * HOUR - 10, 10)).toBe('due');
    expect(stateAt(session, NOON - 1, 10)).toBe('due');
    expect(stateAt(session, NOON, 10)).toBe('expired');
  });

  test('it lasts, ends when it expires', () => {
    expect(endOf(from(NOON - HOUR / 2))).toBe(NOON);
    expect(stateAt(from(NOON - HOUR / 2), NOON - 10, 10)).toBe('due');
  });

  test('an hour, of which nobody knows when it was given, counts as long as ours last', () => {
    expect(endOf(from(undefined))).toBe(NOON - 11 * HOUR);
    expect(startOf(from(undefined), 7200)).toBe(NOON - 2 * HOUR);
  });

  test('an hour, when nothing says when it ends: nothing', () => {
    const session = aged({ kind: 'session', accessKeyId: 'ASIAX', expiration: undefined }, settings);
    expect([endOf(session), startOf(session, 7200), stateAt(session, NOON, 10)]).toEqual([
      undefined,
      undefined,
      'unknown',
    ]);
    expect(aged({ kind: 'none' }, settings)).toEqual({ kind: 'none' });
  });

  test('the settings say is as old as we remember, if it is the one that we wrote', () => {
    const remembered = { accessKeyId: 'ASIAX', expiration: NOON, issued: NOON - HOUR };
    expect(read(`${SESSION}expiration = 2026-03-01T12:00:00Z\n`, remembered)).toMatchObject({ issued: NOON - HOUR });
    const other = { ...remembered, accessKeyId: 'ASIAOLD' };
    expect(read(`${SESSION}expiration = 2026-03-01T18:00:00Z\n`, other)).toMatchObject({ issued: undefined });
  });
});
