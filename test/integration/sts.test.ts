import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AwsTarget, Keys } from '../../src/aws/call.ts';
import { getCallerIdentity, getSessionToken } from '../../src/aws/sts.ts';
import { awsTarget } from '../../src/refresh/effects.ts';
import type { StsFault } from '../../src/sandbox/sts.ts';
import { needs } from '../needs.ts';
import { startRecordingProxy } from '../recording-proxy.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { until, within } from '../within.ts';

let sandbox: Sandbox;
let environment: NodeJS.ProcessEnv;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  environment = { ...process.env };
  for (const name of Object.keys(process.env)) if (/^AWS_|_proxy$/i.test(name)) delete process.env[name];
  Object.assign(process.env, sandbox.env);
});

afterEach(async () => {
  process.env = environment;
  await sandbox.close();
});

const target = (
  changes: { region?: string | undefined; serialNumber?: string; clockOffset?: number } = {},
): AwsTarget => {
  const source = { sourceProfile: 'default', region: 'eu-west-1', serialNumber: sandbox.serialNumber, ...changes };
  return awsTarget('STS', source, { offset: changes.clockOffset ?? 0 });
};
const ask = (
  changes: Partial<Parameters<typeof getSessionToken>[0]> = {},
  keys: Keys = sandbox.alice,
  where = target(),
) =>
  getSessionToken(
    { serialNumber: sandbox.serialNumber, tokenCode: sandbox.code(), durationSeconds: 3600, ...changes },
    keys,
    where,
  );
const kindOf = (answer: Awaited<ReturnType<typeof ask>>) => (answer.ok ? 'granted' : answer.failure.kind);

/** A server to which no connection comes about, as behind a firewall: its process stands still, and its queue is full. */
async function startDeafServer(): Promise<{ url: string; close(): void }> {
  const script = `const server = require('node:net').createServer();
    server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port))`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [printed] = await within('the port of the server', once(child.stdout, 'data'));
  child.kill('SIGSTOP');
  const port = Number(printed);
  const queued: Socket[] = [];
  const isQueued = () => {
    const client = connect(port, '127.0.0.1').on('error', () => {});
    queued.push(client);
    const pause = setTimeout(300).then(() => setImmediate());
    // If this process was stopped during the pause, its connection exists anyway.
    return Promise.race([once(client, 'connect'), pause]).then(() => !client.connecting);
  };
  await until(
    'the queue is full',
    async () => !(await isQueued()),
    () => `${queued.length} connections`,
  );
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      for (const client of queued) client.destroy();
      child.kill('SIGKILL');
    },
  };
}

