import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CALL_TIMEOUT } from '../../src/aws/call.ts';
import { launchd } from '../../src/service/macos-launchd.ts';
import type { Start } from '../../src/service/start.ts';
import { systemd } from '../../src/service/systemd.ts';
import { needs } from '../needs.ts';

const UNIT = fileURLToPath(new URL('../../systemd/aws-mfa-agent.service', import.meta.url));
const PROPERTY_LIST = fileURLToPath(new URL('../../launchd/io.github.aws-mfa-agent.plist', import.meta.url));

/** What has to be quoted in one file or the other. */
const START: Start = {
  node: process.execPath,
  program: '/opt/100% "A & B"/$HOME/aws-mfa-agent',
  words: ['--config', '/tmp/my config.ini', 'run'],
  environment: { AWS_CONFIG_FILE: '/tmp/<a> \\ b' },
  folders: ['/home/alice/.aws', '/home/alice/my state'],
  state: '/home/alice/my state',
  warnings: [],
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'service-files-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('the systemd unit', needs('Linux', 'systemd-analyze'), () => {
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

  it('the systemd unit is accepted by systemd without a warning', async () => {
    expect(await verify(readFileSync(UNIT, 'utf8'))).toBe('');
  });

  it('the systemd unit gives the agent more time to stop than a request to AWS takes', () => {
    const [, seconds] = /^TimeoutStopSec=(\d+)$/m.exec(readFileSync(UNIT, 'utf8')) ?? [];
    expect(Number(seconds) * 1_000).toBeGreaterThan(2 * CALL_TIMEOUT);
  });

  it('the check of systemd rejects a broken unit', async () => {
    const text = readFileSync(UNIT, 'utf8').replace('Type=notify', 'Type=notfiy\nNoSuchSetting=1');
    expect(await verify(text)).toMatch(/NoSuchSetting/);
  });

  it('the systemd unit is accepted with any paths', async () => {
    const [first, second] = await systemd({}, folder).fillIn(START);
    for (const variant of [first, second]) {
      const text = variant?.text ?? '';
      expect(await verify(text.replace(/^ExecStart=.*aws-mfa-agent" /m, `ExecStart=${process.execPath} `))).toBe('');
      expect(text).toContain('"/opt/100%% \\"A & B\\"/$$HOME/aws-mfa-agent" --config "/tmp/my config.ini" run\n');
      expect(text).toContain('Environment="AWS_CONFIG_FILE=/tmp/<a> \\\\ b"\n');
    }
    expect(first?.text).toMatch(/^ExecStartPre=-\+.* mkdir -p -m 0700 "\/home\/alice\/my state"$/m);
    expect(first?.text).toContain('ReadWritePaths=-/home/alice/.aws "-/home/alice/my state"\n');
  });

  it('the systemd unit is rated at most 3.0 by systemd-analyze security', async () => {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder };
    const words = ['security', '--user', '--offline=true', '--no-pager', '--threshold=30', UNIT];
    const { stdout } = await promisify(execFile)('systemd-analyze', words, { env });
    expect(Number(/exposure level for .*: (\d+\.\d)/.exec(stdout)?.[1])).toBeLessThanOrEqual(3);
  });

  it('the systemd unit starts the installed agent', () => {
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

/** The keys of launchd.plist(5) that we use, with their types. */
const KEYS: Record<string, string> = {
  Label: 'string',
  ProgramArguments: 'string[]',
  EnvironmentVariables: 'object',
  StandardErrorPath: 'string',
  RunAtLoad: 'boolean',
  KeepAlive: 'object',
  ThrottleInterval: 'number',
  ProcessType: 'string',
  LimitLoadToSessionType: 'string',
  HardResourceLimits: 'object',
  Umask: 'number',
};

describe('the property list', () => {
  function read(file: string): Record<string, unknown> {
    const script = 'import json, plistlib, sys; json.dump(plistlib.load(open(sys.argv[1], "rb")), sys.stdout)';
    return JSON.parse(execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }));
  }
  async function filledIn(): Promise<string> {
    const file = join(folder, 'filled-in.plist');
    const [variant] = await launchd('/Users/alice', 501).fillIn(START);
    writeFileSync(file, `${variant?.text}${launchd('/Users/alice', 501).comment('sealed')}\n`);
    return file;
  }

  it('the property list tells launchd what to do in the words of its manual page', needs('python3'), async () => {
    for (const file of [PROPERTY_LIST, await filledIn()]) {
      const list = read(file);
      expect(list).toMatchObject({
        Label: 'io.github.aws-mfa-agent',
        RunAtLoad: true,
        KeepAlive: { SuccessfulExit: false },
        ProcessType: 'Interactive',
        Umask: 0o077,
      });
      for (const [key, value] of Object.entries(list)) {
        const type = Array.isArray(value) ? `${typeof value[0]}[]` : typeof value;
        expect(`${key}: ${type}`).toBe(`${key}: ${KEYS[key]}`);
      }
    }
    expect(read(PROPERTY_LIST).ProgramArguments).toEqual(['/usr/bin/env', 'aws-mfa-agent', 'run']);
  });

  it('the property list starts this program when it is filled in', needs('python3'), async () => {
    const { node, program, words, environment } = START;
    const list = read(await filledIn());
    expect(list.ProgramArguments).toEqual([node, '--max-opt=0', program, ...words]);
    expect(list.EnvironmentVariables).toMatchObject({
      ...environment,
      PATH: expect.stringMatching(/:\/opt\/homebrew\/bin:\/usr\/local\/bin:/),
    });
    expect(list.StandardErrorPath).toBe('/Users/alice/Library/Logs/aws-mfa-agent.log');
  });

  const reader = process.platform === 'darwin' ? 'plutil' : 'plistutil';
  it('the property list is read by the tools of macOS and Linux', needs(reader), async () => {
    for (const file of [PROPERTY_LIST, await filledIn()]) {
      const args = reader === 'plutil' ? ['-lint', file] : ['-i', file, '-f', 'xml'];
      expect(execFileSync(reader, args, { encoding: 'utf8' })).toMatch(/io\.github\.aws-mfa-agent|OK/);
    }
  });
});
