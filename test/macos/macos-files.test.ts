import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { logFiles } from '../../src/service/macos-job.ts';
import { writeWhole } from '../../src/service/sealed-file.ts';

it('a service file that cannot be written is named, with the reason and what to do', () => {
  const folder = mkdtempSync(join(tmpdir(), 'agents-'));
  const agents = join(folder, 'LaunchAgents');
  writeFileSync(agents, '');
  expect(() => writeWhole(join(agents, 'agent.plist'), '')).toThrow(
    /^cannot write .*agent\.plist: its path leads through a file .*move that file away/,
  );
  rmSync(folder, { recursive: true });
});

it('the logs that the agent cuts are that of the LaunchAgent and those of Homebrew', () => {
  expect(logFiles('/Users/alice')).toEqual([
    '/Users/alice/Library/Logs/aws-mfa-agent.log',
    '/opt/homebrew/var/log/aws-mfa-agent.log',
    '/usr/local/var/log/aws-mfa-agent.log',
  ]);
});

describe('files on macOS', () => {
  const { platform } = process;
  beforeEach(() => {
    Object.defineProperty(process, 'platform', { value: 'darwin' });
    vi.resetModules();
  });
  afterEach(() => {
    Object.defineProperty(process, 'platform', { value: platform });
    vi.resetModules();
  });

  it('a file in a folder that macOS protects is reported with the setting that allows it', async () => {
    const { explained } = await import('../../src/files/explain.ts');
    const refused = Object.assign(new Error('EPERM: operation not permitted'), { code: 'EPERM', syscall: 'open' });
    expect((explained(refused, 'read', '/Users/alice/Documents/credentials') as Error).message).toMatch(
      /^cannot read .*: not permitted; .*flags \(ls -lO\), and allow node there in .*Files and Folders \(EPERM\)$/,
    );
  });
});
