import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { needs } from '../needs.ts';
import { PROGRAM, type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { onTerminal, quoted } from '../terminal.ts';
import { within } from '../within.ts';

let sandbox: Sandbox;
let others: Running[];

beforeEach(async () => {
  others = [];
  sandbox = await startSandbox({ tolerance: 9 });
  await settings('');
});
afterEach(async () => {
  for (const { child } of others) child.kill('SIGTERM');
  await Promise.all(others.map(({ ended }) => ended));
  await sandbox.close();
});

const settings = (text: string) => sandbox.settings(text);
const issue = (seconds: number) => sandbox.sts.issue('alice', seconds);
async function put(session: MfaSession, changed: (text: string) => string = (text) => text): Promise<MfaSession> {
  const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', session);
  await writeFile(sandbox.credentialsFile, changed(bytes.toString('latin1')), 'latin1');
  return session;
}
const held = async () => parseCredentials(await readFile(sandbox.credentialsFile)).profile('mfa')?.values;

/** An agent that asks on its standard input, and looks at nothing by itself after its start. */
async function agent(): Promise<Running> {
  await settings('check = 0 0 1 1 *\nprompt = terminal\n');
  const running = start(['run'], sandbox.env);
  others.push(running);
  await running.says(/"standing"/);
  return running;
}

/** As the SDKs start it: in no terminal, with a standard input that stays open and says nothing. */
async function credentialProcess(...args: string[]) {
  // A session of its own has no terminal.
  const child = spawn(process.execPath, [PROGRAM, 'credential-process', ...args], { env: sandbox.env, detached: true });
  const written = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    written.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    written.stderr += chunk;
  });
  const [status] = await within('the end of credential-process', once(child, 'close'), () => written, 20_000);
  child.stdin.destroy();
  return { status, ...written };
}

describe('credential-process', () => {
  it('credential-process prints exactly what the SDKs read', async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await put(issue(3600));
    const ended = await credentialProcess('mfa');
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toStrictEqual({
      Version: 1,
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: new Date(expiration).toISOString().replace('.000', ''),
    });
  });

  it('credential-process makes the SDKs ask again after an hour when a valid session has no expiry', async () => {
    await put(issue(3600), (text) => text.replace(/^expiration.*\n/m, ''));
    const { stdout } = await credentialProcess();
    const left = Date.parse(JSON.parse(stdout).Expiration) - Date.now();
    expect(left).toBeGreaterThan(3_500_000);
    expect(left).toBeLessThanOrEqual(3_600_000);
    expect(sandbox.sts.requests).toMatchObject([{ action: 'GetCallerIdentity' }]);
  });

  it.each([
    ['is missing', undefined],
    ['has ended', -60],
  ])(
    'credential-process fails at once with a reason, and reads no input, when the session %s and the user cannot be asked',
    async (_, seconds) => {
      if (seconds !== undefined) await put(issue(seconds));
      const ended = await credentialProcess();
      expect(ended).toMatchObject({
        status: 3,
        stdout: '',
        stderr: expect.stringMatching(
          /^aws-mfa-agent: the session of \[mfa\] was not refreshed: no agent runs; terminal: not run in a terminal \(aws-mfa-agent refresh mfa\)\n$/,
        ),
      });
    },
  );

  it('credential-process uses the code of a command when no agent runs', async () => {
    await writeFile(join(sandbox.home, 'code'), sandbox.code());
    await settings(`[mfa]\nmfa_process = cat '${join(sandbox.home, 'code')}'\n`);
    const { status, stdout } = await credentialProcess();
    expect(status).toBe(0);
    expect(JSON.parse(stdout).AccessKeyId).toBe((await held())?.get('aws_access_key_id'));
  });

  it('credential-process makes the running agent ask, and waits for the new session', async () => {
    const running = await agent();
    const waiting = credentialProcess();
    running.child.stdin?.write(`${sandbox.code()}\n`);
    const { status, stdout, stderr } = await waiting;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(sandbox.sts.session(JSON.parse(stdout).AccessKeyId)).toMatchObject({ mfa: true });
    expect(sandbox.sts.requests).toHaveLength(1);
  });

  it('credential-process waits no longer than its timeout', async () => {
    await agent();
    expect(await credentialProcess('--timeout', '1s')).toMatchObject({
      status: 3,
      stdout: '',
      stderr: expect.stringContaining('no code within 1 s; the agent still asks for it'),
    });
  });

  it('credential-process fails at once when the agent must not ask', async () => {
    await agent();
    expect((await run(['snooze', '1h'], sandbox.env)).status).toBe(0);
    expect(await credentialProcess()).toMatchObject({
      status: 3,
      stderr: expect.stringContaining('was not refreshed: snoozed until'),
    });
  });

  it('credential-process fails at once when the agent uses another credentials file', async () => {
    await put(issue(3600));
    const running = await agent();
    await running.says(/"standing":"fresh"/);
    const other = join(sandbox.home, 'other');
    await writeFile(other, '');
    const ended = await run(['credential-process'], { ...sandbox.env, AWS_SHARED_CREDENTIALS_FILE: other });
    expect(ended).toMatchObject({ status: 3, stderr: expect.stringContaining('AWS_SHARED_CREDENTIALS_FILE') });
  });

  it('credential-process answers at once with a session that is due, and makes the agent run a check', async () => {
    const running = await agent();
    const session = await put(issue(600));
    const { status, stdout, stderr } = await credentialProcess();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout).AccessKeyId).toBe(session.accessKeyId);
    await running.says(/"state":"due","standing":"asking"/);
  });

  it('credential-process does not wait for an agent that hangs while the session is due', async () => {
    const running = await agent();
    await put(issue(600));
    await running.says(/"state":"due"/);
    running.child.kill('SIGSTOP');
    expect(await credentialProcess()).toMatchObject({ status: 0, stderr: '' });
    running.child.kill('SIGCONT');
  });

  it('credential-process rejects wrong arguments', async () => {
    for (const args of [['--timeout', '0s'], ['--timeout', '2h'], ['--timeout', 'soon'], ['nobody']]) {
      expect(await credentialProcess(...args)).toMatchObject({ status: 2, stdout: '' });
    }
  });
});

