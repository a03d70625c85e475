import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { needs } from '../needs.ts';
import { PROGRAM, type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { onTerminal, quoted } from '../terminal.ts';
import { openTerminal, type ScreenTerminal } from '../tmux.ts';
import { holds } from '../within.ts';

let sandbox: Sandbox;
const processes: Running[] = [];

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  await mkdir(join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent'), { recursive: true });
});
afterEach(async () => {
  for (const { child } of processes) child.kill('SIGTERM');
  await Promise.all(processes.splice(0).map(({ ended }) => ended));
  await sandbox.close();
});

const settings = (text: string) =>
  writeFile(join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent', 'config.ini'), text);

/** Puts a session of so many seconds into a profile, as any tool would. */
async function put(profile: string, seconds: number): Promise<void> {
  const bytes = withSession(await readFile(sandbox.credentialsFile), profile, sandbox.sts.issue('alice', seconds));
  await writeFile(`${sandbox.credentialsFile}.new`, bytes, { mode: 0o600 });
  await rename(`${sandbox.credentialsFile}.new`, sandbox.credentialsFile);
}

function agent(): Running {
  const running = start(['run'], sandbox.env);
  processes.push(running);
  return running;
}

const schema = JSON.parse(await readFile(new URL('../../docs/status.schema.json', import.meta.url), 'utf8'));
const validate = new Ajv2020({ strictRequired: false, allowUnionTypes: true }).compile(schema);

describe('status', () => {
  it('status shows every state of the file, and exits with 3 when a named profile is not fresh', async () => {
    await settings('[gone]\n[odd]\n[over]\n[late]\n[good]\n[work]\n');
    await put('odd', 3600);
    await writeFile(
      sandbox.credentialsFile,
      (await readFile(sandbox.credentialsFile, 'utf8')).replace(/^expiration.*\n/m, ''),
    );
    await put('over', -60);
    await put('late', 600);
    await put('good', 7200);
    const ended = await run(['status', '--json'], sandbox.env);
    const printed = JSON.parse(ended.stdout);
    expect({ valid: validate(printed), errors: validate.errors }).toEqual({ valid: true, errors: null });
    expect(ended.status).toBe(0);
    expect(printed).toMatchObject({
      agent: null,
      profiles: [
        { profile: 'gone', state: 'missing', ends: null, seconds_left: null },
        { profile: 'odd', state: 'unknown', ends: null, seconds_left: null },
        { profile: 'over', state: 'expired', agent: null },
        { profile: 'late', state: 'due' },
        { profile: 'good', state: 'fresh', seconds_left: expect.closeTo(7200, -2) },
        { profile: 'work', state: 'long-term' },
      ],
    });
    expect((await run(['status', 'good'], sandbox.env)).status).toBe(0);
    for (const name of ['gone', 'odd', 'over', 'late', 'work']) {
      expect((await run(['status', 'good', name], sandbox.env)).status).toBe(3);
    }
    expect(await run(['status', 'other'], sandbox.env)).toMatchObject({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('[gone], [odd]'),
    });
  });

  it('status shows what the agent does', async () => {
    await settings('prompt = terminal\n');
    const running = agent();
    await running.says(/"standing":"asking"/);
    const printed = JSON.parse((await run(['status', '--json'], sandbox.env)).stdout);
    expect({ valid: validate(printed), errors: validate.errors }).toEqual({ valid: true, errors: null });
    expect(printed.agent.pid).toBe(running.child.pid);
    expect(printed.profiles[0].agent).toEqual({ standing: 'asking', since: expect.stringMatching(/Z$/) });
    expect((await run(['status'], sandbox.env)).stdout).toMatch(/asking since (\w+ )?\d\d:\d\d\n$/);
  });

  it('status wraps why the agent does not ask under the row', needs('script'), async () => {
    const line = quoted([process.execPath, PROGRAM, 'status']);
    await settings('prompt = zenity\n');
    const running = start(['run'], { ...sandbox.env, PATH: '' });
    processes.push(running);
    await running.says(/cannot ask here/);
    const { stdout } = await onTerminal(`stty columns 44; ${line}`, sandbox.env).ended;
    const lines = stdout.trimEnd().split(/\r?\n/);
    expect(lines[1]).toMatch(/^mfa +\S*missing\S* +- +-$/);
    expect(lines.length).toBeGreaterThan(3);
    for (const one of lines.slice(2)) expect(one).toMatch(/^ {2}\S.{0,41}$/);
    expect(
      lines
        .slice(2)
        .map((one) => one.trim())
        .join(' '),
    ).toMatch(/^nothing to ask with: no display; run `aws-mfa-agent doctor`; asks again at (\w+ )?\d\d:\d\d$/);
  });

  it('status leads an empty home to setup', async () => {
    const env = { HOME: sandbox.home, PATH: sandbox.env.PATH, XDG_RUNTIME_DIR: sandbox.env.XDG_RUNTIME_DIR };
    expect((await run(['status'], sandbox.env)).stderr).toBe('');
    await rm(join(sandbox.home, '.aws'), { recursive: true });
    const { status, stdout, stderr } = await run(['status'], env);
    expect({ status, stderr }).toEqual({
      status: 0,
      stderr: 'aws-mfa-agent: no MFA device is known for [mfa]: run "aws-mfa-agent setup"\n',
    });
    expect(stdout).toMatch(/^mfa +missing +- +- +not running$/m);
    expect((await run(['status', '--json'], env)).stderr).toBe('');
  });

  it('status keeps control characters in names from the terminal, and aligns wide ones', async () => {
    await settings('[日本語]\n[a]\n');
    await put('日本語', 7200);
    await put('a', 7200);
    const { stdout } = await run(['status'], { ...sandbox.env, LC_ALL: 'C.UTF-8' });
    expect(stdout).toMatch(/^PROFILE {2}STATE {2}LEFT .*\n日本語 {3}fresh {2}1h 59m {2}██▊░.*\na {8}fresh {2}/);
  });

  it('status uses colours on a terminal that supports them, unless they are turned off', needs('script'), async () => {
    await put('mfa', 7200);
    const line = quoted([process.execPath, PROGRAM, 'status']);
    const shown = async (env: NodeJS.ProcessEnv) => (await onTerminal(line, { ...sandbox.env, ...env }).ended).stdout;
    expect(await shown({})).toContain('\x1b[32mfresh');
    expect(await shown({ NO_COLOR: '1' })).not.toContain('\x1b');
    expect((await run(['status'], sandbox.env)).stdout).not.toContain('\x1b');
    expect((await run(['status'], { ...sandbox.env, FORCE_COLOR: '1' })).stdout).toContain('\x1b[32mfresh');
  });
});

describe('status --watch', () => {
  it('status --watch is refused when nothing can be redrawn', async () => {
    const ended = await run(['status', '--watch'], sandbox.env);
    expect(ended).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('--watch --json') });
  });

  it('status --watch --json prints a line for each change, and ends with its reader', async () => {
    const watching = start(['status', '--watch', '--json'], sandbox.env);
    processes.push(watching);
    await watching.says(/"state":"missing"/);
    await put('mfa', 7200);
    await watching.says(/"state":"fresh"/);
    await put('mfa', 600);
    await watching.says(/"state":"due"/);
    const lines = watching.output().trimEnd().split('\n');
    for (const line of lines) {
      expect({ line, valid: validate(JSON.parse(line)) }).toEqual({ line, valid: true });
    }
    watching.child.stdout?.destroy();
    await put('mfa', 3600);
    await watching.ended;
  });

  it('status --watch --json prints each line once, however often its files are written', async () => {
    await settings('prompt = terminal\n[mfa]\n[other]\n');
    await put('mfa', 7200);
    const watching = start(['status', '--watch', '--json'], sandbox.env);
    processes.push(watching);
    await watching.says(/"state":"fresh"/);
    const bytes = await readFile(sandbox.credentialsFile);
    for (let count = 0; count < 5; count += 1) {
      await writeFile(`${sandbox.credentialsFile}.new`, bytes, { mode: 0o600 });
      await rename(`${sandbox.credentialsFile}.new`, sandbox.credentialsFile);
      await settings(`prompt = terminal\n[mfa]\n[other]\n# ${count}\n`);
    }
    const running = agent();
    await watching.says(/"standing":"asking"/);
    expect((await run(['snooze', '1h'], sandbox.env)).status).toBe(0);
    await watching.says(/"standing":"snoozed"/);
    const contents = watching
      .output()
      .trimEnd()
      .split('\n')
      .map((line) => {
        const { agent, profiles } = JSON.parse(line);
        // The time left changes the line once a minute.
        return JSON.stringify([agent, profiles.map(({ seconds_left: _, ...rest }: { seconds_left: number }) => rest)]);
      });
    expect(contents.filter((line, index) => line === contents[index - 1])).toEqual([]);
    expect(running.child.exitCode).toBeNull();
  });

  it('status --watch shows a state that changes with time alone', async () => {
    await settings('prompt_before = 1s\n');
    const watching = start(['status', '--watch', '--json'], sandbox.env);
    processes.push(watching);
    await watching.says(/"state":"missing"/);
    await put('mfa', 4);
    await watching.says(/"state":"fresh"[\s\S]*"state":"due"[\s\S]*"state":"expired"/);
  });

  it('status --watch says what is wrong with changed settings, and continues', async () => {
    const watching = start(['status', '--watch', '--json'], sandbox.env);
    processes.push(watching);
    await watching.says(/"state":"missing"/);
    await settings('nonsense = 1\n');
    await watching.says(/aws-mfa-agent: .*config\.ini:1: unknown setting nonsense/);
    await settings('[other]\n');
    await watching.says(/"profile":"other"/);
  });
});

