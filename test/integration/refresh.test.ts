import { existsSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { needs } from '../needs.ts';
import { PROGRAM, run, start } from '../program.ts';
import { behind, type Sandbox, startSandbox } from '../sandbox.ts';
import { onTerminal, quoted } from '../terminal.ts';
import { until } from '../within.ts';

let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
});
afterEach(() => sandbox.close());

const refresh = (...args: string[]) => run(['refresh', ...args], sandbox.env);
const credentials = () => readFile(sandbox.credentialsFile, 'utf8');
const profile = async (name = 'mfa') => parseCredentials(await readFile(sandbox.credentialsFile)).profile(name)?.values;

describe('refresh', () => {
  it('refresh adds the MFA profile with the session from STS, and keeps every other line', async () => {
    const before = await credentials();
    const ended = await refresh('--token-code', sandbox.code());
    expect(ended).toMatchObject({
      status: 0,
      stdout: '',
    });
    expect(behind(ended.stderr)).toMatch(/^\[mfa\] is fresh until .*\n$/);
    expect((await credentials()).startsWith(before)).toBe(true);
    const values = await profile();
    expect(sandbox.sts.session(values?.get('aws_access_key_id') ?? '')).toMatchObject({ userName: 'alice', mfa: true });
    expect(values?.get('expiration')).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  });

  it('refresh fails at once, before it asks, when a setting makes requests impossible', async () => {
    for (const [variable, value] of [
      ['AWS_CA_BUNDLE', '/no/such.pem'],
      ['HTTP_PROXY', 'socks5://127.0.0.1:1080'],
      ['AWS_USE_FIPS_ENDPOINT', 'yes'],
    ] as const) {
      const began = Date.now();
      const ended = await run(['refresh', '--token-code', sandbox.code()], { ...sandbox.env, [variable]: value });
      expect(ended).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(new RegExp(`^aws-mfa-agent: ${variable} .*\\n$`)),
      });
      expect(Date.now() - began).toBeLessThan(4_000);
    }
    expect(sandbox.sts.requests).toEqual([]);
  });

  it('refresh reads the code from standard input', async () => {
    const ended = await run(
      ['refresh', '--token-code', '-'],
      sandbox.env,
      `${sandbox.code().replace(/^.../, '$& ')}\n`,
    );
    expect(ended.status).toBe(0);
  });

  it('refresh says that the session is still fresh, and asks and sends nothing unless forced', async () => {
    await refresh('--token-code', sandbox.code());
    const before = await credentials();
    const again = await refresh();
    expect(again).toMatchObject({ status: 0, stderr: expect.stringContaining('[mfa] is still fresh until') });
    expect(sandbox.sts.requests).toHaveLength(1);
    expect(await credentials()).toBe(before);
    expect((await refresh('--force', '--token-code', sandbox.code())).status).toBe(0);
    expect(await credentials()).not.toBe(before);
  });

  it('refresh says why AWS refused a code, without repeating it, and does not change the file', async () => {
    const before = await credentials();
    const code = sandbox.wrongCode();
    const ended = await refresh('--token-code', code);
    expect(ended.status).toBe(1);
    expect(behind(ended.stderr)).toMatch(
      /^aws-mfa-agent: cannot refresh \[mfa\]: AWS refused the code for .*enter the next one\n$/,
    );
    expect(ended.stderr).not.toContain(code);
    expect(await credentials()).toBe(before);
  });

  it.each([
    ['with dashes', (code: string) => code.replace(/^.../, '$&-')],
    ['with a long dash and blanks', (code: string) => code.replace(/^.../, ' $& – ')],
    [
      'with full-width digits',
      (code: string) => code.replace(/\d/g, (digit) => '０１２３４５６７８９'[Number(digit)] ?? ''),
    ],
    ['with zero-width characters', (code: string) => `\u200b${code.replace(/^.../, '$&\u200d')}\ufeff`],
  ])('refresh takes a code that was pasted %s', async (_, pasted) => {
    const ended = await run(['refresh', '--token-code', '-'], sandbox.env, pasted(sandbox.code()));
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('[mfa] is fresh until') });
  });

  it('refresh names the device and the command to resynchronize it when AWS cannot validate its codes', async () => {
    const serial = 'arn:aws:iam::123456789012:mfa/bob';
    const ended = await refresh('--serial-number', serial, '--token-code', sandbox.code());
    expect(ended.status).toBe(1);
    expect(ended.stderr).toContain(`AWS cannot validate codes of the MFA device ${serial}`);
    expect(ended.stderr).toContain('aws iam resync-mfa-device');
  });

  it('refresh never sends a text that is not a code', async () => {
    for (const code of ['12345', '1234567', 'abcdef', '']) {
      expect(await refresh('--token-code', code)).toMatchObject({
        status: 2,
        stderr: expect.stringContaining('not six digits'),
      });
    }
    expect(sandbox.sts.requests).toEqual([]);
  });

  it('refresh signs with the keys of the source profile, whatever the environment contains', async () => {
    const stale = {
      AWS_ACCESS_KEY_ID: 'ASIASTALESTALESTALE1',
      AWS_SECRET_ACCESS_KEY: 'stale',
      AWS_SESSION_TOKEN: 'stale',
    };
    const env = {
      ...sandbox.env,
      ...stale,
      AWS_PROFILE: 'work',
      AWS_DEFAULT_PROFILE: 'work',
      AWS_SECURITY_TOKEN: 'stale',
    };
    expect((await run(['refresh', '--token-code', sandbox.code()], env)).status).toBe(0);
    expect(sandbox.sts.requests.map(({ accessKeyId }) => accessKeyId)).toEqual([sandbox.alice.accessKeyId]);
  });

  it('refresh signs with the keys that the credential_process of the source profile prints', async () => {
    const { accessKeyId, secretAccessKey } = sandbox.alice;
    const printed = JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey });
    await writeFile(`${sandbox.home}/keys.json`, printed);
    await writeFile(sandbox.credentialsFile, '');
    await writeFile(
      sandbox.configFile,
      `[default]\nmfa_serial = ${sandbox.serialNumber}\ncredential_process = cat "${sandbox.home}/keys.json"\n`,
    );
    expect((await refresh('--token-code', sandbox.code())).status).toBe(0);
  });

  it.each([
    ['my team', '[profile "my team"]'],
    ['work keys', "[profile 'work keys']"],
    ['team', '[profile\tteam]'],
    ['team', '[profile  team ]'],
    ['team', '[profile "team"] # note'],
  ])('refresh signs with the keys of [%s] in ~/.aws/config below %s', async (source, header) => {
    const { accessKeyId, secretAccessKey } = sandbox.alice;
    await writeFile(sandbox.credentialsFile, '');
    await writeFile(
      sandbox.configFile,
      `${header}\nmfa_serial = ${sandbox.serialNumber}\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
    );
    await writeFile(`${sandbox.home}/config.ini`, `[mfa]\nsource_profile = ${source}\n`);
    const ended = await refresh('--config', `${sandbox.home}/config.ini`, '--token-code', sandbox.code());
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('[mfa] is fresh until') });
    expect(sandbox.sts.requests).toMatchObject([{ accessKeyId }]);
  });

  it('refresh requests the chosen duration, and refuses one that AWS would not accept', async () => {
    expect((await refresh('--duration-seconds', '900', '--token-code', sandbox.code())).status).toBe(0);
    expect(sandbox.sts.requests[0]?.durationSeconds).toBe('900');
    for (const seconds of ['899', '129601', 'x', '1e4']) {
      const ended = await refresh('--force', '--duration-seconds', seconds, '--token-code', '123456');
      expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining('129600') });
    }
    expect(sandbox.sts.requests).toHaveLength(1);
  });

  it('refresh says so when AWS gives a shorter session than requested', async () => {
    sandbox.alice.root = true;
    const ended = await refresh('--token-code', sandbox.code());
    expect(ended.stderr).toMatch(/1h 00m; AWS gave less than the 12h 00m asked for/);
  });

  describe('refresh --source-profile', () => {
    /** [default] belongs to another user, with another device; [team] is alice's. */
    beforeEach(async () => {
      const { accessKeyId, secretAccessKey } = sandbox.alice;
      await writeFile(
        sandbox.credentialsFile,
        `[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = s\n[team]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
      );
      await writeFile(
        sandbox.configFile,
        `[default]\nmfa_serial = GAHT12345678\nduration_seconds = 7200\nregion = eu-west-1\n[profile work]\nregion = us-east-1\n[profile team]\nmfa_serial = ${sandbox.serialNumber}\nduration_seconds = 3600\nregion = us-east-1\n`,
      );
    });
    const asked = () =>
      sandbox.sts.requests.map(({ accessKeyId, serialNumber, durationSeconds, region }) => ({
        isAlice: accessKeyId === sandbox.alice.accessKeyId,
        serialNumber,
        durationSeconds,
        region,
      }));

    it('refresh --source-profile uses the device, duration and region of that profile', async () => {
      expect((await refresh('--source-profile', 'team', '--token-code', sandbox.code())).status).toBe(0);
      expect(asked()).toEqual([
        { isAlice: true, serialNumber: sandbox.serialNumber, durationSeconds: '3600', region: 'us-east-1' },
      ]);
    });

    it('refresh --source-profile prefers that profile’s settings to config.ini, and config.ini to the defaults', async () => {
      await writeFile(
        `${sandbox.home}/config.ini`,
        '[mfa]\nmfa_serial = GAHT12345678\nduration_seconds = 900\nregion = ap-south-1\n',
      );
      const given = ['--config', `${sandbox.home}/config.ini`, '--source-profile', 'team', '--force'];
      expect((await refresh(...given, '--token-code', sandbox.code())).status).toBe(0);
      await writeFile(sandbox.configFile, `[profile team]\nmfa_serial = ${sandbox.serialNumber}\n`);
      expect((await refresh(...given, '--token-code', sandbox.code())).status).toBe(0);
      expect(asked()).toMatchObject([
        { serialNumber: sandbox.serialNumber, durationSeconds: '3600', region: 'us-east-1' },
        { serialNumber: sandbox.serialNumber, durationSeconds: '900', region: 'ap-south-1' },
      ]);
    });

    it('refresh --source-profile is overridden by explicit options', async () => {
      await writeFile(sandbox.configFile, '[profile team]\nmfa_serial = GAHT12345678\nduration_seconds = 3600\n');
      const given = ['--serial-number', sandbox.serialNumber, '--duration-seconds', '1800'];
      expect((await refresh('--source-profile', 'team', ...given, '--token-code', sandbox.code())).status).toBe(0);
      expect(asked()).toMatchObject([{ serialNumber: sandbox.serialNumber, durationSeconds: '1800' }]);
    });

    it.each(['work', 'nosuch'])('refresh --source-profile %s says that this profile has no device', async (source) => {
      expect(await refresh('--source-profile', source, '--token-code', sandbox.code())).toMatchObject({
        status: 2,
        stderr: `aws-mfa-agent: the source profile [${source}] has no mfa_serial: correct --source-profile, pass --serial-number, or add mfa_serial to that profile in ${sandbox.configFile}\n`,
      });
    });

    it('refresh --source-profile runs the mfa_process of that profile, and no other for its device', async () => {
      const config = await readFile(sandbox.configFile, 'utf8');
      const other = config.replace('[profile team]', `mfa_process = touch ${sandbox.home}/wrong\n[profile team]`);
      await writeFile(sandbox.configFile, other);
      const none = await refresh('--source-profile', 'team');
      expect(none.status).not.toBe(0);
      expect(existsSync(`${sandbox.home}/wrong`)).toBe(false);
      await writeFile(sandbox.configFile, `${other}mfa_process = echo ${sandbox.code()}\n`);
      expect((await refresh('--source-profile', 'team')).status).toBe(0);
    });

    it('refresh --source-profile does not run the mfa_process of config.ini for the device of that profile', async () => {
      await writeFile(`${sandbox.home}/config.ini`, `[mfa]\nmfa_process = touch ${sandbox.home}/wrong\n`);
      const given = ['--config', `${sandbox.home}/config.ini`];
      expect((await refresh(...given, '--source-profile', 'team')).status).not.toBe(0);
      expect(existsSync(`${sandbox.home}/wrong`)).toBe(false);
    });
  });

  it('refresh --serial-number does not run the mfa_process of the configured device', async () => {
    const config = `${sandbox.home}/config.ini`;
    const command = `touch ${sandbox.home}/command-ran && echo ${sandbox.wrongCode()}`;
    await writeFile(config, `[mfa]\nmfa_serial = GAHT12345678\nmfa_process = ${command}\n`);
    const other = await refresh('--config', config, '--serial-number', sandbox.serialNumber);
    expect(other.status).not.toBe(0);
    expect(existsSync(`${sandbox.home}/command-ran`)).toBe(false);
    expect(sandbox.sts.requests).toEqual([]);
    await refresh('--config', config, '--serial-number', 'GAHT12345678');
    expect(existsSync(`${sandbox.home}/command-ran`)).toBe(true);
  });

  it('refresh refuses to overwrite long-term keys, and a profile that is its own source', async () => {
    await writeFile(
      `${sandbox.home}/config.ini`,
      '[work]\n[default]\nsource_profile = work\n[self]\nsource_profile = self\n',
    );
    const before = await credentials();
    const ended = await refresh('--config', `${sandbox.home}/config.ini`, 'work', '--token-code', '123456');
    expect(ended.status).toBe(2);
    await writeFile(`${sandbox.home}/config.ini`, '[work]\n');
    const second = await refresh('--config', `${sandbox.home}/config.ini`, 'work', '--token-code', '123456');
    expect(second).toMatchObject({ status: 2, stderr: expect.stringContaining('long-term keys') });
    expect(sandbox.sts.requests).toEqual([]);
    expect(await credentials()).toBe(before);
  });

  it.each<[string, () => Promise<void> | void, RegExp]>([
    ['no source profile', () => writeFile(sandbox.credentialsFile, ''), /no long-term keys of \[default\]/],
    [
      'a wrong secret',
      () => void Object.assign(sandbox.alice, { secretAccessKey: 'another' }),
      /aws_secret_access_key of \[default\] is wrong/,
    ],
    [
      'a deleted key',
      () => void Object.assign(sandbox.alice, { active: false }),
      /does not know the access key of \[default\]/,
    ],
    ['a policy', () => void Object.assign(sandbox.alice, { policyDenies: true }), /explicit deny/],
    ['a slow clock', () => void Object.assign(sandbox.clock, { offset: 3_600_000 }), /clock is (59m|1h 00m) slow/],
    ['a busy AWS', () => sandbox.sts.fault({ kind: 'throttle' }), /AWS is busy/],
    ['a captive portal', () => sandbox.sts.fault({ kind: 'html', status: 200 }), /captive portal/],
    ['something else than STS', () => sandbox.sts.fault({ kind: 'empty', status: 403 }), /is not AWS/],
  ])('refresh says in one line what to do about %s', async (_, arrange, message) => {
    const code = sandbox.code();
    await arrange();
    const ended = await refresh('--token-code', code);
    expect(ended.status).toBeGreaterThan(0);
    expect(ended.stderr).toMatch(message);
    expect(behind(ended.stderr).trim().split('\n')).toHaveLength(1);
  });

  it(
    'refresh fails, and does not send the code again, when AWS accepts the request and does not answer for 15 seconds',
    needs('faketime'),
    async () => {
      sandbox.sts.fault({ kind: 'delay', milliseconds: 600_000 }, 2);
      // Five times as fast.
      const running = start(['refresh', '--token-code', sandbox.code()], sandbox.env, '', ['faketime', '-f', '+0 x5']);
      expect(await running.ended).toMatchObject({
        status: 1,
        stderr: expect.stringContaining('no answer within 15 s'),
      });
      expect(sandbox.sts.requests).toHaveLength(1);
    },
  );

  it('refresh shows no control characters of a name in an error', async () => {
    const ended = await refresh('evil\u001b[2Jname');
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringMatching(/evil \[2Jname/) });
    expect(ended.stderr).not.toContain('\u001b');
  });

  it('refresh exits with status 2 for usage errors', async () => {
    for (const args of [['--no-such-option'], ['nobody'], ['a', 'b']]) {
      expect(await refresh(...args)).toMatchObject({ status: 2, stdout: '' });
    }
  });

  it('refresh --force replaces long-term keys of a named profile, and keeps a copy', async () => {
    await writeFile(`${sandbox.home}/config.ini`, '[work]\n');
    const before = await credentials();
    const forced = ['--config', `${sandbox.home}/config.ini`, '--force', '--token-code', sandbox.code()];
    expect(await refresh(...forced)).toMatchObject({ status: 2, stderr: expect.stringContaining('long-term') });
    const ended = await refresh(...forced, 'work');
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('is kept as') });
    const copy = /is kept as (.*)/.exec(ended.stderr)?.[1] ?? '';
    expect(await readFile(copy, 'utf8')).toBe(before);
    expect((await stat(copy)).mode & 0o777).toBe(0o600);
    expect((await profile('work'))?.get('aws_access_key_id')).toMatch(/^ASIA/);
  });

  it('refresh keeps a session that cannot be written, says why, and writes it as soon as it can', async () => {
    const before = await readFile(sandbox.credentialsFile);
    const answer = sandbox.hold();
    const running = start(['refresh', '--token-code', sandbox.code()], sandbox.env, '');
    await sandbox.sts.arrival(1);
    await rm(sandbox.credentialsFile);
    await mkdir(sandbox.credentialsFile);
    answer();
    await running.says(/has a new session that is not on disk yet: .*it is a folder/);
    await rm(sandbox.credentialsFile, { recursive: true });
    await writeFile(sandbox.credentialsFile, before, { mode: 0o600 });
    expect((await running.ended).status).toBe(0);
    expect(sandbox.sts.requests).toHaveLength(1);
    const keyId = (await profile())?.get('aws_access_key_id') ?? '';
    expect(sandbox.sts.session(keyId)).toMatchObject({ mfa: true });
  });

  it('refresh reports that others may read the file, and does not change that itself', async () => {
    await chmod(sandbox.credentialsFile, 0o644);
    const ended = await refresh('--token-code', sandbox.code());
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('chmod 600') });
    expect((await stat(sandbox.credentialsFile)).mode & 0o777).toBe(0o644);
  });
});

