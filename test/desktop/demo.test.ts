import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Running, run, start } from '../program.ts';
import { type Desktop, startDesktop } from './desktop.ts';

describe('demo --desktop', needs('a desktop'), () => {
  let desktop: Desktop;
  let own: string;
  let env: NodeJS.ProcessEnv;
  let demo: Running | undefined;
  beforeEach(async () => {
    desktop = await startDesktop();
    own = await mkdtemp(join(tmpdir(), 'demo-'));
    await Promise.all([mkdir(join(own, 'home')), mkdir(join(own, 'tmp'))]);
    env = { ...desktop.environment, HOME: join(own, 'home'), TMPDIR: join(own, 'tmp'), AWS_PROFILE: 'nobody' };
  });
  afterEach(async () => {
    demo?.child.kill('SIGTERM');
    await demo?.ended;
    demo = undefined;
    await desktop.stop();
    await rm(own, { recursive: true });
  });

  /** What the authenticator shows now. */
  const code = () =>
    demo
      ?.output()
      .match(/Authenticator: (\d{3}) (\d{3})/g)
      ?.at(-1)
      ?.replace(/\D/g, '') ?? '';

  it('demo --desktop asks with the real notification and window, and finishes when the code was typed there', async () => {
    await desktop.startDunst();
    demo = start(['demo', '--desktop'], env);
    await demo.says(/Authenticator: \d{3} \d{3}/, 20_000);
    const bubble = await desktop.window('Dunst');
    await desktop.picture('demo-notification');
    await desktop.click(bubble);
    const window = await desktop.window('AWS MFA code: mfa');
    await desktop.picture('demo-window');
    await desktop.type(window, code());
    await demo.says(/STS accepts the new session[\s\S]*mfa +fresh[\s\S]*Done\./);
    expect((await demo.ended).status).toBe(0);
    await desktop.noWindow('AWS MFA code');
    expect([...(await readdir(join(own, 'tmp'))), ...(await readdir(join(own, 'home')))]).not.toContainEqual(
      expect.stringMatching(/mfa|aws/),
    );
  });

  it('demo --desktop opens the window by itself where there is no notification service, and closes it on Ctrl-C', async () => {
    demo = start(['demo', '--desktop'], env);
    await desktop.window('AWS MFA code: mfa');
    demo.child.kill('SIGINT');
    expect((await demo.ended).stderr).toContain('the temporary folder was removed');
    await desktop.noWindow('AWS MFA code');
    expect(await readdir(join(own, 'tmp'))).not.toContainEqual(expect.stringMatching(/mfa-demo/));
  });

  it('demo --desktop says why it cannot ask where there is no desktop, and does not mix with --auto', async () => {
    const bare = { PATH: env.PATH, HOME: env.HOME, TMPDIR: env.TMPDIR };
    const { status, stdout, stderr } = await run(['demo', '--desktop'], bare);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      /^aws-mfa-agent: demo --desktop needs a desktop \(.*zenity: no display.*\): run "aws-mfa-agent demo"/,
    );
    expect((await run(['demo', '--desktop', '--auto'], bare)).status).toBe(2);
  });
});
