import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { serveControl } from '../../src/control/server.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { currentSession } from '../../src/session-server/current-session.ts';
import type { Answer } from '../../src/session-server/server.ts';
import { loadSettings, type Settings } from '../../src/settings/settings.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds } from '../within.ts';

let sandbox: Sandbox;
let session: MfaSession;
let text: Buffer;
let settings: Settings;
let ended: AbortController;
let answer: () => Promise<Answer>;

beforeEach(async () => {
  sandbox = await startSandbox();
  session = await sandbox.put(sandbox.sts.issue('alice', 3600));
  text = readFileSync(sandbox.credentialsFile);
  settings = loadSettings({ env: sandbox.env, home: sandbox.home });
  const [profile] = settings.profiles;
  if (!profile) throw new Error('no profile');
  ended = new AbortController();
  const child = { globalWords: [], environment: sandbox.env, signal: ended.signal };
  answer = currentSession(settings, profile, session, child);
});
afterEach(async () => {
  ended.abort();
  await sandbox.close();
});

const write = (bytes: string | Buffer) => writeFileSync(sandbox.credentialsFile, bytes);
const given = () => ({ status: 200, body: { AccessKeyId: session.accessKeyId } });

describe('the answer of exec --server', () => {
  it.each([
    ['has bytes that no tool reads', () => write(Buffer.from([0xff, 0x00, 0x5b]))],
    [
      'is a folder',
      () => {
        rmSync(sandbox.credentialsFile);
        mkdirSync(sandbox.credentialsFile);
      },
    ],
  ])('exec --server answers with the last session while the credentials file %s', async (_, spoil) => {
    spoil();
    expect(await answer()).toMatchObject(given());
  });

  it('exec --server answers, after the end of the last session, with the reason why the file cannot be read', async () => {
    rmSync(sandbox.credentialsFile);
    mkdirSync(sandbox.credentialsFile);
    session.expiration = Date.now() - 1;
    expect(await answer()).toMatchObject({
      status: 400,
      body: { Code: 'NoSession', Message: expect.stringContaining('it is a folder; move it away') },
    });
  });

  it('exec --server asks itself when the agent says that the session is fresh, and the file has none', async () => {
    const control = await serveControl(settings.files.runtime, {
      'POST /v1/refresh': async () => ({ profile: 'mfa', state: 'fresh', standing: { standing: 'fresh' } }),
    });
    const [marker, script = ''] = [join(sandbox.home, 'asked'), process.argv[1]];
    onTestFinished(async () => {
      process.argv[1] = script;
      await control.close();
    });
    process.argv[1] = join(sandbox.home, 'child.cjs');
    writeFileSync(process.argv[1], `require('node:fs').writeFileSync(${JSON.stringify(marker)}, '')`);
    write('');
    await answer();
    await holds(() => expect(existsSync(marker)).toBe(true));
  });

  it('exec --server answers with the session of the file while another program empties the file before it writes', async () => {
    write('');
    const answered = answer();
    write(text);
    expect(await answered).toMatchObject(given());
  });
});
