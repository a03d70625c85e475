import { readdirSync, readFileSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { run, start } from '../program.ts';
import { hasCode, type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
});
afterEach(() => sandbox.close());

const WORKS_SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

/** Returns all secrets in the credentials file. */
async function secretsIn(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8');
  return [...text.matchAll(/^aws_(?:secret_access_key|session_token)\s*=\s*(.+)$/gm)].map(([, secret = '']) =>
    secret.trim(),
  );
}

/** Whether a text contains a secret. */
function shows(text: string, secret: string): boolean {
  return /^\d{6}$/.test(secret) ? hasCode(text, secret) : text.includes(secret);
}

/** The texts of all files below a folder but for the credentials file. */
async function filesBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const others = files.filter((file) => file !== sandbox.credentialsFile);
  return (await Promise.all(others.map((file) => readFile(file, 'latin1')))).join('\n');
}

/** What the process list shows of a process and its children, arguments and all. */
function argumentsOf(pid: number): string {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const parent = Number(readFileSync(`/proc/${name}/stat`, 'latin1').split(') ')[1]?.split(' ')[1]);
        return parent === pid || Number(name) === pid ? [readFileSync(`/proc/${name}/cmdline`, 'latin1')] : [];
      } catch {
        return [];
      }
    });
  return children.join('\n');
}

describe('secrets', needs('Linux'), () => {
  it('secrets are in no output, log, file or argument list of a refresh, whether it succeeds or fails', async () => {
    const outputs: string[] = [];
    const codes: string[] = [];
    const refresh = async (code: string, ...args: string[]) => {
      codes.push(code);
      const { stdout, stderr } = await run(
        ['--debug', 'refresh', '--force', '--token-code', '-', ...args],
        sandbox.env,
        code,
      );
      outputs.push(stdout, stderr);
    };
    await refresh(sandbox.code());
    const first = await secretsIn(sandbox.credentialsFile);
    await refresh(sandbox.wrongCode());
    await refresh('98765x');
    for (const kind of ['throttle', 'drop', 'drop-after-processing', 'garbage', 'no-credentials'] as const) {
      sandbox.sts.fault({ kind });
      await refresh(sandbox.code());
    }
    await refresh(sandbox.code());
    outputs.push((await run(['--debug', 'status', '--json'], sandbox.env)).stdout);
    const secrets = new Set([...first, ...(await secretsIn(sandbox.credentialsFile)), ...codes, WORKS_SECRET]);
    expect(secrets.size).toBeGreaterThan(10);
    const everything = `${outputs.join('\n')}\n${await filesBelow(sandbox.home)}`;
    for (const secret of secrets) expect(shows(everything, secret), `${secret.slice(0, 3)}… shows`).toBe(false);
  });

  it('secrets are in no log, file, argument list or environment of the agent and its programs', async () => {
    const spy = join(sandbox.home, 'spy');
    await writeFile(
      spy,
      `#!/bin/sh\ntr '\\0' '\\n' < /proc/self/environ > ${sandbox.home}/environment\necho ${sandbox.code()}\n`,
      { mode: 0o700 },
    );
    const settings = join(sandbox.home, 'config.ini');
    await writeFile(settings, `check = * * * * * *\nprompt = mfa_process\n[mfa]\nmfa_process = ${spy}\n`);
    const canary = 'canaryCANARYcanaryCANARYcanaryCANARY1234';
    const env = {
      ...sandbox.env,
      AWS_ACCESS_KEY_ID: 'ASIACANARYCANARY1234',
      AWS_SECRET_ACCESS_KEY: canary,
      AWS_SESSION_TOKEN: canary,
    };
    const agent = start(['--debug', '--config', settings, 'run'], env);
    await agent.says(/session refreshed/);
    const shown = argumentsOf(agent.child.pid ?? 0);
    agent.child.kill('SIGTERM');
    await agent.ended;
    const code = sandbox.sts.requests[0]?.tokenCode ?? '';
    expect(code).toMatch(/^\d{6}$/);
    await writeFile(spy, '');
    const everything = [agent.output(), shown, await filesBelow(sandbox.home)].join('\n');
    expect(everything).toContain('HOME=');
    for (const secret of [...(await secretsIn(sandbox.credentialsFile)), code, canary]) {
      expect(shows(everything, secret), `${secret.slice(0, 3)}… shows`).toBe(false);
    }
  });

  it('secrets are only in files that only their owner can read', async () => {
    await run(['refresh', '--token-code', '-'], sandbox.env, sandbox.code());
    const state = join(sandbox.env.XDG_STATE_HOME ?? '', 'aws-mfa-agent');
    expect((await stat(state)).mode & 0o777).toBe(0o700);
    expect((await stat(join(state, 'state.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(sandbox.credentialsFile)).mode & 0o777).toBe(0o600);
  });
});
