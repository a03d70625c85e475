import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { type Desktop, startDesktop } from '../desktop/desktop.ts';
import { needs } from '../needs.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds, within } from '../within.ts';
import { HOME, startUserManager, type UserManager } from './user-manager.ts';

const SETTINGS = 'check = * * * * * *\nprompt_before = 1m\n';
const DUNST = '[global]\norigin = top-right\noffset = 20x20\nmouse_left_click = do_action\n';

describe('the service on a desktop', needs('a user manager', 'a desktop', 'chromium', 'xdg-open'), () => {
  let sandbox: Sandbox;
  let screen: Desktop;
  let alice: UserManager;
  let dunst: ChildProcess;
  beforeAll(async () => {
    [sandbox, screen] = await Promise.all([startSandbox({ tolerance: 60 }), startDesktop()]);
    alice = await startUserManager(sandbox.home);
    alice.write('.config/aws-mfa-agent/config.ini', SETTINGS);
    session(7200);
    await alice.run(['aws-mfa-agent', 'install'], { AWS_ENDPOINT_URL_STS: sandbox.sts.url });
    await alice.becomes('StatusText', /fresh until/);
    // What a desktop does when it starts, after the agent.
    await alice.systemctl('set-environment', `DISPLAY=${screen.environment.DISPLAY}`, 'XDG_CURRENT_DESKTOP=sway');
    await alice.systemctl('set-environment', 'GTK_THEME=Adwaita:dark', 'GDK_DPI_SCALE=1.5', 'GTK_IM_MODULE=simple');
    alice.write('dunstrc', DUNST);
    dunst = alice.start(['dunst', '-conf', `${HOME}/dunstrc`], { DISPLAY: screen.environment.DISPLAY ?? '' });
  });
  afterAll(async () => {
    const ended = dunst && once(dunst, 'exit');
    await alice?.stop();
    await within('the end of dunst', Promise.resolve(ended));
    await Promise.all([screen?.stop(), sandbox?.close()]);
  });

  function session(seconds: number): void {
    const bytes = withSession(readFileSync(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', seconds));
    alice.write('.aws/credentials', bytes.toString(), 0o600);
  }

  /** The requests with a code. AWS is also asked whether it accepts the first session, whose age is not known. */
  const codes = () => sandbox.sts.requests.filter(({ action }) => action === 'GetSessionToken');

  it('the service asks on a screen that started after it, by notification and dialog, from inside its sandbox', async () => {
    session(30);
    await screen.click(await screen.window('Dunst'));
    const field = await screen.window('AWS MFA code');
    const inside = (await alice.run(['systemctl', '--user', 'status', 'aws-mfa-agent'])).stdout;
    expect(inside).toMatch(/gjs -m \S+\/gtk-window\.js/);
    const environment = readFileSync(`/proc/${alice.pidOutside(field.process)}/environ`, 'latin1').split('\0');
    const looks = ['GTK_THEME=Adwaita:dark', 'GDK_DPI_SCALE=1.5', 'GTK_IM_MODULE=simple'];
    expect(environment).toEqual(expect.arrayContaining(looks));
    await screen.type(field, sandbox.code());
    await alice.becomes('StatusText', /fresh until/);
    expect(codes().map(({ outcome }) => outcome)).toEqual(['granted']);
    await screen.noWindow('AWS MFA code');
  });

  it('the service closes its dialog when it stops', async () => {
    session(30);
    await screen.click(await screen.window('Dunst'));
    await screen.window('AWS MFA code');
    await alice.systemctl('stop', 'aws-mfa-agent');
    expect(await alice.property('Result')).toBe('success');
    await screen.noWindow('AWS MFA code');
  });

  it('the service that is killed with all its processes is started again, and closes the notification that is left', async () => {
    await alice.systemctl('start', 'aws-mfa-agent');
    session(30);
    await screen.window('Dunst');
    await holds(() => expect(alice.read('.local/state/aws-mfa-agent/state.json')).toContain('"owner"'));
    const before = await alice.property('MainPID');
    await alice.systemctl('kill', '--signal=KILL', 'aws-mfa-agent');
    session(7200);
    await alice.becomes('MainPID', { test: (pid) => pid !== before && pid !== '0' });
    await alice.becomes('StatusText', /fresh until/);
    await screen.noWindow('Dunst');
  });

  it('the service opens the page in a browser that is outside its sandbox, with its own', async () => {
    alice.write('.config/aws-mfa-agent/config.ini', `${SETTINGS}prompt = browser\n`);
    session(30);
    await alice.systemctl('start', 'aws-mfa-agent');
    const page = await screen.window('AWS MFA code');
    expect((await alice.systemctl('status', 'aws-mfa-agent')).stdout).not.toMatch(/chromium/);
    await screen.typeInPage(page, sandbox.code, alice.becomes('StatusText', /fresh until/));
    expect(codes().map(({ outcome }) => outcome)).toEqual(['granted', 'granted']);
  });
});
