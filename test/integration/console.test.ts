import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Ended, type Running, run, start } from '../program.ts';
import { startRecordingProxy } from '../recording-proxy.ts';
import { ACCOUNT_ID, type Sandbox, startSandbox } from '../sandbox.ts';
import { until } from '../within.ts';

let sandbox: Sandbox;
let env: Record<string, string>;

const arn = (role: string) => `arn:aws:iam::${ACCOUNT_ID}:role/${role}`;
const ADMIN = `[admin]\nrole_arn = ${arn('admin')}\nsource_profile = mfa\n`;
const DEPLOY = `[deploy]\nrole_arn = ${arn('admin')}\nsource_profile = default\nduration_seconds = 28800\n`;

beforeEach(async () => {
  const roles = [{ name: 'admin', mfa: true, maxSessionDuration: 43_200 }];
  sandbox = await startSandbox({ tolerance: 9, roles });
  env = sandbox.env;
  await sandbox.settings(`[mfa]\n${ADMIN}`);
  await sandbox.put(sandbox.sts.issue('alice', 3600));
});
afterEach(() => sandbox.close());

const refresh = (...args: string[]) => run(['refresh', ...args], env);
const print = (...args: string[]) => run(['console', ...args, '--print'], env);
const address = ({ stdout }: Ended) => {
  expect(stdout).toMatch(/^http:\/\/\S+\n$/);
  return new URL(stdout.trim());
};
const shown = async (url: URL | string) => (await fetch(url)).text();
const asked = (action: string) => sandbox.sts.requests.filter((one) => one.action === action);
const signedInAs = (name: string) =>
  new RegExp(`^Signed in as arn:aws:sts::${ACCOUNT_ID}:assumed-role/admin/${name} until `);

describe('console', () => {
  it('console --print assumes the only role and prints an address that signs in with it', async () => {
    await writeFile(sandbox.configFile, `${await readFile(sandbox.configFile)}\n[profile admin]\nregion = eu-west-3\n`);
    const ended = await print();
    expect(ended).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/\[admin\] can be signed in .* until .*\d\d:\d\d/),
    });
    expect(await shown(address(ended))).toMatch(signedInAs('alice'));
    expect(address(ended).searchParams.get('Destination')).toMatch(/\/console\/home\?region=eu-west-3$/);
  });

  it('console sends the session in the body of a POST, also to a proxy, and never a duration', async () => {
    await sandbox.settings(`[mfa]\n${ADMIN}${DEPLOY}`);
    await refresh('deploy', '--token-code', sandbox.code());
    const proxy = await startRecordingProxy(`${sandbox.sts.url}/federation`);
    const proxied = {
      ...env,
      AWS_ENDPOINT_URL_SIGNIN: 'http://localhost:1',
      HTTP_PROXY: proxy.url,
      NO_PROXY: '127.0.0.1',
    };
    const ended = await run(['console', 'deploy', '--print'], proxied);
    proxy.close();
    expect(ended.status).toBe(0);
    expect(proxy.recorded.map((one) => one.asked)).toEqual(['POST http://localhost:1/federation']);
    expect(asked('getSigninToken')).toMatchObject([
      { method: 'POST', query: [], parameters: ['Action', 'Session'], outcome: 'granted' },
    ]);
  });

  it('console renews a role of which less than half is left, and keeps one with more', async () => {
    await sandbox.settings(`[mfa]\n${ADMIN}duration_seconds = 900\n`);
    await refresh('admin');
    await print();
    expect(asked('AssumeRole')).toHaveLength(1);
    await sandbox.settings(`[mfa]\n${ADMIN}duration_seconds = 3600\n`);
    await print();
    expect(asked('AssumeRole')).toMatchObject([{ durationSeconds: '900' }, { durationSeconds: '3600' }]);
  });

  it('console names the role profiles for one that is not, and where there are several', async () => {
    await sandbox.settings(`[mfa]\n${ADMIN}${DEPLOY}`);
    expect(await print('mfa')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /\[mfa\] holds a session of GetSessionToken, .*: name one: \[admin\], \[deploy\]\n$/,
      ),
    });
    expect((await print()).stderr).toMatch(/console needs a role profile: name one: \[admin\], \[deploy\]\n$/);
    await sandbox.settings('[mfa]\n');
    expect(await print()).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/needs a role profile: add a role profile to .*config\.ini \(docs\/roles\.md\)\n$/),
    });
    expect(sandbox.sts.requests).toHaveLength(0);
  });

  it('console without a terminal makes the running agent ask, and says so', async () => {
    await sandbox.settings(`check = 0 0 1 1 *\nprompt = terminal\n[mfa]\n${ADMIN}`);
    await sandbox.put(sandbox.sts.issue('alice', -1));
    const agent = start(['run'], env);
    try {
      await agent.says(/"standing":"asking"/);
      const command = start(['console', '--print'], env);
      await command.says(/^waiting for a session of \[mfa\]: the agent asks for the code\n/);
      agent.child.stdin?.write(`${sandbox.code()}\n`);
      const ended = await command.ended;
      expect(ended.status).toBe(0);
      expect(await shown(address(ended))).toMatch(signedInAs('alice'));
    } finally {
      agent.child.kill();
      await agent.ended;
    }
  });

  it('console says what AWS answers to a session that it refuses, and nothing of the session', async () => {
    await refresh('admin');
    const text = await readFile(sandbox.credentialsFile, 'utf8');
    await writeFile(
      sandbox.credentialsFile,
      text.replace(/(\[admin\][^[]*aws_secret_access_key *= *)\S+/, `$1${'x'.repeat(40)}`),
    );
    expect(await print()).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /cannot sign in to the console with \[admin\]: AWS refused its session \(HTTP 400, Invalid credentials parameter\)\n$/,
      ),
    });
  });

  it('console says so where a web page or nothing answers instead of AWS', async () => {
    sandbox.sts.fault({ kind: 'html', status: 200 }, 1, 'getSigninToken');
    expect((await print()).stderr).toMatch(/cannot sign in .*: no answer from 127\.0\.0\.1 \(a web page answered: /);
    env = { ...env, AWS_ENDPOINT_URL_SIGNIN: 'http://127.0.0.1:1' };
    expect((await print()).stderr).toMatch(/cannot sign in .*: no answer from 127\.0\.0\.1 \(.*ECONNREFUSED/);
  });

  it('console does not send the session to another machine, and names an endpoint of this one', async () => {
    expect((await print()).stderr).toMatch(
      /^Requests go to http:\/\/127\.0\.0\.1:\d+ \(set by AWS_ENDPOINT_URL_SIGNIN\)/,
    );
    env = { ...env, AWS_ENDPOINT_URL_SIGNIN: 'https://signin.example.com' };
    expect(await print()).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/the session is not sent to https:/),
    });
  });
});

