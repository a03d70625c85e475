import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import type { Check, Finding } from '../../src/doctor/finding.ts';
import { needs } from '../needs.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds } from '../within.ts';
import { HOME, startUserManager, type UserManager } from './user-manager.ts';

const UNIT = '.config/systemd/user/aws-mfa-agent.service';

describe('doctor on a systemd user service', needs('a user manager'), () => {
  let sandbox: Sandbox;
  let alice: UserManager;
  const here: Record<string, string> = {};
  beforeAll(async () => {
    sandbox = await startSandbox();
    here.AWS_ENDPOINT_URL_STS = sandbox.sts.url;
    alice = await startUserManager(sandbox.home);
    const bytes = withSession(readFileSync(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', 7200));
    alice.write('.aws/credentials', bytes.toString(), 0o600);
  });
  afterAll(async () => {
    await alice?.stop();
    await sandbox?.close();
  });

  /** What it finds of some checks, as `check level: found → mend`. */
  async function found(checks: Check[], variables: Record<string, string> = {}): Promise<string[]> {
    const { stdout, stderr } = await alice.run(['aws-mfa-agent', 'doctor', '--json'], { ...here, ...variables });
    expect(stderr).toBe('');
    const { findings } = JSON.parse(stdout) as { findings: Finding[] };
    return findings
      .filter(({ check }) => checks.includes(check))
      .map(({ check, level, found: text, mend }) => `${check} ${level}: ${text} → ${mend}`);
  }
  const lines = (...patterns: RegExp[]) => patterns.map((pattern) => expect.stringMatching(pattern));

  it('doctor reports that there is no service', async () => {
    expect(await found(['agent.running', 'service.installed', 'service.running'])).toEqual(
      lines(
        /^agent\.running warning: no agent is running.*install$/,
        /^service\.installed warning: the systemd user service is not installed.*install$/,
      ),
    );
  });

  it('doctor reports every check of a running service as ok', async () => {
    await alice.systemctl('set-environment', 'DISPLAY=:97');
    await alice.run(['aws-mfa-agent', 'install'], here);
    const pid = await alice.property('MainPID');
    expect(
      await found([
        'agent.running',
        'agent.version',
        'agent.profile',
        'asking.ways',
        'service.installed',
        'service.running',
        'service.paths',
        'service.environment',
        'service.display',
      ]),
    ).toEqual(
      lines(
        /^asking\.ways ok: nothing can ask .* the service can use .*zenity/,
        new RegExp(`^agent\\.running ok: .*process ${pid}\\)`),
        /^agent\.version ok/,
        /^agent\.profile ok: \[mfa\]: fresh/,
        /^service\.installed ok: .*aws-mfa-agent\.service → null$/,
        new RegExp(`^service\\.running ok: .*process ${pid}\\)`),
        /^service\.paths ok: the service starts \/opt\/bin\/node \/opt\/bin\/aws-mfa-agent/,
        /^service\.environment ok/,
        /^service\.display ok: the service can ask by .*zenity.*DISPLAY=:97, no WAYLAND_DISPLAY, DBUS_SESSION_BUS_ADDRESS=unix/,
      ),
    );
  });

  it('doctor reports variables that the service does not have but this shell has', async () => {
    await alice.systemctl('unset-environment', 'DISPLAY');
    const variables = { DISPLAY: ':98', AWS_CONFIG_FILE: `${HOME}/other`, HTTPS_PROXY: 'http://a:password@b:1' };
    const told = await found(['service.environment', 'service.display'], variables);
    expect(told).toEqual(
      lines(
        /^service\.environment warning: .*AWS_CONFIG_FILE \(only here\), HTTPS_PROXY \(only here\) → aws-mfa-agent install$/,
        /^service\.display error: .*no DISPLAY.*systemctl --user import-environment DISPLAY/,
      ),
    );
    expect(told.join('\n')).not.toContain('password');
    // The remedies that doctor names work.
    await alice.run(['aws-mfa-agent', 'install'], { ...here, AWS_CONFIG_FILE: `${HOME}/other` });
    await alice.run(['systemctl', '--user', 'import-environment', 'DISPLAY'], { DISPLAY: ':98' });
    expect(
      await found(['service.environment', 'service.display'], { DISPLAY: ':98', AWS_CONFIG_FILE: `${HOME}/other` }),
    ).toEqual(lines(/^service\.environment ok/, /^service\.display ok/));
    await alice.run(['aws-mfa-agent', 'install'], here);
  });

  it('doctor reports that the service will not start at the next login, and that it is not running', async () => {
    await alice.systemctl('disable', 'aws-mfa-agent');
    expect(await found(['service.installed', 'service.running'])).toEqual(
      lines(
        /^service\.installed warning: .*will not start at the next login.*systemctl --user enable/,
        /^service\.running ok/,
      ),
    );
    alice.write('.config/aws-mfa-agent/config.ini', 'nonsense = 1\n');
    await alice.systemctl('restart', 'aws-mfa-agent');
    await alice.becomes('ActiveState', /^failed$/);
    alice.write('.config/aws-mfa-agent/config.ini', '');
    expect(await found(['service.running'])).toEqual(
      lines(/^service\.running error: .*is not running: .*unknown setting nonsense.*journalctl.*install$/),
    );
    await alice.run(['aws-mfa-agent', 'install'], here);
    expect(await found(['service.installed', 'service.running'])).toEqual(
      lines(/^service\.installed ok/, /^service\.running ok/),
    );
  });

  it('doctor reports that the service starts a missing file, and that its unit was edited', async () => {
    alice.write(UNIT, alice.read(UNIT).replace('/opt/bin/node', '/opt/v18.1.0/bin/node'));
    expect(await found(['service.installed', 'service.paths'])).toEqual(
      lines(
        /^service\.installed ok: .*it was edited/,
        /^service\.paths error: .*does not exist: \/opt\/v18\.1\.0\/bin\/node .*install/,
      ),
    );
  });

  it("a package's unit has a folder for the state, and doctor and uninstall name it", async () => {
    await alice.run(['aws-mfa-agent', 'uninstall', '--force']);
    await alice.run(['rm', '-r', `${HOME}/.local`]);
    const [folder, name] = ['/run/systemd/user', 'aws-mfa-agent.service'];
    await alice.runAsRoot(['sh', '-c', `mkdir -p ${folder}; cp /opt/aws-mfa-agent/systemd/${name} ${folder}`]);
    await alice.systemctl('daemon-reload');
    await alice.systemctl('set-environment', 'PATH=/opt/bin:/usr/bin:/bin');
    expect(await alice.systemctl('enable', '--now', 'aws-mfa-agent')).toMatchObject({ status: 0 });
    expect((await alice.run(['stat', '-c', '%a', `${HOME}/.local/state/aws-mfa-agent`])).stdout).toBe('700\n');
    await alice.run(['aws-mfa-agent', 'snooze', '1h']);
    await holds(() => expect(alice.read('.local/state/aws-mfa-agent/state.json')).toContain('snooze'));

    expect(await found(['agent.running', 'service.installed', 'service.running'])).toEqual(
      lines(
        /^agent\.running ok/,
        new RegExp(`^service\\.installed ok: systemd starts the agent with ${folder}/${name}`),
      ),
    );
    const uninstall = async () => (await alice.run(['aws-mfa-agent', 'uninstall'])).stderr;
    const stop = 'systemctl --user disable --now aws-mfa-agent';
    expect(await uninstall()).toBe(`systemd starts the agent with ${folder}/${name}; to stop that, run "${stop}".\n`);
    await alice.run(stop.split(' '));
    expect(await alice.property('ActiveState')).toBe('inactive');
    expect(await uninstall()).toBe('The service is not installed.\n');
  });

  it("install replaces the mask of a package's unit that was enabled for all, which is nothing to uninstall", async () => {
    await alice.run(['rm', '-f', `${HOME}/${UNIT}`]);
    expect(await alice.runAsRoot(['systemctl', '--global', 'enable', 'aws-mfa-agent'])).toMatchObject({ status: 0 });
    await alice.systemctl('daemon-reload');
    await alice.systemctl('start', 'aws-mfa-agent');
    const uninstall = () => alice.run(['aws-mfa-agent', 'uninstall']);
    const stop = 'systemctl --user mask --now aws-mfa-agent';
    expect((await uninstall()).stderr).toMatch(new RegExp(`^systemd starts the agent with .*, run "${stop}"\\.\n$`));
    await alice.run(stop.split(' '));
    expect([await alice.property('LoadState'), await alice.property('ActiveState')]).toEqual(['masked', 'inactive']);
    expect(await uninstall()).toMatchObject({ status: 0, stderr: 'The service is not installed.\n' });
    expect(await alice.property('LoadState')).toBe('masked');
    expect(await found(['service.installed'])).toEqual(
      lines(/^service\.installed warning: .* is not installed.*install$/),
    );

    expect(await alice.run(['aws-mfa-agent', 'install'], here)).toMatchObject({ status: 0 });
    expect(await alice.property('ActiveState')).toBe('active');
    expect(await uninstall()).toMatchObject({ status: 0 });
  });
});
