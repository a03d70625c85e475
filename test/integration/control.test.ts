import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { needs } from '../needs.ts';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { within } from '../within.ts';

let sandbox: Sandbox;
let agent: Running;
let socket: string;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.ini'), 'check = * * * * * *\nprompt = terminal\n');
  socket = join(sandbox.runtime, 'agent.sock');
  agent = start(['run'], sandbox.env);
  await agent.says(/"standing":"asking"/);
});
afterEach(async () => {
  agent.child.kill('SIGTERM');
  await agent.ended;
  await sandbox.close();
});

async function curl(...words: string[]): Promise<{ status: number; body: Record<string, unknown> }> {
  const format = '\n%{http_code}';
  const { stdout } = await promisify(execFile)('curl', [
    '-s',
    '-m',
    '20',
    '-w',
    format,
    '--unix-socket',
    socket,
    ...words,
  ]);
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), body: JSON.parse(stdout.slice(0, end)) };
}

const answers = async () => (await curl('http://agent/v1/agent')).body.pid === agent.child.pid;

describe('the socket of the agent', needs('curl'), () => {
  it('the socket gives curl the standing of each profile', async () => {
    expect((await curl('http://agent/v1/agent')).body).toMatchObject({
      pid: agent.child.pid,
      profiles: [{ profile: 'mfa', state: 'missing', standing: { standing: 'asking' } }],
    });
  });

  it('the socket makes a client wait for a change, and for nothing else', async () => {
    const { revision } = (await curl('http://agent/v1/agent')).body;
    const later = within('a change', curl(`http://agent/v1/agent?after=${revision}&wait=1h`), agent.output);
    const early = await curl(`http://agent/v1/agent?after=${revision}&wait=0s`);
    expect(early.body).toMatchObject({ revision, profiles: [{ standing: { standing: 'asking' } }] });
    await run(['snooze', '30m'], sandbox.env);
    const { body } = await later;
    expect(body).toMatchObject({ profiles: [{ standing: { standing: 'snoozed' } }] });
    expect(body.revision).not.toBe(revision);
    expect((await curl(`http://agent/v1/agent?after=${revision}&wait=1h`)).body).toMatchObject({
      pid: agent.child.pid,
    });
    for (const query of ['after=x', 'after=-1', 'after=1&wait=2h', 'wait=soon']) {
      expect((await curl(`http://agent/v1/agent?${query}`)).status).toBe(400);
    }
  });

  it('the socket closes the prompt for a snooze, and status shows until when', async () => {
    const ended = await run(['snooze', '30m'], sandbox.env);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringMatching(/^will not ask until .*\n$/) });
    await agent.says(/"standing":"snoozed"/);
    expect((await run(['status'], sandbox.env)).stdout).toMatch(/snoozed until/);
  });

  it('the socket ends a snooze, asks again at once, and lifts a snooze of one profile alone', async () => {
    await run(['snooze', '30m'], sandbox.env);
    await agent.says(/"standing":"snoozed"/);
    const ended = await run(['snooze', 'off', 'mfa'], sandbox.env);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('the snooze is over') });
    await agent.says(/"standing":"snoozed"[\s\S]*"standing":"asking"/);
    expect((await curl('-X', 'POST', 'http://agent/v1/snooze?duration=off')).body).toEqual({ ending: [] });
  });

  it('the socket says which session ends before a snooze does, and the command shows it', async () => {
    const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', 3600));
    await writeFile(sandbox.credentialsFile, bytes);
    await agent.says(/"standing":"fresh"/);
    expect((await run(['snooze', '30m'], sandbox.env)).stderr).toMatch(/^will not ask until [\w ]*\d\d:\d\d\n$/);
    expect((await run(['snooze', '2h'], sandbox.env)).stderr).toMatch(
      /^will not ask until [\w ]*\d\d:\d\d; the session of \[mfa\] ends before that, at [\w ]*\d\d:\d\d\n$/,
    );
  });

  it('a snooze survives a restart of the agent, and so does its end', async () => {
    const again = async () => {
      agent.child.kill('SIGTERM');
      await agent.ended;
      agent = start(['run'], sandbox.env);
    };
    await run(['snooze', '30m'], sandbox.env);
    await again();
    await agent.says(/"standing":"snoozed"/);
    expect(agent.output()).not.toContain('"standing":"asking"');
    const state = join(sandbox.env.XDG_STATE_HOME ?? '', 'aws-mfa-agent', 'state.json');
    expect((await stat(state)).mode & 0o777).toBe(0o600);
    await run(['snooze', 'off'], sandbox.env);
    await again();
    await agent.says(/"standing":"asking"/);
    expect(agent.output()).not.toContain('"standing":"snoozed"');
  });

  it('the socket keeps a snooze that was set while the session was fresh', async () => {
    const put = async (seconds: number) => {
      const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', seconds));
      await writeFile(sandbox.credentialsFile, bytes);
    };
    await put(3600);
    await agent.says(/"standing":"fresh"/);
    expect((await run(['snooze', '1h', 'mfa'], sandbox.env)).status).toBe(0);
    await put(60);
    await agent.says(/"standing":"snoozed"/);
  });

  it('the socket says what is wrong with a snooze', async () => {
    for (const words of [['5 apples'], ['0s'], ['8d'], ['30m', 'nobody'], []]) {
      expect(await run(['snooze', ...words], sandbox.env)).toMatchObject({ status: 2, stdout: '' });
    }
    agent.child.kill('SIGTERM');
    await agent.ended;
    const ended = await run(['snooze', '30m'], sandbox.env);
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining('the agent is not running') });
  });

  it('the socket runs a check on request', async () => {
    expect((await curl('-X', 'POST', 'http://agent/v1/check')).body).toMatchObject({ profiles: [{ profile: 'mfa' }] });
  });

  it('the socket answers 404 to other requests', async () => {
    for (const path of ['/', '/v1/agent/', '/v1/snooze', '/v2/agent', '/../etc/passwd', '/v1/agent%00']) {
      expect(await curl('--path-as-is', `http://agent${path}`)).toMatchObject({ status: 404 });
    }
    expect((await curl('-X', 'POST', 'http://agent/v1/snooze?duration=-1s')).status).toBe(400);
  });

  it('the socket survives garbage, half requests, floods of clients, and clients that hang up', async () => {
    const talk = (text: string) =>
      new Promise<void>((resolve) => {
        const client = connect(socket, () => client.write(text, () => client.destroy()));
        client.on('error', () => {}).on('close', () => resolve());
      });
    const garbage = [
      '\0\xff\x01',
      'GET',
      'GET /v1/agent HTTP/1.1\r\nHost: x\r\n',
      'x'.repeat(200_000),
      '\r\n'.repeat(5000),
      'GET //[ HTTP/1.1\r\nHost: x\r\n\r\n',
      'POST http://[/v1/check HTTP/1.1\r\nHost: x\r\n\r\n',
    ];
    await Promise.all(garbage.flatMap((text) => Array.from({ length: 20 }, () => talk(text))));
    expect(await answers()).toBe(true);

    const held = await Promise.all(
      Array.from(
        { length: 1000 },
        () =>
          new Promise<ReturnType<typeof connect>>((resolve) => {
            const client = connect(socket);
            client.once('connect', () => resolve(client)).on('error', () => resolve(client));
          }),
      ),
    );
    for (const client of held) client.destroy();
    expect(await answers()).toBe(true);
  });

  it('the socket closes the connection of a silent client, and answers others in the meantime', async () => {
    const silent = connect(socket);
    await within('a connection', once(silent, 'connect'));
    const closed = once(silent, 'close');
    expect(await answers()).toBe(true);
    silent.resume();
    await within('the end of the connection', closed, undefined, 20_000);
  });

  it('the socket is accessible to its owner only', async () => {
    expect((await stat(join(socket, '..'))).mode & 0o777).toBe(0o700);
  });

  it('the socket refuses another user, also when all other folders are open', needs('root'), async () => {
    for (const folder of [sandbox.home, sandbox.env.XDG_RUNTIME_DIR ?? '']) await chmod(folder, 0o755);
    const script = `require('net').connect(${JSON.stringify(socket)}).on('error', (e) => console.log(e.code)).on('connect', () => console.log('in'))`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { uid: 65534, gid: 65534, env: {} });
    expect(stdout.trim()).toBe('EACCES');
  });
});
