import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { within } from '../within.ts';

let sandbox: Sandbox;
let agent: Running;
let socketPath: string;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
  await mkdir(folder, { recursive: true });
  // It looks at nothing by itself: what happens, the call has done.
  await writeFile(join(folder, 'config.ini'), 'check = 0 0 1 1 *\nprompt = terminal\n');
  socketPath = join(sandbox.runtime, 'agent.sock');
  agent = start(['run'], sandbox.env);
  await agent.says(ASKING);
});
afterEach(async () => {
  agent.child.kill('SIGTERM');
  await agent.ended;
  await sandbox.close();
});

const ASKING = /"standing":"asking"/;

const put = (seconds: number) => sandbox.put(sandbox.sts.issue('alice', seconds));

/** `POST /v1/refresh` with these parameters. */
function refresh(parameters: Record<string, string>): Promise<{ status: number; body: Record<string, unknown> }> {
  const path = `/v1/refresh?${new URLSearchParams({ profile: 'mfa', ...parameters })}`;
  const reply = new Promise<{ status: number; body: Record<string, unknown> }>((resolve, reject) => {
    const outgoing = request({ socketPath, method: 'POST', path }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
    });
    outgoing.on('error', reject).end();
  });
  return within(`a reply to ${path}`, reply, agent.output, 20_000);
}

const questions = () => agent.output().match(/MFA code of alice/g)?.length ?? 0;
const answer = (code: string) => void agent.child.stdin?.write(`${code}\n`);

describe('a refresh requested on the socket', () => {
  it('a requested refresh is answered when the session is fresh, also after the usual time limit of requests', async () => {
    const answered = refresh({ timeout: '50s' });
    const silent = connect(socketPath).resume();
    await within('the end of the silent connection', once(silent, 'close'), undefined, 20_000);
    answer(sandbox.code());
    expect(await answered).toMatchObject({ status: 200, body: { state: 'fresh', standing: { standing: 'fresh' } } });
  });

  it('a requested refresh is one prompt for all who wait', async () => {
    const waiting = Array.from({ length: 20 }, () => refresh({}));
    answer(sandbox.code());
    for (const one of await Promise.all(waiting)) expect(one.body).toMatchObject({ state: 'fresh' });
    expect(sandbox.sts.requests).toHaveLength(1);
    expect(questions()).toBe(1);
  });

  it('a requested refresh is answered when another process has refreshed the session', async () => {
    const waiting = refresh({});
    await put(3600);
    expect((await waiting).body).toMatchObject({ state: 'fresh' });
    expect((await refresh({})).body).toMatchObject({ standing: { standing: 'fresh' } });
  });

  it('a requested refresh is answered at the end of its wait without an answer, and the prompt stays open', async () => {
    expect((await refresh({ timeout: '1s' })).body).toMatchObject({
      state: 'missing',
      standing: { standing: 'asking' },
    });
    expect((await refresh({ timeout: '0s' })).body).toMatchObject({ standing: { standing: 'asking' } });
    answer(sandbox.code());
    await agent.says(/session refreshed/);
  });

  it('a requested refresh waits during wrong codes, but not for more than three', async () => {
    const waiting = refresh({});
    for (let wrong = 1; wrong <= 3; wrong++) {
      answer(String(Number(sandbox.wrongCode()) + wrong).padStart(6, '0'));
      await sandbox.sts.arrival(wrong);
    }
    expect((await waiting).body).toMatchObject({ standing: { standing: 'waiting', why: 'AWS refused the codes' } });
    expect((await refresh({})).body).toMatchObject({ standing: { standing: 'waiting' } });
  });

  it('a requested refresh is answered at once during a snooze, which does not apply to a user at a terminal', async () => {
    const waiting = refresh({});
    expect((await run(['snooze', '1h'], sandbox.env)).status).toBe(0);
    expect((await waiting).body).toMatchObject({ standing: { standing: 'snoozed' } });
    expect((await refresh({})).body).toMatchObject({ standing: { standing: 'snoozed' } });
    expect(questions()).toBe(1);
    const person = refresh({ person: 'yes' });
    await agent.says(/MFA code of alice.*MFA code of alice/s);
    answer(sandbox.code());
    expect((await person).body).toMatchObject({ standing: { standing: 'fresh' } });
  });

  it('a requested refresh asks the user again after three wrong codes, but not when a code cannot help', async () => {
    for (let wrong = 1; wrong <= 3; wrong++) {
      answer(String(Number(sandbox.wrongCode()) + wrong).padStart(6, '0'));
      await sandbox.sts.arrival(wrong);
    }
    await agent.says(/"standing":"waiting"/);
    const person = refresh({ person: 'yes' });
    await agent.says(/"standing":"waiting".*"standing":"asking"/s);
    sandbox.alice.active = false;
    answer(sandbox.code());
    const stopped = { standing: { standing: 'stopped', why: expect.stringContaining('does not know the access key') } };
    expect((await person).body).toMatchObject(stopped);
    expect((await refresh({ person: 'yes' })).body).toMatchObject(stopped);
    expect(sandbox.sts.requests).toHaveLength(4);
  });

  it('a requested refresh with wrong parameters is refused with the reason', async () => {
    for (const parameters of [
      { profile: 'nobody' },
      { profile: '' },
      { timeout: '2h' },
      { timeout: 'x' },
      { person: 'maybe' },
    ]) {
      expect(await refresh(parameters as Record<string, string>)).toMatchObject({
        status: 400,
        body: { error: expect.any(String) },
      });
    }
  });

  it('a requested refresh is refused with a reason when no check of the agent has succeeded', async () => {
    agent.child.kill('SIGTERM');
    await agent.ended;
    // A folder cannot be read as a credentials file.
    agent = start(['run'], { ...sandbox.env, AWS_SHARED_CREDENTIALS_FILE: sandbox.home });
    await agent.says(/check failed/);
    expect(await refresh({ timeout: '1s' })).toEqual({
      status: 400,
      body: { error: 'the agent could not check [mfa] yet; see its log' },
    });
  });

  it('a requested refresh is answered with the standing when the agent ends while a client waits', async () => {
    const waiting = refresh({ timeout: '50s' });
    // The agent answers the second request after it has begun to wait for the first one.
    await refresh({ timeout: '0s' });
    agent.child.kill('SIGTERM');
    expect(await waiting).toMatchObject({ status: 200, body: { standing: { standing: 'asking' } } });
    expect((await agent.ended).status).toBe(0);
  });

  it('a requested refresh leaves nothing behind when its client hangs up', async () => {
    await new Promise((resolve) => {
      execFile(
        'curl',
        ['-s', '-m', '1', '-X', 'POST', '--unix-socket', socketPath, 'http://a/v1/refresh?profile=mfa'],
        resolve,
      );
    });
    answer(sandbox.code());
    await agent.says(/session refreshed/);
    expect((await refresh({ timeout: '0s' })).body).toMatchObject({ standing: { standing: 'fresh' } });
  });
});
