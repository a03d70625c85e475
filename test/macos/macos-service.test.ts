import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { launchd } from '../../src/service/macos-launchd.ts';
import { needs } from '../needs.ts';
import { run, start } from '../program.ts';
import { until } from '../within.ts';
import { type Mac, startMac } from './mac.ts';

/** No Mac is here: stand-ins print, fail and end as the real programs are measured to. */
describe('the LaunchAgent on a stand-in Mac', needs('Linux'), () => {
  let mac: Mac;
  beforeEach(async () => {
    mac = await startMac();
  });
  afterEach(() => mac.close());

  // Each starts a dozen processes that play launchctl.
  const patiently = (...words: string[]) => start(words, mac.env).endsWithin(30_000);
  const install = (...words: string[]) => patiently('install', ...words);
  const uninstall = (...words: string[]) => patiently('uninstall', ...words);

  it('install starts the agent, although launchctl prints 145 kB for the session, and uninstall ends it', async () => {
    const installed = await install();
    expect(installed).toMatchObject({ status: 0, stderr: expect.stringContaining('The agent runs as a LaunchAgent') });
    const { pid } = mac.job() ?? {};
    expect(JSON.parse((await run(['status', '--json'], mac.env)).stdout)).toMatchObject({ agent: { pid } });
    expect((await install()).stderr).toMatch(/already running: nothing to do/);
    expect(mac.job()?.pid).toBe(pid);

    expect(await uninstall()).toMatchObject({ status: 0, stderr: expect.stringContaining('Removed the LaunchAgent') });
    expect([existsSync(mac.plist), mac.job()]).toEqual([false, undefined]);
    expect(await uninstall()).toMatchObject({ status: 0, stderr: 'The service is not installed.\n' });
  });

  it('setup --install starts the agent', async () => {
    const words = ['setup', '--install', '--no-refresh', '--profile', 'mfa', '--source-profile', 'default'];
    const done = await patiently(...words, '--yes');
    expect(done).toMatchObject({ status: 0, stderr: expect.stringContaining('The agent runs as a LaunchAgent') });
    expect(mac.job()?.pid).toBeDefined();
  });

  it('install says what switching off the background item does, once', async () => {
    expect((await install()).stderr).toMatch(/"Background Items Added", which names node.*the agent stops/);
    expect((await install()).stderr).not.toMatch(/Background/);
  });

  it('install refuses where there is no graphical session, and writes nothing', async () => {
    mac.launchctl({ 'print domain': [112], managername: [1] });
    expect(await install()).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/no graphical session \(gui\/501\)/),
    });
    expect(existsSync(mac.plist)).toBe(false);
  });

  it('install works where launchctl prints nothing about the session but names its manager', async () => {
    mac.launchctl({ 'print domain': [1] });
    expect(await install()).toMatchObject({ status: 0 });
    expect(mac.calls()).toContain('managername');
  });

  it('install works where launchctl hangs once', async () => {
    mac.launchctl({ 'print domain': ['hangs'] });
    expect(await install()).toMatchObject({ status: 0 });
    expect(mac.calls()).toContain('managername');
  });

  it('install waits while the last job is still ending (exit statuses 5 and 37)', async () => {
    mac.launchctl({ bootout: [3], bootstrap: [5, 37, 5] });
    expect(await install()).toMatchObject({ status: 0 });
    expect(mac.calls().filter((call) => call.startsWith('bootstrap'))).toHaveLength(4);
  });

  it('install --force starts the agent again where launchctl does not wait for the end of the last one', async () => {
    await install();
    const { pid } = mac.job() ?? {};
    mac.launchctl({ bootout: ['later'] });
    expect(await install('--force')).toMatchObject({ status: 0, stderr: expect.stringMatching(/^The agent runs/) });
    expect(mac.job()?.pid).toEqual(expect.any(Number));
    expect(mac.job()?.pid).not.toBe(pid);
  });

  it('install names the cause of a failure, not the advice to be root', async () => {
    mac.launchctl({ bootstrap: [125] });
    const { status, stderr } = await install();
    expect(status).toBe(1);
    expect(stderr).toMatch(/launchctl bootstrap gui\/501 failed: Bootstrap failed: 125: Domain does not support/);
    expect(stderr).not.toMatch(/root/);
  });

  it('install names the switch in System Settings when launchd does not say why it takes no job', async () => {
    mac.install(
      'launchctl',
      'case $1 in bootstrap) echo "Bootstrap failed: 5: Input/output error" >&2; exit 5 ;; esac; exit 113',
    );
    const { PATH } = process.env;
    process.env.PATH = mac.env.PATH;
    const started = launchd(mac.home, 501, 0).start(async () => undefined);
    await expect(started).rejects.toThrow(
      /failed: Bootstrap failed: 5: .*; if it stays so, switch on node.*Login Items$/,
    );
    process.env.PATH = PATH;
  });

  it('install says why the agent does not run, from the log', async () => {
    const spoilt = join(mac.home, 'spoilt.ini');
    writeFileSync(spoilt, 'check = sometimes\n');
    mac.env.MAC_SPOILT = spoilt;
    writeFileSync(mac.log, 'an old line\n');
    const { status, stderr } = await install();
    expect(status).toBe(1);
    expect(stderr).toMatch(/installed but does not run: .*spoilt\.ini.*check.*aws-mfa-agent\.log/);
    expect(stderr).not.toMatch(/The agent runs|an old line/);
  });

  it('uninstall removes the file also over ssh, where there is no graphical session', async () => {
    mkdirSync(dirname(mac.plist), { recursive: true });
    await install();
    mac.launchctl({ 'print domain': [112], bootout: [112] });
    expect(await uninstall()).toMatchObject({ status: 0 });
    expect(existsSync(mac.plist)).toBe(false);
  });

  it('uninstall removes the file and reports that launchd does not end the agent', async () => {
    await install();
    mac.launchctl({ bootout: [5, 5, 5] });
    const { status, stderr } = await uninstall();
    expect(status).toBe(1);
    expect(stderr).toMatch(/launchctl bootout gui\/501\/.* failed: Boot-out failed: 5: Input\/output error/);
    expect(existsSync(mac.plist)).toBe(false);
  });

  it('an agent that is killed runs again', async () => {
    await install();
    const { pid } = mac.job() ?? {};
    process.kill(pid ?? 0, 'SIGKILL');
    await until(
      'another agent',
      () => mac.job()?.pid !== undefined && mac.job()?.pid !== pid,
      () => mac.job(),
    );
  });

  it("a job of Homebrew's is named by install, uninstall and doctor", async () => {
    const file = join(dirname(mac.plist), 'homebrew.mxcl.aws-mfa-agent.plist');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
    const { status, stderr } = await install();
    expect([status, stderr]).toEqual([1, expect.stringMatching(/Homebrew starts the agent.*brew services stop/)]);
    expect(existsSync(mac.plist)).toBe(false);
    expect((await uninstall()).stderr).toMatch(/Homebrew starts the agent.*brew services stop/);
    const idle = (await patiently('doctor')).stdout;
    expect(idle).toMatch(
      /! Homebrew starts the agent.*but no agent answers\n.*→ brew services restart aws-mfa-agent\n/,
    );
    expect(idle).not.toMatch(/aws-mfa-agent install/);
    const agent = start(['run'], mac.env);
    await agent.says(/asking since/);
    expect((await install()).stderr).toMatch(/Homebrew starts the agent.*brew services stop/);
    expect((await patiently('doctor')).stdout).toMatch(
      /✓ Homebrew starts the agent \(homebrew\.mxcl\.aws-mfa-agent\)\n/,
    );
    agent.child.kill();
    await agent.ended;
  });

  describe('doctor', () => {
    const doctor = async () => (await patiently('doctor')).stdout;

    it('doctor finds no fault in a running LaunchAgent that has never exited', async () => {
      await install();
      const found = await doctor();
      expect(found).toMatch(/✓ LaunchAgent: .*\.plist\n/);
      expect(found).toMatch(/✓ the LaunchAgent is running \(process \d+\)\n/);
      expect(found).not.toMatch(/never exited/);
    });

    it('doctor reports an exit status of a job that does not run', async () => {
      const spoilt = join(mac.home, 'spoilt.ini');
      writeFileSync(spoilt, 'check = sometimes\n');
      mac.env.MAC_SPOILT = spoilt;
      mac.env.MAC_THROTTLE = '60000';
      await install();
      await until('it has ended', () => mac.job()?.status === 2);
      expect(await doctor()).toMatch(/✗ the LaunchAgent is not running: last exit code 2\n/);
    });

    it('doctor reports a background item that was switched off', async () => {
      await install();
      mac.switchOn('disabled');
      expect(await doctor()).toMatch(
        /! the LaunchAgent will not start.*\n.*→ switch on node \(or Node\.js Foundation\) in System Settings/,
      );
    });

    it('doctor on macOS gives no advice for Linux', async () => {
      for (const prepare of [async () => {}, install]) {
        await prepare();
        const found = await doctor();
        expect(found).not.toMatch(/systemctl|journalctl|dunst|zenity|gjs|lsattr|timedatectl|D-Bus|apt/);
      }
    });
  });
});
