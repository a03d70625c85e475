import { mkdir, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { describe, it, type TestContext } from 'vitest';
import { CALL_TIMEOUT } from '../../src/aws/call.ts';
import { type HostileServer, startHostile } from '../hostile.ts';
import { start } from '../program.ts';
import { behind, type Sandbox, startSandbox } from '../sandbox.ts';
import { until } from '../within.ts';

// They do nothing but wait, so they wait together.
describe.concurrent('what ends by a limit of its own', () => {
  const switching = (socket: Socket) =>
    void socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n');

  async function sandboxFor({ onTestFinished }: TestContext): Promise<Sandbox> {
    const sandbox = await startSandbox({ tolerance: 9 });
    onTestFinished(() => sandbox.close());
    return sandbox;
  }

  /** An AWS that answers in this way. */
  async function answering(
    answer: (socket: Socket) => void,
    sandbox: Sandbox,
    { onTestFinished }: TestContext,
  ): Promise<HostileServer> {
    const server = await startHostile(answer);
    onTestFinished(() => server.close());
    sandbox.env.AWS_ENDPOINT_URL_STS = server.url;
    return server;
  }

  it('refresh fails with a message after status 101', async (context) => {
    const sandbox = await sandboxFor(context);
    await answering(switching, sandbox, context);
    const ended = await start(['refresh', '--token-code', '123456'], sandbox.env, '').endsWithin(CALL_TIMEOUT + 10_000);
    const stderr = context.expect.stringContaining('no answer within 15 s');
    context.expect(ended).toMatchObject({ status: 1, stdout: '', stderr });
  });

  it.for([
    ['answers with status 101', switching],
    ['does not answer', () => {}],
  ] as const)('the agent ends with SIGTERM when AWS %s', async ([, answer], context) => {
    const sandbox = await sandboxFor(context);
    const server = await answering(answer, sandbox, context);
    await sandbox.settings(`prompt = mfa_process\n[mfa]\nmfa_process = echo 123456\n`);
    const agent = start(['run'], sandbox.env);
    await until('a request', () => server.requests.length > 0, agent.output);
    agent.child.kill('SIGTERM');
    context.expect((await agent.endsWithin(CALL_TIMEOUT + 5_000)).status).toBe(0);
  });

  it('a refresh without a terminal says once why the session is not written, and that it gives up after half a minute', async (context) => {
    const { expect } = context;
    const sandbox = await sandboxFor(context);
    const file = sandbox.credentialsFile;
    const answer = sandbox.hold();
    const running = start(['refresh', '--token-code', sandbox.code()], sandbox.env, '');
    await sandbox.sts.arrival(1);
    await rm(file);
    await mkdir(file);
    answer();
    const { status, stderr } = await running.endsWithin(50_000);
    expect([status, behind(stderr)]).toEqual([
      1,
      `[mfa] has a new session that is not on disk yet: cannot write ${file}: it is a folder; move it away (EISDIR)\n` +
        'aws-mfa-agent: the session was discarded: the next refresh needs a new code\n',
    ]);
  });
});
