import { readFile, writeFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AwsTarget } from '../../src/aws/call.ts';
import { assumeRole, getCallerIdentity, getSessionToken } from '../../src/aws/sts.ts';
import { awsTarget } from '../../src/refresh/effects.ts';
import { type HostileServer, http, refusal, session, startHostile } from '../hostile.ts';
import { run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { until, within } from '../within.ts';

let sandbox: Sandbox;
let server: HostileServer;
let environment: NodeJS.ProcessEnv;

// The time that it takes to load is not AWS's.
beforeAll(() => import('@aws-sdk/client-sts'));
beforeEach(async () => {
  sandbox = await startSandbox();
  environment = { ...process.env };
  for (const name of Object.keys(process.env)) if (/^AWS_|_proxy$/i.test(name)) delete process.env[name];
  Object.assign(process.env, sandbox.env);
});
afterEach(async () => {
  process.env = environment;
  server?.close();
  await sandbox.close();
});

async function answering(answer: string | ((socket: Socket) => void | Promise<void>)): Promise<void> {
  server = await startHostile((socket) => (typeof answer === 'string' ? void socket.end(answer) : answer(socket)));
  process.env.AWS_ENDPOINT_URL_STS = server.url;
  sandbox.env.AWS_ENDPOINT_URL_STS = server.url;
}

const target = (): AwsTarget => {
  const source = { sourceProfile: 'default', region: 'eu-west-1', serialNumber: sandbox.serialNumber };
  return { ...awsTarget('STS', source, { offset: 0 }), timeout: 2_000 };
};
const ask = async () => {
  const request = { serialNumber: sandbox.serialNumber, tokenCode: '123456', durationSeconds: 3600 };
  const answer = await within('an answer', getSessionToken(request, sandbox.alice, target()));
  return answer.ok ? answer.value : answer.failure;
};

describe('an answer that is not of AWS', () => {
  it.each<[string, string]>([
    ['407', http('407 Proxy Authentication Required', 'no', 'text/plain')],
    ['407 without a body', http('407 Proxy Authentication Required')],
    ['403 text/plain', http('403 Forbidden', 'blocked by the policy of your company', 'text/plain')],
    ['403 JSON without a code', http('403 Forbidden', '{"message":"Forbidden"}', 'application/json')],
    ['403 HTML', http('403 Forbidden', '<html><body>Blocked</body></html>', 'text/html')],
    ['302', http('302 Found\r\nLocation: http://portal.test/')],
    ['200 HTML', http('200 OK', '<html><body>Log in</body></html>', 'text/html')],
    ['200 with HTML as text/plain', http('200 OK', '<html><body>Log in</body></html>', 'text/plain')],
    ['200 without a body', http('200 OK')],
    ['200 JSON', http('200 OK', '{"ok":true}', 'application/json')],
    ['200 with half of the XML', `${http('200 OK', session().split('\r\n\r\n')[1]?.slice(0, 200))}`],
    ['204', 'HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n'],
    ['404', http('404 Not Found', 'no such page', 'text/plain')],
    ['511', http('511 Network Authentication Required', 'log in', 'text/plain')],
    ['a truncated answer', session().slice(0, -40)],
    ['a line that is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['no answer at all', ''],
    ['a megabyte of errors that never end', http('400 No', '<Error>'.repeat(130_000))],
    ['headers of 100 kB', http(`200 OK\r\nX-Long: ${'x'.repeat(100_000)}`)],
  ])('%s is an outage of the way to AWS', async (_, answer) => {
    await answering(answer);
    expect(await ask()).toMatchObject({ kind: 'unreachable', sent: true });
  });

  it('the clock of a proxy is not taken for that of AWS', async () => {
    const date = 'Date: Thu, 01 Jan 2032 00:00:00 GMT';
    await answering(http(`407 Proxy Authentication Required\r\n${date}`));
    const request = { serialNumber: sandbox.serialNumber, tokenCode: '123456', durationSeconds: 3600 };
    expect((await getSessionToken(request, sandbox.alice, target())).clockOffset).toBeUndefined();
  });

  it.each<[string, (socket: Socket) => void | Promise<void>]>([
    [
      'status 101',
      (socket) => void socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    ],
    ['only status 100', (socket) => void socket.write('HTTP/1.1 100 Continue\r\n\r\n')],
    ['nothing', () => {}],
    ['half of the headers', (socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Ty')],
    ['half of the body', (socket) => void socket.write(session().slice(0, -40))],
    [
      'a byte every 50 ms',
      async (socket) => {
        for (const byte of session()) {
          if (socket.destroyed) return;
          socket.write(byte);
          await setTimeout(50);
        }
      },
    ],
    [
      'one status 102 after the other',
      async (socket) => {
        while (!socket.destroyed) {
          socket.write('HTTP/1.1 102 Processing\r\n\r\n');
          await setTimeout(5);
        }
      },
    ],
  ])('a server that answers with %s is given up within the time limit', async (_, answer) => {
    await answering(answer);
    const given = await within('the end of the request', ask(), undefined, 4_000);
    expect(given).toMatchObject({ kind: 'unreachable', sent: true });
  });

  it('an endless answer is given up after a megabyte', async () => {
    let sent = 0;
    await answering(async (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<GetSessionTokenResponse>');
      while (!socket.destroyed) {
        sent += 65_536;
        if (!socket.write(' '.repeat(65_536))) {
          await Promise.race([new Promise((drained) => socket.once('drain', drained)), setTimeout(100)]);
        }
      }
    });
    expect(await ask()).toMatchObject({ kind: 'unreachable', detail: expect.stringContaining('megabyte') });
    expect(sent).toBeLessThan(20_000_000);
  });

  it.each([
    ['a token of 17 MB', session({ SessionToken: 'x'.repeat(17_000_000) })],
    ['a message of 5 MB', refusal(403, 'AccessDenied', 'x'.repeat(5_000_000))],
  ])('%s is given up after a megabyte', async (_, answer) => {
    await answering(answer);
    expect(await ask()).toMatchObject({ kind: 'unreachable', detail: expect.stringContaining('megabyte') });
  });
});

describe('an answer that AWS would not give', () => {
  const at = (milliseconds: number) => ({ Expiration: new Date(Date.now() + milliseconds).toISOString() });
  it.each<[string, Record<string, string | undefined>]>([
    ['no access key id', { AccessKeyId: undefined }],
    ['an access key id with a blank', { AccessKeyId: 'ASIAIOSFOD N7EXAMPLE' }],
    ['a short access key id', { AccessKeyId: 'ASIAEXAMPLE' }],
    ['no secret', { SecretAccessKey: undefined }],
    ['a secret with a line end', { SecretAccessKey: 'wJalrXUtnFEMI&#10;[default]/K7MDENG/bPxRfiCY' }],
    ['a secret with a comment', { SecretAccessKey: 'wJalrXUtnFEMI #K7MDENG/bPxRfiCYEXAMPLEKEY' }],
    ['no token', { SessionToken: undefined }],
    ['a token with a blank', { SessionToken: 'AQoEXAMPLEH4aoAH0 gNCAPyJxz4BlCFFx' }],
    ['a token with a control character', { SessionToken: 'AQoEXAMPLEH4aoAH0&#27;[2JgNCAPyJxz4BlCFFx' }],
    ['a token with a letter beyond ASCII', { SessionToken: 'AQoEXAMPLEH4aoAH0é' }],
    ['a token of 20 kB', { SessionToken: 'x'.repeat(20_000) }],
    ['no expiration', { Expiration: undefined }],
    ['an expiration in the year 1', { Expiration: '0001-01-01T00:00:00Z' }],
    ['an expiration in the past', at(-60_000)],
    ['an expiration in 40 hours', at(40 * 3_600_000)],
    ['an expiration in the year 9999', { Expiration: '9999-12-31T23:59:59Z' }],
  ])('a session with %s is refused, and names the endpoint', async (_, changes) => {
    await answering(session(changes));
    expect(await ask()).toMatchObject({ kind: 'not-sts' });
  });

  it('refresh writes nothing, and says to check the endpoint', async () => {
    await answering(session({ SessionToken: 'AQoEXAMPLEH4aoAH0 gNCAPyJxz4BlCFFx' }));
    const before = await readFile(sandbox.credentialsFile, 'utf8');
    const ended = await run(['refresh', '--token-code', '123456'], sandbox.env);
    expect(ended).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/did not answer as AWS does .*AWS_ENDPOINT_URL/),
    });
    expect(await readFile(sandbox.credentialsFile, 'utf8')).toBe(before);
  });

  it.each([
    ['a long token of AWS', { SessionToken: 'IQoJb3JpZ2luX2VjE+/'.repeat(200) }],
    ['a JSON web token', { SessionToken: 'eyJhbGciOiJIUzUxMiJ9.eyJhY2Nlc3NLZXki_-0.q3-_Zg' }],
    ['a session of 36 hours', at(36 * 3_600_000 + 5_000)],
    ["the access key id of AWS's example", { AccessKeyId: 'AKIAIOSFODNN7EXAMPLE' }],
  ])('%s is accepted', async (_, changes) => {
    await answering(session(changes));
    expect(await ask()).toHaveProperty('sessionToken');
  });

  it.each([
    ['another role', 'arn:aws:sts::123456789012:assumed-role/reader/alice', 'not-sts'],
    ['a role whose name begins like it', 'arn:aws:sts::123456789012:assumed-role/admin2/alice', 'not-sts'],
    ['a role of another account', 'arn:aws:sts::210987654321:assumed-role/admin/alice', 'not-sts'],
    ['a user', 'arn:aws:iam::123456789012:user/admin', 'not-sts'],
    ['the role, whose path is not in it', 'arn:aws:sts::123456789012:assumed-role/admin/alice', undefined],
    ['no user (as servers of other makers answer)', '', undefined],
  ])('a session of AssumeRole that belongs to %s is refused unless it is of the role', async (_, arn, kind) => {
    const [, body = ''] = session().replaceAll('GetSessionToken', 'AssumeRole').split('\r\n\r\n');
    const user = `<AssumedRoleUser><AssumedRoleId>x:y</AssumedRoleId><Arn>${arn}</Arn></AssumedRoleUser>`;
    await answering(http('200 OK', body.replace('</AssumeRoleResult>', `${user}</AssumeRoleResult>`)));
    const roleArn = 'arn:aws:iam::123456789012:role/teams/eu/admin';
    const request = { roleArn, sessionName: 'alice', durationSeconds: 3600 };
    const answer = await within('an answer', assumeRole(request, sandbox.alice, target()));
    expect(answer.ok ? undefined : answer.failure.kind).toBe(kind);
  });

  it('an identity with control characters is refused', async () => {
    const body = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/&#27;[2Ja</Arn><Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`;
    await answering(http('200 OK', body));
    expect(await getCallerIdentity(sandbox.alice, target())).toMatchObject({ failure: { kind: 'not-sts' } });
  });
});

describe('a refusal of AWS', () => {
  it.each([
    ['RegionDisabledException', 403],
    ['OptInRequired', 403],
    ['IncompleteSignature', 400],
    ['MissingAuthenticationToken', 403],
    ['InvalidAction', 400],
    ['MalformedPolicyDocument', 400],
  ])('%s is shown with its message', async (code, status) => {
    await answering(refusal(status, code, 'Because &quot;it&quot; is so &lt;&#39;a&#x27;&gt;.'));
    expect(await ask()).toEqual({ kind: 'refused', code, detail: `Because "it" is so <'a'>.` });
  });

  it.each([
    [
      "Ceph's form",
      http('403 Forbidden', '<?xml version="1.0"?><Error><Code>NoSuchRole</Code><Message>m</Message></Error>'),
    ],
    ['with a name space', http('403 No', '<Error xmlns="x"><Code>NoSuchRole</Code><Message>m</Message></Error>')],
    [
      'in a list',
      http(
        '400 No',
        '<Response><Errors><Error><Code>NoSuchRole</Code><Message>m</Message></Error></Errors></Response>',
      ),
    ],
    ['JSON', http('400 No', '{"__type":"com.amazonaws.sts#NoSuchRole","message":"m"}', 'application/json')],
    [
      'JSON of STS',
      http('400 No', '{"Error":{"Code":"NoSuchRole","Message":"m"},"RequestId":"1"}', 'application/json'),
    ],
    [
      'a header',
      http('400 No\r\nX-Amzn-ErrorType: NoSuchRole:http://internal.amazon.com/', '{"message":"m"}', 'application/json'),
    ],
    [
      'status 200',
      http('200 OK', '<ErrorResponse><Error><Code>NoSuchRole</Code><Message>m</Message></Error></ErrorResponse>'),
    ],
  ])('an error code is found in %s', async (_, answer) => {
    await answering(answer);
    expect(await ask()).toEqual({ kind: 'refused', code: 'NoSuchRole', detail: 'm' });
  });

  it("Ceph's refusal of a key is understood like that of AWS", async () => {
    await answering(http('403 Forbidden', '<Error><Code>SignatureDoesNotMatch</Code><RequestId>1</RequestId></Error>'));
    expect(await ask()).toMatchObject({ kind: 'bad-keys' });
  });

  it.each([
    ['429', http('429 Too Many Requests', '', 'text/plain')],
    ['429 TooManyRequestsException', refusal(429, 'TooManyRequestsException', 'Too many')],
    ['400 Throttling', refusal(400, 'Throttling', 'Rate exceeded')],
    ['400 RequestLimitExceeded', refusal(400, 'RequestLimitExceeded', 'Rate exceeded')],
    ['503', http('503 Service Unavailable', 'later', 'text/plain')],
    ['503 SlowDown', http('503 Slow Down', '<Error><Code>SlowDown</Code></Error>')],
    ['500 with an unknown code', refusal(500, 'Oops', 'internal')],
  ])('%s means that AWS is busy', async (_, answer) => {
    await answering(answer);
    expect(await ask()).toMatchObject({ kind: 'busy' });
  });

  it('a long message is shortened, and does not repeat the code', async () => {
    await answering(refusal(403, 'AccessDenied', `123456 ${'x'.repeat(900_000)}`));
    const failure = await ask();
    expect(failure).toMatchObject({ kind: 'forbidden' });
    expect(JSON.stringify(failure).length).toBeLessThan(1_100);
    expect(JSON.stringify(failure)).not.toContain('123456');
  });

  it('refresh names the region and the remedy when STS is not active there', async () => {
    await answering(refusal(403, 'RegionDisabledException', 'STS is not activated in this region'));
    const { status, stderr } = await run(['refresh', '--token-code', '123456'], sandbox.env);
    expect(status).toBe(1);
    expect(stderr).toMatch(/RegionDisabledException, STS is not activated in this region: .*set another region/);
  });
});

describe('a command whose request to AWS never ends', () => {
  it.each([
    ['refresh', ['refresh', '--token-code', '123456']],
    ['exec', ['exec', '--', 'true']],
    ['credential-process', ['credential-process']],
  ])('%s ends with SIGTERM while AWS does not answer', async (_, words) => {
    await answering(() => {});
    await settings(`[mfa]\nmfa_process = echo 123456\n`);
    const running = start(words, sandbox.env);
    await until('a request', () => server.requests.length > 0, running.output);
    running.child.kill('SIGTERM');
    expect((await running.endsWithin(5_000)).status).toBe(null);
  });

  it('a command fails that can never have a result', async () => {
    const preload = join(sandbox.home, 'no-input.cjs');
    const input =
      "Object.defineProperty(process, 'stdin', { value: new (require('node:stream').Readable)({ read() {} }) });";
    await writeFile(preload, input);
    const env = { ...sandbox.env, NODE_OPTIONS: `--require ${preload}` };
    const ended = await run(['refresh', '--token-code', '-'], env);
    expect(ended).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('without a result') });
  });
});

const settings = (text: string) => sandbox.settings(text);