describe('credential-process on a terminal', needs('Linux', 'script'), () => {
  const line = (...args: string[]) =>
    `${quoted([process.execPath, PROGRAM, 'credential-process', ...args])} > ${sandbox.home}/out 2> ${sandbox.home}/err`;
  const said = async () => ({
    out: await readFile(join(sandbox.home, 'out'), 'utf8'),
    err: await readFile(join(sandbox.home, 'err'), 'utf8'),
  });

  it('credential-process asks on the terminal when no agent runs, though both its outputs are pipes', async () => {
    const terminal = onTerminal(`${line()} < /dev/null`, sandbox.env);
    others.push(terminal);
    await terminal.says(/MFA code of alice/);
    terminal.child.stdin?.write(`${sandbox.code()}\n`);
    await terminal.ended;
    const { out, err } = await said();
    expect(err).toBe('');
    expect(JSON.parse(out).AccessKeyId).toBe((await held())?.get('aws_access_key_id'));
  });

  it('credential-process asks once on the terminal for several that are started together', async () => {
    const several = [1, 2, 3, 4]
      .map((n) => `${line().replaceAll('/out', `/out${n}`).replaceAll('/err', `/err${n}`)} < /dev/null &`)
      .join(' ');
    const terminal = onTerminal(`${several} wait; echo done`, sandbox.env);
    others.push(terminal);
    await terminal.says(/MFA code of alice/);
    terminal.child.stdin?.write(`${sandbox.code()}\n`);
    await terminal.says(/done/);
    const keys = await Promise.all(
      [1, 2, 3, 4].map(async (n) => JSON.parse(await readFile(join(sandbox.home, `out${n}`), 'utf8')).AccessKeyId),
    );
    expect(new Set(keys)).toEqual(new Set([(await held())?.get('aws_access_key_id')]));
    expect(sandbox.sts.requests).toHaveLength(1);
    expect(terminal.output().match(/MFA code of alice/g)).toHaveLength(1);
    const errors = await Promise.all([1, 2, 3, 4].map((n) => readFile(join(sandbox.home, `err${n}`), 'utf8')));
    expect(errors).toEqual(['', '', '', '']);
  });

  it('credential-process stops asking on the terminal after its limit', async () => {
    const terminal = onTerminal(`${line('--timeout', '3s')} < /dev/null; echo "status $?"`, sandbox.env);
    others.push(terminal);
    await terminal.says(/MFA code of alice/);
    await terminal.says(/status 3/);
    expect(await said()).toMatchObject({ out: '', err: expect.stringContaining('no code was entered') });
  });
});

