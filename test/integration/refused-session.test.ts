import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAgent } from '../../src/control/client.ts';
import { withSession } from '../../src/credentials/edit.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { readState, rememberExpiry, rememberVerdict } from '../../src/session/state.ts';
import { startHostile } from '../hostile.ts';
import { type Running, run, start } from '../program.ts';
import { startRecordingProxy } from '../recording-proxy.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { until } from '../within.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

let sandbox: Sandbox;
let agent: Running | undefined;
let folder: string;
let current: string;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  folder = join(sandbox.home, '.local', 'state', 'aws-mfa-agent');
  agent = undefined;
});
afterEach(async () => {
  agent?.child.kill('SIGTERM');
  await agent?.ended;
  await sandbox.close();
});

/** Puts a session of twelve hours into [mfa] that AWS gave so long ago. @param endpoint the host that gave it */
async function put(age: number, endpoint?: string): Promise<MfaSession> {
  const session = {
    ...sandbox.sts.issue('alice', 12 * 3600 - age / 1000),
    issued: Date.now() - age,
    ...(endpoint && { endpoint }),
  };
  writeFileSync(sandbox.credentialsFile, withSession(readFileSync(sandbox.credentialsFile), 'mfa', session));
  await rememberExpiry(folder, sandbox.credentialsFile, 'mfa', session);
  current = session.accessKeyId;
  return session;
}
/** As if the key that it was made with had been deleted. */
const revoke = () => sandbox.sts.revoke(current);
/** Puts another key of alice into [default]. */
const rotate = () => {
  const { accessKeyId } = sandbox.alice;
  sandbox.alice.accessKeyId = 'AKIAROTATEDROTATED12';
  const file = readFileSync(sandbox.credentialsFile, 'utf8');
  writeFileSync(sandbox.credentialsFile, file.replace(accessKeyId, sandbox.alice.accessKeyId));
};
const settings = (text: string) => {
  const path = join(sandbox.home, '.config', 'aws-mfa-agent');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'config.ini'), text);
};
const actions = () => sandbox.sts.requests.map(({ action }) => action);
const verdict = () => readState(folder).verdicts[sandbox.credentialsFile]?.mfa;