describe('status --watch on a terminal', needs('tmux'), () => {
  let terminal: ScreenTerminal;
  beforeEach(() => {
    terminal = openTerminal({ ...sandbox.env, LC_ALL: 'C.UTF-8' });
  });
  afterEach(() => terminal.close());

  /** Types the command, and waits for its table. */
  async function watch(): Promise<void> {
    terminal.press('echo before', 'Enter');
    await terminal.shows(/^before$/m);
    terminal.press(`${quoted([process.execPath, PROGRAM, 'status', '--watch'])}; echo "ended $?"`, 'Enter');
    await terminal.shows(/^PROFILE +STATE/);
  }

  it('status --watch redraws in place what the files and the agent contain', async () => {
    await watch();
    await terminal.shows(/^mfa +missing +- +- +not running$/m);
    await put('mfa', 7200);
    await terminal.shows(/^mfa +fresh +(2h 00m|1h 59m) +█+[▉-▏]?░+ +.*\d\d:\d\d +not running\n+$/m);

    await settings('prompt = terminal\n');
    const running = agent();
    await terminal.shows(/^mfa .* fresh$/m);
    await put('mfa', 60);
    await terminal.shows(/^mfa +due +\d+s .* asking since/m);
    expect((await run(['snooze', '1h'], sandbox.env)).status).toBe(0);
    await terminal.shows(/^mfa .* snoozed until/m);
    running.child.kill('SIGKILL');
    await terminal.shows(/^mfa .* not running$/m);
    expect(terminal.screen().trimEnd().split('\n')).toHaveLength(2);
  });

  it('status --watch fits into the terminal', async () => {
    await settings(Array.from({ length: 20 }, (_, index) => `[${'long-'.repeat(8)}${index}]\n`).join(''));
    await watch();
    terminal.resize(30, 6);
    await terminal.shows(/^PROFILE +STATE +LEFT +ENDS\n(long-lon… +missing +- +-\n){5}$/);
    terminal.resize(100, 6);
    await terminal.shows(/^(long-){8}\d +missing +- +- +not running\n/m);
    expect(terminal.screen().split('\n')[0]).toMatch(/^PROFILE/);
  });

  it.each([
    ['Ctrl-C', 130, () => terminal.press('C-c')],
    ['SIGTERM', 143, () => terminal.tmux('run-shell', 'kill -TERM $(ps -o pid= --ppid #{pane_pid})')],
  ])('status --watch leaves the terminal as it was after %s', async (_, status, end) => {
    await watch();
    expect(terminal.ask('#{alternate_on} #{cursor_flag}')).toBe('1 0');
    end();
    await holds(() => expect(terminal.ask('#{alternate_on} #{cursor_flag}')).toBe('0 1'));
    await terminal.shows(/^before$/m);
    expect(terminal.screen()).not.toMatch(/^PROFILE/m);
    // Bash gives up the rest of a line whose command was interrupted.
    terminal.press(status === 130 ? 'echo "ended $?"' : '', 'Enter');
    await terminal.shows(new RegExp(`^ended ${status}$`, 'm'));
  });

  it('status --watch gives the terminal back while it is suspended', async () => {
    await watch();
    terminal.press('C-z');
    await terminal.shows(/Stopped/);
    expect(terminal.ask('#{alternate_on} #{cursor_flag}')).toBe('0 1');
    terminal.press('fg', 'Enter');
    await terminal.shows(/^PROFILE[^\n]*\nmfa +missing/);
    expect(terminal.ask('#{alternate_on} #{cursor_flag}')).toBe('1 0');
  });
});

it('status --watch shows only the named profiles', async () => {
  await put('mfa', 7200);
  const section = parseCredentials(await readFile(sandbox.credentialsFile)).profile('mfa');
  const secrets = ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token'].map((key) =>
    section?.values.get(key),
  );
  const outputs = [await run(['status'], sandbox.env), await run(['status', '--json'], sandbox.env)];
  for (const secret of secrets) expect(JSON.stringify(outputs)).not.toContain(secret);
});
