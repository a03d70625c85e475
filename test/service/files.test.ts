import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const UNIT = fileURLToPath(new URL('../../systemd/aws-mfa-agent.service', import.meta.url));
const PROPERTY_LIST = fileURLToPath(new URL('../../launchd/io.github.aws-mfa-agent.plist', import.meta.url));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'service-files-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Whether a program is missing and its tests cannot run. On CI a missing one is no excuse: they run, and fail. */
function without(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' });
    return false;
  } catch {
    process.stderr.write(`skipped: the tests of ${program}, which is not installed\n`);
    return !process.env.CI;
  }
}

describe.skipIf(process.platform !== 'linux' || without('systemd-analyze'))('the systemd unit', () => {
  /** What systemd says of a unit with this text, started by a program that is really there. */
  async function verify(text: string): Promise<string> {
    const runtime = join(folder, 'runtime');
    mkdirSync(runtime, { recursive: true, mode: 0o700 });
    const file = join(folder, 'aws-mfa-agent.service');
    writeFileSync(file, text);
    const env = { ...process.env, XDG_RUNTIME_DIR: runtime, SYSTEMD_LOG_TARGET: 'console', SYSTEMD_LOG_COLOR: '0' };
    const verification = promisify(execFile)('systemd-analyze', ['verify', '--user', '--man=no', file], { env });
    const { stderr } = await verification.catch((error: Error & { stderr: string }) => error);
    // Other units of this machine are read along, and may have faults of their own.
    return stderr
      .split('\n')
      .filter((line) => line.includes('aws-mfa-agent'))
      .join('\n');
  }

  it('has no fault that systemd knows of', async () => {
    expect(await verify(readFileSync(UNIT, 'utf8'))).toBe('');
  });

  it('would be told a fault by the same check', async () => {
    const text = readFileSync(UNIT, 'utf8').replace('Type=exec', 'Type=exce\nNoSuchSetting=1');
    expect(await verify(text)).toMatch(/NoSuchSetting/);
  });

  it('starts the agent that is installed', () => {
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const stand = join(bin, 'aws-mfa-agent');
    writeFileSync(stand, '#!/bin/sh\necho "$@"\n');
    chmodSync(stand, 0o755);
    const [program = '', ...args] = /^ExecStart=(.*)$/m.exec(readFileSync(UNIT, 'utf8'))?.[1]?.split(' ') ?? [];
    const env = { PATH: `${bin}:${process.env.PATH}` };
    expect(execFileSync(program, args, { env, encoding: 'utf8' })).toBe('run\n');
  });
});

describe('the property list', () => {
  it.skipIf(without('python3'))('says what launchd must do', () => {
    const script = 'import json, plistlib, sys; json.dump(plistlib.load(open(sys.argv[1], "rb")), sys.stdout)';
    const list = JSON.parse(execFileSync('python3', ['-c', script, PROPERTY_LIST], { encoding: 'utf8' }));
    expect(list).toMatchObject({
      Label: 'io.github.aws-mfa-agent',
      ProgramArguments: ['/usr/bin/env', 'aws-mfa-agent', 'run'],
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      Umask: 0o077,
    });
  });

  const reader = process.platform === 'darwin' ? 'plutil' : 'plistutil';
  it.skipIf(without(reader))('is read by the tools that macOS and Linux have for it', () => {
    const args = reader === 'plutil' ? ['-lint', PROPERTY_LIST] : ['-i', PROPERTY_LIST, '-f', 'xml'];
    expect(execFileSync(reader, args, { encoding: 'utf8' })).toMatch(/io\.github\.aws-mfa-agent|OK/);
  });
});
