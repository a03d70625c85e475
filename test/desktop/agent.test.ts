import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAgent } from '../../src/control/client.ts';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { needs } from '../needs.ts';
import { type Running, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { type Desktop, startDesktop } from './desktop.ts';
import { type ScreenReader, startScreenReader } from './screen-reader.ts';

const FIELD = 'AWS MFA code';
const MINUTE = 60_000;

describe('the agent on a desktop', needs('a desktop', 'a screen reader'), () => {
  let desktop: Desktop;
  let sandbox: Sandbox;
  let agent: Running;
  let reader: ScreenReader;

  beforeEach(async () => {
    [desktop, sandbox] = await Promise.all([startDesktop(), startSandbox({ tolerance: 9 })]);
    await desktop.startDunst();
    reader = await startScreenReader(desktop);
    const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.ini'), 'check = * * * * * *\n');
    await put(600);
    agent = start(['run'], { ...desktop.environment, ...sandbox.env });
  });
  afterEach(async () => {
    agent.child.kill('SIGTERM');
    await agent.ended;
    await reader.stop();
    await Promise.all([desktop.stop(), sandbox.close()]);
  });

  /** A session as another tool would write it, that ends in so many seconds. */
  async function put(seconds: number): Promise<void> {
    const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', seconds));
    await writeFile(`${sandbox.credentialsFile}.other`, bytes, { mode: 0o600 });
    await rename(`${sandbox.credentialsFile}.other`, sandbox.credentialsFile);
  }

  it('the agent asks with a notification, reads the code in a dialog, asks again after a wrong one, and rewrites the profile', async () => {
    const before = await readFile(sandbox.credentialsFile, 'utf8');
    const bubble = await desktop.window('Dunst');
    await desktop.picture('agent-1-notification');
    await desktop.click(bubble);
    const field = await desktop.window(FIELD);
    await desktop.picture('agent-2-code-field');
    await desktop.type(field, sandbox.wrongCode());
    await reader.reads(/^AWS refused that code/);
    await desktop.picture('agent-3-wrong-code');
    const shownFresh = await reader.watch(/^\[mfa\] is fresh until/);
    await desktop.type(field, sandbox.code());
    await shownFresh();
    await agent.says(/session refreshed/);
    await desktop.noWindow(FIELD);
    await desktop.noWindow('Dunst');
    await desktop.picture('agent-4-done');

    expect(sandbox.sts.requests.map(({ outcome }) => outcome)).toEqual(['AccessDenied', 'granted']);
    const after = await readFile(sandbox.credentialsFile, 'utf8');
    const keyId = parseCredentials(Buffer.from(after)).profile('mfa')?.values.get('aws_access_key_id') ?? '';
    expect(sandbox.sts.session(keyId)).toMatchObject({ userName: 'alice', mfa: true });
    const others = (text: string) => text.slice(0, text.indexOf('[mfa]'));
    expect(others(after)).toBe(others(before));
  });

  it('the agent closes the notification when another tool has refreshed the session', async () => {
    await desktop.window('Dunst');
    await put(3600);
    await desktop.noWindow('Dunst');
    await agent.says(/"standing":"fresh"/);
    expect(sandbox.sts.requests).toEqual([]);
  });

  it('the agent closes the dialog when another tool has refreshed the session, and leaves no process behind', async () => {
    await desktop.click(await desktop.window('Dunst'));
    await desktop.window(FIELD);
    await put(3600);
    await desktop.noWindow(FIELD);
    await agent.says(/"standing":"fresh"/);
    await desktop.noProcess('gjs');
  });

  it('the agent closes everything on the screen when it is stopped', async () => {
    await desktop.click(await desktop.window('Dunst'));
    await desktop.window(FIELD);
    agent.child.kill('SIGTERM');
    expect((await agent.ended).status).toBe(0);
    await desktop.noWindow(FIELD);
    await desktop.noWindow('Dunst');
  });

  it('the agent does not ask while notifications are paused, says so, and asks when they are wanted again', async () => {
    await desktop.window('Dunst');
    await desktop.tool('dunstctl', 'set-paused', 'true');
    await agent.says(/"standing":"held","why":"notifications are paused"/);
    await desktop.noWindow('Dunst');
    expect((await run(['status'], sandbox.env)).stdout).toContain('held: notifications are paused');
    await desktop.tool('dunstctl', 'set-paused', 'false');
    await desktop.window('Dunst');
    await agent.says(/"standing":"held"[\s\S]*"standing":"asking"/);
    expect(await desktop.tool('dunstctl', 'count', 'displayed')).toBe('1');
  });

  it('the agent does not ask during a snooze, and says until when', async () => {
    const before = Date.now();
    await desktop.click(await desktop.window('Dunst'), 'middle');
    await agent.says(/"standing":"snoozed"/);
    await desktop.noWindow('Dunst');
    const until = Number(/"standing":"snoozed","until":(\d+)/.exec(agent.output())?.[1]);
    // Half of the ten minutes that are left, to a full minute.
    expect(until % MINUTE).toBe(0);
    expect(until - before).toBeGreaterThan(4 * MINUTE - 20_000);
    expect(until - Date.now()).toBeLessThanOrEqual(5 * MINUTE);
    const { stdout } = await run(['status'], { ...sandbox.env, LC_ALL: 'C.UTF-8' });
    const [hours, minutes] = [new Date(until).getHours(), new Date(until).getMinutes()];
    const time = [hours, minutes].map((part) => String(part).padStart(2, '0')).join(':');
    expect(stdout).toMatch(new RegExp(`snoozed until (\\w+ )?${time}`));

    await checks(3);
    expect(await notifications()).toEqual([expect.stringContaining('AWS session [mfa]')]);
    expect(await desktop.tool('dunstctl', 'count', 'displayed')).toBe('0');
  });

  it('the agent shows once what the user must fix', async () => {
    sandbox.alice.active = false;
    await desktop.click(await desktop.window('Dunst'));
    await desktop.type(await desktop.window(FIELD), sandbox.code());
    await agent.says(/"standing":"stopped"/);
    await desktop.window('Dunst');
    await desktop.picture('agent-5-key-deleted');

    await checks(3);
    await desktop.tool('dunstctl', 'close-all');
    await desktop.noWindow('Dunst');
    expect(await notifications()).toEqual([
      expect.stringMatching(/^aws-mfa-agent\n.*\[mfa\].*\[default\]/),
      expect.stringContaining('AWS session [mfa]'),
    ]);
    expect(sandbox.sts.requests).toHaveLength(1);
  });

  /** Has the agent look at the file, so often. */
  async function checks(count: number): Promise<void> {
    const runtime = join(sandbox.env.XDG_RUNTIME_DIR ?? '', 'aws-mfa-agent');
    for (let check = 0; check < count; check++) expect(await askAgent(runtime, 'POST /v1/check', {})).toBeDefined();
  }

  /** The texts of the notifications that were shown and are gone, the last one first. */
  async function notifications(): Promise<string[]> {
    const history = JSON.parse(await desktop.tool('dunstctl', 'history'));
    return history.data[0].map((one: Record<'summary' | 'body', { data: string }>) =>
      [one.summary.data, one.body.data].join('\n'),
    );
  }
});
