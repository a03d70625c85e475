import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

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
