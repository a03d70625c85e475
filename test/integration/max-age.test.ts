import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

const HOUR = 3_600_000;

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  await mkdir(join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent'), { recursive: true });
});
afterEach(() => sandbox.close());

const settings = (text: string) =>
  writeFile(join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent', 'config.ini'), text);

const keyId = async () =>
  parseCredentials(await readFile(sandbox.credentialsFile))
    .profile('mfa')
    ?.values.get('aws_access_key_id');

/** What the agent remembers of its sessions, as if it had been longer ago. */
async function olderBy(milliseconds: number): Promise<void> {
  const file = join(sandbox.env.XDG_STATE_HOME ?? '', 'aws-mfa-agent', 'state.json');
  const state = JSON.parse(await readFile(file, 'utf8'));
  state.expiries[sandbox.credentialsFile].mfa.issued -= milliseconds;
  await writeFile(file, JSON.stringify(state));
}

describe('max_age', () => {
  it('max_age makes a long session due an hour after it was issued', async () => {
    await settings('[mfa]\nmax_age = 1h\n');
    const refreshed = await run(['refresh', '--token-code', sandbox.code()], sandbox.env);
    expect(refreshed).toMatchObject({ status: 0, stderr: expect.stringMatching(/\(1h 00m\)\n$/) });
    expect((await run(['refresh'], sandbox.env)).stderr).toMatch(/still fresh until .* \((59m|1h 00m)\)/);
    const first = await keyId();
    await olderBy(HOUR);
    expect((await run(['status', 'mfa'], sandbox.env)).status).toBe(3);
    expect(await run(['refresh', '--token-code', sandbox.code()], sandbox.env)).toMatchObject({ status: 0 });
    expect(await keyId()).not.toBe(first);
    expect(sandbox.sts.requests.map(({ durationSeconds }) => durationSeconds)).toEqual(['43200', '43200']);
  });

  it('max_age does not invalidate a session that still works', async () => {
    await settings('[mfa]\nmax_age = 1h\n');
    await run(['refresh', '--token-code', sandbox.code()], sandbox.env);
    await olderBy(2 * HOUR);
    expect(await run(['env', '--shell', 'sh'], sandbox.env)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining(`export AWS_ACCESS_KEY_ID='${await keyId()}';`),
      stderr: 'the session of [mfa] is older than max_age allows: aws-mfa-agent refresh mfa\n',
    });
  });

  it('max_age lets exec use an older session when the user cannot be asked, with a note that says why', async () => {
    await settings('prompt = terminal\n[mfa]\nmax_age = 1h\n');
    await run(['refresh', '--token-code', sandbox.code()], sandbox.env);
    await olderBy(2 * HOUR);
    expect(await run(['exec', '--', 'echo', 'ran'], sandbox.env)).toEqual({
      status: 0,
      stdout: 'ran\n',
      stderr: 'the session of [mfa] is older than max_age allows: aws-mfa-agent refresh mfa\n',
    });
  });

  it('max_age makes the agent ask once for another tool’s session by the usual duration of a session', async () => {
    // Half of its twelve hours are over; as one of ours, it would be six hours old.
    const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', 6 * 3600));
    await writeFile(sandbox.credentialsFile, bytes);
    await writeFile(join(sandbox.home, 'code'), `${sandbox.code()}\n`);
    const head = 'check = * * * * * *\nprompt = mfa_process\n[mfa]\n';
    const command = `mfa_process = cat ${join(sandbox.home, 'code')}\n`;
    await settings(`${head}max_age = 7h\n${command}`);
    // The agent also asks AWS whether it accepts the old session.
    const codes = () => sandbox.sts.requests.filter(({ tokenCode }) => tokenCode !== undefined);
    const agent = start(['run'], sandbox.env);
    await agent.says(/"state":"fresh"/);
    expect(codes()).toEqual([]);

    await settings(`${head}max_age = 5h\n${command}`);
    await agent.says(/"standing":"fresh"[\s\S]*"standing":"asking"[\s\S]*"standing":"fresh"/);
    expect(codes()).toMatchObject([{ action: 'GetSessionToken', outcome: 'granted' }]);
    agent.child.kill('SIGTERM');
    await agent.ended;
  });
});
