import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Running, run, start } from '../program.ts';
import { ACCOUNT_ID, type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;
let agents: Running[];
/** The file before the agent has written a session into it. */
let before: string;

const ADMIN = `[admin]\nrole_arn = arn:aws:iam::${ACCOUNT_ID}:role/admin\nsource_profile = mfa\n`;

beforeEach(async () => {
  agents = [];
  sandbox = await startSandbox({
    tolerance: 9,
    roles: [{ name: 'admin', mfa: true, maxSessionDuration: 43_200 }],
  });
  await sandbox.settings(`check = * * * * * *\nprompt = terminal\n[mfa]\n${ADMIN}`);
  before = `[mfa]\nregion = eu-west-1\n\n# mine\n[admin]\r\n${await readFile(sandbox.credentialsFile, 'utf8')}`;
  await writeFile(sandbox.credentialsFile, before);
});
afterEach(async () => {
  for (const { child } of agents) child.kill('SIGTERM');
  await Promise.all(agents.map(({ ended }) => ended));
  await sandbox.close();
});

const command = (...args: string[]) => run(args, sandbox.env);
const file = () => readFile(sandbox.credentialsFile, 'utf8');
const actions = () => sandbox.sts.requests.map(({ action }) => action);

function agent(): Running {
  const running = start(['run'], sandbox.env);
  agents.push(running);
  return running;
}

const standing = (profile: string, name: string) => new RegExp(`"profile":"${profile}"[^\\n]*"standing":"${name}"`);

describe('forget without an agent', () => {
  it('forget leaves the file as if there had been no session, and says how long AWS accepts copies', async () => {
    await sandbox.put(sandbox.sts.issue('alice', 7200));
    await sandbox.put(sandbox.sts.issue('alice', 3600), 'admin');
    expect(await command('forget', 'mfa')).toMatchObject({
      status: 0,
      stdout: '',
      stderr: expect.stringMatching(
        /^removed the session of \[mfa\], and the sessions that were made from it: \[admin\]; .* until you run: aws-mfa-agent refresh mfa\nAWS accepts copies until .*\d\d:\d\d.*docs\/iam\.md.*\n$/,
      ),
    });
    expect(await file()).toBe(before);
    expect((await command('forget', 'mfa')).stderr).toMatch(/^\[mfa\] holds no session; .*\n$/);
    expect(actions()).toEqual([]);
  });

  it('forget keeps programs from getting a session, until a user gets one', async () => {
    const marker = join(sandbox.home, 'ran');
    const settings = `[mfa]\nmfa_process = touch '${marker}'\n${ADMIN}`;
    await sandbox.settings(settings);
    await command('forget', 'mfa');
    for (const profile of ['mfa', 'admin']) {
      expect(await command('credential-process', profile)).toMatchObject({
        status: 3,
        stderr: expect.stringMatching(
          /the session of \[mfa\] was removed by "aws-mfa-agent forget"; .*: aws-mfa-agent refresh mfa\n$/,
        ),
      });
    }
    await expect(readFile(marker)).rejects.toThrow('ENOENT');
    const { findings } = JSON.parse((await command('doctor', '--json')).stdout);
    expect(findings.filter(({ check }: { check: string }) => check === 'session.state')).toMatchObject(
      ['[mfa] holds no session: it', '[admin] holds no session: [mfa]'].map((what) => ({
        level: 'ok',
        found: `${what} is forgotten until: aws-mfa-agent refresh mfa`,
      })),
    );
    await command('refresh', 'mfa', '--token-code', sandbox.code());
    expect((await command('credential-process', 'admin')).status).toBe(0);
  });

  it('forget does not touch long-term keys', async () => {
    await sandbox.settings('[work]\n');
    expect(await command('forget')).toMatchObject({ status: 2, stderr: expect.stringMatching(/holds long-term keys/) });
    expect(await file()).toBe(before);
  });
});

describe('forget with an agent', () => {
  it('forget closes the prompt, survives a restart of the agent, and ends with a refresh', async () => {
    const first = agent();
    await first.says(standing('mfa', 'asking'));
    expect((await command('forget', 'mfa')).stderr).toMatch(/^\[mfa\] holds no session; /);
    await first.says(standing('mfa', 'forgotten'));

    await command('refresh', 'mfa', '--token-code', sandbox.code());
    await first.says(standing('admin', 'fresh'));
    expect((await command('forget', 'mfa')).stderr).toMatch(/^removed the session of \[mfa\], .*\[admin\]/);
    expect(await file()).toBe(before);
    expect((await command('status')).stdout).toMatch(/^mfa +missing .* forgotten until the next refresh$/m);
    const asked = actions();

    first.child.kill('SIGTERM');
    await first.ended;
    const second = agent();
    await second.says(standing('mfa', 'forgotten'));
    expect((await command('status')).stdout).toMatch(/^admin +missing .* waiting for a session of \[mfa\]/m);
    expect(actions()).toEqual(asked);

    await command('refresh', 'mfa', '--token-code', sandbox.code());
    await second.says(standing('admin', 'fresh'));
    expect((await command('status')).stdout).not.toContain('forgotten');
  });

  it('forget and exec leave an agent alone that keeps another credentials file', async () => {
    await sandbox.put(sandbox.sts.issue('alice', 7200));
    const running = agent();
    await running.says(standing('admin', 'fresh'));
    const agents = await file();
    const other = join(sandbox.home, 'other');
    await writeFile(other, before);
    await sandbox.settings(`[mfa]\nmfa_process = echo ${sandbox.code()}\n${ADMIN}`);
    const here = (...args: string[]) => run(args, { ...sandbox.env, AWS_SHARED_CREDENTIALS_FILE: other });
    expect(await here('exec', 'mfa', '--', 'true')).toMatchObject({ status: 0, stderr: '' });
    expect(await readFile(other, 'utf8')).not.toBe(before);

    expect((await here('forget', 'mfa')).stderr).toMatch(/^removed the session of \[mfa\]; /);
    expect(await readFile(other, 'utf8')).toBe(before);
    expect(await file()).toBe(agents);
    expect((await command('status')).stdout).toMatch(/^mfa +fresh .* fresh$/m);
  });

  it('forget also removes the session that AWS gives for a code that was sent before', async () => {
    const running = agent();
    await running.says(standing('mfa', 'asking'));
    sandbox.sts.fault({ kind: 'delay', milliseconds: 3_000 });
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await sandbox.sts.arrival(1);
    expect((await command('forget', 'mfa')).stderr).toMatch(/^removed the session of \[mfa\]/);
    await running.says(standing('mfa', 'forgotten'));
    expect(await file()).toBe(before);
    expect(sandbox.sts.requests[0]).toMatchObject({ action: 'GetSessionToken', outcome: 'granted' });
  });
});
