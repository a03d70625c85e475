import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { newSandboxUser } from '../../src/sandbox/account.ts';
import { authenticator } from '../../src/sandbox/totp.ts';
import { type AgentInLapse, startAgent } from '../faketime/agent.ts';
import type { LogLine } from '../faketime/lapse.ts';
import { needs } from '../needs.ts';
import { ACCOUNT_ID, type Sandbox, startSandbox } from '../sandbox.ts';
import { holds } from '../within.ts';

/** `SOAK_HOURS=72 SOAK_PROFILES=33 npx vitest run test/integration/soak.test.ts` makes ten thousand refreshes of it. */
const HOURS = Number(process.env.SOAK_HOURS ?? 2);
const PROFILES = Number(process.env.SOAK_PROFILES ?? 2);
const MINUTE = 60_000;
const MEASURE = fileURLToPath(new URL('../faketime/measure.mjs', import.meta.url));
const MB = 1024 * 1024;

/** What the agent holds at one time. */
interface Holding {
  refreshes: number;
  rss: number;
  heapUsed: number;
  external: number;
  descriptors: number;
  resources: string[];
  listeners: Record<string, number>;
  files: string[];
}

describe(`an agent that runs for ${HOURS} hours`, needs('Linux', 'faketime'), () => {
  const users = Array.from({ length: PROFILES }, (_, index) => newSandboxUser(ACCOUNT_ID, `user-${index}`));
  let sandbox: Sandbox;
  let agent: AgentInLapse;
  beforeAll(async () => {
    sandbox = await startSandbox({ users, tolerance: 4 });
    const begin = Date.parse('2026-11-02T09:00:00Z');
    sandbox.clock.offset = begin - Date.now();
    let bytes: Buffer = readFileSync(sandbox.credentialsFile);
    const settings = ['prompt_before = 2m'];
    for (const [index, { name, accessKeyId, secretAccessKey, mfa }] of users.entries()) {
      const keys = `\n[keys-${name}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
      // Not all of them are due in the same minute.
      const session = sandbox.sts.issue(name, (3 + (index % 14)) * 60);
      bytes = withSession(Buffer.concat([bytes, Buffer.from(keys)]), name, session);
      settings.push(`[${name}]`, `source_profile = keys-${name}`, `mfa_serial = ${mfa[0]?.serialNumber}`);
      settings.push('duration_seconds = 900', `mfa_process = cat '${codeFile(name)}'`);
    }
    writeFileSync(sandbox.credentialsFile, bytes);
    await Promise.all(['codes', 'tmp'].map((folder) => mkdir(join(sandbox.home, folder))));
    showCodes(begin);
    agent = await startAgent(sandbox, begin, `${settings.join('\n')}\n`, {
      more: { TMPDIR: join(sandbox.home, 'tmp') },
      flags: ['--expose-gc', '--trace-warnings', `--import=${MEASURE}`],
    });
  });
  afterAll(async () => {
    await agent?.stop();
    await sandbox?.close();
  });

  function codeFile(name: string): string {
    return join(sandbox.home, 'codes', name);
  }
  function showCodes(now: number): void {
    for (const { name, mfa } of users) {
      const file = codeFile(name);
      writeFileSync(`${file}.new`, authenticator(mfa[0]?.secret as Buffer).code(now));
      renameSync(`${file}.new`, file);
    }
  }
  const refreshes = () =>
    sandbox.sts.requests.filter(({ tokenCode, outcome }) => tokenCode && outcome === 'granted').length;

  async function minutes(count: number): Promise<void> {
    for (let minute = 0; minute < count; minute++) {
      showCodes(Math.floor(agent.clocks.world() / MINUTE + 1) * MINUTE);
      await agent.lapse.minute();
    }
    // What was begun is ended before that.
    await agent.lapse.jump({ pass: 1_000 });
  }
  async function holding(): Promise<Holding> {
    // A child that has given its result may still be ending, and holds a descriptor of the agent until then.
    await holds(() => expect(readFileSync(`/proc/${agent.pid}/task/${agent.pid}/children`, 'utf8')).toBe(''));
    const measured = async () => {
      const from = agent.lapse.lines.length;
      process.kill(agent.pid, 'SIGUSR2');
      return (await agent.lapse.line(({ msg }) => msg === 'measured', from)) as LogLine & Holding;
    };
    // By the second time, the agent has noticed that its children have ended.
    await measured();
    const line = await measured();
    const { rss, heapUsed, external, resources, listeners } = line;
    const descriptors = readdirSync(`/proc/${agent.pid}/fd`).length;
    const files = ['.aws', 'run', '.local', '.config', 'tmp']
      .flatMap((folder) => readdirSync(join(sandbox.home, folder), { recursive: true }) as string[])
      .sort();
    return {
      refreshes: refreshes(),
      rss,
      heapUsed,
      external,
      descriptors,
      resources: resources.sort(),
      listeners,
      files,
    };
  }
  function row({ refreshes, rss, heapUsed, external, descriptors, resources, files }: Holding): string {
    const megabytes = [rss, heapUsed, external].map((bytes) => (bytes / MB).toFixed(2).padStart(7));
    const counts = [descriptors, resources.length, files.length].map((count) => String(count).padStart(4));
    return `${String(refreshes).padStart(6)} refreshes: ${megabytes.join(' ')} MB of RSS, heap, external; ${counts.join(' ')} descriptors, resources, files\n`;
  }

  it(
    `the agent does not grow in ${HOURS} hours`,
    async () => {
      const parts = HOURS <= 2 ? 4 : 24;
      const held: Holding[] = [];
      for (let part = 0; part < parts; part++) {
        await minutes((HOURS * 60) / parts);
        held.push(await holding());
        process.stdout.write(row(held.at(-1) as Holding));
      }
      const [first, last] = [held[Math.floor(parts / 4)] as Holding, held.at(-1) as Holding];
      expect(last.refreshes).toBeGreaterThan(PROFILES * HOURS * 4 * 0.9);
      const { descriptors, resources, listeners, files } = first;
      expect(last).toMatchObject({ descriptors, resources, listeners, files });
      expect((last.heapUsed - first.heapUsed) / MB).toBeLessThan(1);
      expect((last.rss - first.rss) / MB).toBeLessThan(10);
      expect(readFileSync(join(sandbox.home, 'log'), 'utf8')).not.toMatch(/Warning/);
      expect(agent.lapse.lines.filter(({ level }) => level === 'error')).toEqual([]);
      // When many are asked for in one minute that is over at once, STS is now and then too slow for it.
      expect(agent.lapse.lines.filter(({ level }) => level === 'warn').length).toBeLessThan(last.refreshes / 100);
    },
    HOURS * 600_000,
  );
});