// Real clients. Keys in the same profile would be used instead of the command, so the command has a profile of its own.
async function processProfile(): Promise<void> {
  await appendFile(
    sandbox.configFile,
    `\n[profile via-agent]\nregion = eu-west-1\ncredential_process = "${process.execPath}" "${PROGRAM}" credential-process mfa\n`,
  );
}
const execute = promisify(execFile);
const ARN = 'arn:aws:iam::123456789012:user/alice';

const JAVASCRIPT = `
  import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
  console.log(JSON.stringify(await new STSClient({ maxAttempts: 1 }).send(new GetCallerIdentityCommand({}))));
`;
// The AWS CLI and boto3 that are some years old know no variable for an endpoint.
const PYTHON = `
import boto3, json, os
print(json.dumps(boto3.client('sts', endpoint_url=os.environ['AWS_ENDPOINT_URL_STS']).get_caller_identity()))
`;
const CLI = `aws sts get-caller-identity --output json --endpoint-url "$AWS_ENDPOINT_URL_STS"`;

const CLIENTS = [
  {
    name: 'the AWS CLI',
    command: ['sh', '-c', CLI],
    needed: ['aws'],
    says: 'aws-mfa-agent refresh mfa',
  },
  {
    name: 'boto3',
    command: ['python3', '-c', PYTHON],
    needed: ['python3:boto3'],
    says: 'aws-mfa-agent refresh mfa',
  },
  {
    name: 'the AWS SDK for JavaScript',
    command: [process.execPath, '--input-type=module', '-e', JAVASCRIPT],
    needed: [],
    // It keeps the reason of a credential_process to itself.
    says: 'Could not load credentials from any providers',
  },
];

for (const { name, command, needed, says } of CLIENTS) {
  describe(name, needs(...needed), () => {
    const [program = '', ...words] = command;
    const call = async () => {
      const { stdout } = await execute(program, words, {
        env: { ...sandbox.env, AWS_PROFILE: 'via-agent', AWS_MAX_ATTEMPTS: '1' },
      });
      return JSON.parse(stdout);
    };
    beforeEach(processProfile);

    it(`${name} works with credential-process when the session is fresh`, async () => {
      const { accessKeyId } = await put(issue(12 * 3600));
      expect(await call()).toMatchObject({ Arn: ARN });
      expect(sandbox.sts.requests).toMatchObject([{ action: 'GetCallerIdentity', accessKeyId, outcome: 'granted' }]);
    });

    it(`${name} works with credential-process when the session is due`, async () => {
      const { accessKeyId } = await put(issue(400));
      expect(await call()).toMatchObject({ Arn: ARN });
      expect(sandbox.sts.requests.at(-1)).toMatchObject({ accessKeyId, outcome: 'granted' });
    });

    it(`${name} waits for credential-process while the agent asks`, async () => {
      await put(issue(-60));
      const running = await agent();
      await running.says(/"standing":"asking"/);
      const called = call();
      running.child.stdin?.write(`${sandbox.code()}\n`);
      expect(await called).toMatchObject({ Arn: ARN });
      expect(sandbox.sts.requests).toMatchObject([{ action: 'GetSessionToken' }, { action: 'GetCallerIdentity' }]);
    });

    it(`${name} fails with credential-process when there is no session`, async () => {
      await expect(call()).rejects.toMatchObject({ stderr: expect.stringContaining(says) });
      expect(sandbox.sts.requests).toEqual([]);
    });
  });

  describe(`${name} in a terminal`, needs('Linux', 'script', ...needed), () => {
    beforeEach(processProfile);

    it(`${name} shows credential-process's question on the terminal, and goes on with the code`, async () => {
      await put(issue(-60));
      const env = { ...sandbox.env, AWS_PROFILE: 'via-agent', AWS_MAX_ATTEMPTS: '1', AWS_PAGER: '' };
      const terminal = onTerminal(quoted(command), env);
      others.push(terminal);
      await terminal.says(/AWS session \[mfa\] ended at .*MFA code of alice in account 123456789012: /s);
      terminal.child.stdin?.write(`${sandbox.wrongCode()}\r`);
      await terminal.says(/AWS refused that code.*MFA code of alice/s);
      terminal.child.stdin?.write(`${sandbox.code()}\r`);
      expect((await terminal.ended).status).toBe(0);
      expect(terminal.output()).toContain(ARN);
    });
  });
}
