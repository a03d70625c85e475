import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, it, type TestContext } from 'vitest';
import { goFolder, needs } from '../needs.ts';
import { type Running, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds } from '../within.ts';

/** How long a session lasts, in seconds. The agent asks for the next one in its last quarter. */
const LENGTH = 30;

/** Long enough for three sessions, in milliseconds. */
const LIMIT = 5 * LENGTH * 1000;

let sandbox: Sandbox;
let agent: Running;
const others: Running[] = [];

beforeAll(async () => {
  sandbox = await startSandbox({ tolerance: 9, longestSession: LENGTH });
  const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, 'config.ini'),
    'check = * * * * * *\nprompt = terminal\n[mfa]\nduration_seconds = 900\n',
  );
  agent = start(['run'], sandbox.env);
  // Answers each prompt.
  let answered = 0;
  agent.child.stderr?.on('data', () => {
    const prompts = agent.output().match(/MFA code of alice/g)?.length ?? 0;
    for (; answered < prompts; answered++) agent.child.stdin?.write(`${sandbox.code()}\n`);
  });
  await agent.says(/"standing":"fresh"/);
});
afterAll(async () => {
  for (const { child } of [agent, ...others]) child.kill('SIGTERM');
  await Promise.all([agent, ...others].map(({ ended }) => ended));
  await sandbox.close();
});

const client = (name: string) => fileURLToPath(new URL(`../clients/${name}`, import.meta.url));

/** Returns the access key ids that a client has used, in order, without repetitions. */
function usedBy(running: Running): string[] {
  return [...new Set([...running.output().matchAll(/^used (\S+)/gm)].map(([, keyId = '']) => keyId))];
}

/** Runs a client over three sessions, of which two end while it runs. */
async function runsOverThreeSessions(command: string[], { expect }: Pick<TestContext, 'expect'>): Promise<void> {
  // Node 20 gives the SDK for JavaScript a reason to warn.
  const env = { ...sandbox.env, NODE_NO_WARNINGS: '1' };
  const running = start(['exec', '--server', '--', ...command], env);
  others.push(running);
  await holds(
    () => expect([usedBy(running).length > 2, running.output()]).toEqual([true, expect.any(String)]),
    LIMIT - 30_000,
  );
  // Neither has the client ended, nor has STS refused one of its requests: the sandbox rejects sessions that have ended.
  expect(running.child.exitCode).toBeNull();
  expect(running.output().replace(/^(used|the session of \[mfa\] ends) .*\n/gm, '')).toBe('');
  const used = usedBy(running);
  const [first] = used;
  expect(sandbox.sts.session(first ?? '')?.expiration).toBeLessThan(Date.now());
  const outcomes = (keyId: string) =>
    new Set(
      sandbox.sts.requests
        .filter((one) => one.action === 'GetCallerIdentity' && one.accessKeyId === keyId)
        .map(({ outcome }) => outcome),
    );
  for (const keyId of used) await holds(() => expect(outcomes(keyId)).toEqual(new Set(['granted'])));
}

describe.concurrent('a program under exec --server uses three sessions in a row without a restart', () => {
  it('boto3 under exec --server uses three sessions in a row without a restart', {
    ...needs('python3:boto3', 'a boto3 that reads AWS_ENDPOINT_URL'),
    timeout: LIMIT,
  }, async (context) => {
    await runsOverThreeSessions(['python3', client('boto3_client.py')], context);
  });

  it('the AWS SDK for JavaScript under exec --server uses three sessions in a row without a restart', {
    timeout: LIMIT,
  }, async (context) => {
    await runsOverThreeSessions([process.execPath, client('javascript.mjs')], context);
  });

  it('the AWS CLI, started again and again by a script under exec --server, uses three sessions in a row', {
    ...needs('aws', 'an AWS CLI that reads AWS_ENDPOINT_URL'),
    timeout: LIMIT,
  }, async (context) => {
    await runsOverThreeSessions(['sh', client('aws-cli.sh')], context);
  });

  it('the AWS SDK for Go under exec --server uses three sessions in a row without a restart', {
    ...needs('go:aws-sdk-go-v2'),
    timeout: LIMIT + 300_000,
  }, async (context) => {
    const program = join(sandbox.home, 'client');
    const cache = process.env.GOCACHE ?? join(sandbox.home, '.cache', 'go');
    await promisify(execFile)('go', ['build', '-o', program, client('go.go')], {
      env: { ...process.env, GO111MODULE: 'off', GOPATH: goFolder(), GOCACHE: cache },
    });
    await runsOverThreeSessions([program], context);
  });
});
