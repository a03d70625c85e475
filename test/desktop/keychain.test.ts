import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BUS, withSessionBus } from '../../src/bus/bus.ts';
import { keychain } from '../../src/keys/stores.ts';
import { needs } from '../needs.ts';
import { type PrivateBus, startBus } from '../presence/buses.ts';
import { type Ended, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { until, within } from '../within.ts';
import { startDesktop } from './desktop.ts';

const PASSWORD = 'correct horse';

describe('GNOME Keyring', needs('Linux', 'dbus-daemon', 'dbus-monitor', 'gnome-keyring-daemon', 'secret-tool'), () => {
  let sandbox: Sandbox;
  let bus: PrivateBus;
  let keyring: ChildProcess | undefined;
  let environment: NodeJS.ProcessEnv;
  let before: string;

  beforeEach(async () => {
    sandbox = await startSandbox({ tolerance: 9 });
    bus = await startBus();
    environment = { ...sandbox.env, DBUS_SESSION_BUS_ADDRESS: bus.address };
    before = await content();
  });
  afterEach(async () => {
    await endKeyring();
    await bus.stop();
    await sandbox.close();
  });

  const content = () => readFile(sandbox.credentialsFile, 'utf8');
  const withoutKeys = () => before.replace(/aws_access_key_id = .*\naws_secret_access_key = .*\n/, '');

  async function startKeyring(how: { locked: boolean }): Promise<void> {
    const owned = () =>
      withSessionBus(environment, async (one) => {
        const { body } = await one.call(BUS, 'NameHasOwner', 's', ['org.freedesktop.secrets']);
        return body[0] === true || undefined;
      });
    const words = ['--foreground', '--components=secrets', ...(how.locked ? [] : ['--unlock'])];
    keyring = spawn('gnome-keyring-daemon', words, { env: environment, stdio: ['pipe', 'ignore', 'ignore'] });
    keyring.stdin?.end(how.locked ? '' : PASSWORD);
    await until('the keyring', owned);
  }

  async function endKeyring(): Promise<void> {
    if (keyring?.exitCode !== null || keyring.signalCode !== null) return;
    const exited = once(keyring, 'exit');
    // What it has not written is lost.
    keyring.kill('SIGKILL');
    await within('the end of the keyring', exited);
  }

  const secretTool = (...words: string[]) =>
    text(spawn('secret-tool', words, { env: environment, stdio: ['ignore', 'pipe', 'ignore'] }).stdout);
  const refresh = (env = environment) => run(['refresh', '--force', '--token-code', sandbox.code()], env);
  const done = async (ended: Promise<Ended>) => expect(await ended).toMatchObject({ status: 0 });

  it('GNOME Keyring keeps the keys over a restart, and keys restore writes them back unchanged', async () => {
    await startKeyring({ locked: false });
    const monitor = spawn('dbus-monitor', ['--address', bus.address], { stdio: ['ignore', 'pipe', 'ignore'] });
    let recorded = '';
    monitor.stdout.on('data', (chunk) => {
      recorded += chunk;
    });
    await until('dbus-monitor', async () => recorded !== '' || undefined);

    const stored = await run(['keys', 'store', '--yes'], environment);
    expect(stored).toMatchObject({ status: 0, stdout: '' });
    expect(await content()).toBe(withoutKeys());
    const { accessKeyId, secretAccessKey } = sandbox.alice;
    expect(JSON.parse(await secretTool('lookup', 'service', 'aws-mfa-agent', 'profile', 'default'))).toMatchObject({
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
    });
    await done(refresh());
    const listed = await run(['keys', 'list'], environment);
    expect(listed.stdout).toContain(`${accessKeyId} in the keychain, created `);

    await endKeyring();
    await startKeyring({ locked: false });
    // As in an SSH session, or a job of cron.
    const { DBUS_SESSION_BUS_ADDRESS: address, ...bare } = environment;
    await symlink(String(address).replace('unix:path=', ''), join(String(bare.XDG_RUNTIME_DIR), 'bus'));
    await done(refresh(bare));

    const restored = await run(['keys', 'restore'], bare);
    expect(restored.status).toBe(0);
    const [, ofSession] = (await content()).split(/(?=\n\[mfa\])/);
    expect(await content()).toBe(before + ofSession);
    expect(await secretTool('lookup', 'service', 'aws-mfa-agent', 'profile', 'default')).toBe('');

    monitor.kill();
    const folders = [sandbox.env.XDG_STATE_HOME, sandbox.env.XDG_CONFIG_HOME, sandbox.env.XDG_RUNTIME_DIR];
    const written = await Promise.all(folders.map((folder) => contents(String(folder))));
    for (const place of [recorded, ...written.flat(), stored, listed, restored].map((one) => JSON.stringify(one)))
      expect(place).not.toContain(secretAccessKey);
  });

  it('a key in GNOME Keyring is rotated there, and keys in both places are not', async () => {
    await startKeyring({ locked: false });
    await done(run(['keys', 'store', '--yes', '--keep-file'], environment));
    const codes = join(sandbox.home, 'code');
    await sandbox.settings(`[mfa]\nkeys = keychain\nmfa_process = cat ${codes}\n`);
    await sandbox.put(sandbox.sts.issue('alice', 3600));
    const both = await run(['keys', 'rotate'], environment);
    expect(both.stderr).toMatch(/has long-term keys in AWS's files, but keys = keychain/);
    expect(sandbox.sts.requests.filter(({ action }) => action === 'CreateAccessKey')).toHaveLength(0);

    await done(run(['keys', 'store', '--yes'], environment));
    const { accessKeyId: oldId } = sandbox.alice;
    await writeFile(codes, sandbox.code());
    const rotated = await start(['keys', 'rotate', '--delete'], environment, '').endsWithin(40_000);
    expect(rotated.status, rotated.stderr).toBe(0);
    const { accessKeyId, secretAccessKey, otherKeys } = sandbox.alice;
    expect([accessKeyId === oldId, otherKeys]).toEqual([false, []]);
    expect(JSON.parse(await secretTool('lookup', 'service', 'aws-mfa-agent', 'profile', 'default'))).toMatchObject({
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
    });
    for (const id of [oldId, accessKeyId]) expect(await content()).not.toContain(id);
    const state = await contents(String(sandbox.env.XDG_STATE_HOME));
    for (const place of [rotated.stderr, ...state]) expect(place).not.toContain(secretAccessKey);
  });

  it('setup finishes everything else when GNOME Keyring has other keys, and says how to move these', async () => {
    await startKeyring({ locked: false });
    const other = { accessKeyId: 'AKIAI44QH8DHBEXAMPLE', secretAccessKey: 'x'.repeat(40) };
    await keychain(environment).write('default', other, undefined);
    const words = ['setup', '--yes', '--keys', 'keychain', '--no-install', '--set-region', '--token-code'];
    const { status, stderr } = await run([...words, sandbox.code()], environment);
    expect(status).toBe(2);
    expect(stderr).toMatch(
      /the keychain has AKIAI44QH8DHBEXAMPLE for .*everything else is set up.*keys store default\)\n$/,
    );
    const [ofKeys, ofSession] = (await content()).split(/(?=\n\[mfa\])/);
    expect(ofKeys).toBe(before);
    expect(ofSession).toContain('aws_session_token = ');
  });

  it('a locked keyring costs no code where there is no desktop to unlock it', async () => {
    await startKeyring({ locked: false });
    await done(run(['keys', 'store', '--yes'], environment));
    await endKeyring();
    await startKeyring({ locked: true });
    const locked = await refresh();
    expect(locked.status).toBe(1);
    expect(locked.stderr).toMatch(
      /^aws-mfa-agent: cannot refresh \[mfa\]: the keychain is locked, and there is no desktop/m,
    );
    expect(sandbox.sts.requests.filter(({ action }) => action === 'GetSessionToken')).toHaveLength(0);
  });

  it('a missing keychain is one line that says what to do, and costs no code', async () => {
    const ended = await run(['keys', 'store', '--yes'], environment);
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(/^aws-mfa-agent: no keychain \(.*\): install gnome-keyring, .*\n$/);
    expect(await content()).toBe(before);
    await sandbox.settings('[mfa]\nkeys = keychain\n');
    const refused = await refresh();
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/has long-term keys in AWS's files, but keys = keychain/);
  });

  it(
    'the dialog of the desktop unlocks a locked keyring',
    needs('a desktop', '/usr/libexec/gcr-prompter'),
    async () => {
      const desktop = await startDesktop();
      let prompter: ChildProcess | undefined;
      try {
        Object.assign(environment, {
          DISPLAY: desktop.environment.DISPLAY,
          DBUS_SESSION_BUS_ADDRESS: desktop.environment.DBUS_SESSION_BUS_ADDRESS,
        });
        await startKeyring({ locked: false });
        const setup = ['setup', '--yes', '--keys', 'keychain', '--no-install', '--token-code'];
        await done(run([...setup, sandbox.code()], environment));
        expect(await content()).toContain(withoutKeys());
        await endKeyring();
        await startKeyring({ locked: true });
        prompter = spawn('/usr/libexec/gcr-prompter', { env: environment, stdio: 'ignore' });
        const refreshing = start(['refresh', '--force', '--token-code', sandbox.code()], environment, '');
        const window = await desktop.window('Keyring');
        await desktop.picture('keyring-is-locked');
        await desktop.type(window, PASSWORD);
        await done(refreshing.ended);
      } finally {
        prompter?.kill();
        await endKeyring();
        await desktop.stop();
      }
    },
  );
});

/** The files in a folder. */
async function contents(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return Promise.all(files.map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1')));
}