describe('a session that AWS no longer accepts', () => {
  it.each([
    ['credential-process', ['credential-process']],
    ['exec', ['exec', '--', 'true']],
  ])(
    '%s does not give a refused session older than an hour, and env and status then treat it as expired',
    async (_, words) => {
      await put(2 * HOUR);
      revoke();
      settings('prompt = mfa_process\n');
      const ended = await run(words, sandbox.env);
      expect(ended).toMatchObject({ status: 3, stdout: '' });
      expect(actions()).toEqual(['GetCallerIdentity']);
      expect(await run(['env'], sandbox.env)).toMatchObject({
        status: 3,
        stdout: '',
        stderr: expect.stringContaining('AWS does not accept the session of [mfa] any more'),
      });
      expect(JSON.parse((await run(['status', '--json'], sandbox.env)).stdout)).toMatchObject({
        profiles: [{ profile: 'mfa', state: 'expired' }],
      });
      // Remembered: the next command does not ask.
      expect((await run(words, sandbox.env)).status).toBe(3);
      expect(actions()).toEqual(['GetCallerIdentity']);
    },
  );

  it('exec asks for a code, and says why', async () => {
    await put(2 * HOUR);
    revoke();
    settings(`prompt = mfa_process\n[mfa]\nmfa_process = echo ${sandbox.code()}\n`);
    expect(await run(['exec', '--', 'true'], sandbox.env)).toMatchObject({ status: 0 });
    expect(actions()).toEqual(['GetCallerIdentity', 'GetSessionToken']);
    expect(await run(['env'], sandbox.env)).toMatchObject({ status: 0 });
  });

  it('refresh replaces it, also when it is younger than an hour and AWS accepted it two minutes ago', async () => {
    const { accessKeyId } = await put(10 * MINUTE);
    const at = Date.now() - 2 * MINUTE;
    await rememberVerdict(folder, sandbox.credentialsFile, 'mfa', { accessKeyId, alive: true, at, askedAt: at });
    revoke();
    expect(await run(['refresh', '--token-code', sandbox.code()], sandbox.env)).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('is fresh until'),
    });
    expect(actions()).toEqual(['GetCallerIdentity', 'GetSessionToken']);
    const { mfa } = readState(folder).expiries[sandbox.credentialsFile] ?? {};
    expect(mfa?.endpoint).toBe('127.0.0.1');
  });

  it('another host than the one that gave the session is not asked about it', async () => {
    await put(2 * HOUR, '127.0.0.1');
    revoke();
    settings('prompt = mfa_process\n');
    const elsewhere = { ...sandbox.env, AWS_ENDPOINT_URL_STS: sandbox.sts.url.replace('127.0.0.1', 'localhost') };
    expect((await run(['credential-process'], elsewhere)).status).toBe(0);
    expect([actions(), verdict()]).toEqual([[], undefined]);
    expect((await run(['credential-process'], sandbox.env)).status).toBe(3);
    expect(verdict()).toMatchObject({ alive: false });
  });

  it.each([
    ['sts.eu-west-1.amazonaws.com', 'ap-east-1', 'sts.eu-west-1.amazonaws.com'],
    ['sts-fips.us-east-1.amazonaws.com', 'fips-us-east-1', 'sts-fips.us-east-1.amazonaws.com'],
    ['sts.amazonaws.com', 'ap-east-1', 'sts.us-east-1.amazonaws.com'],
  ])(
    'AWS is asked in the region that gave the session, %s, also where the shell names %s',
    async (giver, region, host) => {
      await put(2 * HOUR, giver);
      const proxy = await startRecordingProxy();
      try {
        const env = { ...sandbox.env, AWS_ENDPOINT_URL_STS: '', AWS_REGION: region, HTTPS_PROXY: proxy.url };
        for (const _ of ['first', 'second']) expect((await run(['credential-process'], env)).status).toBe(0);
        expect(proxy.recorded).toMatchObject([{ asked: `CONNECT ${host}:443` }]);
      } finally {
        proxy.close();
      }
    },
  );

  it('a session that AWS accepts again is used again after some minutes', async () => {
    const { accessKeyId } = await put(2 * HOUR);
    const remember = (ago: number) => {
      const at = Date.now() - ago;
      return rememberVerdict(folder, sandbox.credentialsFile, 'mfa', { accessKeyId, alive: false, at, askedAt: at });
    };
    await remember(4 * MINUTE);
    expect((await run(['env'], sandbox.env)).status).toBe(3);
    expect(actions()).toEqual([]);
    await remember(6 * MINUTE);
    expect((await run(['env'], sandbox.env)).status).toBe(0);
    expect(verdict()).toMatchObject({ alive: true });
    expect(actions()).toEqual(['GetCallerIdentity']);
  });
});

