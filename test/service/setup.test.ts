import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { answer, wordsOn } from '../terminal.ts';
import { startUserManager, type UserManager } from './user-manager.ts';

const RETURN = '\r';

describe('setup with a service manager', needs('a user manager'), () => {
  let sandbox: Sandbox;
  let alice: UserManager;
  beforeEach(async () => {
    sandbox = await startSandbox({ tolerance: 9 });
    await writeFile(sandbox.configFile, '');
    alice = await startUserManager(sandbox.home);
  });
  afterEach(async () => {
    await alice?.stop();
    await sandbox?.close();
  });

  it('setup ends with a running agent and a fresh session after Return and one code, and changes nothing the second time', async () => {
    const environment = { AWS_ENDPOINT_URL_STS: sandbox.sts.url, AWS_ENDPOINT_URL_IAM: sandbox.sts.url };
    const first = alice.onTerminal(['aws-mfa-agent', 'setup'], environment);
    await answer(first, [
      [/Which profile/, RETURN],
      [/Which MFA device/, RETURN],
      [/How long before/, RETURN],
      [/Start the agent now/, RETURN],
      [/MFA code of alice in account 123456789012: /, () => `${sandbox.code()}${RETURN}`],
    ]);
    expect((await first.ended).status).toBe(0);
    expect(wordsOn(first)).toContain('The agent runs as a systemd user service');
    await alice.becomes('StatusText', /^\[mfa\] fresh until/);
    const files = () => ['.config/aws-mfa-agent/config.ini', '.aws/credentials'].map(alice.read);
    const [before, process] = [files(), await alice.property('MainPID')];

    const second = alice.onTerminal(['aws-mfa-agent', 'setup'], environment);
    await answer(second, [
      [/Which profile/, RETURN],
      [/Which MFA device/, RETURN],
      [/How long before/, RETURN],
    ]);
    expect((await second.ended).status).toBe(0);
    expect(wordsOn(second)).toContain('The agent is already running as a systemd user service');
    expect(files()).toEqual(before);
    expect(await alice.property('MainPID')).toBe(process);
  });

  it('setup starts no agent when one is running in a terminal', async () => {
    const environment = { AWS_ENDPOINT_URL_STS: sandbox.sts.url, AWS_ENDPOINT_URL_IAM: sandbox.sts.url };
    const setup = () => alice.run(['aws-mfa-agent', 'setup', '--yes', '--no-refresh'], environment);
    expect(
      await alice.run(['aws-mfa-agent', 'setup', '--yes', '--no-refresh', '--no-install'], environment),
    ).toMatchObject({
      status: 0,
    });
    const agent = alice.onTerminal(['aws-mfa-agent', 'run'], environment);
    await agent.says(/the agent runs/);
    expect(await setup()).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/already running, but not as a service/),
    });
    agent.child.stdin?.write('\x03');
    agent.child.kill();
    await agent.ended;
  });
});
