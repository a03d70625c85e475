import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAsk } from '../../src/ask/choose.ts';
import { getSessionToken } from '../../src/aws/sts.ts';
import { rememberCodes } from '../../src/refresh/codes.ts';
import { awsTarget } from '../../src/refresh/effects.ts';
import { refresh } from '../../src/refresh/refresh.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { asking } from '../desktop/asking.ts';
import { type Running, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';

const STEP = 30_000;

let sandbox: Sandbox;
afterEach(() => sandbox.close());

describe('the agent with mfa_process', () => {
  let agent: Running;
  beforeEach(async () => {
    sandbox = await startSandbox({ tolerance: 9 });
  });
  afterEach(async () => {
    agent.child.kill('SIGTERM');
    await agent.ended;
  });

  /** Starts it with this shell script as the command, and the terminal after it. */
  const run = async (script: string) => {
    const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    const program = join(sandbox.home, 'command');
    await writeFile(program, `#!/bin/sh\ncd ${sandbox.home}\necho >> runs\n${script}\n`, { mode: 0o755 });
    const settings = `check = * * * * * *\nprompt = mfa_process, terminal\n[mfa]\nmfa_process = ${program}\n`;
    await writeFile(join(folder, 'config.ini'), settings);
    agent = start(['run'], sandbox.env);
  };
  const runs = async () => (await readFile(join(sandbox.home, 'runs'), 'utf8')).length;

  it('the agent asks the user when mfa_process fails, and says so in the prompt and in the log, without what it printed', async () => {
    await run('echo "no key for 123456 is plugged in" >&2; exit 3');
    const complaint = 'mfa_process of [mfa] failed (exit status 3).';
    await agent.says(/AWS session \[mfa\] needs a code\.\n.*\nMFA code of alice/);
    expect(agent.output()).toContain(`AWS session [mfa] needs a code.\n${complaint}\n`);
    expect(agent.output()).toMatch(/"level":"warn".*"msg":"mfa_process of \[mfa\] failed \(exit status 3\)\."/);

    // The command is not waited for again when the person mistypes.
    agent.child.stdin?.write(`${sandbox.wrongCode()}\n`);
    await agent.says(/AWS refused that code/);
    agent.child.stdin?.write(`${sandbox.code()}\n`);
    await agent.says(/session refreshed/);
    expect(await runs()).toBe(1);
    expect(agent.output().match(/mfa_process of \[mfa\] failed/g)).toHaveLength(2);
  });

  it('the agent asks the user when AWS refused two codes of mfa_process, which may be for another device', async () => {
    const wrong = Number(sandbox.wrongCode());
    await run(`printf '%06d\\n' $((${wrong} + $(wc -l < runs)))`);
    await agent.says(/AWS refused the code of mfa_process \(too old, or from another device\)\.\nMFA code of alice/);
    expect(sandbox.sts.requests.map(({ outcome }) => outcome)).toEqual(['AccessDenied', 'AccessDenied']);
    agent.child.stdin?.write(`${sandbox.code()}\n`);
    await agent.says(/session refreshed/);
  });
});

describe('a command that prints the same refused code again', () => {
  it('a person is asked at once', async () => {
    sandbox = await startSandbox({ tolerance: 9 });
    const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    const script = `echo "label-202401    ${sandbox.wrongCode()}"`;
    await writeFile(
      join(folder, 'config.ini'),
      `check = * * * * * *\nprompt = mfa_process, terminal\n[mfa]\nmfa_process = ${script}\n`,
    );
    const agent = start(['run'], sandbox.env);
    // Waiting for the next code would take longer than this on most runs.
    await agent.says(/AWS refused the code of mfa_process \(too old, or from another device\)\.\nMFA code of alice/);
    expect(sandbox.sts.requests.map(({ outcome }) => outcome)).toEqual(['AccessDenied']);
    agent.child.stdin?.write(`${sandbox.code()}\n`);
    await agent.says(/session refreshed/);
    agent.child.kill('SIGTERM');
    await agent.ended;
  });
});

describe('the code of mfa_process', () => {
  beforeEach(async () => {
    // The clock stands still: all of the time that passes is in its offset.
    vi.useFakeTimers({ toFake: ['Date'] });
    // A code is good for its 30 seconds and no longer.
    sandbox = await startSandbox({ tolerance: 0 });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** What becomes of a refresh that begins so many milliseconds before the next code; time passes where it waits. */
  const refreshed = async (left: number, codes = rememberCodes()) => {
    sandbox.clock.offset += (STEP - ((sandbox.clock.now() + left) % STEP)) % STEP;
    const shown = join(sandbox.home, 'shown');
    const { ask } = createAsk({ prompt: ['mfa_process'] }, { mfaProcess: `cat ${shown}` });
    let waited = 0;
    const saved: MfaSession[] = [];
    process.env.AWS_ENDPOINT_URL_STS = sandbox.sts.url;
    try {
      const { serialNumber } = sandbox;
      const target = { profile: 'mfa', sourceProfile: 'default', serialNumber, durationSeconds: 900, expiration: 0 };
      const outcome = await refresh(
        target,
        { ...asking(), reminder: 0 },
        {
          now: sandbox.clock.now,
          ask: async (request, question) => {
            await writeFile(shown, sandbox.authenticator.code(sandbox.clock.now()));
            return ask(request, question);
          },
          rehearse: async () => {},
          requireKeys: async () => {},
          outage: async () => undefined,
          longTermKeys: async () => sandbox.alice,
          getSessionToken: (request, keys) => {
            const source = { sourceProfile: 'default', region: 'eu-west-1', serialNumber };
            return getSessionToken(request, keys, awsTarget('STS', source, sandbox.clock));
          },
          save: async (_, session) => void saved.push(session),
          codes,
          pause: async (milliseconds) => {
            waited += milliseconds;
            sandbox.clock.offset += milliseconds;
          },
        },
      );
      return { outcome: outcome.kind, waited, codes };
    } finally {
      delete process.env.AWS_ENDPOINT_URL_STS;
    }
  };

  it('a code that is valid for less than two seconds is not sent, but the next one', async () => {
    const { outcome, waited } = await refreshed(1_500);
    expect(outcome).toBe('refreshed');
    expect(waited).toBe(1_500);
    expect(sandbox.sts.requests).toHaveLength(1);
  });

  it('a code that is valid for longer is sent at once', async () => {
    expect(await refreshed(8_000)).toMatchObject({ outcome: 'refreshed', waited: 0 });
  });

  it('a code is not sent a second time for another profile of the device, but the next one', async () => {
    const { codes } = await refreshed(20_000);
    const second = await refreshed(15_000, codes);
    expect(second.outcome).toBe('refreshed');
    expect(second.waited).toBe(15_000);
    expect(sandbox.sts.requests.map(({ outcome }) => outcome)).toEqual(['granted', 'granted']);
  });
});