describe('a session that AWS accepts', () => {
  it.each([
    ['credential-process', ['credential-process']],
    ['exec', ['exec', '--', 'true']],
  ])('%s asks AWS once an hour about an old one, and never about a younger one', async (_, words) => {
    await put(30 * MINUTE);
    expect((await run(words, sandbox.env)).status).toBe(0);
    expect(actions()).toEqual([]);
    await put(2 * HOUR);
    for (let call = 0; call < 3; call++) expect((await run(words, sandbox.env)).status).toBe(0);
    expect(actions()).toEqual(['GetCallerIdentity']);
  });

  it('env never asks AWS about one whose end is known', async () => {
    await put(2 * HOUR);
    expect((await run(['env'], sandbox.env)).status).toBe(0);
    expect(actions()).toEqual([]);
  });

  const REFUSES = { AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1' };
  it.each<[string, (url: string) => NodeJS.ProcessEnv, (socket: Socket) => void]>([
    ['refuses connections', () => REFUSES, () => {}],
    ['does not answer', (url) => ({ AWS_ENDPOINT_URL_STS: url }), () => {}],
    [
      'has a proxy that refuses',
      (url) => ({ AWS_ENDPOINT_URL_STS: url }),
      (socket) => void socket.end('HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n'),
    ],
    [
      'has a proxy that never connects',
      (url) => ({ AWS_ENDPOINT_URL_STS: 'https://sts.behind.proxy.test', HTTPS_PROXY: url }),
      () => {},
    ],
  ])('it counts as accepted when the network %s, and AWS is not asked again at once', async (_, variables, answer) => {
    await put(2 * HOUR);
    const server = await startHostile(answer);
    try {
      const env = { ...sandbox.env, ...variables(server.url) };
      expect((await run(['credential-process'], env)).status).toBe(0);
      expect(verdict()).toMatchObject({ alive: true, at: 0 });
      const { askedAt } = verdict() ?? {};
      expect((await run(['credential-process'], env)).status).toBe(0);
      expect(verdict()?.askedAt).toBe(askedAt);
      expect(server.requests.length).toBeLessThanOrEqual(1);
    } finally {
      server.close();
    }
  });
});

describe('the agent and a session that AWS no longer accepts', () => {
  it('the agent finds an old one when it starts, says why, and asks for a code', async () => {
    await put(6 * HOUR);
    revoke();
    settings(`prompt = mfa_process\n[mfa]\nmfa_process = echo ${sandbox.code()}\n`);
    agent = start(['run'], sandbox.env);
    await agent.says(/AWS no longer accepts the session/);
    await agent.says(/session refreshed/);
    expect(actions()).toEqual(['GetCallerIdentity', 'GetSessionToken']);
  });

  it("the agent asks AWS when the source's access key id changes", async () => {
    await put(MINUTE);
    settings(`prompt = mfa_process\n[mfa]\nmfa_process = echo ${sandbox.code()}\n`);
    agent = start(['run'], sandbox.env);
    await agent.says(/"standing":"fresh"/);
    expect(actions()).toEqual([]);
    revoke();
    rotate();
    await agent.says(/session refreshed/);
    expect(actions()).toEqual(['GetCallerIdentity', 'GetSessionToken']);
  });

  it("the agent keeps a session that AWS accepts after the source's key has changed", async () => {
    await put(MINUTE);
    settings('prompt = mfa_process\n');
    agent = start(['run'], sandbox.env);
    await agent.says(/"standing":"fresh"/);
    rotate();
    await until('AWS was asked', () => verdict()?.alive === true, agent.output);
    expect(actions()).toEqual(['GetCallerIdentity']);
    expect(JSON.parse((await run(['status', '--json'], sandbox.env)).stdout)).toMatchObject({
      profiles: [{ profile: 'mfa', state: 'fresh' }],
    });
  });

  it('the agent does not ask AWS about a session that another tool has just written', async () => {
    await put(6 * HOUR);
    settings('prompt = mfa_process\n');
    agent = start(['run'], sandbox.env);
    await until('AWS was asked', () => verdict()?.alive === true, agent.output);
    const { accessKeyId, expiration: exact } = await put(5 * HOUR);
    const expiration = Math.floor(exact / 1000) * 1000;
    await until('the agent sees the session', async () => {
      const report = await askAgent(sandbox.runtime, 'GET /v1/agent', {});
      return report?.profiles[0]?.expiration === expiration;
    });
    expect(sandbox.sts.requests.filter((request) => request.accessKeyId === accessKeyId)).toEqual([]);
  });

  it('the agent asks for a code when a command has found that AWS refuses the session', async () => {
    await put(90 * MINUTE);
    settings(`prompt = mfa_process\n[mfa]\nmfa_process = echo ${sandbox.code()}\n`);
    agent = start(['run'], sandbox.env);
    await agent.says(/"standing":"fresh"/);
    revoke();
    expect(await run(['credential-process'], sandbox.env)).toMatchObject({ status: 0 });
    expect(actions()).toEqual(['GetCallerIdentity', 'GetSessionToken']);
  });
});