describe('console with a browser', () => {
  /** A browser that only notes the words with which it was started. */
  const noting = () => `echo %s >> '${join(sandbox.home, 'started')}'`;
  const started = (running: Running) =>
    until(
      'the browser is started',
      async () => (await readFile(join(sandbox.home, 'started'), 'utf8').catch(() => '')).trim() || undefined,
      running.output,
    );

  it('console starts --browser with a link that leads to the console once, and does not print the token', async () => {
    const running = start(['console', 'admin', '--service', 'ec2', '--browser', noting()], env);
    const link = await started(running);
    expect(link).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{32}$/);
    expect((await fetch(`${link}x`, { redirect: 'manual' })).status).toBe(404);
    expect((await fetch(link, { redirect: 'manual', method: 'POST' })).status).toBe(404);
    const page = await fetch(link);
    expect(await page.text()).toMatch(signedInAs('alice'));
    expect(page.url).toContain(encodeURIComponent('/ec2/home'));
    const { status, stdout, stderr } = await running.ended;
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
    expect(stderr).toMatch(/\[admin\] is signed in to the console until .*\d\d:\d\d/);
    const token = new URL(page.url).searchParams.get('SigninToken') ?? '';
    expect(token).toMatch(/.{100}/);
    expect(stderr).not.toContain(token.slice(0, 20));
  });

  it('console opens the browser of the desktop', async () => {
    const bin = join(sandbox.home, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'xdg-open'), `#!/bin/sh\nprintf '%s\\n' "$1" >> '${join(sandbox.home, 'started')}'\n`);
    await chmod(join(bin, 'xdg-open'), 0o755);
    const running = start(['console'], { ...env, DISPLAY: ':99', PATH: `${bin}:${env.PATH}` });
    expect(await shown(await started(running))).toMatch(signedInAs('alice'));
    expect((await running.ended).status).toBe(0);
  });

  it('console requests nothing where no browser can be opened, and says so if it fails', async () => {
    expect(await run(['console'], env)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cannot open a browser \(no display: .*\): use --print/),
    });
    expect(sandbox.sts.requests).toHaveLength(0);
    expect(await run(['console', '--browser', ' '], env)).toMatchObject({
      status: 2,
      stderr: 'aws-mfa-agent: --browser: a command line is missing\n',
    });
    expect(await run(['console', '--browser', 'exit 7 #'], env)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cannot open the browser: \/bin\/sh ended with exit status 7; --print/),
    });
  });
});
