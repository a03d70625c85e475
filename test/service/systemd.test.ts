import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withSession } from '../../src/credentials/edit.ts';
import { needs } from '../needs.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { holds } from '../within.ts';
import { HOME, startUserManager, type UserManager } from './user-manager.ts';

const UNIT = '.config/systemd/user/aws-mfa-agent.service';
const SETTINGS = '.config/aws-mfa-agent/config.ini';

describe('the systemd service of an ordinary user', needs('a user manager'), () => {
  let sandbox: Sandbox;
  let alice: UserManager;
  beforeAll(async () => {
    sandbox = await startSandbox({ tolerance: 60 });
    alice = await startUserManager(sandbox.home);
    // As often as can be, so that a test need not wait; and as often as the tests want.
    alice.write(
      `${UNIT}.d/test.conf`,
      '[Unit]\nStartLimitIntervalSec=0\n[Service]\nStandardError=append:%h/log\nRestartSec=100ms\nWatchdogSec=3s\n',
    );
  });
  afterAll(async () => {
    await alice?.stop();
    await sandbox?.close();
  });
  beforeEach(async () => {
    await alice.systemctl('reset-failed');
    settings('');
    session(7200);
    await install();
    await alice.systemctl('restart', 'aws-mfa-agent');
    await alice.becomes('StatusText', /^\[mfa\] fresh until/);
  });

  function install(...words: string[]) {
    return alice.run(['aws-mfa-agent', 'install', ...words], { AWS_ENDPOINT_URL_STS: sandbox.sts.url });
  }
  function settings(text: string): void {
    alice.write(SETTINGS, `check = * * * * * *\nprompt_before = 1m\n${text}`);
  }
  /** As another tool would write it, that ends in so many seconds. */
  function session(seconds: number): void {
    const bytes = withSession(readFileSync(sandbox.credentialsFile), 'mfa', sandbox.sts.issue('alice', seconds));
    alice.write('.aws/credentials', bytes.toString(), 0o600);
  }
  /** A command that prints a good code. */
  function mfaProcess(script = ''): void {
    alice.write('code.sh', `${script}\necho ${sandbox.code()}\n`);
    settings(`[mfa]\nmfa_process = sh ${HOME}/code.sh\n`);
  }
  /** How many sessions AWS has given. */
  const granted = () =>
    sandbox.sts.requests.filter((one) => one.action === 'GetSessionToken' && one.outcome === 'granted').length;
  /** Lets the session end soon, and waits for the agent to have got another. */
  async function refreshed(): Promise<void> {
    const before = granted();
    session(30);
    await holds(() => expect(granted()).toBe(before + 1), 20_000);
    await alice.becomes('StatusText', /fresh until/);
    expect(granted()).toBe(before + 1);
  }
  async function agentRuns(): Promise<string> {
    await alice.becomes('ActiveState', /^active$/);
    return alice.property('MainPID');
  }

  it('the service can be shown without being installed', async () => {
    await alice.run(['aws-mfa-agent', 'uninstall']);
    const { status, stdout } = await install('--print');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^ExecStart=\/opt\/bin\/node --max-opt=0 \/opt\/bin\/aws-mfa-agent run$/m);
    expect(() => alice.read(UNIT)).toThrow('ENOENT');
  });

  it('the service runs when it is installed, shows the state of the session, and is enabled for the next login', async () => {
    await alice.run(['aws-mfa-agent', 'uninstall']);
    const { status, stderr } = await install();
    expect({ status, stderr }).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/^The agent runs .*\nRequests go to .* not AWS's\.\n.*status/),
    });
    await agentRuns();
    await alice.becomes('StatusText', /^\[mfa\] fresh until \d\d:\d\d$|^\[mfa\] fresh until \w+ \d\d:\d\d$/);
    expect((await alice.systemctl('is-enabled', 'aws-mfa-agent')).stdout).toBe('enabled\n');
    expect((await alice.run(['aws-mfa-agent', 'status'])).stdout).toMatch(/mfa +fresh .* fresh$/m);
  });

  it('the service is unchanged by a second install', async () => {
    const before = [alice.read(UNIT), await agentRuns()];
    expect(await install()).toMatchObject({ status: 0, stderr: expect.stringMatching(/nothing to do/) });
    expect([alice.read(UNIT), await agentRuns()]).toEqual(before);
  });

  it('the service replaces an older unit of ours, and the agent of that unit', async () => {
    const before = await agentRuns();
    alice.write('a %b', `${rootCertificates[0]}\n`);
    await alice.run(['aws-mfa-agent', 'install'], {
      AWS_ENDPOINT_URL_STS: `${sandbox.sts.url}/`,
      AWS_CA_BUNDLE: `${HOME}/a %b`,
    });
    expect(alice.read(UNIT)).toContain(`Environment="AWS_CA_BUNDLE=${HOME}/a %%b"`);
    expect(await agentRuns()).not.toBe(before);
  });

  it('install leaves an edited unit alone, unless forced', async () => {
    const edited = alice.read(UNIT).replace('RestartSec=5', 'RestartSec=7');
    alice.write(UNIT, edited);
    for (const command of ['install', 'uninstall']) {
      const { status, stderr } = await alice.run(['aws-mfa-agent', command]);
      expect({ status, stderr }).toMatchObject({ status: 1, stderr: expect.stringContaining('--force') });
      expect(alice.read(UNIT)).toBe(edited);
    }
    expect(await install('--force')).toMatchObject({ status: 0 });
    expect(alice.read(UNIT)).toContain('RestartSec=5\n');
    expect(alice.read(`${UNIT}.edited`)).toBe(edited);
  });

  it('install gives notifications a name and an icon of their own, and uninstall removes both', async () => {
    const files = [
      '.local/share/applications/aws-mfa-agent.desktop',
      '.local/share/icons/hicolor/scalable/apps/aws-mfa-agent.svg',
    ];
    expect(alice.read(files[0] ?? '')).toMatch(
      /^Exec=\/opt\/bin\/node \/opt\/bin\/aws-mfa-agent status --watch$[\s\S]*^Icon=aws-mfa-agent$/m,
    );
    expect(alice.read(files[1] ?? '')).toMatch(/^<svg /);
    expect(await alice.run(['aws-mfa-agent', 'uninstall'])).toMatchObject({ status: 0 });
    for (const file of files) expect(() => alice.read(file)).toThrow('ENOENT');
  });

  it("install leaves the compiled form of the short commands beside a program that is the user's own", async () => {
    const copy =
      'mkdir program; cp -r "$0/dist" program; rm program/dist/*.compiled; ln -s "$0"/[!d]* "$0/desktop" program';
    await alice.run(['sh', '-c', `cd; ${copy}`, '/opt/aws-mfa-agent']);
    const installed = await alice.run(['node', `${HOME}/program/dist/cli.cjs`, 'install']);
    expect(installed).toMatchObject({ status: 0 });
    expect((await alice.run(['ls', `${HOME}/program/dist`])).stdout).toMatch(/^short-.*\.compiled$/m);
  });

  it('uninstall removes the service, and keeps credentials and settings', async () => {
    const before = [alice.read('.aws/credentials'), alice.read(SETTINGS)];
    expect(await alice.run(['aws-mfa-agent', 'uninstall'])).toMatchObject({ status: 0 });
    expect(await alice.property('LoadState')).toBe('not-found');
    expect(await alice.property('ActiveState')).toBe('inactive');
    expect(() => alice.read(UNIT)).toThrow('ENOENT');
    expect([alice.read('.aws/credentials'), alice.read(SETTINGS)]).toEqual(before);
    expect(await alice.run(['aws-mfa-agent', 'uninstall'])).toMatchObject({
      status: 0,
      stderr: 'The service is not installed.\n',
    });
  });

  it('the service comes back after a crash', async () => {
    const before = await agentRuns();
    await alice.run(['kill', '-KILL', before]);
    await alice.becomes('NRestarts', /^[1-9]/);
    expect(await agentRuns()).not.toBe(before);
    await alice.becomes('StatusText', /fresh until/);
  });

  it('the service is not started more than ten times in an hour', async () => {
    const shipped = fileURLToPath(new URL('../../systemd/aws-mfa-agent.service', import.meta.url));
    expect(readFileSync(shipped, 'utf8')).toMatch(/^StartLimitIntervalSec=1h\nStartLimitBurst=10$/m);
    alice.write(
      `${UNIT}.d/z.conf`,
      '[Unit]\nStartLimitIntervalSec=1h\n[Service]\nExecStartPre=false\nRestartSec=1ms\n',
    );
    await alice.systemctl('daemon-reload');
    await alice.systemctl('restart', 'aws-mfa-agent');
    expect(await alice.becomes('ActiveState', /^failed$/)).toBe('failed');
    expect(await alice.property('NRestarts')).toBe('10');
    await alice.run(['rm', `${HOME}/${UNIT}.d/z.conf`]);
  });

  it('the service is not taken for hanging during a check', async () => {
    const before = await agentRuns();
    const began = Number(await alice.property('WatchdogTimestampMonotonic'));
    // Three seconds are all that WatchdogSec= of this test allows.
    await alice.becomes('WatchdogTimestampMonotonic', { test: (now) => Number(now) > began + 4_500_000 });
    expect(await agentRuns()).toBe(before);
  });

  it('the service is killed and started again when it hangs', async () => {
    const before = await agentRuns();
    await alice.run(['kill', '-STOP', before]);
    await alice.becomes('NRestarts', /^[1-9]/);
    expect(await agentRuns()).not.toBe(before);
  });

  it('the watchdog allows for the interval of a slow schedule', async () => {
    // Half a day away: a fixed hour would be minutes away at some time of day.
    alice.write(SETTINGS, `check = 0 ${(new Date().getHours() + 12) % 24} * * *\n`);
    await alice.becomes('WatchdogUSec', /h/);
  });

  it('the service does not start repeatedly with a wrong setting, and says which it is', async () => {
    settings('remind_every = never\n');
    expect((await alice.systemctl('restart', 'aws-mfa-agent')).status).not.toBe(0);
    expect(await alice.property('ActiveState')).toBe('failed');
    expect(await alice.property('ExecMainStatus')).toBe('2');
    expect(await alice.property('NRestarts')).toBe('0');
    expect(await alice.property('StatusText')).toMatch(/remind_every/);
    expect(await install()).toMatchObject({ status: 2, stderr: expect.stringContaining('remind_every') });
  });

  it('the service reads new settings without a restart, and says when it cannot use them', async () => {
    const before = await agentRuns();
    settings('remind_every = never\n');
    await alice.becomes('StatusText', /fresh until .*; the new settings are not used: .*remind_every/);
    settings('remind_every = 3m\n');
    expect((await alice.systemctl('reload', 'aws-mfa-agent')).status).toBe(0);
    await alice.becomes('StatusText', /fresh until [^;]*$/);
    await alice.becomes('ActiveState', /^active$/);
    expect(await agentRuns()).toBe(before);
  });

  it("the service reads the company's defaults inside its sandbox, and reads them again when they change", async () => {
    const company = (script: string) =>
      alice.runAsRoot(['sh', '-ec', `mkdir -p /etc/aws-mfa-agent; cd /etc/aws-mfa-agent; ${script}`]);
    const before = await agentRuns();
    await company("echo 'remind_every = never' >config.ini");
    await alice.becomes(
      'StatusText',
      /the new settings are not used: \/etc\/aws-mfa-agent\/config\.ini:1: remind_every/,
    );
    await company("echo 'remind_every = 2m' >config.ini; chmod o+w config.ini");
    await alice.becomes('StatusText', /config\.ini is not used, because others may write/);
    await company('chmod o-w config.ini; mv config.ini new.ini; mv new.ini config.ini');
    await alice.becomes('StatusText', /^\[mfa\] fresh until/);
    expect((await alice.run(['aws-mfa-agent', 'doctor'])).stdout).toMatch(
      /\/etc\/aws-mfa-agent\/config\.ini has your company's defaults/,
    );
    await company('rm config.ini');
    expect(await agentRuns()).toBe(before);
  });

  it('the service continues after a daemon-reload', async () => {
    const before = await agentRuns();
    await alice.systemctl('daemon-reload');
    session(120);
    await alice.becomes('StatusText', /fresh until/);
    expect(await agentRuns()).toBe(before);
  });

  it('the service that is stopped while AWS has a code writes the session first', async () => {
    const asked = () => sandbox.sts.requests.filter(({ action }) => action === 'GetSessionToken');
    const before = asked().length;
    const answer = sandbox.hold(1, 'GetSessionToken');
    mfaProcess();
    session(30);
    await holds(() => expect(asked().length).toBe(before + 1), 20_000);
    const stopped = alice.systemctl('stop', 'aws-mfa-agent');
    await alice.becomes('ActiveState', /^deactivating$/);
    answer();
    await stopped;
    expect(await alice.property('Result')).toBe('success');
    expect(asked().at(-1)).toMatchObject({ outcome: 'granted' });
    const [, keyId = ''] = /\[mfa\]\s+aws_access_key_id = (\S+)/.exec(alice.read('.aws/credentials')) ?? [];
    expect(sandbox.sts.session(keyId)).toMatchObject({ mfa: true });
  });

  it('the service stops within seconds, also while it asks', async () => {
    alice.write(`${UNIT}.d/z.conf`, '[Service]\nTimeoutStopSec=5s\n');
    await alice.systemctl('daemon-reload');
    session(30);
    await alice.becomes('StatusText', /asking|nothing to ask with/);
    await alice.systemctl('stop', 'aws-mfa-agent');
    expect(await alice.property('Result')).toBe('success');
    await alice.run(['rm', `${HOME}/${UNIT}.d/z.conf`]);
  });

  it('the service gets a session with mfa_process, and writes it', async () => {
    mfaProcess();
    await refreshed();
    expect(alice.read('.aws/credentials')).toMatch(/^\[mfa\]\naws_access_key_id *= *ASIA/m);
  });

  it('the service does not ask for a code whose session it could not write, and says what to do', async () => {
    mfaProcess();
    const before = granted();
    await alice.runAsRoot(['chgrp', '100', `${HOME}/.aws/credentials`]);
    await alice.runAsRoot([
      'sh',
      '-c',
      `sed -i 's/^expiration.*/expiration = 2020-01-01T00:00:00Z/' ${HOME}/.aws/credentials`,
    ]);
    await alice.becomes('StatusText', /cannot ask here: .* group.*chown/);
    expect(granted()).toBe(before);
  });

  it('the service cannot do what a token code does not need', async () => {
    mfaProcess(`
      rm -f ${HOME}/.aws/done
      tries() { "$@" >/dev/null 2>&1 && echo "$*" >>${HOME}/.aws/done; }
      tries touch ${HOME}/.aws/other
      tries touch ${HOME}/.local/state/aws-mfa-agent/other
      tries touch /run/user/4321/aws-mfa-agent/other
      tries touch ${HOME}/other
      tries touch ${HOME}/.config/aws-mfa-agent/other
      tries touch /run/user/4321/other
      tries touch /tmp/other
      tries touch /var/tmp/other
      tries unshare --user true
      tries unshare --mount true
      tries chmod u+s ${HOME}/.aws/other
      tries setarch --addr-no-randomize true
      tries chrt --rr 1 true
      tries dmesg
      tries hostname other
      tries sh -c 'echo 1 >/proc/sys/kernel/panic'
      tries mount -t tmpfs tmpfs /mnt
      grep -E '^(NoNewPrivs|CapBnd|Seccomp):' /proc/self/status >>${HOME}/.aws/done
      ulimit -c >>${HOME}/.aws/done
      umask >>${HOME}/.aws/done
    `);
    await refreshed();
    expect(alice.read('.aws/done').replaceAll('\t', ' ').split('\n')).toEqual([
      `touch ${HOME}/.aws/other`,
      `touch ${HOME}/.local/state/aws-mfa-agent/other`,
      'touch /run/user/4321/aws-mfa-agent/other',
      'CapBnd: 0000000000000000',
      'NoNewPrivs: 1',
      'Seccomp: 2',
      '0',
      '0077',
      '',
    ]);
  });

  it('the service is restarted without losing a code when its folder was removed and comes back', async () => {
    const before = await agentRuns();
    mfaProcess();
    renameSync(join(sandbox.home, '.aws'), join(sandbox.home, 'away'));
    await alice.run(['cp', '-r', `${HOME}/away`, `${HOME}/.aws`]);
    await refreshed();
    expect(await agentRuns()).not.toBe(before);
  });

  it('the service is restarted with a folder for its state when that was removed', async () => {
    const before = await agentRuns();
    mfaProcess();
    await alice.run(['rm', '-r', `${HOME}/.local`]);
    await refreshed();
    expect(await agentRuns()).not.toBe(before);
    const [, keyId = 'none'] = /\[mfa\]\s+aws_access_key_id = (\S+)/.exec(alice.read('.aws/credentials')) ?? [];
    await holds(() => expect(alice.read('.local/state/aws-mfa-agent/state.json')).toContain(keyId));
  });

  it('the service is restarted after an upgrade, before anything of the new version is loaded', async () => {
    const before = await agentRuns();
    const description = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
    alice.write('package.json', description.replace(/"version": ".*"/, '"version": "99.0.0"'));
    await alice.runAsRoot(['mount', '--bind', `${HOME}/package.json`, '/opt/aws-mfa-agent/package.json']);
    try {
      mfaProcess();
      await refreshed();
      expect(await agentRuns()).not.toBe(before);
      expect((await alice.run(['aws-mfa-agent', 'status', '--json'])).stdout).toContain('"version": "99.0.0"');
    } finally {
      await alice.runAsRoot(['umount', '/opt/aws-mfa-agent/package.json']);
    }
  });

  it('the service runs without its sandbox when the system does not allow one, and says so', async () => {
    await alice.run(['aws-mfa-agent', 'uninstall']);
    await alice.runAsRoot(['rmdir', '/run/systemd/unit-root', '/run/systemd/mount-rootfs']);
    // The next try after a failure would hide its exit status, if it came before install has looked.
    alice.write(`${UNIT}.d/z.conf`, '[Service]\nRestartSec=1min\n');
    try {
      expect(await install()).toMatchObject({ status: 0, stderr: expect.stringMatching(/^warning: .*namespace/m) });
      await agentRuns();
      expect(alice.read(UNIT)).toMatch(/^NoNewPrivileges=yes$/m);
      expect(alice.read(UNIT)).not.toMatch(/PrivateUsers|ProtectHome/);
      const before = await agentRuns();
      expect(await install()).toMatchObject({ status: 0, stderr: expect.stringMatching(/nothing to do/) });
      expect(await agentRuns()).toBe(before);
    } finally {
      await alice.runAsRoot(['mkdir', '-p', '/run/systemd/unit-root', '/run/systemd/mount-rootfs']);
      await alice.run(['rm', `${HOME}/${UNIT}.d/z.conf`]);
      await alice.run(['aws-mfa-agent', 'uninstall']);
    }
  });

  it('install refuses with a reason when there can be no service', async () => {
    await alice.run(['aws-mfa-agent', 'uninstall']);
    const noManager = { XDG_RUNTIME_DIR: '', DBUS_SESSION_BUS_ADDRESS: '' };
    expect(await alice.run(['aws-mfa-agent', 'install'], noManager)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cannot connect.*aws-mfa-agent run/),
    });
    await alice.runAsRoot(['rmdir', '/run/systemd/system']);
    expect(await alice.run(['aws-mfa-agent', 'install'], noManager)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/aws-mfa-agent run/),
    });
    await alice.runAsRoot(['mkdir', '/run/systemd/system']);
    expect(await alice.runAsRoot(['env', `HOME=${HOME}`, 'aws-mfa-agent', 'install'])).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/do not run this as root/),
    });
    expect(() => alice.read(UNIT)).toThrow('ENOENT');
  });

  it('install refuses when an agent is already running', async () => {
    await alice.run(['aws-mfa-agent', 'uninstall']);
    const other = alice.start(['aws-mfa-agent', 'run'], { AWS_ENDPOINT_URL_STS: sandbox.sts.url });
    try {
      await holds(
        async () => expect((await alice.run(['aws-mfa-agent', 'status'])).stdout).not.toMatch(/not running/),
        20_000,
      );
      expect(await install()).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/an agent is already running/),
      });
    } finally {
      other.kill();
    }
  });
});
