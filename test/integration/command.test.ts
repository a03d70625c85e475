import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { childEnvironment, runCommand } from '../../src/run-command.ts';
import { needs } from '../needs.ts';

/** Whether there is such a process that is more than a remainder of itself. */
const isRunning = (pid: number) =>
  spawnSync('ps', ['-o', 'stat=', '-p', String(pid)])
    .stdout.toString()
    .search(/^[^Z]/) === 0;

describe('a command', () => {
  it('a command gives what it prints', async () => {
    expect(await runCommand(['printf', '%s', 'a b'], {})).toEqual({ ok: true, stdout: 'a b' });
  });

  it('a command in one line is run by the shell', async () => {
    expect(await runCommand('printf "%s" "$((1 + 1))" | cat', {})).toEqual({ ok: true, stdout: '2' });
  });

  it('a command gets its input, and may ignore it', async () => {
    expect(await runCommand(['cat'], { input: 'hello' })).toEqual({ ok: true, stdout: 'hello' });
    expect(await runCommand(['true'], { input: 'x'.repeat(1_000_000) })).toEqual({ ok: true, stdout: '' });
  });

  it('a failed command is reported with the last line of its messages, never with its output', async () => {
    const result = await runCommand('echo 123456; echo first >&2; printf "\\033[1mlast\\n\\n" >&2; exit 3', {});
    expect(result).toMatchObject({ ok: false, ended: 3, reason: 'exit status 3: [1mlast' });
  });

  it('a command reports its last message while it runs, and no number that may not be complete', async () => {
    const lines: string[] = [];
    const line = `{ printf 'slot 12'; read -r _ < "$0"; printf '34\\nTouch\\033 it\\n\\n'; } >&2; cat`;
    const fifo = join(mkdtempSync(join(tmpdir(), 'command-')), 'fifo');
    spawnSync('sh', ['-c', 'mkfifo "$0"', fifo]);
    const running = runCommand(['sh', '-c', line, fifo], { onMessage: (line) => lines.push(line) });
    await writeFile(fifo, 'go on\n');
    expect(await running).toMatchObject({ ok: true });
    expect(lines).toEqual(['Touch  it']);
    rmSync(dirname(fifo), { recursive: true });
  });

  it('a command that does not exist, may not be run or has an invalid name is reported', async () => {
    const missing = await runCommand(['/nonexistent/program'], {});
    expect(missing).toMatchObject({ ok: false, ended: 'not started', reason: 'not started: no such program' });
    expect(await runCommand(['/etc'], {})).toMatchObject({ ok: false, ended: 'not started' });
    expect(await runCommand(['a\0b'], {})).toMatchObject({ ok: false, ended: 'not started' });
    expect(await runCommand([], {})).toMatchObject({ ok: false, ended: 'not started' });
  });

  it('a command is ended after its time limit, with all its processes', needs('ps'), async () => {
    const result = await runCommand('sleep 1000 & echo $!; wait', { timeout: 200 });
    expect(result).toMatchObject({ ok: false, ended: 'timeout', reason: 'timed out after 0.2 s' });
    expect(isRunning(Number(result.stdout))).toBe(false);
  });

  it('a command is ended when aborted, also when it ignores signals', async () => {
    const controller = new AbortController();
    const running = runCommand('trap "" TERM; echo ready >&2; sleep 1000; sleep 1000', { signal: controller.signal });
    controller.abort();
    expect(await running).toMatchObject({ ok: false, ended: 'aborted' });
  });

  it('a command is not started when aborted before', async () => {
    const signal = AbortSignal.abort();
    expect(await runCommand('echo started', { signal })).toMatchObject({ ok: false, ended: 'aborted', stdout: '' });
  });

  it('a command that leaves a process with its pipes behind is not waited for', needs('ps'), async () => {
    const result = await runCommand('sleep 60 & echo $!', {});
    expect(result).toMatchObject({ ok: true });
    const left = Number(result.stdout);
    expect(isRunning(left)).toBe(true);
    process.kill(left);
  });

  it('a command that prints without end is ended', async () => {
    expect(await runCommand(['yes'], {})).toMatchObject({ ok: false, ended: 'too much output' });
  });

  it('a command that another process kills is reported with the signal', async () => {
    expect(await runCommand('kill -9 $$', {})).toMatchObject({
      ok: false,
      ended: 'SIGKILL',
      reason: 'ended by SIGKILL',
    });
  });

  it('a command never gets the keys of our environment', () => {
    const kept = { PATH: '/bin', AWS_REGION: 'eu-west-1', AWS_CONFIG_FILE: '/c', AWS_PROFILES: 'x' };
    const names = [
      'AWS_ACCESS_KEY_ID',
      'AWS_SECRET_ACCESS_KEY',
      'AWS_SESSION_TOKEN',
      'AWS_SECURITY_TOKEN',
      'AWS_PROFILE',
      'AWS_DEFAULT_PROFILE',
      'aws_profile',
    ];
    const taken = Object.fromEntries(names.map((name) => [name, 'x']));
    expect(childEnvironment({ ...kept, ...taken })).toEqual(kept);
  });
});
