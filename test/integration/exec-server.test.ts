import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MfaSession } from '../../src/session/session.ts';
import { needs } from '../needs.ts';
import { PROGRAM, type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { onTerminal, quoted } from '../terminal.ts';
import { holds, until, within } from '../within.ts';

let sandbox: Sandbox;
let others: Running[];

beforeEach(async () => {
  others = [];
  sandbox = await startSandbox({ tolerance: 9 });
});
afterEach(async () => {
  for (const { child } of others) child.kill('SIGTERM');
  await Promise.all(others.map(({ ended }) => ended));
  await sandbox.close();
});

const NODE = process.execPath;
const issue = (seconds: number) => sandbox.sts.issue('alice', seconds);
const put = (session: MfaSession, profile?: string) => sandbox.put(session, profile);
const settings = (text: string) => sandbox.settings(text);

interface Server {
  running: Running;
  url: URL;
  token: string;
  /** The environment of the command. */
  env: Record<string, string>;
  /** Sends a request; resolves to undefined if the connection ends without an answer. */
  ask(changes?: {
    method?: string;
    path?: string;
    headers?: Record<string, string | string[]>;
    body?: string;
  }): Promise<{ status: number | undefined; body: Record<string, string> } | undefined>;
}

/** Starts a command with a server, which runs until it is ended. */
async function serve(words: string[] = [], env: NodeJS.ProcessEnv = sandbox.env): Promise<Server> {
  const code = "console.log('env ' + JSON.stringify(process.env) + ' end'); setInterval(() => {}, 1000)";
  const running = start(['exec', '--server', ...words, '--', NODE, '-e', code], env);
  others.push(running);
  await running.says(/^env .* end$/m);
  const of = JSON.parse(/^env (.*) end$/m.exec(running.output())?.[1] ?? '') as Record<string, string>;
  const url = new URL(of.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? '');
  const token =
    of.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? readFileSync(of.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ?? '', 'utf8');
  const ask: Server['ask'] = ({ method = 'GET', path = url.pathname, headers = {}, body } = {}) => {
    const answer = new Promise<Awaited<ReturnType<Server['ask']>>>((resolve) => {
      const sent = request({
        host: url.hostname,
        port: url.port,
        method,
        path,
        headers: { Authorization: token, ...headers },
      });
      sent.on('error', () => resolve(undefined));
      sent.on('response', (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode, body: JSON.parse(text) }));
      });
      sent.end(body);
    });
    return within('the answer of the server', answer, running.output);
  };
  return { running, url, token, env: of, ask };
}

function bodyOf({ accessKeyId, secretAccessKey, sessionToken, expiration }: MfaSession) {
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: new Date(expiration).toISOString().replace('.000', ''),
  };
}

