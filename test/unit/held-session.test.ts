import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeSessions } from '../../src/refresh/forget.ts';
import { type Enough, readHeldSession, readSessions, sessionInFile } from '../../src/refresh/held-session.ts';
import { isForgotten, readState, rememberExpiry, rememberForgotten, rememberVerdict } from '../../src/session/state.ts';
import { loadSettings, type Settings } from '../../src/settings/settings.ts';
import { formatInstant } from '../../src/time/instant.ts';
import { refusal } from '../refusal.ts';

const HOUR = 3_600_000;

let home: string;
let settings: Settings;
let file: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'held-'));
  const env = {
    AWS_SHARED_CREDENTIALS_FILE: join(home, 'credentials'),
    XDG_STATE_HOME: home,
    AWS_MFA_AGENT_NO_DEFAULTS: '1',
  };
  const role = 'role_arn = arn:aws:iam::123456789012:role/admin\nsource_profile = mfa';
  settings = loadSettings({ env, home, settingsText: `[mfa]\n[admin]\n${role}\n` });
  file = settings.files.credentials;
});
afterEach(() => rmSync(home, { recursive: true }));

const keys = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret\naws_session_token = token\n`;
const expiration = (instant: number) => `expiration = ${formatInstant(instant)}\n`;

function profile() {
  const [mfa] = settings.profiles;
  if (!mfa) throw new Error('no profile');
  return mfa;
}

describe('the session that a command finds in the file', () => {
  const found = (enough: Enough, trusted?: number) =>
    sessionInFile(settings, profile(), readHeldSession(settings, profile(), Date.now()), enough, trusted);

  it.each<[string, () => string, Record<Enough, boolean>]>([
    [
      'that is fresh',
      () => keys('ASIAX') + expiration(Date.now() + 11 * HOUR),
      { working: true, lasting: true, fresh: true },
    ],
    [
      'that is due',
      () => keys('ASIAX') + expiration(Date.now() + 600_000),
      { working: true, lasting: false, fresh: false },
    ],
    [
      'that has ended',
      () => keys('ASIAX') + expiration(Date.now() - 2_000),
      { working: false, lasting: false, fresh: false },
    ],
    ['that is missing', () => 'region = x\n', { working: false, lasting: false, fresh: false }],
  ])('a session %s is used only for what it is enough for', async (_, text, expected) => {
    writeFileSync(file, `[mfa]\n${text()}`);
    for (const enough of ['working', 'lasting', 'fresh'] as const) {
      // Nothing here is old enough for a request to AWS.
      expect((await found(enough, 24 * HOUR))?.accessKeyId, enough).toBe(expected[enough] ? 'ASIAX' : undefined);
    }
  });

  it('long-term keys are never used as a session', async () => {
    writeFileSync(file, '[mfa]\naws_access_key_id = AKIAX\naws_secret_access_key = secret\n');
    await expect(found('working')).rejects.toThrow(`[mfa] in ${file} holds long-term keys, not a session`);
  });

  it('a session without a known end is used unless AWS has just refused it', async () => {
    writeFileSync(file, `[mfa]\n${keys('ASIAX')}`);
    for (const alive of [true, false]) {
      const now = Date.now();
      const verdict = { accessKeyId: 'ASIAX', alive, at: now, askedAt: now };
      await rememberVerdict(settings.files.state, file, 'mfa', verdict);
      expect((await found('working'))?.accessKeyId).toBe(alive ? 'ASIAX' : undefined);
      expect(await found('fresh')).toBeUndefined();
    }
  });

  it('what AWS has said counts only for the same keys', async () => {
    const verdict = { alive: false, at: 1, askedAt: 1 };
    await rememberVerdict(settings.files.state, file, 'mfa', { ...verdict, accessKeyId: 'ASIAX' });
    for (const id of ['ASIAX', 'ASIAY']) {
      writeFileSync(file, `[default]\naws_access_key_id = AKIAD\n[mfa]\n${keys(id)}`);
      const session = readSessions(settings.files, settings.profiles).get('mfa');
      expect(session).toMatchObject({ accessKeyId: id, sourceKeyId: 'AKIAD' });
      expect(session && 'verdict' in session).toBe(id === 'ASIAX');
    }
  });
});

describe('the removal of sessions from the file', () => {
  it('a removal takes the session and those of the roles, and leaves every other byte', async () => {
    const rest = (session: string) =>
      `# mine\r\n[default]\naws_access_key_id = AKIAD\n[mfa]\n${session}region = x\n[admin]\n${session}[other]\n${keys('ASIAO')}`;
    writeFileSync(file, rest(keys('ASIAX')));
    await rememberExpiry(settings.files.state, file, 'admin', { accessKeyId: 'ASIAX', expiration: 1 });
    await rememberForgotten(settings.files.state, file, 'mfa', true);
    expect(await removeSessions(settings.files, 'mfa', ['admin', 'missing'])).toEqual({ removed: ['mfa', 'admin'] });
    expect(readFileSync(file, 'utf8')).toBe(rest(''));
    expect(readState(settings.files.state).expiries).toEqual({});
    expect(isForgotten(settings.files, 'mfa')).toBe(true);
    expect(await removeSessions(settings.files, 'mfa', ['admin'])).toEqual({ removed: [] });
  });

  it('a removal leaves long-term keys: those of a role in silence, those of the profile with an error', async () => {
    const longTerm = 'aws_access_key_id = AKIAX\naws_secret_access_key = secret\n';
    const before = `[mfa]\n${longTerm}[admin]\n${longTerm}`;
    writeFileSync(file, before);
    await expect(removeSessions(settings.files, 'mfa', [])).rejects.toThrow(refusal);
    expect(await removeSessions(settings.files, 'other', ['admin'])).toEqual({ removed: [] });
    expect(readFileSync(file, 'utf8')).toBe(before);
  });

  it('a removal takes a session of this program whose id looks like a long-term key', async () => {
    writeFileSync(file, `[mfa]\n${keys('AKIAX')}`);
    await rememberExpiry(settings.files.state, file, 'mfa', { accessKeyId: 'AKIAX', expiration: 1 });
    expect(await removeSessions(settings.files, 'mfa', [])).toEqual({ removed: ['mfa'] });
    expect(readFileSync(file, 'utf8')).toBe('[mfa]\n');
  });

  it('a removal creates no file', async () => {
    expect(await removeSessions(settings.files, 'mfa', ['admin'])).toEqual({ removed: [] });
    expect(() => readFileSync(file)).toThrow('ENOENT');
  });
});
