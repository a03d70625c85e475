import { chmod, mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { needs } from '../needs.ts';
import { PROGRAM, type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { onTerminal, quoted } from '../terminal.ts';
import { holds } from '../within.ts';

let sandbox: Sandbox;
let others: Running[];

beforeEach(async () => {
  others = [];
  sandbox = await startSandbox({ tolerance: 9 });
});
afterEach(async () => {
  for (const { child } of others) child.kill('SIGKILL');
  await Promise.all(others.map(({ ended }) => ended));
  await sandbox.close();
});

const issue = (seconds: number) => sandbox.sts.issue('alice', seconds);
const put = (session: MfaSession) => sandbox.put(session);
const held = async () => parseCredentials(await readFile(sandbox.credentialsFile)).profile('mfa')?.values;
const settings = (text: string) => sandbox.settings(text);

const NODE = process.execPath;
const exec = (...args: string[]) => run(['exec', ...args], sandbox.env);
const script = (code: string) => ['--', NODE, '-e', code];
const SHOW = 'process.stdout.write(JSON.stringify(process.env))';

describe('exec', () => {
  it('exec changes nothing in the environment except what chooses the keys', async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await put(issue(3600));
    const env = {
      ...sandbox.env,
      AWS_PROFILE: 'work',
      AWS_DEFAULT_PROFILE: 'work',
      AWS_SECURITY_TOKEN: 'old',
      AWS_SESSION_TOKEN: 'old',
      AWS_REGION: 'eu-west-3',
      ODD: 'a=b\nc',
    };
    const ended = await run(['exec', 'mfa', ...script(SHOW)], env);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    const { AWS_PROFILE: _, AWS_DEFAULT_PROFILE: __, AWS_SECURITY_TOKEN: ___, ...kept } = env;
    expect(JSON.parse(ended.stdout)).toEqual({
      ...kept,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_SESSION_TOKEN: sessionToken,
      AWS_CREDENTIAL_EXPIRATION: new Date(expiration).toISOString().replace('.000', ''),
    });
  });

  it('exec passes every word to the command unchanged, also options', async () => {
    await put(issue(3600));
    const words = ['--config', '-x', '--help', '', 'a b', '--', '*', '$HOME', 'mfa'];
    const ended = await exec(...script('process.stdout.write(JSON.stringify(process.argv.slice(1)))'), '--', ...words);
    // The first dashes after a script are for Node.
    expect(ended).toMatchObject({ status: 0, stdout: JSON.stringify(words) });
    const settingsFile = join(sandbox.home, 'other.ini');
    await writeFile(settingsFile, '[mfa]\n[two]\n');
    expect((await exec('mfa', '--config', settingsFile, '--', 'true')).status).toBe(0);
    expect(await exec('--config', settingsFile, '--', 'true')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('name the profile: [mfa], [two]'),
    });
  });

  it.each([
    [[]],
    [['mfa']],
    [['--']],
    [['mfa', '--']],
    [['mfa', 'two', '--', 'true']],
    [['true']],
    [['--nope', '--', 'true']],
  ])('exec runs nothing for %j, which is not a profile and a command', async (words) => {
    await put(issue(3600));
    expect(await exec(...words)).toMatchObject({ status: 2, stdout: '', stderr: expect.stringMatching(/./) });
  });

  it('exec passes on standard input, output and the exit status', async () => {
    await put(issue(3600));
    const code = 'process.stdin.pipe(process.stdout); console.error("oops"); process.exitCode = 42';
    expect(await run(['exec', ...script(code)], sandbox.env, 'text\n')).toEqual({
      status: 42,
      stdout: 'text\n',
      stderr: 'oops\n',
    });
  });

  it('exec reports like a shell what cannot be run: 127 not found, 126 not executable', async () => {
    await put(issue(3600));
    expect(await exec('--', 'no-such-program-here')).toMatchObject({
      status: 127,
      stdout: '',
      stderr: 'aws-mfa-agent: no-such-program-here: command not found\n',
    });
    const file = join(sandbox.home, 'file');
    await writeFile(file, '#!/bin/sh\n');
    for (const plain of [file, sandbox.home]) {
      expect(await exec('--', plain)).toMatchObject({
        status: 126,
        stderr: expect.stringContaining(`cannot run ${plain}`),
      });
    }
    await chmod(file, 0o755);
    expect((await exec('--', file)).status).toBe(0);
  });

  it.each(['SIGTERM', 'SIGHUP', 'SIGINT'] as const)(
    'exec passes %s on, and ends as the command does',
    async (signal) => {
      await put(issue(3600));
      const caught = start(
        [
          'exec',
          ...script(`process.on('${signal}', () => process.exit(7)); setInterval(() => {}, 1000); console.log('up')`),
        ],
        sandbox.env,
      );
      await caught.says(/up/);
      caught.child.kill(signal);
      expect((await caught.ended).status).toBe(7);

      const died = start(['exec', ...script("setInterval(() => {}, 1000); console.log('up')")], sandbox.env);
      await died.says(/up/);
      died.child.kill(signal);
      await died.ended;
      expect(died.child.signalCode).toBe(signal);
    },
  );

  it.each([
    ['SIGKILL', 'SIGKILL', null],
    ['SIGABRT', null, 134],
    ['SIGPIPE', null, 141],
    ['SIGUSR2', null, 140],
  ] as const)('exec ends by %s in the form that shells expect', async (signal, signalCode, status) => {
    await put(issue(3600));
    // Node itself would catch some of them.
    const ended = start(['exec', '--', 'sh', '-c', `kill -${signal.slice(3)} $$`], sandbox.env);
    await ended.ended;
    expect(ended.child).toMatchObject({ signalCode, exitCode: status });
  });

  it('exec runs nothing, says why and exits with 3 when there is no session and the user cannot be asked', async () => {
    await settings('prompt = terminal\n');
    const ended = await exec('--', 'echo', 'ran');
    expect(ended).toMatchObject({
      status: 3,
      stdout: '',
      stderr: expect.stringMatching(
        /^aws-mfa-agent: the session of \[mfa\] was not refreshed: terminal: not run in .*refresh mfa\)\n$/,
      ),
    });
  });

  it('exec runs the command with a session that is due when the user cannot be asked, and says so', async () => {
    await settings('prompt = terminal\n');
    await put(issue(600));
    expect(await exec('--', 'echo', 'ran')).toMatchObject({
      status: 0,
      stdout: 'ran\n',
      stderr: expect.stringMatching(/^the session of \[mfa\] ends in 9m/),
    });
  });

  it('exec refreshes a session that is due with the code of a command', async () => {
    const old = await put(issue(600));
    await writeFile(join(sandbox.home, 'code'), sandbox.code());
    await settings(`[mfa]\nmfa_process = cat '${join(sandbox.home, 'code')}'\n`);
    const ended = await exec(...script('console.log(process.env.AWS_ACCESS_KEY_ID)'));
    expect(ended.status).toBe(0);
    expect(ended.stdout.trim()).not.toBe(old.accessKeyId);
    expect(ended.stdout.trim()).toBe((await held())?.get('aws_access_key_id'));
  });

  it('exec runs the command with the new session also when it cannot be written', async () => {
    await writeFile(join(sandbox.home, 'code'), sandbox.code());
    await settings(`[mfa]\nmfa_process = cat '${join(sandbox.home, 'code')}'\n`);
    const answer = sandbox.hold();
    const running = exec(...script('console.log(process.env.AWS_ACCESS_KEY_ID)'));
    await sandbox.sts.arrival(1);
    // An old folder in the place of the lock, that cannot be removed.
    const lock = `${sandbox.credentialsFile}.lock`;
    await mkdir(join(lock, 'in-the-way'), { recursive: true });
    await utimes(lock, new Date(), new Date(Date.now() - 60_000));
    answer();
    const ended = await running;
    expect(ended).toMatchObject({
      status: 0,
      stderr: expect.stringContaining('[mfa] has a new session that is not on disk yet'),
    });
    expect(sandbox.sts.session(ended.stdout.trim())).toMatchObject({ mfa: true });
  });

  it('exec asks also when something has the name of the lock that limits asking to one command', async () => {
    await writeFile(join(sandbox.home, 'code'), sandbox.code());
    await settings(`[mfa]\nmfa_process = cat '${join(sandbox.home, 'code')}'\n`);
    const lock = join(sandbox.env.XDG_STATE_HOME ?? '', 'aws-mfa-agent', 'asking.lock');
    await mkdir(join(lock, 'in-the-way'), { recursive: true });
    await utimes(lock, new Date(), new Date(Date.now() - 60_000));
    expect(await exec('--', 'echo', 'ran')).toEqual({ status: 0, stdout: 'ran\n', stderr: '' });
  });

  it('exec --min refreshes a session first when less is left, and not when enough is', async () => {
    const code = join(sandbox.home, 'code');
    await writeFile(code, sandbox.code());
    await settings(`[mfa]\nduration_seconds = 7200\nmfa_process = cat '${code}'\n`);
    const old = await put(issue(3600));
    const show = script('process.stdout.write(process.env.AWS_ACCESS_KEY_ID)');
    expect((await exec('--min', '30m', ...show)).stdout).toBe(old.accessKeyId);
    const { stdout, status } = await exec('--min', '1h30m', ...show);
    expect(status).toBe(0);
    expect(stdout).not.toBe(old.accessKeyId);
    expect(stdout).toBe((await held())?.get('aws_access_key_id'));
    // The new session is long enough.
    expect((await exec('--min', '1h30m', ...show)).stdout).toBe(stdout);
    expect(sandbox.sts.requests.filter(({ action }) => action === 'GetSessionToken')).toHaveLength(1);
  });

  it('exec --min runs the command with a shorter session when the user cannot be asked, and says so', async () => {
    await settings('prompt = terminal\n');
    await put(issue(3600));
    expect(await exec('--min', '2h', '--', 'echo', 'ran')).toMatchObject({
      status: 0,
      stdout: 'ran\n',
      stderr: expect.stringMatching(/^the session of \[mfa\] ends in 59m/),
    });
  });

  it('exec --min assumes a role again when less is left', async () => {
    const arn = 'arn:aws:iam::123456789012:role/admin';
    sandbox.roles.push({ name: 'admin', mfa: true, maxSessionDuration: 3600 });
    await settings(`[mfa]\n[admin]\nrole_arn = ${arn}\nsource_profile = mfa\n`);
    await put(issue(3600));
    const bytes = withSession(await readFile(sandbox.credentialsFile), 'admin', issue(1800));
    await writeFile(sandbox.credentialsFile, bytes);
    const show = script('process.stdout.write(process.env.AWS_ACCESS_KEY_ID)');
    const { stdout } = await exec('--min', '20m', '--profile', 'admin', ...show);
    expect(sandbox.sts.session(stdout)?.role).toBeUndefined();
    const longer = await exec('--min', '50m', '--profile', 'admin', ...show);
    expect(sandbox.sts.session(longer.stdout)).toMatchObject({ role: 'admin' });
  });

  it.each(['', '0s', 'long', '12h', '2d'])('exec --min %j is an error that names what is allowed', async (min) => {
    await put(issue(3600));
    expect(await exec('--min', min, '--', 'echo', 'ran')).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringMatching(
        /--min .*: must be a duration such as 30m, and less than the 12h that the sessions of \[mfa\] last/,
      ),
    });
  });

  it('--profile names the profile like the argument, in every command that takes one', async () => {
    await settings('[mfa]\n[two]\n');
    const { accessKeyId } = await put(issue(3600));
    const show = ['sh', '-c', 'printf %s "$AWS_ACCESS_KEY_ID"'];
    expect((await exec('--profile', 'mfa', '--', ...show)).stdout).toBe(accessKeyId);
    expect((await exec('--profile', 'mfa', 'printenv', 'AWS_ACCESS_KEY_ID')).stdout).toBe(`${accessKeyId}\n`);
    for (const [command = '', ...words] of [['env'], ['status'], ['credential-process'], ['refresh']]) {
      const [named, given] = await Promise.all([
        run([command, '--profile', 'mfa', ...words], sandbox.env),
        run([command, 'mfa', ...words], sandbox.env),
      ]);
      expect([given.status, named.status]).toEqual([0, 0]);
      expect(named.stdout.slice(0, 20)).toBe(given.stdout.slice(0, 20));
      const wrong = await run([command, '--profile', 'three', ...words], sandbox.env);
      expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining('no profile [three]') });
    }
    expect(await run(['env', 'two', '--profile', 'mfa'], sandbox.env)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('two and --profile mfa: name one profile'),
    });
    expect(await run(['snooze', '1h', 'two', '--profile', 'mfa'], sandbox.env)).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('two and --profile mfa: name one profile'),
    });
  });

  it('exec makes the running agent ask when there is no terminal, and waits for it, which it says once', async () => {
    await settings('check = 0 0 1 1 *\nprompt = terminal\n');
    const agent = start(['run'], sandbox.env);
    others.push(agent);
    await agent.says(/"standing":"asking"/);
    const command = start(['exec', ...script('console.log(process.env.AWS_ACCESS_KEY_ID)')], sandbox.env);
    await command.says(/waiting for a session/);
    agent.child.stdin?.write(`${sandbox.code()}\n`);
    const { status, stdout, stderr } = await command.ended;
    expect(status).toBe(0);
    expect(stderr).toBe('waiting for a session of [mfa]: the agent asks for the code\n');
    expect(sandbox.sts.session(stdout.trim())).toMatchObject({ mfa: true });
    expect(sandbox.sts.requests).toHaveLength(1);
  });

  it('exec runs nothing when the agent must not ask', async () => {
    await settings('check = 0 0 1 1 *\nprompt = terminal\n');
    const agent = start(['run'], sandbox.env);
    others.push(agent);
    await agent.says(/"standing":"asking"/);
    expect((await run(['snooze', '1h'], sandbox.env)).status).toBe(0);
    expect(await exec('--', 'echo', 'ran')).toMatchObject({
      status: 3,
      stdout: '',
      stderr: expect.stringContaining('was not refreshed: snoozed until'),
    });
  });
});

