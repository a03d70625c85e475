import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rememberCodes } from '../../src/refresh/codes.ts';
import { run, start } from '../program.ts';
import { hasCode, type Sandbox, startSandbox } from '../sandbox.ts';

let sandbox: Sandbox;
let file: string;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  file = join(sandbox.home, '.local', 'state', 'aws-mfa-agent', 'codes.json');
});
afterEach(() => sandbox.close());

const refresh = (code: string, env = sandbox.env) => run(['refresh', '--force', '--token-code', code], env);
const sent = () => sandbox.sts.requests.map(({ tokenCode }) => tokenCode);

describe('a code that a process has sent', () => {
  it('a code is sent by one of several processes that get it at once', async () => {
    sandbox.sts.fault({ kind: 'delay', milliseconds: 1_000 });
    const code = sandbox.code();
    const ended = await Promise.all([1, 2, 3].map(() => refresh(code)));
    expect(sent()).toEqual([code]);
    expect(ended.map(({ status }) => status).sort()).toEqual([0, 1, 1]);
    for (const { status, stderr } of ended) {
      if (status === 1)
        expect(stderr).toMatch(/cannot refresh \[mfa\]: That code was already used; the next one comes at/);
      expect(stderr).not.toContain(code);
    }
  });

  it('a code that AWS has refused is not sent by the next process', async () => {
    const code = sandbox.wrongCode();
    await refresh(code);
    expect(await refresh(code)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('already refused that code'),
    });
    expect(sent()).toEqual([code]);
  });

  it('a code that did not reach AWS is sent by the next process', async () => {
    const code = sandbox.code();
    const env = { ...sandbox.env, AWS_ENDPOINT_URL_STS: 'http://sts.invalid' };
    expect(await refresh(code, env)).toMatchObject({ status: 1, stderr: expect.stringContaining('sts.invalid') });
    expect(await refresh(code)).toMatchObject({ status: 0 });
  });

  it('a code that the agent has sent is not sent by a command', async () => {
    const code = sandbox.code();
    const folder = join(sandbox.home, '.config', 'aws-mfa-agent');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'config.ini'), `prompt = mfa_process\n[mfa]\nmfa_process = echo ${code}\n`);
    const agent = start(['run'], sandbox.env);
    await agent.says(/session refreshed/);
    expect(await refresh(code)).toMatchObject({ status: 1, stderr: expect.stringContaining('already used') });
    agent.child.kill('SIGTERM');
    await agent.ended;
    expect(sent()).toEqual([code]);
  });

  it('a code is remembered in a file for this user only, which contains neither the code nor the device', async () => {
    const code = sandbox.code();
    await refresh(code);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const text = readFileSync(file, 'utf8');
    expect(hasCode(text, code)).toBe(false);
    expect(text).not.toContain('alice');
  });

  it.each(['', '{', '{"key":1}', '{"key":"a","sent":{}}', 'null'])('a damaged memory %j is replaced', async (text) => {
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
    const code = sandbox.code();
    expect((await refresh(code)).status).toBe(0);
    expect((await refresh(code)).status).toBe(1);
  });

  it('a refresh works where the memory cannot be written', async () => {
    rmSync(join(sandbox.home, '.local', 'state'), { recursive: true });
    writeFileSync(join(sandbox.home, '.local', 'state'), '');
    expect((await refresh(sandbox.code())).status).toBe(0);
  });
});

describe('the memory of codes', () => {
  const NOON = Date.parse('2030-01-31T12:00:00Z');
  const folder = () => join(sandbox.home, 'memory');

  it('the memory keeps a code for three steps, also for another process that does not know the clock of AWS', async () => {
    const hour = 3_600_000;
    expect(await rememberCodes(folder(), { offset: hour }).claim('device', '123456', NOON + hour)).toBe(true);
    const other = rememberCodes(folder());
    expect(other.fate('device', '123456', NOON + 89_999)).toBe('used');
    expect(other.fate('other', '123456', NOON)).toBeUndefined();
    expect(other.lastUsed('device', NOON + 1)).toBe(NOON);
    expect(other.fate('device', '123456', NOON + 90_000)).toBeUndefined();
    expect(await other.claim('device', '123456', NOON + 90_000)).toBe(true);
  });

  it('the memory forgets codes of a time ahead of a clock that was set back', async () => {
    const memory = rememberCodes(folder());
    await memory.claim('device', '123456', NOON + 600_000);
    expect(memory.fate('device', '123456', NOON)).toBeUndefined();
    expect(await memory.claim('device', '123456', NOON)).toBe(true);
  });
});
