import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials, withSession } from '../../src/credentials/document.ts';
import { needs } from '../needs.ts';
import { type Running, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { type Desktop, processesNamed, startDesktop } from './desktop.ts';

const FIELD = 'AWS MFA code';

describe('the agent on a desktop', needs('a desktop'), () => {
  let desktop: Desktop;
  let sandbox: Sandbox;
  let agent: Running;

  beforeEach(async () => {
    [desktop, sandbox] = await Promise.all([startDesktop(), startSandbox({ tolerance: 9 })]);
    await desktop.startDunst();
    const folder = join(sandbox.env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'config.ini'), 'check = * * * * * *\n');
    await put(600);
    agent = start(['run'], { ...desktop.environment, ...sandbox.env });
  });
  afterEach(async () => {
    agent.child.kill('SIGTERM');
    await agent.ended;
    await Promise.all([desktop.stop(), sandbox.close()]);
  });

  /** A session as another tool would write it, that ends in so many seconds. */
  async function put(seconds: number): Promise<void> {
    const bytes = withSession(await readFile(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', seconds));
    await writeFile(`${sandbox.credentialsFile}.other`, bytes, { mode: 0o600 });
    await rename(`${sandbox.credentialsFile}.other`, sandbox.credentialsFile);
  }

  it('asks with a notification, takes the code in a dialog, asks again after a wrong one, and rewrites the profile', async () => {
    const before = await readFile(sandbox.credentialsFile, 'utf8');
    const bubble = await desktop.window('Dunst');
    await desktop.picture('agent-1-notification');
    await desktop.click(bubble);
    const field = await desktop.window(FIELD);
    await desktop.picture('agent-2-code-field');
    await desktop.type(field, sandbox.wrongCode());
    const again = await desktop.window(FIELD, field.process);
    await desktop.picture('agent-3-wrong-code');
    await desktop.type(again, sandbox.code());
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

  it('takes the notification away when another tool has refreshed the session', async () => {
    await desktop.window('Dunst');
    await put(3600);
    await desktop.noWindow('Dunst');
    await agent.says(/"standing":"fresh"/);
    expect(sandbox.sts.requests).toEqual([]);
  });

  it('takes the dialog away, too, and leaves no process behind', async () => {
    await desktop.click(await desktop.window('Dunst'));
    await desktop.window(FIELD);
    await put(3600);
    await desktop.noWindow(FIELD);
    await agent.says(/"standing":"fresh"/);
    expect(await processesNamed('zenity', desktop.environment.DISPLAY)).toEqual([]);
  });

  it('takes everything from the screen when it is stopped', async () => {
    await desktop.click(await desktop.window('Dunst'));
    await desktop.window(FIELD);
    agent.child.kill('SIGTERM');
    expect((await agent.ended).status).toBe(0);
    await desktop.noWindow(FIELD);
    await desktop.noWindow('Dunst');
  });

  it('leaves the person alone after a snooze, and says until when', async () => {
    await desktop.click(await desktop.window('Dunst'), 'middle');
    await agent.says(/"standing":"snoozed"/);
    await desktop.noWindow('Dunst');
  });

  it('tells what a person must mend, once', async () => {
    sandbox.alice.active = false;
    await desktop.click(await desktop.window('Dunst'));
    await desktop.type(await desktop.window(FIELD), sandbox.code());
    await agent.says(/"standing":"stopped"/);
    await desktop.window('Dunst');
    await desktop.picture('agent-5-key-deleted');
  });
});