describe('exec --server', () => {
  it('exec --server gives the command an endpoint instead of keys, and takes away what tools prefer to it', async () => {
    await put(issue(3600));
    const region = { AWS_REGION: 'eu-west-3' };
    const { env, url, token } = await serve([], {
      ...sandbox.env,
      ...region,
      AWS_PROFILE: 'work',
      AWS_DEFAULT_PROFILE: 'work',
      AWS_ACCESS_KEY_ID: 'old',
      AWS_SECRET_ACCESS_KEY: 'old',
      AWS_SESSION_TOKEN: 'old',
      AWS_SECURITY_TOKEN: 'old',
      AWS_CREDENTIAL_EXPIRATION: 'old',
      AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '/old',
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/old',
      AWS_WEB_IDENTITY_TOKEN_FILE: '/old',
      ODD: 'a=b\nc',
    });
    expect(env).toEqual({
      ...sandbox.env,
      ...region,
      ODD: 'a=b\nc',
      AWS_CONTAINER_CREDENTIALS_FULL_URI: url.href,
      AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
      // [default] holds long-term keys.
      AWS_SHARED_CREDENTIALS_FILE: expect.stringMatching(new RegExp(`^${sandbox.runtime}/exec-\\d+\\.no-credentials$`)),
      AWS_MFA_AGENT_CREDENTIALS_FILE: sandbox.credentialsFile,
    });
    expect(url.href).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/./);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
  });

  it('exec --server --token-file gives the command the token in a file of its own, which is gone with the command', async () => {
    const { accessKeyId } = await put(issue(3600));
    const old = { AWS_CONTAINER_AUTHORIZATION_TOKEN: 'old', AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/old' };
    const { running, env, token, ask } = await serve(['--token-file'], { ...sandbox.env, ...old });
    const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ?? '';
    expect(env).not.toHaveProperty('AWS_CONTAINER_AUTHORIZATION_TOKEN');
    expect(dirname(file)).toBe(sandbox.runtime);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await ask()).toMatchObject({ status: 200, body: { AccessKeyId: accessKeyId } });
    running.child.kill('SIGTERM');
    await running.ended;
    expect(existsSync(file)).toBe(false);
  });

  it('the SDK for JavaScript reads the token from the file of exec --server --token-file', async () => {
    const { accessKeyId } = await put(issue(3600));
    const client = fileURLToPath(new URL('../clients/javascript.mjs', import.meta.url));
    const running = start(['exec', '--server', '--token-file', '--', NODE, client], sandbox.env);
    others.push(running);
    await running.says(new RegExp(`^used ${accessKeyId}$`, 'm'));
  });

  it('exec --token-file is an error without --server, and when the file cannot be written', async () => {
    await put(issue(3600));
    expect(await run(['exec', '--token-file', '--', 'echo', 'ran'], sandbox.env)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: 'aws-mfa-agent: --token-file: only together with --server\n',
    });
    const folder = sandbox.runtime;
    await writeFile(folder, '');
    expect(await run(['exec', '--server', '--token-file', '--', 'echo', 'ran'], sandbox.env)).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining(`cannot write ${folder}/exec-`),
    });
  });

  it('exec --server gives tools an empty file to read instead of keys that they would prefer, which is gone with the command', async () => {
    await put(issue(3600));
    const { running, env } = await serve();
    const file = env.AWS_SHARED_CREDENTIALS_FILE ?? '';
    expect(statSync(file).mode & 0o777).toBe(0o400);
    expect(await readFile(file, 'utf8')).toMatch(
      /^# Without profiles: "aws-mfa-agent exec --server" .*\n# .* \[default\] in .*credentials, so .*\n$/,
    );
    running.child.kill('SIGTERM');
    await running.ended;
    expect(existsSync(file)).toBe(false);
  });

  it('exec --server keeps what a tool has written instead of the credentials file, and says where it is', async () => {
    await put(issue(3600));
    const before = await readFile(sandbox.credentialsFile);
    const line = 'f=$AWS_SHARED_CREDENTIALS_FILE; rm -f "$f"; echo "[new]" > "$f"; echo "$f"';
    const { stdout, stderr } = await run(['exec', '--server', '--', 'sh', '-c', line], sandbox.env);
    expect(await readFile(stdout.trim(), 'utf8')).toBe('[new]\n');
    expect(stderr).toBe(
      `${stdout.trim()}: the command has written this instead of your credentials file; move what you need, and remove it\n`,
    );
    expect(await readFile(sandbox.credentialsFile)).toEqual(before);
  });

  it('exec --server leaves the credentials file to the command when [default] has no credentials', async () => {
    const text = (await readFile(sandbox.credentialsFile, 'utf8')).replace('[default]', '[keys]');
    await writeFile(sandbox.credentialsFile, text);
    await settings(`[mfa]\nsource_profile = keys\n`);
    await put(issue(3600));
    expect((await serve()).env).toMatchObject({ AWS_SHARED_CREDENTIALS_FILE: sandbox.credentialsFile });
  });

  it('exec --server runs nothing when [default] of ~/.aws/config gives credentials', async () => {
    await put(issue(3600));
    await writeFile(sandbox.configFile, '[default]\ncredential_process = /bin/echo\n');
    expect(await run(['exec', '--server', '--', 'echo', 'ran'], sandbox.env)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(/\[default\] in .* has credential_process, which tools prefer to exec --server/),
    });
  });

  it('programs of the command that are ours still use the credentials file', async () => {
    const { accessKeyId } = await put(issue(3600));
    const inner = quoted([NODE, PROGRAM]);
    const line = `${inner} status --json; ${inner} exec -- sh -c 'echo "file $AWS_SHARED_CREDENTIALS_FILE key $AWS_ACCESS_KEY_ID"'`;
    const { stdout } = await run(['exec', '--server', '--', 'sh', '-c', line], sandbox.env);
    expect(stdout).toContain('"state": "fresh"');
    expect(stdout).toContain(`file ${sandbox.credentialsFile} key ${accessKeyId}\n`);
  });

  it('exec --server answers with the session in the file, and with the next one as soon as it is there', async () => {
    const first = await put(issue(3600));
    const server = await serve();
    expect(await server.ask()).toMatchObject({ status: 200, body: bodyOf(first) });
    for (const seconds of [3000, 3200]) {
      const next = await put(issue(seconds));
      await holds(async () => expect((await server.ask())?.body).toEqual(bodyOf(next)));
    }
  });

  it('exec --server answers with the session until its end, and then with the reason in the form of AWS', async () => {
    await settings('prompt = terminal\n');
    await put(issue(3600));
    const server = await serve();
    const session = await put(issue(4));
    // What was answered before the end was the session, and what was asked after it was not: a moment later, since many requests
    // at once get the same answer.
    await until('no session is given any more', async () => {
      const asked = Date.now();
      const answer = await server.ask();
      if (Date.now() < session.expiration) expect(answer).toMatchObject({ status: 200 });
      else if (asked > session.expiration + 100) expect(answer).toMatchObject({ status: 400 });
      if (answer?.status === 200) expect(answer.body).toEqual(bodyOf(session));
      return answer?.status === 400;
    });
    expect(Date.now()).toBeGreaterThanOrEqual(session.expiration);
    expect((await server.ask())?.body).toEqual({
      Code: 'ExpiredToken',
      Message: expect.stringMatching(/^the session of \[mfa\] ended at .*: aws-mfa-agent refresh mfa/),
    });
    const next = await put(issue(3600));
    await holds(async () => expect((await server.ask())?.body).toEqual(bodyOf(next)));
  });

  it('exec --server answers with an error when the session was removed from the file, and not when the file cannot be read', async () => {
    await settings('prompt = terminal\n');
    const session = await put(issue(3600));
    const server = await serve();
    const text = await readFile(sandbox.credentialsFile, 'utf8');
    await writeFile(sandbox.credentialsFile, Buffer.from([0xff, 0x00]));
    expect(await server.ask()).toMatchObject({ status: 200, body: bodyOf(session) });
    await writeFile(sandbox.credentialsFile, text.replace(/\[mfa\][\s\S]*/, ''));
    await holds(async () => expect((await server.ask())?.status).toBe(400));
    expect((await server.ask())?.body).toMatchObject({
      Code: 'NoSession',
      Message: expect.stringContaining('[mfa] holds no session'),
    });
  });

  it('exec --server says after the end of the session what the running agent does', async () => {
    await settings('check = 0 0 1 1 *\nprompt = terminal\n');
    await put(issue(3600));
    const server = await serve();
    await put(issue(-10));
    const agent = start(['run'], sandbox.env);
    others.push(agent);
    await agent.says(/"standing":"asking"/);
    await holds(async () => expect((await server.ask())?.body.Message).toMatch(/\(asking since /), 8_000);
    agent.child.stdin?.write(`${sandbox.code()}\n`);
    await holds(async () => expect((await server.ask())?.status).toBe(200), 8_000);
  });

  it('exec --server makes the agent check when a session is due', async () => {
    await settings('check = 0 0 1 1 *\nprompt = terminal\n');
    await put(issue(3600));
    const agent = start(['run'], sandbox.env);
    others.push(agent);
    await agent.says(/"standing":"fresh"/);
    const server = await serve();
    // The agent does not see this file change: its clock for checks stands still until January.
    expect((await run(['snooze', '1h'], sandbox.env)).status).toBe(0);
    const due = await put(issue(600));
    await agent.says(/"standing":"snoozed"/);
    await holds(async () => expect((await server.ask())?.body).toEqual(bodyOf(due)));
    expect((await run(['snooze', 'off'], sandbox.env)).status).toBe(0);
    await agent.says(/"standing":"asking"/);
    agent.child.stdin?.write(`${sandbox.code()}\n`);
    await holds(async () => expect((await server.ask())?.body.AccessKeyId).not.toBe(due.accessKeyId));
  });

  it('exec --server has the session renewed without an agent, by the methods of the settings', async () => {
    const code = join(sandbox.home, 'code');
    await writeFile(code, sandbox.code());
    await settings(`[mfa]\nmfa_process = cat '${code}'\n`);
    await put(issue(3600));
    const server = await serve();
    const due = await put(issue(600));
    await holds(async () => expect((await server.ask())?.body.AccessKeyId).not.toBe(due.accessKeyId), 9_000);
    const renewed = await server.ask();
    expect(renewed?.status).toBe(200);
    expect(sandbox.sts.session(renewed?.body.AccessKeyId ?? '')).toMatchObject({ mfa: true });
  });

  it('exec --server serves a role profile, and assumes the role again without an agent', async () => {
    const arn = 'arn:aws:iam::123456789012:role/admin';
    sandbox.roles.push({ name: 'admin', mfa: true, maxSessionDuration: 3600 });
    await settings(`[mfa]\n[admin]\nrole_arn = ${arn}\nsource_profile = mfa\n`);
    await put(issue(3600));
    const server = await serve(['--profile', 'admin']);
    const first = await server.ask();
    expect(sandbox.sts.session(first?.body.AccessKeyId ?? '')).toMatchObject({ role: 'admin' });
    const { accessKeyId, secretAccessKey, sessionToken } = issue(3600);
    const due = {
      accessKeyId,
      secretAccessKey,
      sessionToken,
      expiration: Math.floor(Date.now() / 1000) * 1000 + 60_000,
    };
    await put(due, 'admin');
    await holds(async () => expect((await server.ask())?.body.AccessKeyId).toBe(due.accessKeyId));
    await holds(async () => expect((await server.ask())?.body.AccessKeyId).not.toBe(due.accessKeyId), 9_000);
    const next = await server.ask();
    expect(sandbox.sts.session(next?.body.AccessKeyId ?? '')).toMatchObject({ role: 'admin' });
  });

  it('exec --server serves a new session also when it cannot be written', async () => {
    const code = join(sandbox.home, 'code');
    await writeFile(code, sandbox.code());
    await settings(`[mfa]\nmfa_process = cat '${code}'\n`);
    const answerOfAws = sandbox.hold();
    const starting = serve();
    await sandbox.sts.arrival(1);
    // An old folder in the place of the lock, that cannot be removed.
    const lock = `${sandbox.credentialsFile}.lock`;
    await mkdir(join(lock, 'in-the-way'), { recursive: true });
    await utimes(lock, new Date(), new Date(Date.now() - 60_000));
    answerOfAws();
    const server = await within('the start of the command', starting, () => '', 30_000);
    const answer = await server.ask();
    expect(answer?.status).toBe(200);
    expect(sandbox.sts.session(answer?.body.AccessKeyId ?? '')).toMatchObject({ mfa: true });
  }, 40_000);

  it('exec --server is gone when the command has ended, and passes on its exit status and signals', async () => {
    await put(issue(3600));
    const code =
      "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log(process.env.AWS_CONTAINER_CREDENTIALS_FULL_URI)";
    const running = start(['exec', '--server', '--', NODE, '-e', code], sandbox.env);
    await running.says(/http:\S+\n/);
    running.child.kill('SIGTERM');
    expect((await running.ended).status).toBe(7);
    const refused = await new Promise((resolve) =>
      connect(Number(new URL(running.output().trim()).port), '127.0.0.1')
        .on('error', resolve)
        .on('connect', resolve),
    );
    expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('requests to exec --server', () => {
  let server: Server;
  beforeEach(async () => {
    await put(issue(3600));
    server = await serve();
  });

  it.each<[string, () => Parameters<Server['ask']>[0]]>([
    ['another token', () => ({ headers: { Authorization: 'x'.repeat(43) } })],
    ['no token', () => ({ headers: { Authorization: '' } })],
    ['the beginning of the token', () => ({ headers: { Authorization: server.token.slice(0, -1) } })],
    ['two tokens', () => ({ headers: { Authorization: [server.token, server.token] } })],
    ['another method', () => ({ method: 'POST', body: '{}' })],
    ['HEAD', () => ({ method: 'HEAD' })],
    ['OPTIONS, as a browser sends it before a request', () => ({ method: 'OPTIONS' })],
    ['another path', () => ({ path: '/' })],
    ['a query', () => ({ path: `${server.url.pathname}?x=1` })],
    ['the address of a proxy request', () => ({ path: server.url.href })],
    ['a host name that leads to 127.0.0.1', () => ({ headers: { Host: `localhost:${server.url.port}` } })],
    ['the name of a web site', () => ({ headers: { Host: 'rebound.example' } })],
    ['the address without the port', () => ({ headers: { Host: '127.0.0.1' } })],
    ['a head of 20 kB', () => ({ headers: { 'X-Long': 'x'.repeat(20_000) } })],
  ])('a request with %s gets no answer', async (_, changes) => {
    expect(await server.ask(changes())).toBeUndefined();
    expect(await server.ask()).toMatchObject({ status: 200 });
  });

  it('a request that is sent slowly gets no answer, and does not keep others waiting', async () => {
    const slow = connect(Number(server.url.port), '127.0.0.1');
    const closed = new Promise((resolve) => slow.on('error', () => {}).on('close', resolve));
    let received = '';
    slow.on('data', (chunk) => {
      received += chunk;
    });
    slow.write(
      `GET ${server.url.pathname} HTTP/1.1\r\nHost: ${server.url.host}\r\nAuthorization: ${server.token}\r\nX: `,
    );
    const drip = setInterval(() => slow.write('x'), 100);
    const first = await Promise.race([server.ask(), closed.then(() => 'the end of the slow connection')]);
    expect(first).toMatchObject({ status: 200 });
    await within('the end of the slow connection', closed, () => received);
    clearInterval(drip);
    expect(received).toBe('');
  });

  it('connections that send nothing do not keep requests waiting', async () => {
    const silent = Array.from({ length: 1_000 }, () =>
      connect(Number(server.url.port), '127.0.0.1').on('error', () => {}),
    );
    await Promise.all(silent.map((one) => new Promise((resolve) => one.on('connect', resolve))));
    expect(await server.ask()).toMatchObject({ status: 200 });
    for (const one of silent) one.destroy();
  });

  it('1,000 requests at once are all answered', async () => {
    const text = `GET ${server.url.pathname} HTTP/1.1\r\nHost: ${server.url.host}\r\nAuthorization: ${server.token}\r\n\r\n`;
    const answers = Array.from({ length: 1_000 }, () => {
      const client = connect(Number(server.url.port), '127.0.0.1', () => client.write(text));
      return new Promise<string>((resolve) => {
        let answer = '';
        client
          .on('error', () => {})
          .on('data', (chunk) => {
            answer += chunk;
          });
        client.on('close', () => resolve(answer));
      });
    });
    const received = await within('1,000 answers', Promise.all(answers), server.running.output);
    expect(received.filter((answer) => /^HTTP\/1.1 200 .*"AccessKeyId":"ASIA.*\}\n$/s.test(answer))).toHaveLength(
      1_000,
    );
  });
});

describe('exec --server on a terminal', needs('Linux', 'script', 'curl'), () => {
  it('exec --server runs an interactive shell with job control, whose commands get the session', async () => {
    const { accessKeyId } = await put(issue(3600));
    const line = quoted([NODE, PROGRAM, 'exec', '--server', '--', 'bash', '--norc', '--noprofile', '-i']);
    const terminal = onTerminal(line, { ...sandbox.env, PS1: '> ', HISTFILE: '' });
    others.push(terminal);
    await terminal.says(/> /);
    const type = (text: string) => terminal.child.stdin?.write(text);
    type('curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" $AWS_CONTAINER_CREDENTIALS_FULL_URI\n');
    await terminal.says(new RegExp(accessKeyId));
    type(`sh -c 'echo fir""st; exec sleep 100'\n`);
    await terminal.says(/^first\r/m);
    type('\x1a');
    await terminal.says(/Stopped\s+sh -c/);
    type('bg; jobs; kill %1\n');
    await terminal.says(/Running\s+sh -c/);
    type(`sh -c 'echo sec""ond; exec sleep 100'\n`);
    await terminal.says(/^second\r/m);
    type('\x03');
    type('echo "still he"re\n');
    await terminal.says(/still here\r/);
    type('exit 9\n');
    expect((await terminal.ended).status).toBe(9);
  });

  it('exec --server never asks on the terminal of its command', async () => {
    await settings('prompt = terminal\n');
    const session = await put(issue(3600));
    const line = quoted([NODE, PROGRAM, 'exec', '--server', '--', 'bash', '--norc', '--noprofile', '-i']);
    const terminal = onTerminal(line, { ...sandbox.env, PS1: '> ', HISTFILE: '' });
    others.push(terminal);
    await terminal.says(/> /);
    await put(issue(-10));
    const get = 'curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" $AWS_CONTAINER_CREDENTIALS_FULL_URI';
    terminal.child.stdin?.write(`${get}\n`);
    await terminal.says(/ExpiredToken/);
    // The reason comes when it has tried to ask.
    terminal.child.stdin?.write(`until ${get} | grep 'terminal: '; do sleep 0.2; done\n`);
    await terminal.says(/terminal: \w/);
    expect(terminal.output()).not.toMatch(/MFA code/);
    expect(terminal.output()).not.toContain(session.secretAccessKey);
    terminal.child.stdin?.write('exit\n');
    await terminal.ended;
  });
});

describe('the token of exec --server', needs('ps'), () => {
  it('the token of exec --server is in no argument list', async () => {
    await put(issue(3600));
    const { token, env } = await serve();
    expect(env.AWS_CONTAINER_AUTHORIZATION_TOKEN).toBe(token);
    expect(execFileSync('ps', ['-A', '-ww', '-o', 'args']).toString()).not.toContain(token);
  });
});
