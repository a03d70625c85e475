import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { needs } from '../needs.ts';
import { type Running, start } from '../program.ts';
import { until, within } from '../within.ts';
import { type Mac, startMac } from './mac.ts';
import { isRunning, pidIn, type Script, type Seen } from './script.ts';

/** The built program on a stand-in Mac on Apple silicon, without alerter and without Rosetta. */
describe('asking on a stand-in Mac', needs('Linux'), () => {
  let mac: Mac;
  let running: Running | undefined;
  beforeEach(async () => {
    mac = await startMac();
  });
  afterEach(async () => {
    running?.child.kill();
    await running?.ended;
    running = undefined;
    await mac.close();
  });

  const settings = (text: string) => {
    const file = join(mac.home, '.config', 'aws-mfa-agent', 'config.ini');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };
  /** The script that has a window: another one follows the events of the screen. */
  async function windowOf(): Promise<{ script: Script; scripts: Script[]; seen: Seen }> {
    const first = await mac.script();
    const scripts = [first, await mac.script([first])];
    return until('a window', async () => {
      for (const script of scripts) {
        const seen = await script.look();
        if (seen.isVisible) return { script, scripts, seen };
      }
      return undefined;
    });
  }

  it('the agent asks in the window, beside a plain notification, and writes the session', async () => {
    running = start(['run'], mac.env);
    const { script, scripts, seen } = await windowOf();
    expect(seen.texts[0]).toBe('AWS session [mfa] needs a code');
    await until('a notification', () => mac.appleScripts().length > 0);
    expect(mac.appleScripts()[0]?.slice(1)).toEqual([
      'AWS session [mfa] needs a code',
      expect.stringMatching(/^MFA code of/),
    ]);
    await script.type(mac.code());
    await running.says(/session refreshed/);
    // An idle agent has no children.
    await within('the end of both scripts', Promise.all(scripts.map(({ ended }) => ended)));
    expect(readFileSync(mac.credentialsFile, 'utf8')).toMatch(/\[mfa\]\naws_access_key_id = ASIA/);
  });

  it('the window closes with the agent', async () => {
    running = start(['run'], mac.env);
    const { script } = await windowOf();
    running.child.kill('SIGKILL');
    await script.ended;
  });

  it('a notification of alerter ends with the agent', async () => {
    mac.install('alerter', `echo $$ > ${mac.home}/alerter; exec sleep 60`);
    running = start(['run'], mac.env);
    const file = join(mac.home, 'alerter');
    const pid = await until('a notification', () => pidIn(file));
    running.child.kill('SIGKILL');
    await until('its end', () => !isRunning(pid));
  });

  it('mfa_process that waits for a touch is announced', async () => {
    const touched = join(mac.home, 'touched');
    mac.install('touch-key', `echo "Touch your key" >&2; while [ ! -e ${touched} ]; do sleep 0.05; done; exit 1`);
    settings('prompt = mfa_process\n[mfa]\nsource_profile = default\nmfa_process = touch-key\n');
    running = start(['refresh', 'mfa'], mac.env, '');
    await until('a notification', () => mac.appleScripts().length > 0, running.output);
    writeFileSync(touched, '');
    await running.ended;
    expect(mac.appleScripts()[0]?.slice(1)).toEqual(['mfa_process of [mfa] is waiting', 'Touch your key']);
  });

  it('doctor --try ends, whether macOS takes the notification or not', async () => {
    const trial = async () => {
      const { stdout, stderr } = await start(['doctor', '--try'], mac.env).endsWithin(30_000);
      expect(stderr).toMatch(/^Sending a test notification: look for it\.$/m);
      return stdout;
    };
    expect(await trial()).toMatch(/✓ a notification was sent; macOS does not report whether it was shown/);
    mac.install('osascript', 'exec sleep 60');
    expect(await trial()).toMatch(/✗ no notification could be sent\n.*Script Editor in System Settings/);
  });
});
