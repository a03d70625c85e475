import { describe, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { aged, dueAt, endOf, sessionIn, shortKeyId, startOf, stateAt } from '../../src/session/session.ts';
import {
  EMPTY_FILE_END,
  environmentWith,
  environmentWithServer,
  restoreCredentialsFile,
} from '../../src/session/variables.ts';

const read = (body: string, remembered?: { accessKeyId: string; expiration: number; issued?: number }) =>
  sessionIn(parseCredentials(Buffer.from(`[mfa]\n${body}`)).profile('mfa'), remembered);

const SESSION = 'aws_access_key_id = ASIAX\naws_secret_access_key = s\naws_session_token = t\n';
const KEYS = { kind: 'session', accessKeyId: 'ASIAX', secretAccessKey: 's', sessionToken: 't' };
const NOON = Date.UTC(2026, 2, 1, 12);

describe('the session in a profile', () => {
  test('a profile without a complete session, or a missing one, holds nothing', () => {
    expect(sessionIn(undefined)).toEqual({ kind: 'none' });
    expect(read('region = x\n')).toEqual({ kind: 'none' });
    expect(read('aws_access_key_id =\naws_secret_access_key =\naws_session_token =\n')).toEqual({ kind: 'none' });
    expect(read('aws_access_key_id = ASIAX\naws_session_token = t\n')).toEqual({ kind: 'none' });
    expect(read('aws_access_key_id = ASIAX\naws_secret_access_key = s\n')).toEqual({ kind: 'none' });
  });

  test('a profile holds long-term keys by their key id, or without a session token', () => {
    expect(read('aws_access_key_id = AKIAX\n')).toEqual({ kind: 'long-term', accessKeyId: 'AKIAX' });
    expect(read('aws_access_key_id = X\naws_secret_access_key = s\n')).toEqual({ kind: 'long-term', accessKeyId: 'X' });
    expect(read('aws_secret_access_key = s\n')).toEqual({ kind: 'long-term', accessKeyId: '' });
  });

  test('a profile holds a session with its expiration', () => {
    expect(read(`${SESSION}expiration = 2026-03-01T12:00:00Z\n`)).toEqual({ ...KEYS, expiration: NOON });
  });

  test('a session is read by the old name of the token, which overrides the new one like in botocore, unless it is empty', () => {
    const old = SESSION.replace('session_token', 'security_token');
    expect(read(old)).toEqual({ ...KEYS, expiration: undefined });
    expect(read(`${SESSION}aws_security_token = old\n`)).toMatchObject({ kind: 'session', sessionToken: 'old' });
    expect(read(`aws_security_token = old\n${SESSION}`)).toMatchObject({ kind: 'session', sessionToken: 'old' });
    expect(read(`${SESSION}aws_security_token =\n`)).toMatchObject({ kind: 'session', sessionToken: 't' });
    expect(read(`${old}aws_session_token =\n`)).toMatchObject({ kind: 'session', sessionToken: 't' });
    expect(read(`${old.replace('= t', '=')}aws_session_token =\n`)).toEqual({ kind: 'none' });
  });

  test('a session is read from keys in any letter case', () => {
    const old = SESSION.replace('session_token', 'security_token');
    expect(read(`${old.toUpperCase().replace('= S\n', '= s\n').replace('= T\n', '= t\n')}`)).toEqual({
      ...KEYS,
      expiration: undefined,
    });
  });

  test.each(['aws_session_token', 'aws_security_token'])(
    'an id like that of a long-term key is a session beside %s',
    (key) => {
      const text = `aws_access_key_id = AKIAX\naws_secret_access_key = s\n${key} = t\n`;
      expect(read(text)).toMatchObject({ kind: 'session', accessKeyId: 'AKIAX', sessionToken: 't' });
    },
  );

  test.each(['aws_session_token', 'aws_security_token'])(
    'a profile with %s but without a key id or a secret holds nothing',
    (key) => {
      expect(read(`aws_secret_access_key = s\n${key} = t\n`)).toEqual({ kind: 'none' });
      expect(read(`aws_access_key_id =\naws_secret_access_key = s\n${key} = t\n`)).toEqual({ kind: 'none' });
      expect(read(`aws_access_key_id = ASIAX\n${key} = t\n`)).toEqual({ kind: 'none' });
      expect(read(`aws_access_key_id = ASIAX\naws_secret_access_key =\n${key} = t\n`)).toEqual({ kind: 'none' });
    },
  );

  test('a key id that only ends in AKIA is that of a session', () => {
    expect(read(SESSION.replace('ASIAX', 'ASIAXAKIA'))).toMatchObject({ kind: 'session', accessKeyId: 'ASIAXAKIA' });
  });

  test('a session has no end when its expiry is missing or not a date', () => {
    expect(read(SESSION)).toEqual({ ...KEYS, expiration: undefined });
    expect(read(`${SESSION}expiration = soon\n`)).toEqual({ ...KEYS, expiration: undefined });
  });
});

describe('the expiry of another access key', () => {
  const expiration = NOON + 700;
  const written = `${SESSION}expiration = 2026-03-01T12:00:00Z\n`;

  test('a session with another key beside our expiry has no end', () => {
    expect(read(written, { accessKeyId: 'ASIAOLD', expiration })).toMatchObject({ expiration: undefined });
  });

  test('a session with another key and another expiry, both from another tool, has that end', () => {
    expect(read(written, { accessKeyId: 'ASIAOLD', expiration: NOON - 1000 })).toMatchObject({ expiration: NOON });
  });

  test('a session with another key and an expiry in another dialect beside ours has that end', () => {
    const both = `${written}aws_expiration = 2026-03-01T18:00:00Z\n`;
    expect(read(both, { accessKeyId: 'ASIAOLD', expiration })).toMatchObject({ expiration: NOON + 6 * 3_600_000 });
  });

  test('a session with our key and without an expiry has the end that we remember', () => {
    expect(read(SESSION, { accessKeyId: 'ASIAX', expiration })).toMatchObject({ expiration });
  });
});

test.each([
  [NOON - 20, 'fresh'],
  [NOON - 10, 'due'],
  [NOON - 1, 'due'],
  [NOON, 'expired'],
] as const)('a session at %i is %s', (now, state) => {
  expect(stateAt({ kind: 'session', accessKeyId: 'ASIAX', expiration: NOON }, now, 10)).toBe(state);
});

test.each([
  ['no session', { kind: 'none' }],
  ['a session without a known end', { kind: 'session', accessKeyId: 'ASIAX', expiration: undefined }],
  [
    'a session that AWS refuses',
    { kind: 'session', accessKeyId: 'ASIAX', expiration: NOON, verdict: { alive: false, at: 1, askedAt: 1 } },
  ],
] as const)('%s is never due', (_, session) => {
  expect(dueAt(session, 10)).toBeUndefined();
});

test.each([
  ['ASIAQNZ57XKC2VTR7QXZ', 'ASIA…7QXZ'],
  ['ASIA123456789', 'ASIA…6789'],
  ['ASIA12345678', 'ASIA12345678'],
  ['', ''],
])('the access key id %s is shown as %s', (id, text) => {
  expect(shortKeyId(id)).toBe(text);
});

describe('a session with max_age', () => {
  const HOUR = 3_600_000;
  const settings = { maxAge: HOUR, durationSeconds: 12 * 3600 };
  const from = (issued: number | undefined, maxAge = HOUR) =>
    aged({ kind: 'session', accessKeyId: 'ASIAX', expiration: NOON, issued }, { ...settings, maxAge });

  test('a session with max_age is due an hour after it was issued, and expires later', () => {
    const session = from(NOON - 12 * HOUR);
    expect(endOf(session)).toBe(NOON - 11 * HOUR);
    expect(stateAt(session, NOON - 11 * HOUR - 11, 10)).toBe('fresh');
    expect(stateAt(session, NOON - 11 * HOUR - 10, 10)).toBe('due');
    expect(stateAt(session, NOON - 1, 10)).toBe('due');
    expect(stateAt(session, NOON, 10)).toBe('expired');
  });

  test('a session that expires before its max_age ends when it expires', () => {
    expect(endOf(from(NOON - HOUR / 2))).toBe(NOON);
    expect(stateAt(from(NOON - HOUR / 2), NOON - 10, 10)).toBe('due');
  });

  test('a session with an unknown issue time is treated as if it lasted as long as ours', () => {
    expect(endOf(from(undefined))).toBe(NOON - 11 * HOUR);
    expect(startOf(from(undefined), 7200)).toBe(NOON - 2 * HOUR);
  });

  test('a session without an expiry has no end by max_age', () => {
    const session = aged({ kind: 'session', accessKeyId: 'ASIAX', expiration: undefined }, settings);
    expect([endOf(session), startOf(session, 7200), stateAt(session, NOON, 10)]).toEqual([
      undefined,
      undefined,
      'unknown',
    ]);
    expect(aged({ kind: 'none' }, settings)).toEqual({ kind: 'none' });
  });

  test('a session has the issue time that we remember only if it is the one we wrote', () => {
    const remembered = { accessKeyId: 'ASIAX', expiration: NOON, issued: NOON - HOUR };
    expect(read(`${SESSION}expiration = 2026-03-01T12:00:00Z\n`, remembered)).toMatchObject({ issued: NOON - HOUR });
    const other = { ...remembered, accessKeyId: 'ASIAOLD' };
    expect(read(`${SESSION}expiration = 2026-03-01T18:00:00Z\n`, other)).toMatchObject({ issued: undefined });
  });
});

test('a session that is shorter than the settings ask for is due in its last quarter', () => {
  const MINUTE = 60_000;
  const lead = 25 * MINUTE;
  const short = aged(
    { kind: 'session', accessKeyId: 'ASIAX', expiration: NOON, issued: NOON - 15 * MINUTE },
    { durationSeconds: 12 * 3600 },
  );
  expect(stateAt(short, NOON - 15 * MINUTE, lead)).toBe('fresh');
  expect(stateAt(short, NOON - (15 * MINUTE) / 4 - 1, lead)).toBe('fresh');
  expect(stateAt(short, NOON - (15 * MINUTE) / 4, lead)).toBe('due');
  expect(stateAt(short, NOON, lead)).toBe('expired');
});

test('a session that is as long as the settings ask for is due as long before its end as they say', () => {
  const MINUTE = 60_000;
  const whole = {
    kind: 'session',
    accessKeyId: 'ASIAX',
    expiration: NOON,
    issued: NOON - 30 * MINUTE + 2_000,
  } as const;
  const session = aged(whole, { durationSeconds: 1800 });
  expect(stateAt(session, NOON - 20 * MINUTE, 20 * MINUTE)).toBe('due');
  expect(stateAt(session, NOON - 20 * MINUTE - 1, 20 * MINUTE)).toBe('fresh');
});

describe('the environment of a command', () => {
  const others = {
    ...{ AWS_ACCESS_KEY_ID: 'AKIAOLD', AWS_SECRET_ACCESS_KEY: 'old', AWS_SESSION_TOKEN: 'old' },
    ...{ AWS_CREDENTIAL_EXPIRATION: '2020-01-01T00:00:00Z', AWS_SECURITY_TOKEN: 'old' },
    ...{ AWS_PROFILE: 'old', AWS_DEFAULT_PROFILE: 'old' },
  };
  const before = { ...others, HOME: '/home/alice', AWS_SHARED_CREDENTIALS_FILE: '/home/alice/keys' };
  const kept = { HOME: '/home/alice', AWS_SHARED_CREDENTIALS_FILE: '/home/alice/keys' };
  const keys = { AWS_ACCESS_KEY_ID: 'ASIAX', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 't' };
  const session = { accessKeyId: 'ASIAX', secretAccessKey: 's', sessionToken: 't' };

  test.each([
    ['a session', NOON, { ...keys, AWS_CREDENTIAL_EXPIRATION: '2026-03-01T12:00:00Z' }],
    ['a session without a known end', undefined, keys],
  ])('the environment of a command with %s holds no other keys, token, expiration or profile', (_, expiration, set) => {
    expect(environmentWith({ ...session, expiration }, undefined, before)).toStrictEqual({ ...kept, ...set });
  });

  const url = 'http://127.0.0.1:1';
  test.each([
    ['a token', { url, token: 't' }, { AWS_CONTAINER_AUTHORIZATION_TOKEN: 't' }],
    ['a token file', { url, token: 't', tokenFile: '/run/t' }, { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/run/t' }],
  ])('the environment of a command with a server and %s holds nothing that tools prefer to it', (_, server, set) => {
    const preferred = {
      ...{ AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/old', AWS_WEB_IDENTITY_TOKEN_FILE: '/old' },
      ...{ AWS_CONTAINER_AUTHORIZATION_TOKEN: 'old', AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/old' },
      AWS_CREDENTIAL_FILE: '/old',
    };
    const expected = { ...kept, AWS_CONTAINER_CREDENTIALS_FULL_URI: url, ...set };
    expect(environmentWithServer(server, undefined, { ...before, ...preferred })).toStrictEqual(expected);
  });
});

test.each([
  ['a file of the user with such a name', { AWS_SHARED_CREDENTIALS_FILE: `/home/alice/x${EMPTY_FILE_END}` }, undefined],
  ['no file, because the command has unset the variable', {}, '/home/alice/keys'],
])('restoring the credentials file changes no other variable when the environment names %s', (_, named, hidden) => {
  const environment = { ...named, ...(hidden !== undefined && { AWS_MFA_AGENT_CREDENTIALS_FILE: hidden }) };
  restoreCredentialsFile(environment);
  expect(environment).toStrictEqual(named);
});

test.each([
  ['one that the user has named', { AWS_SHARED_CREDENTIALS_FILE: '/home/alice/keys' }],
  ['the usual one', {}],
])('this program reads the same credentials file below exec --server as above it: %s', (_, before) => {
  const server = { url: 'http://127.0.0.1:1', token: 't', emptyFile: `/run/exec-1${EMPTY_FILE_END}` };
  const file = (environment: NodeJS.ProcessEnv) => environment.AWS_SHARED_CREDENTIALS_FILE;
  const below = environmentWithServer(server, undefined, before);
  expect(file(below)).toBe(server.emptyFile);
  const chosenThere = { ...below, AWS_SHARED_CREDENTIALS_FILE: '/home/alice/other' };
  restoreCredentialsFile(below);
  expect(file(below)).toBe(file(before));
  restoreCredentialsFile(chosenThere);
  expect(file(chosenThere)).toBe('/home/alice/other');
});