describe('refresh on a terminal', needs('Linux', 'script'), () => {
  const line = quoted([process.execPath, PROGRAM, 'refresh']);

  it('refresh asks and shows the result on the terminal when standard error is a file', async () => {
    const terminal = onTerminal(`${line} 2>${sandbox.home}/log`, sandbox.env);
    await terminal.says(/MFA code of alice in account 123456789012: /);
    terminal.child.stdin?.write(`${sandbox.code()}\r`);
    expect((await terminal.ended).status).toBe(0);
    expect(terminal.output()).toMatch(/\[mfa\] is fresh until /);
    expect(behind(await readFile(`${sandbox.home}/log`, 'utf8'))).toMatch(/^\[mfa\] is fresh until .*\n$/);
  });

  it('refresh says after a second what it waits for, and on Ctrl-C what became of the code', async () => {
    const closed = { ...sandbox.env, AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:9' };
    const terminal = onTerminal(`${line}; echo "status $?"`, closed);
    await terminal.says(/MFA code of alice in account 123456789012: /);
    terminal.child.stdin?.write(`${sandbox.code()}\r`);
    await terminal.says(/No connection to 127\.0\.0\.1 yet \(.*ECONNREFUSED.*trying until the code expires/);
    terminal.child.stdin?.write('\x03');
    await terminal.says(/Stopped.*code/);
    await terminal.ended;
  });

  it('refresh says after a second that it waits for mfa_process', async () => {
    const folder = `${sandbox.env.XDG_CONFIG_HOME}/aws-mfa-agent`;
    await mkdir(folder, { recursive: true });
    await writeFile(`${sandbox.home}/wait`, `until [ -e ${sandbox.home}/touched ]; do sleep 0.1; done`);
    await writeFile(`${folder}/config.ini`, `[mfa]\nmfa_process = sh ${sandbox.home}/wait && echo ${sandbox.code()}\n`);
    const terminal = onTerminal(line, sandbox.env);
    await terminal.says(/Waiting for mfa_process of \[mfa\]…/);
    await writeFile(`${sandbox.home}/touched`, '');
    // Which may be over in two seconds, and is not sent then.
    await terminal.says(
      /Waiting for mfa_process of \[mfa\]…\s+(Waiting for the next code .*\s+)?\[mfa\] is fresh until/,
    );
    expect((await terminal.ended).status).toBe(0);
  });

  it('refresh says after a second that it waits for the next code of mfa_process', async () => {
    const folder = `${sandbox.env.XDG_CONFIG_HOME}/aws-mfa-agent`;
    await mkdir(folder, { recursive: true });
    await writeFile(`${folder}/config.ini`, `[mfa]\nmfa_process = echo ${sandbox.code()}\n`);
    // Early in the 30 seconds of a code.
    await until('ten seconds are left', () => Date.now() % 30_000 < 20_000, undefined, 15_000);
    const terminal = onTerminal(`${line} && ${line} --force`, sandbox.env);
    await terminal.says(/is fresh until [\s\S]*Waiting for the next code of mfa_process \(\d+ s\)…/);
    terminal.child.stdin?.write('\x03');
    await terminal.ended;
    expect(sandbox.sts.requests).toHaveLength(1);
  });

  it('refresh says on Ctrl-C that AWS may have accepted the code when AWS has not answered', async () => {
    sandbox.hold();
    const terminal = onTerminal(line, sandbox.env);
    await terminal.says(/MFA code of alice in account 123456789012: /);
    terminal.child.stdin?.write(`${sandbox.code()}\r`);
    await terminal.says(/Checking with AWS/);
    terminal.child.stdin?.write('\x03');
    await terminal.says(/AWS may have accepted the code: wait for the next one/);
    await terminal.ended;
  });

  it('refresh fails at once when the name of the endpoint does not resolve', async () => {
    const nowhere = { ...sandbox.env, AWS_ENDPOINT_URL_STS: 'http://sts.invalid' };
    const ended = await start(['refresh', '--token-code', sandbox.code()], nowhere).ended;
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining('no answer from sts.invalid') });
  });

  it('refresh fails at once when no name server answers', needs('root', 'network namespaces'), async () => {
    const { AWS_ENDPOINT_URL_STS: _, ...env } = sandbox.env;
    const ended = await start(['refresh', '--token-code', '123456'], env, undefined, ['unshare', '--net']).ended;
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringMatching(/no answer from .* \(.*EAI_AGAIN/) });
  });
});