function terminalWith(line: string, env: NodeJS.ProcessEnv = {}): Running {
  const terminal = onTerminal(line, { ...sandbox.env, ...env });
  others.push(terminal);
  return terminal;
}

describe('exec on a terminal', needs('Linux', 'script'), () => {
  const line = (...words: string[]) => quoted([NODE, PROGRAM, 'exec', '--', ...words]);

  it('exec asks on the terminal, and runs the command after a correct code', async () => {
    const terminal = terminalWith(line('sh', '-c', 'test -t 0 && test -t 1 && echo "ran with $AWS_ACCESS_KEY_ID"'));
    await terminal.says(/MFA code of alice in account 123456789012: /);
    terminal.child.stdin?.write(`${sandbox.code()}\n`);
    await terminal.says(/ran with ASIA/);
    expect((await terminal.ended).status).toBe(0);
    expect(terminal.output()).toContain(`ran with ${(await held())?.get('aws_access_key_id')}`);
  });

  it('exec asks and shows the result on the terminal when standard error is a file', async () => {
    const terminal = terminalWith(`${line('echo', 'ran')} 2>${sandbox.home}/log`);
    await terminal.says(/MFA code of alice in account 123456789012: /);
    terminal.child.stdin?.write(`${sandbox.code()}\r`);
    await terminal.says(/\[mfa\] is fresh until .*\sran/s);
    expect((await terminal.ended).status).toBe(0);
    expect(await readFile(`${sandbox.home}/log`, 'utf8')).toBe('');
  });

  it('exec runs nothing when the user enters no code, also while the old session still works', async () => {
    await put(issue(600));
    const terminal = terminalWith(line('echo', 'ran'));
    await terminal.says(/MFA code of alice/);
    terminal.child.stdin?.write('\x04');
    expect((await terminal.ended).status).toBe(3);
    expect(terminal.output()).toContain('[mfa] was not refreshed: no code was entered');
    expect(terminal.output()).not.toMatch(/^ran/m);
  });

  it('exec closes its prompt when another process has refreshed the session', async () => {
    const terminal = terminalWith(line('echo', 'ran'));
    await terminal.says(/MFA code of alice/);
    await put(issue(3600));
    await terminal.says(/ran\r\n/);
    expect((await terminal.ended).status).toBe(0);
    expect(sandbox.sts.requests).toEqual([]);
  });

  it('exec asks on the terminal while the command reads from a pipe', async () => {
    const terminal = terminalWith(`echo piped | ${line('sh', '-c', 'read x; echo "ran with $x"')}`);
    await terminal.says(/MFA code of alice/);
    terminal.child.stdin?.write(`${sandbox.code()}\n`);
    await terminal.says(/ran with piped/);
  });

  it('exec leaves Ctrl-C to the command, which gets it once', async () => {
    await put(issue(3600));
    const code = `let n = 0; process.on('SIGINT', () => { n++; setTimeout(() => { console.log('interrupts: ' + n); process.exit(5) }, 300) });
      setInterval(() => {}, 1000); console.log('up')`;
    const terminal = terminalWith(`trap : INT; ${line(NODE, '-e', code)}; echo "status $?"`);
    await terminal.says(/up/);
    terminal.child.stdin?.write('\x03');
    await terminal.says(/interrupts: 1\r?\n.*status 5/s);
  });

  it('exec ends a script by Ctrl-C as the command itself would', async () => {
    await put(issue(3600));
    const run = quoted(['bash', '-c', `${line('sh', '-c', 'echo up; exec sleep 60')}; echo went on`]);
    const terminal = terminalWith(run);
    await terminal.says(/up/);
    terminal.child.stdin?.write('\x03');
    await terminal.ended;
    expect(terminal.output()).not.toContain('went on');
  });

  it('exec is stopped by Ctrl-Z together with the command, and both continue', async () => {
    await put(issue(3600));
    const terminal = terminalWith('bash --norc --noprofile -i', { PS1: '> ', HISTFILE: '' });
    await terminal.says(/> /);
    terminal.child.stdin?.write(`${line('sh', '-c', 'echo u""p $$; read x; echo "got $x"')}\n`);
    await terminal.says(/^up \d+\r/m);
    terminal.child.stdin?.write('\x1a');
    await terminal.says(/Stopped/);
    // The shell knows only that our program has stopped. Its command may still be about to, and would read what is typed.
    const [, pid] = /^up (\d+)/m.exec(terminal.output()) ?? [];
    await holds(async () => expect(await readFile(`/proc/${pid}/stat`, 'latin1')).toMatch(/\) T /));
    terminal.child.stdin?.write('fg\n');
    await terminal.says(/fg\r?\n.*exec/s);
    terminal.child.stdin?.write('again\n');
    await terminal.says(/got again/);
    terminal.child.stdin?.write('exit\n');
    await terminal.ended;
  });

  it('exec runs the command in the foreground, where it gets changes of the window size', async () => {
    await put(issue(3600));
    const code = `process.on('SIGWINCH', () => { console.log('changed'); process.exit(0) }); setInterval(() => {}, 1000);
      require('child_process').spawn('stty', ['rows', '20', 'cols', '70'], { stdio: 'inherit' })`;
    const terminal = terminalWith(line(NODE, '-e', code));
    await terminal.says(/changed/);
    expect((await terminal.ended).status).toBe(0);
  });

  it('exec ends with the terminal', async () => {
    await put(issue(3600));
    const mark = join(sandbox.home, 'hung-up');
    const terminal = terminalWith(
      line('sh', '-c', `trap 'touch ${mark}; exit 0' HUP; echo up; while :; do sleep 0.05; done`),
    );
    await terminal.says(/up/);
    terminal.child.kill('SIGKILL');
    await terminal.ended;
    await holds(async () =>
      expect(
        await readFile(mark).then(
          () => true,
          () => false,
        ),
      ).toBe(true),
    );
  });
});
