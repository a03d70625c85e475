import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds, until } from '../within.ts';

let sandbox: Sandbox;
let agents: Running[];

beforeEach(async () => {
  agents = [];
  sandbox = await startSandbox({ tolerance: 9 });
  await mkdir(join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent'), { recursive: true });
  await settings('check = * * * * * *\nprompt = terminal\n');
});
afterEach(async () => {
  for (const { child } of agents) child.kill('SIGTERM');
  await Promise.all(agents.map(({ ended }) => ended));
  await sandbox.close();
});

const settings = (text: string) =>
  writeFile(join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent', 'config.ini'), text);

function agent(env: NodeJS.ProcessEnv = {}, ...options: string[]): Running {
  const running = start(['run', ...options], { ...sandbox.env, ...env });
  agents.push(running);
  return running;
}

const profile = async () => parseCredentials(await readFile(sandbox.credentialsFile)).profile('mfa')?.values;

/** Writes a session as another tool would, and replaces the file as a whole. */
async function put(session: MfaSession): Promise<void> {
  const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', session);
  await writeFile(`${sandbox.credentialsFile}.other`, bytes);
  await rename(`${sandbox.credentialsFile}.other`, sandbox.credentialsFile);
}

/** Without a line that says when it ends. */
async function putWithoutExpiry(session: MfaSession): Promise<void> {
  await put(session);
  const text = await readFile(sandbox.credentialsFile, 'utf8');
  await writeFile(sandbox.credentialsFile, text.replace(/^expiration.*\n/m, ''));
}

async function refreshedBy(running: Running): Promise<void> {
  await running.says(/session refreshed/);
  const keyId = (await profile())?.get('aws_access_key_id') ?? '';
  expect(sandbox.sts.session(keyId)).toMatchObject({ userName: 'alice', mfa: true });
}

/** The 30 s of a code must not end between two steps of a test. */
async function untilEarlyInStep(): Promise<void> {
  while (Date.now() % 30_000 > 20_000) await new Promise((resolve) => setTimeout(resolve, 250));
}

const ASKING = /"standing":"asking"/;
const FRESH = /"standing":"fresh"/;

describe('the agent', () => {
  it.each<[string, () => Promise<void> | void]>([
    ['missing', () => {}],
    ['due', () => put(sandbox.sts.issue('alice', 600))],
    ['expired', () => put(sandbox.sts.issue('alice', -60))],
    ['unknown', () => putWithoutExpiry(sandbox.sts.issue('alice', -60))],
  ])('the agent asks for a session that is %s, and writes the new one', async (state, arrange) => {
    await arrange();
    const running = agent();
    await running.says(ASKING);
    expect(running.output()).toContain(`"state":"${state}"`);
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await refreshedBy(running);
  });

  it('the agent says on its terminal that AWS is slow, and the result of the code', async () => {
    const answer = sandbox.hold();
    const running = agent();
    await running.says(/MFA code of alice in account 123456789012: /);
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await running.says(/^Checking with AWS…$/m);
    answer();
    await running.says(/^\[mfa\] is fresh until .*$/m);
  });

  it('the agent says on its terminal when it asks again after an outage', async () => {
    sandbox.sts.fault({ kind: 'unavailable' });
    const running = agent();
    await running.says(/MFA code of alice in account 123456789012: /);
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await running.says(
      /^\[mfa\] was not refreshed: AWS is busy .* The agent asks again when AWS answers, at (\w+ )?\d\d:\d\d/m,
    );
  });

  it.each<[string, () => Promise<void>]>([
    ['fresh', () => put(sandbox.sts.issue('alice', 3600))],
    ['without an expiry and alive', () => putWithoutExpiry(sandbox.sts.issue('alice', 3600))],
  ])('the agent does not ask for a session that is %s', async (_, arrange) => {
    await arrange();
    const running = agent();
    await running.says(FRESH);
    expect(running.output()).not.toMatch(ASKING);
  });

  it('the agent reports neither sleep nor a clock that was set when its checks are three seconds apart', async () => {
    // Further apart than what counts as noise of the clocks.
    await settings('check = */3 * * * * *\nprompt = terminal\n');
    const running = agent({}, '--debug');
    await running.says(/("reason":"schedule".*){2}/s);
    expect(running.output().match(/the machine slept|the clock was set/g)).toBeNull();
  });

  it('the agent asks again after a wrong code with the reason, and waits after three', async () => {
    const running = agent();
    await running.says(ASKING);
    for (let wrong = 1; wrong <= 3; wrong++) {
      running.child.stdin?.write(`${String(Number(sandbox.wrongCode()) + wrong).padStart(6, '0')}\n`);
      await sandbox.sts.arrival(wrong);
    }
    await running.says(/"standing":"waiting"/);
    expect(running.output()).toMatch(/AWS refused that code/);
  });

  it('the agent does not ask without end when AWS gives sessions that are shorter than the lead time', async () => {
    await settings('check = * * * * * *\nprompt = terminal\nprompt_before = 2h\n');
    sandbox.alice.root = true;
    const running = agent();
    await running.says(ASKING);
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await running.says(/"state":"fresh","standing":"fresh"/);
    expect((await run(['status', 'mfa'], sandbox.env)).status).toBe(0);
    expect(running.output().match(/MFA code of alice/g)).toHaveLength(1);
  });

  it('the agent notices the end of a session that it asks for before the next check of a slow schedule', async () => {
    await settings('check = 0 0 1 1 *\nprompt = terminal\n');
    await put(sandbox.sts.issue('alice', 3600));
    const running = agent();
    await running.says(FRESH);
    // Another one where the agent looked only after the end.
    await until('a session that is due', async () => {
      await put(sandbox.sts.issue('alice', 5));
      await running.says(ASKING);
      return running.output().includes('"state":"due","standing":"asking"');
    });
    await running.says(/"state":"due","standing":"asking".*"state":"expired","standing":"asking"/s);
  });

  it('the agent closes the prompt as soon as another process has refreshed the session', async () => {
    const running = agent();
    await running.says(ASKING);
    await put(sandbox.sts.issue('alice', 3600));
    await running.says(FRESH);
    expect(sandbox.sts.requests).toEqual([]);
  });

  it('the agent notices a refresh by the command, so the user is asked once', async () => {
    const running = agent();
    await running.says(ASKING);
    expect((await run(['refresh', '--token-code', sandbox.code()], sandbox.env)).status).toBe(0);
    await running.says(FRESH);
    const status = JSON.parse((await run(['status', '--json'], sandbox.env)).stdout);
    expect(status.agent.pid).toBe(running.child.pid);
    expect(status.profiles).toMatchObject([{ profile: 'mfa', state: 'fresh' }]);
  });

  it('a second agent of a user says that one is running, and exits', async () => {
    const first = agent();
    await first.says(/the agent runs/);
    const second = await run(['run'], sandbox.env);
    expect(second).toMatchObject({ status: 1, stderr: expect.stringContaining(`process ${first.child.pid}`) });
  });

  it('the agent starts after another agent was killed', async () => {
    const first = agent();
    await first.says(/the agent runs/);
    first.child.kill('SIGKILL');
    await first.ended;
    await agent().says(/the agent runs/);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('the agent exits cleanly on %s during a prompt', async (signal) => {
    const running = agent();
    await running.says(ASKING);
    running.child.kill(signal);
    expect((await running.ended).status).toBe(0);
  });

  it('the agent uses changed settings at once, and keeps the old ones when the new ones are wrong', async () => {
    await put(sandbox.sts.issue('alice', 3600));
    const running = agent();
    await running.says(FRESH);
    await settings('prompt_before = 5 apples\n');
    await running.says(/the new settings are not used/);
    expect(running.output()).toContain('5 apples');
    await settings('check = * * * * * *\nprompt = terminal\nprompt_before = 2h\n');
    running.child.kill('SIGHUP');
    await running.says(ASKING);
  });

  it.each(['mkdir', 'mkfifo'])(
    'the agent survives a credentials file that cannot be read (%s), and continues when it can',
    async (make) => {
      const good = await readFile(sandbox.credentialsFile);
      await rm(sandbox.credentialsFile);
      execFileSync(make, [sandbox.credentialsFile]);
      const running = agent();
      await running.says(/check failed/);
      await rm(sandbox.credentialsFile, { recursive: true });
      await writeFile(sandbox.credentialsFile, good);
      await running.says(ASKING);
      running.child.stdin?.write(`${sandbox.code()}\n`);
      await refreshedBy(running);
    },
  );

  it('the agent keeps a session that cannot be written, does not ask for another, and writes it as soon as it can', async () => {
    const good = await readFile(sandbox.credentialsFile);
    const running = agent();
    await running.says(ASKING);
    const answer = sandbox.hold();
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await sandbox.sts.arrival(1);
    await rm(sandbox.credentialsFile);
    await mkdir(sandbox.credentialsFile);
    answer();
    await running.says(/it is kept in memory/);
    await rm(sandbox.credentialsFile, { recursive: true });
    await writeFile(sandbox.credentialsFile, good);
    await running.says(/kept in memory is written now/);
    await running.says(FRESH);
    expect(sandbox.sts.requests).toHaveLength(1);
    expect(sandbox.sts.session((await profile())?.get('aws_access_key_id') ?? '')).toMatchObject({ mfa: true });
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'the agent that gets %s while AWS has the code waits for the session, and writes it',
    async (signal) => {
      await settings('check = * * * * * *\nprompt = terminal\n');
      const running = agent();
      await running.says(ASKING);
      const answer = sandbox.hold();
      running.child.stdin?.write(`${sandbox.code()}\n`);
      await sandbox.sts.arrival(1);
      running.child.kill(signal);
      await running.says(/the agent stops/);
      answer();
      expect((await running.ended).status).toBe(0);
      const [{ outcome } = { outcome: '' }] = sandbox.sts.requests;
      expect(outcome).toBe('granted');
      expect(sandbox.sts.session((await profile())?.get('aws_access_key_id') ?? '')).toMatchObject({ mfa: true });
    },
  );

  it('the agent that is killed while AWS has the code leaves the session to its child', async () => {
    await writeFile(join(sandbox.home, 'code'), sandbox.code());
    await settings(`check = * * * * * *\n[mfa]\nmfa_process = cat ${join(sandbox.home, 'code')}\n`);
    await untilEarlyInStep();
    const answer = sandbox.hold();
    const running = agent();
    await sandbox.sts.arrival(1);
    running.child.kill('SIGKILL');
    await until('the agent has ended', () => running.child.signalCode === 'SIGKILL');
    answer();
    const written = async () => sandbox.sts.session((await profile())?.get('aws_access_key_id') ?? '')?.mfa;
    await holds(async () => expect(await written()).toBe(true), 15_000);
  });

  it('the agent says once that it cannot ask here, shows it in the status, and tries again', async () => {
    await settings('check = * * * * * *\nremind_every = 30s\nprompt = zenity\n');
    const running = agent();
    await running.says(/cannot ask here/);
    const { stdout } = await run(['status'], sandbox.env);
    expect(stdout).toMatch(/ nothing to ask with: .*; run `aws-mfa-agent doctor`; asks again at/);
    await settings('check = * * * * * *\nremind_every = 30s\nprompt = terminal\n');
    await running.says(/MFA code of alice/);
    expect(running.output().match(/cannot ask here/g)).toHaveLength(1);
  });

  it('the agent asks for profiles of one device one after another, and says that the second needs the next code', async () => {
    const serial = `mfa_serial = ${sandbox.serialNumber}`;
    await settings(`check = * * * * * *\nprompt = terminal\n[one]\n${serial}\n[two]\n${serial}\n`);
    const running = agent();
    await running.says(/"profile":"two","state":"missing","standing":"queued","behind":"one"/);
    await untilEarlyInStep();
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await running.says(/"profile":"one".*session refreshed/);
    await running.says(/AWS session \[two\] needs a code\.\nThe code that your device shows now was already used/);
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await running.says(/"profile":"two".*session refreshed/);
  });

  it('the agent uses the code that a command prints', async () => {
    const command = `mfa_process = cat ${join(sandbox.home, 'code')}`;
    await settings(`check = * * * * * *\n[mfa]\n${command}\n`);
    await writeFile(join(sandbox.home, 'code'), `aws  ${sandbox.code()}\n`);
    const running = agent();
    await refreshedBy(running);
  });

  describe('the child process that asks', () => {
    /** A command that asks for a long time, and writes the process ids of its parent and of itself to a file. */
    const slow = () =>
      settings(
        `check = * * * * * *\nremind_every = 30s\n[mfa]\nmfa_process = echo $PPID $$ >${join(sandbox.home, 'ids')} && exec sleep 600\n`,
      );
    const ids = async () => {
      const file = join(sandbox.home, 'ids');
      await holds(async () => expect(await readFile(file, 'utf8').catch(() => '')).toMatch(/\n/));
      return (await readFile(file, 'utf8')).trim().split(' ').map(Number) as [number, number];
    };
    const lives = (id: number) => {
      try {
        return process.kill(id, 0);
      } catch {
        return false;
      }
    };

    it('the agent survives when its child that asks is killed, and says so', async () => {
      await slow();
      const running = agent();
      const [child] = await ids();
      process.kill(child, 'SIGKILL');
      await running.says(/the process for \\"refresh\\" ended without a result \(SIGKILL\)/);
      await running.says(/cannot ask here: an unexpected error/);
      await writeFile(join(sandbox.home, 'code'), sandbox.code());
      await settings(`check = * * * * * *\n[mfa]\nmfa_process = cat ${join(sandbox.home, 'code')}\n`);
      await refreshedBy(running);
    });

    it.each(['SIGKILL', 'SIGTERM'] as const)(
      'the child that asks leaves no process when the agent ends by %s',
      async (signal) => {
        await slow();
        const running = agent();
        const [child, command] = await ids();
        expect([lives(child), lives(command)]).toEqual([true, true]);
        running.child.kill(signal);
        await holds(() => expect(lives(child) || lives(command)).toBe(false));
      },
    );
  });

  it('the agent stops asking when a code cannot help, says why, and continues when the file is fixed', async () => {
    const good = await readFile(sandbox.credentialsFile);
    await writeFile(sandbox.credentialsFile, '[other]\n');
    const running = agent();
    await running.says(ASKING);
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await running.says(/"standing":"stopped"/);
    expect(running.output()).toContain('no long-term keys of [default]');
    await writeFile(sandbox.credentialsFile, good);
    await running.says(/"standing":"asking".*"standing":"stopped".*"standing":"asking"/s);
  });

  it('the agent uses a device that is added to the credentials file', async () => {
    const keys = await readFile(sandbox.credentialsFile, 'utf8');
    await writeFile(sandbox.configFile, '[default]\nmfa_serial = GAHT12345678\n');
    await put(sandbox.sts.issue('alice', 3600));
    const running = agent();
    await running.says(FRESH);
    await writeFile(sandbox.credentialsFile, keys.replace('[default]', `$&\nmfa_serial = ${sandbox.serialNumber}`));
    await running.says(/settings reloaded/);
    await running.says(ASKING);
    running.child.stdin?.write(`${sandbox.code()}\n`);
    await refreshedBy(running);
    expect(sandbox.sts.requests.map(({ serialNumber }) => serialNumber)).toContain(sandbox.serialNumber);
  });

  it('the agent does not start with wrong settings, or without an MFA device', async () => {
    await settings('prompt_befor = 5m\n');
    expect(await run(['run'], sandbox.env)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('prompt_before'),
    });
    await settings('');
    await writeFile(sandbox.configFile, '');
    expect(await run(['run'], sandbox.env)).toMatchObject({ status: 2, stderr: expect.stringContaining('mfa_serial') });
  });
});
