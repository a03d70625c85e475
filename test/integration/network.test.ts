import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

describe('the agent without a network, and STS on this machine', needs('root', 'network namespaces'), () => {
  it('the agent asks if endpoint_url in ~/.aws/config names this machine', async () => {
    const sandbox = await startSandbox();
    const { AWS_ENDPOINT_URL_STS: url, ...env } = sandbox.env;
    await sandbox.settings('check = * * * * * *\nprompt = terminal\n');
    await writeFile(sandbox.configFile, `[default]\nmfa_serial = ${sandbox.serialNumber}\nendpoint_url = ${url}\n`);
    const agent = start(['run'], env, undefined, ['unshare', '--net']);
    await agent.says(/MFA code of alice/);
    agent.child.kill('SIGTERM');
    await agent.ended;
    await sandbox.close();
  });
});

describe('the agent without a network', needs('root', 'ip', 'network namespaces'), () => {
  let sandbox: Sandbox;
  let agent: Running;
  beforeEach(async () => {
    sandbox = await startSandbox();
  });
  afterEach(async () => {
    agent.child.kill('SIGTERM');
    await agent.ended;
    await sandbox.close();
  });

  it('the agent waits for the network before it asks, and says so', async () => {
    const { AWS_ENDPOINT_URL_STS: _, ...env } = sandbox.env;
    const folder = join(env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.ini'), 'check = * * * * * *\nprompt = terminal\n');
    // `unshare` becomes the agent: its process is the one that we started.
    agent = start(['run'], env, undefined, ['unshare', '--net']);
    await agent.says(/"standing":"held","why":"no network"/);
    expect((await run(['status'], env)).stdout).toContain('held: no network');
    expect(agent.output()).not.toContain('MFA code of alice');

    const cable =
      'ip link add near type veth peer name far && ip addr add 192.0.2.1/24 dev near && ip link set near up && ip link set far up';
    await promisify(execFile)('nsenter', ['--target', String(agent.child.pid), '--net', 'sh', '-c', cable]);
    await agent.says(/MFA code of alice/);
  });
});
