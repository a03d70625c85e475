import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds, until } from '../within.ts';

let sandbox: Sandbox;
let agents: Running[];

beforeEach(async () => {
  sandbox = await startSandbox();
  agents = [];
  const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
  await mkdir(folder, { recursive: true });
  // Between two checks by the schedule, only a changed file makes the agent look.
  await writeFile(join(folder, 'config.ini'), `check = 0 0 1 1 *\n[mfa]\nmfa_serial = ${sandbox.serialNumber}\n`);
});
afterEach(async () => {
  for (const { child } of agents) {
    child.kill('SIGTERM');
    child.kill('SIGCONT');
  }
  await Promise.all(agents.map(({ ended }) => ended));
  await sandbox.close();
});

async function startAgent(): Promise<Running> {
  const agent = start(['run'], sandbox.env);
  agents.push(agent);
  await agent.says(/"standing":"\w+"/);
  return agent;
}
/** Starts another agent after the folder of the first one's socket was removed. The first one stands still, as in sleep. */
async function beside(first: Running): Promise<Running> {
  first.child.kill('SIGSTOP');
  await rm(sandbox.runtime, { recursive: true });
  return startAgent();
}
const check = () => utimes(sandbox.credentialsFile, new Date(), new Date());
const snooze = () => run(['snooze', '30m'], sandbox.env);

describe('an agent whose socket is gone', () => {
  it('an agent opens its socket again with the next check when its folder was removed', async () => {
    const agent = await startAgent();
    agent.child.kill('SIGSTOP');
    await rm(sandbox.runtime, { recursive: true });
    expect((await snooze()).stderr).toContain('not running');
    agent.child.kill('SIGCONT');
    await check();
    await agent.says(/the socket was gone; it is open again/);
    expect(await snooze()).toMatchObject({ status: 0, stderr: expect.stringMatching(/^will not ask until/) });
    expect(agent.output().match(/the socket was gone/g)).toHaveLength(1);
  });

  // macOS has no such folder.
  it('an agent moves its socket when the runtime folder is removed or comes back', needs('Linux'), async () => {
    const runtime = dirname(sandbox.runtime);
    const agent = await startAgent();
    await rm(runtime, { recursive: true });
    await check();
    await agent.says(/the socket was gone.*|"folder":"[^"]*state/);
    expect((await snooze()).status).toBe(0);
    // A child that was about to ask may have made it.
    await mkdir(runtime, { mode: 0o700, recursive: true });
    await check();
    await until('the socket is in the new folder', async () => (await snooze()).status === 0);
    // It says so after it has opened it.
    await holds(() => expect(agent.output().match(/the socket was gone/g)).toHaveLength(2));
  });

  it('an agent ends when another one has taken its place, and leaves the socket to it', async () => {
    const first = await startAgent();
    const second = await beside(first);
    first.child.kill('SIGCONT');
    await check();
    expect(await first.ended).toMatchObject({ status: 1 });
    expect(first.output()).toMatch(/"why":"another agent is running \(process \d+\)/);
    expect((await run(['status', '--json'], sandbox.env)).stdout).toContain(`"pid": ${second.child.pid}`);
    expect(await snooze()).toMatchObject({ status: 0 });
  });

  it('an agent that is stopped leaves the socket of another one in its place', async () => {
    const first = await startAgent();
    await beside(first);
    first.child.kill('SIGTERM');
    first.child.kill('SIGCONT');
    await first.ended;
    expect(await snooze()).toMatchObject({ status: 0 });
  });

  it('all commands find an agent that was started without a runtime folder', async () => {
    sandbox.env.XDG_RUNTIME_DIR = '/proc/no/such/folder';
    await startAgent();
    expect(await snooze()).toMatchObject({ status: 0 });
    expect((await run(['status'], sandbox.env)).stdout).toMatch(/snoozed until|asks again at/);
    expect((await run(['run'], sandbox.env)).stderr).toMatch(/another agent is running/);
    expect((await run(['doctor'], sandbox.env)).stdout).not.toMatch(/no agent is running/);
  });
});
