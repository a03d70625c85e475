import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { mfaProcess } from '../../src/ask/mfa-process.ts';
import { totp } from '../../src/sandbox/totp.ts';
import { loadSettings } from '../../src/settings/settings.ts';
import { asking, request } from '../desktop/asking.ts';
import { needs } from '../needs.ts';

const PAGE = join(import.meta.dirname, '../../docs/codes-without-typing.md');
/** "Hello!" and four bytes more, as the authenticators' own examples have it. */
const SEED = 'JBSWY3DPEHPK3PXP';
const SEED_BYTES = Buffer.from('48656c6c6f21deadbeef', 'hex');

describe('the examples of docs/codes-without-typing.md', () => {
  let home: string;
  const before = process.env.HOME;
  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'examples-'));
    process.env.HOME = home;
  });
  afterEach(async () => {
    process.env.HOME = before;
    await rm(home, { recursive: true });
  });

  /** Their commands, read as the agent reads them; each has a line of its own in the page. */
  const commands = async () => {
    const page = await readFile(PAGE, 'utf8');
    const found: { written: string | undefined; read: string | undefined }[] = [];
    for (const [, example = ''] of page.matchAll(/```ini\n(.*?)```/gs)) {
      const configFile = join(home, 'config.ini');
      await writeFile(configFile, example);
      const { profiles } = loadSettings({ env: {}, home, configFile });
      found.push({ written: /^mfa_process = (.*)$/m.exec(example)?.[1], read: profiles[0]?.mfaProcess });
    }
    return found;
  };

  it('the examples of docs/codes-without-typing.md are valid settings', async () => {
    const all = await commands();
    expect(all).toHaveLength(5);
    for (const { written, read } of all) {
      expect(read).toBeDefined();
      expect(read).toBe(written);
    }
  });

  it(
    'the oathtool examples give the code of the seed, from a file and from standard input',
    needs('oathtool'),
    async () => {
      await mkdir(join(home, '.config/aws-mfa-agent'), { recursive: true });
      await writeFile(join(home, '.config/aws-mfa-agent/seed'), `${SEED}\n`, { mode: 0o600 });
      // What the keychain of macOS does, done by a file.
      await writeFile(join(home, 'security'), `#!/bin/sh\necho ${SEED}\n`, { mode: 0o755 });
      const withOathtool = (await commands()).flatMap(({ read }) => (read?.includes('oathtool') ? [read] : []));
      expect(withOathtool).toHaveLength(2);
      for (const command of withOathtool) {
        const started = Date.now();
        const answer = await mfaProcess(`PATH="$HOME:$PATH"; ${command}`).ask(request(), asking());
        const codes = [totp(SEED_BYTES, started), totp(SEED_BYTES, Date.now())];
        expect(answer).toMatchObject({ kind: 'code', automatic: true });
        expect(codes).toContain(answer.kind === 'code' && answer.code);
      }
    },
  );
});