describe('GetSessionToken', () => {
  it('GetSessionToken gives a session that GetCallerIdentity accepts', async () => {
    const answer = await ask();
    if (!answer.ok) throw new Error(answer.failure.kind);
    expect(answer.value.accessKeyId).toMatch(/^ASIA/);
    expect(answer.value.expiration - Date.now()).toBeGreaterThan(3590_000);
    const who = await getCallerIdentity(answer.value, target());
    expect(who).toMatchObject({
      ok: true,
      value: { account: '123456789012', arn: expect.stringMatching(/user\/alice$/) },
    });
  });

  it('GetSessionToken is signed with the given keys, whatever the environment contains', async () => {
    Object.assign(process.env, {
      AWS_ACCESS_KEY_ID: 'ASIASTALESTALESTALE1',
      AWS_SECRET_ACCESS_KEY: 'stale',
      AWS_SESSION_TOKEN: 'stale',
      AWS_PROFILE: 'no-such-profile',
    });
    expect(kindOf(await ask())).toBe('granted');
    expect(sandbox.sts.requests.map(({ accessKeyId }) => accessKeyId)).toEqual([sandbox.alice.accessKeyId]);
  });

  it('GetSessionToken distinguishes a wrong code, a wrong serial and a policy by the message of AccessDenied', async () => {
    expect(kindOf(await ask({ tokenCode: sandbox.wrongCode() }))).toBe('wrong-code');
    expect(kindOf(await ask({ serialNumber: 'arn:aws:iam::123456789012:mfa/bob' }))).toBe('wrong-serial');
    sandbox.alice.policyDenies = true;
    const answer = await ask();
    expect(answer).toMatchObject({ failure: { kind: 'forbidden', detail: expect.stringContaining('explicit deny') } });
  });

  it('GetSessionToken reports keys of a session, an inactive key, and a wrong secret', async () => {
    expect(kindOf(await ask({}, sandbox.sts.issue('alice', 900)))).toBe('session-keys');
    expect(kindOf(await ask({}, { ...sandbox.alice, secretAccessKey: 'wrong' }))).toBe('bad-keys');
    sandbox.alice.active = false;
    expect(await ask()).toMatchObject({ failure: { kind: 'bad-keys', code: 'InvalidClientTokenId' } });
  });

  it('GetSessionToken removes the code from the message in which AWS repeats it', async () => {
    const answer = await ask({ tokenCode: '98765a' });
    expect(answer).toMatchObject({ failure: { kind: 'invalid-request' } });
    expect(JSON.stringify(answer)).not.toContain('98765a');
  });

  it('GetSessionToken gives the real expiration when AWS shortens the session', async () => {
    sandbox.alice.root = true;
    const answer = await ask({ durationSeconds: 43_200 });
    expect(answer.ok && answer.value.expiration - Date.now()).toBeLessThan(3_601_000);
  });

  it("GetSessionToken measures how far the machine's clock is from AWS's, and then signs by AWS's clock", async () => {
    sandbox.clock.offset = 3_600_000;
    const answer = await ask();
    expect(kindOf(answer)).toBe('clock');
    expect(Math.abs((answer.clockOffset ?? 0) - 3_600_000)).toBeLessThan(2_000);
    const tokenCode = sandbox.authenticator.code(sandbox.clock.now());
    expect(kindOf(await ask({ tokenCode }, sandbox.alice, target({ clockOffset: answer.clockOffset ?? 0 })))).toBe(
      'granted',
    );
  });

  it.each<[StsFault, string]>([
    [{ kind: 'throttle' }, 'busy'],
    [{ kind: 'internal-failure' }, 'busy'],
    [{ kind: 'unavailable' }, 'busy'],
    [{ kind: 'html', status: 200 }, 'unreachable'],
    [{ kind: 'html', status: 511 }, 'unreachable'],
    [{ kind: 'drop' }, 'unreachable'],
    [{ kind: 'drop-after-processing' }, 'unreachable'],
    [{ kind: 'empty', status: 403 }, 'unreachable'],
    [{ kind: 'empty', status: 500 }, 'busy'],
    [{ kind: 'empty', status: 511 }, 'unreachable'],
    [{ kind: 'empty', status: 512 }, 'busy'],
    [{ kind: 'no-credentials' }, 'not-sts'],
    [{ kind: 'garbage' }, 'unreachable'],
  ])('GetSessionToken sends a code once, whatever the answer: %j is %s', async (fault, kind) => {
    sandbox.sts.fault(fault);
    const answer = await ask();
    expect(kindOf(answer)).toBe(kind);
    expect(sandbox.sts.requests).toHaveLength(1);
    if (!answer.ok && answer.failure.kind === 'unreachable') expect(answer.failure.sent).toBe(true);
  });

  it.each(['AccessKeyId', 'SecretAccessKey', 'SessionToken', 'Expiration'])(
    'an answer without %s is not accepted as a session',
    async (missing) => {
      const given = {
        AccessKeyId: 'ASIAEXAMPLE',
        SecretAccessKey: 'secret',
        SessionToken: 'token',
        Expiration: '2030-01-31T12:00:00Z',
      };
      const lines = Object.entries(given).filter(([name]) => name !== missing);
      const credentials = lines.map(([name, text]) => `<${name}>${text}</${name}>`).join('');
      const server = createServer((_, response) => {
        response.setHeader('content-type', 'text/xml').end(
          `<GetSessionTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
            <GetSessionTokenResult><Credentials>${credentials}</Credentials></GetSessionTokenResult>
          </GetSessionTokenResponse>`,
        );
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      try {
        process.env.AWS_ENDPOINT_URL_STS = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        expect(await ask()).toMatchObject({ ok: false, failure: { kind: 'not-sts' } });
      } finally {
        server.closeAllConnections();
        server.close();
      }
    },
  );

  it('GetSessionToken counts as not sent when the connection is refused, or the name is unknown', async () => {
    process.env.AWS_ENDPOINT_URL_STS = 'http://127.0.0.1:1';
    expect(await ask()).toMatchObject({ failure: { kind: 'unreachable', sent: false }, endpoint: '127.0.0.1' });
    process.env.AWS_ENDPOINT_URL_STS = 'http://sts.invalid';
    expect(await ask()).toMatchObject({ failure: { kind: 'unreachable', sent: false }, endpoint: 'sts.invalid' });
  });

  it.each<[string, (socket: Socket) => void]>([
    ['ends the handshake of TLS', (socket) => socket.once('data', () => socket.end())],
    ['does not speak TLS', (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 No\r\n\r\n'))],
  ])('GetSessionToken counts as not sent when the server %s', async (_, answer) => {
    const server = createTcpServer((socket) => answer(socket.on('error', () => {})));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    try {
      process.env.AWS_ENDPOINT_URL_STS = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      expect(await ask()).toMatchObject({ failure: { kind: 'unreachable', sent: false } });
    } finally {
      server.close();
    }
  });

  it('GetSessionToken counts as not sent when there is no connection after five seconds', async () => {
    const deaf = await startDeafServer();
    try {
      process.env.AWS_ENDPOINT_URL_STS = deaf.url;
      const answer = await within('an answer', ask(), undefined, 9_000);
      expect(answer).toMatchObject({ failure: { kind: 'unreachable', sent: false }, endpoint: '127.0.0.1' });
    } finally {
      deaf.close();
    }
  });
});

describe('the connection to STS', () => {
  it('the connection to STS uses the proxy of the environment, except for the hosts of NO_PROXY', async () => {
    const proxy = await startRecordingProxy(sandbox.sts.url);
    try {
      process.env.HTTP_PROXY = proxy.url;
      process.env.AWS_ENDPOINT_URL_STS = 'http://sts.behind.proxy.test:8080';
      expect(kindOf(await ask())).toBe('granted');
      expect(proxy.recorded).toMatchObject([{ asked: 'POST http://sts.behind.proxy.test:8080/' }]);
      process.env.NO_PROXY = '127.0.0.1';
      process.env.AWS_ENDPOINT_URL_STS = sandbox.sts.url;
      expect(kindOf(await ask())).toBe('granted');
      expect(proxy.recorded).toHaveLength(1);
    } finally {
      proxy.close();
    }
  });

  it.each([407, 502])(
    'a request counts as not sent when the proxy refuses the connection with status %i',
    async (status) => {
      const proxy = createServer();
      proxy.on('connect', (_, client) => client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`));
      await once(proxy.listen(0, '127.0.0.1'), 'listening');
      try {
        const host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
        process.env.HTTPS_PROXY = `http://user:secret@${host}`;
        process.env.AWS_ENDPOINT_URL_STS = 'https://sts.behind.proxy.test';
        const detail = `the proxy refused the connection (HTTP ${status}); HTTPS_PROXY = ${host}`;
        expect(await ask()).toMatchObject({
          failure: { kind: 'unreachable', sent: false, detail },
          endpoint: 'sts.behind.proxy.test',
        });
      } finally {
        proxy.close();
      }
    },
  );

  it('a request counts as not sent when the proxy does not speak HTTP', async () => {
    const proxy = createTcpServer((client) => client.on('error', () => {}).end('SSH-2.0-OpenSSH_9.2\r\n\r\n'));
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    try {
      process.env.HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      process.env.AWS_ENDPOINT_URL_STS = 'https://sts.behind.proxy.test';
      const detail = expect.stringContaining('the proxy refused the connection (its answer is not HTTP); HTTPS_PROXY');
      expect(await ask()).toMatchObject({ failure: { kind: 'unreachable', sent: false, detail } });
    } finally {
      proxy.close();
    }
  });

  it(
    'a request counts as not sent when the certificate of STS is not trusted, until AWS_CA_BUNDLE names it',
    needs('openssl'),
    async () => {
      const [key, cert] = [join(sandbox.home, 'key.pem'), join(sandbox.home, 'cert.pem')];
      const words = 'req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=sts -addext subjectAltName=IP:127.0.0.1';
      execFileSync('openssl', [...words.split(' '), '-keyout', key, '-out', cert], { stdio: 'ignore' });
      const front = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (client) => {
        const upstream = connect(Number(new URL(sandbox.sts.url).port), '127.0.0.1');
        upstream.pipe(client).pipe(upstream);
        for (const socket of [client, upstream]) socket.on('error', () => {});
      });
      await once(front.listen(0, '127.0.0.1'), 'listening');
      try {
        process.env.AWS_ENDPOINT_URL_STS = `https://127.0.0.1:${(front.address() as AddressInfo).port}`;
        expect(await ask()).toMatchObject({ failure: { kind: 'unreachable', sent: false } });
        expect(sandbox.sts.requests).toEqual([]);
        process.env.AWS_CA_BUNDLE = cert;
        expect(kindOf(await ask())).toBe('granted');
      } finally {
        front.close();
      }
    },
  );

  it('the connection to STS goes to the partition of the serial number when no region is set', async () => {
    delete process.env.AWS_ENDPOINT_URL_STS;
    process.env.HTTPS_PROXY = 'http://127.0.0.1:1';
    const partition = async (serialNumber: string) =>
      (await ask({}, sandbox.alice, target({ region: undefined, serialNumber }))).endpoint;
    expect(await partition('arn:aws-cn:iam::123456789012:mfa/a')).toBe('sts.cn-northwest-1.amazonaws.com.cn');
    expect(await partition('arn:aws-us-gov:iam::123456789012:mfa/a')).toBe('sts.us-gov-west-1.amazonaws.com');
  });
});
