import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, link, mkdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { GetSessionTokenCommand, STSClient } from '@aws-sdk/client-sts';
import { parseKnownFiles } from '@smithy/shared-ini-file-loader';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveControl } from '../../src/control/server.ts';
import { type Check, type Finding, SUBJECTS } from '../../src/doctor/finding.ts';
import { lockFile } from '../../src/files/lock.ts';
import { newSandboxUser } from '../../src/sandbox/account.ts';
import type { MfaSession } from '../../src/session/session.ts';
import { SET_CLOCK } from '../../src/time/set-clock.ts';
import { needs } from '../needs.ts';
import { PROGRAM, run, start } from '../program.ts';
import { ACCOUNT_ID, type Sandbox, startSandbox } from '../sandbox.ts';
import { onTerminal, quoted } from '../terminal.ts';

/** The exit status where nothing else is an error: without a display, nothing can ask. macOS needs none. */
const CANNOT_ASK = process.platform === 'darwin' ? 0 : 1;

let sandbox: Sandbox;
let env: Record<string, string>;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 60, users: [newSandboxUser(ACCOUNT_ID, 'bob')] });
  env = { ...sandbox.env };
});
afterEach(() => sandbox.close());

interface Examined {
  status: number | null;
  findings: (Finding & { profile: string | null; mend: string | null })[];
  /** The findings of one check; at least one. */
  of(check: Check): [Examined['findings'][number], ...Examined['findings']];
  text: string;
}

async function examine(...words: string[]): Promise<Examined> {
  const { status, stdout, stderr } = await run([...words, 'doctor', '--json'], env);
  expect(stderr).toBe('');
  const { findings } = JSON.parse(stdout) as { findings: Examined['findings'] };
  return {
    status,
    findings,
    of: (check) => {
      const [first, ...others] = findings.filter((one) => one.check === check);
      if (!first) throw new Error(`${check} is missing in ${stdout}`);
      return [first, ...others];
    },
    text: stdout,
  };
}

const settingsFile = () => join(env.XDG_CONFIG_HOME ?? '', 'aws-mfa-agent', 'config.ini');
async function settings(text: string): Promise<void> {
  await mkdir(join(settingsFile(), '..'), { recursive: true });
  await writeFile(settingsFile(), text, { mode: 0o600 });
}
const credentials = () => readFile(sandbox.credentialsFile, 'utf8');
async function changeCredentials(change: (text: string) => string): Promise<void> {
  await writeFile(sandbox.credentialsFile, change(await credentials()));
}
const put = (session: MfaSession) => sandbox.put(session);
const refresh = () => run(['refresh', '--force', '--token-code', '-'], env, sandbox.code());
const error = (found: RegExp, mend = /./) => ({
  level: 'error',
  found: expect.stringMatching(found),
  mend: expect.stringMatching(mend),
});
const warning = (found: RegExp, mend = /./) => ({ ...error(found, mend), level: 'warning' });
const ok = (found: RegExp) => ({ level: 'ok', found: expect.stringMatching(found), mend: null });

describe('doctor without problems', () => {
  it('doctor reports every check as ok, and exits with 0', async () => {
    await settings('[mfa]\nsource_profile = default\n');
    // A page in the browser needs nothing but the word of the person.
    await writeFile(settingsFile(), 'prompt = browser\n');
    await refresh();
    const agent = start(['run'], env);
    await agent.says(/the agent runs/);
    const { status, findings, of } = await examine();
    agent.child.kill();
    await agent.ended;
    // The endpoint is not AWS's own. The service is not installed, which only root, as on CI, cannot do.
    const isKnown = (check: string) => check === 'service.installed' && process.getuid?.() !== 0;
    const troubled = findings.flatMap(({ level, check }) => (level === 'ok' || isKnown(check) ? [] : [check]));
    expect({ status, troubled }).toEqual({ status: 0, troubled: ['aws.endpoint'] });
    const [file, service] = ['Credentials file', 'Agent'] as const;
    const looked = new Set(findings.map(({ check }) => check));
    const every = [...SUBJECTS.Settings, ...SUBJECTS[file], ...SUBJECTS.AWS, ...SUBJECTS.Session];
    // There is no role profile here, and no company.
    for (const check of every.filter((one) => !['settings.role', 'settings.defaults'].includes(one)))
      expect(looked).toContain(check);
    expect(SUBJECTS[service].filter((check) => looked.has(check))).toContain('agent.profile');
    expect(of('settings.file')).toMatchObject([ok(/config\.ini: \[mfa\] from \[default\]/)]);
    expect(of('keys.alive')).toMatchObject([ok(/arn:aws:iam::123456789012:user\/alice/)]);
    expect(of('keys.serial')).toMatchObject([ok(/mfa\/alice is a device of .*user\/alice/)]);
    expect(of('session.state')).toMatchObject([ok(/fresh until/)]);
    expect(of('session.alive')).toMatchObject([ok(/user\/alice/)]);
    expect(of('session.mfa')).toMatchObject([ok(/ASIA….* was made with MFA: this program got it with a code/)]);
    expect(of('agent.running')).toMatchObject([ok(/process \d+/)]);
    expect(of('agent.version')).toMatchObject([ok(/version/)]);
    expect(of('agent.profile')).toMatchObject([{ ...ok(/\[mfa\]: fresh/), profile: 'mfa' }]);
    expect(of('asking.ways')).toMatchObject([ok(/by browser/)]);
    expect(of('asking.unfit')).toMatchObject([ok(/every method/)]);
  });
});

describe('doctor on the settings', () => {
  it('doctor reports an unknown setting, and makes the other checks', async () => {
    await settings('[mfa]\nmfa_seriel = x\n');
    const { status, of } = await examine();
    expect(status).toBe(1);
    expect(of('settings.file')).toMatchObject([error(/config\.ini:2: unknown setting mfa_seriel/, /run doctor again/)]);
    expect(of('credentials.mode')).toMatchObject([ok(/only you/)]);
  });

  it('doctor reports settings that others may write', async () => {
    await settings('[mfa]\n');
    await chmod(settingsFile(), 0o666);
    expect((await examine()).of('settings.mode')).toMatchObject([error(/others may write/, /^chmod go-w /)]);
  });

  it('doctor reports that no MFA device is set', async () => {
    await writeFile(sandbox.configFile, '[default]\nregion = eu-west-1\n');
    const { of } = await examine();
    expect(of('settings.serial')).toMatchObject([{ ...error(/no mfa_serial/, /setup/), profile: 'mfa' }]);
    expect(of('keys.serial')).toMatchObject([error(/mfa_serial cannot be checked/)]);
    await settings(`[mfa]\n[other]\nmfa_serial = ${sandbox.serialNumber}\n`);
    expect((await examine()).of('settings.serial')[0]).toMatchObject(error(/no mfa_serial/, /under \[mfa\]/));
  });

  it('doctor leads an empty home to setup, and to nothing that fails before it', async () => {
    await rm(join(sandbox.home, '.aws'), { recursive: true });
    const { of, findings } = await examine();
    const setup = /^aws-mfa-agent setup$/;
    expect(of('settings.serial')).toMatchObject([error(/no mfa_serial/, setup)]);
    expect(of('session.state')).toMatchObject([warning(/holds no session/, setup)]);
    expect(findings.filter(({ mend }) => /aws-mfa-agent (install|refresh m)/.test(mend ?? ''))).toEqual([]);
  });
});

describe('doctor on the credentials file', () => {
  it('doctor reports a missing credentials file', async () => {
    await rm(sandbox.credentialsFile);
    const { of } = await examine();
    expect(of('credentials.file')).toMatchObject([warning(/there is no/, /aws configure/)]);
    expect(of('keys.present')).toMatchObject([error(/no long-term keys of \[default\]/, /source_profile/)]);
    // Which needs no keys.
    expect(of('aws.reachable')).toMatchObject([ok(/answers/)]);
  });

  it.each(['credentialsFile', 'configFile'] as const)(
    'doctor reports a pipe in place of a file, without waiting for it (%s)',
    async (which) => {
      await rm(sandbox[which]);
      execFileSync('mkfifo', [sandbox[which]]);
      const { status, of } = await examine();
      expect(status).toBe(1);
      if (which === 'configFile') {
        expect(of('config.parse')).toMatchObject([error(/not a file/)]);
        return;
      }
      expect(of('credentials.file')).toMatchObject([error(/not a file/)]);
      expect(of('aws.reachable')).toMatchObject([warning(/was not asked/)]);
    },
  );

  it('doctor reports who else may read or replace the credentials file', async () => {
    await chmod(sandbox.credentialsFile, 0o644);
    await chmod(join(sandbox.home, '.aws'), 0o777);
    const { status, of } = await examine();
    expect(status).toBe(1);
    expect(of('credentials.mode')).toMatchObject([error(/mode 644/, /^chmod 600 /)]);
    expect(of('credentials.folder')).toMatchObject([error(/mode 777/, /^chmod go-w /)]);
  });

  it('doctor reports a credentials file of another user', needs('root'), async () => {
    await chown(sandbox.credentialsFile, 4321, 4321);
    expect((await examine()).of('credentials.owner')).toMatchObject([error(/user 4321/, /chown/)]);
  });

  it('doctor reports a credentials file with a second name', async () => {
    await link(sandbox.credentialsFile, join(sandbox.home, 'other'));
    expect((await examine()).of('credentials.owner')).toMatchObject([warning(/2 names/, /symbolic/)]);
  });

  it('doctor reports where a symbolic link leads', async () => {
    const real = join(sandbox.home, 'dotfiles');
    await rename(sandbox.credentialsFile, real);
    await symlink(real, sandbox.credentialsFile);
    const { of } = await examine();
    expect(of('credentials.link')).toMatchObject([ok(new RegExp(`leads to ${real}`))]);
    expect(of('credentials.mode')).toMatchObject([ok(new RegExp(real))]);
    await rm(sandbox.credentialsFile);
    await symlink(sandbox.credentialsFile, sandbox.credentialsFile);
    expect((await examine()).of('credentials.link')).toMatchObject([error(/ELOOP/, /correct/)]);
  });

  it('doctor reports what makes botocore reject the file, without lines that may hold a key', async () => {
    await changeCredentials((text) =>
      [
        text
          .replace('[default]\n', '[default]\nwJalrXUtnFEMI\n')
          .replace(/^(aws_secret.*)\n/m, '$1\nAWS_Secret_Access_Key = x\n'),
        '[profile x]\ns3 =\n  nonsense\n[default]\nregion = x\n',
      ].join(''),
    );
    const { status, of, text } = await examine();
    expect(status).toBe(1);
    expect(of('credentials.parse')).toMatchObject([
      error(/credentials:4: a line that is neither/, /line 4/),
      error(/:7: a second aws_secret_access_key in this section; the first is in line 6/, /line 6 or 7/),
      error(/:16: an indented line/, /line 16/),
      warning(/\[profile x\].* no tool finds/, /\[x\]/),
    ]);
    expect(of('credentials.sections')).toMatchObject([
      error(/:17: a second \[default\]; the first is in line 3: the AWS CLI and boto3 reject/, /merge/),
    ]);
    expect(text).not.toContain('wJalrXUtnFEMI');
  });

  it.each([
    ['[foo];', 'foo', /does not find \[foo\], because of the text/],
    ['[foo]#note', 'foo', /does not find \[foo\], because of the text/],
    ['[foo] note', 'foo', /does not find \[foo\], because of the text/],
    ['[foo] # note', 'foo', undefined],
    ['[foo]\t;note', 'foo', undefined],
    ['  [foo]', 'foo', undefined],
    ['[my team]', 'my team', /does not find \[my team\], because of the space/],
    ['[my "team"]', 'my "team"', /does not find \[my "team"\], because of the space/],
    ['[my own team]', 'my own team', undefined],
    ['[sso-session x]', 'sso-session x', /does not find \[sso-session x\]/],
    ['[my.team]', 'my.team', undefined],
    ['[__proto__]', '__proto__', /rejects the whole file/],
  ])(
    'doctor reports %s exactly if the SDK for JavaScript does not find that profile',
    async (header, name, expected) => {
      await changeCredentials((text) => `${text}\n${header}\naws_access_key_id = ASIAX\naws_secret_access_key = s\n`);
      const isFound = await parseKnownFiles({ filepath: sandbox.credentialsFile, ignoreCache: true }).then(
        (all) => Object.hasOwn(all, name),
        () => false,
      );
      expect(isFound).toBe(expected === undefined);
      const line = (await credentials()).split('\n').indexOf(header) + 1;
      const found = (await examine()).of('credentials.parse').filter((one) => one.found.includes('JavaScript'));
      expect(found).toMatchObject(
        expected ? [{ found: expect.stringMatching(expected), mend: expect.any(String) }] : [],
      );
      for (const one of found) expect(one.found).toContain(`${sandbox.credentialsFile}:${line}: `);
    },
  );

  it('doctor reports a BOM, a setting above all sections, bytes that are not UTF-8, and a file that is not text', async () => {
    const before = await credentials();
    await writeFile(
      sandbox.credentialsFile,
      Buffer.concat([Buffer.from(`\ufeffregion = x\n${before}# `), Buffer.from([0xe9, 10])]),
    );
    expect((await examine()).of('credentials.parse')).toMatchObject([
      error(/credentials:1: .*BOM/, /without BOM/),
      error(/:1: a line above/, /into a section/),
      error(/:13: a character that is not UTF-8/, /UTF-8/),
    ]);
    await writeFile(sandbox.credentialsFile, Buffer.from('[mfa]\n', 'utf16le'));
    expect((await examine()).of('credentials.parse')).toMatchObject([error(/not a text file/)]);
  });

  it('doctor reports what a killed refresh has left, but not what a running one uses', async () => {
    const lock = `${sandbox.credentialsFile}.lock`;
    const leftover = join(sandbox.home, '.aws', '.credentials.aws-mfa-agent-4242-0123456789abcdef');
    await writeFile(leftover, 'x');
    const held = await lockFile(sandbox.credentialsFile, 1_000);
    const before = await examine();
    await held.release();
    expect(before.of('credentials.leftovers')).toMatchObject([ok(/no leftover temporary files/)]);
    expect(before.of('credentials.lock')).toMatchObject([ok(/is writing/)]);
    await mkdir(lock);
    const old = new Date(Date.now() - 3_600_000);
    for (const path of [leftover, lock]) await utimes(path, old, old);
    const { status, of } = await examine();
    expect(of('credentials.leftovers')).toMatchObject([warning(/1 temporary file.*4242/, /rm/)]);
    expect(of('credentials.lock')).toMatchObject([warning(/killed/, /rmdir/)]);
    expect(status).toBe(CANNOT_ASK);
    // The same after a clock that was ahead was set right.
    const ahead = new Date(Date.now() + 3_600_000);
    for (const path of [leftover, lock]) await utimes(path, ahead, ahead);
    const late = await examine();
    expect(late.of('credentials.leftovers')).toMatchObject([warning(/1 temporary file.*4242/, /rm/)]);
    expect(late.of('credentials.lock')).toMatchObject([warning(/killed/, /rmdir/)]);
    await writeFile(join(lock, 'file'), '');
    await utimes(lock, old, old);
    expect((await examine()).of('credentials.lock')).toMatchObject([error(/is not a lock/, /move/)]);
  });
});

describe('doctor on the AWS config file', () => {
  it('doctor reports the profiles that the AWS SDK for Go rejects', async () => {
    const config = await readFile(sandbox.configFile, 'utf8');
    await writeFile(
      sandbox.configFile,
      `${config}[profile mfa]\nsource_profile = default\n[profile old]\nsource_profile = work\n[profile role]\nsource_profile = mfa\nrole_arn = arn:aws:iam::123456789012:role/x\n[profile asks]\nrole_arn = x\nsource_profile = mfa\nmfa_serial = y\n`,
    );
    const { of } = await examine();
    expect(of('config.roles')).toMatchObject([
      {
        ...error(/config:10: \[profile mfa\] has source_profile without role_arn: Terraform/, /config\.ini/),
        profile: 'mfa',
      },
      warning(/config:12: \[profile old\]/),
      warning(/config:19: \[profile asks\] has mfa_serial beside role_arn/, /remove/),
    ]);
    expect(of('config.profile')).toMatchObject([ok(/nothing/)]);
  });

  it('doctor reports what overrides the session, and what botocore rejects', async () => {
    await writeFile(
      sandbox.configFile,
      `${await readFile(sandbox.configFile, 'utf8')}[profile mfa]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = default\nnonsense\n`,
    );
    const { of } = await examine();
    expect(of('config.profile')).toMatchObject([
      { ...warning(/config:10: \[profile mfa\] has role_arn/), profile: 'mfa' },
    ]);
    expect(of('config.roles')).toMatchObject([ok(/no profile/)]);
    expect(of('config.parse')).toMatchObject([error(/config:12: a line/)]);
  });
});

describe('doctor on the connection to AWS', () => {
  it('doctor reports that STS does not answer', async () => {
    await sandbox.sts.close();
    const { status, of } = await examine();
    expect(status).toBe(1);
    expect(of('aws.reachable')).toMatchObject([error(/no answer from 127\.0\.0\.1: .*ECONNREFUSED/, /firewall/)]);
    expect(of('keys.alive')).toMatchObject([warning(/not known .*: AWS does not answer/)]);
    expect(of('keys.serial')).toMatchObject([warning(/not known/)]);
  });

  it('doctor reports a captive portal, another server, and a busy AWS', async () => {
    sandbox.sts.fault({ kind: 'html', status: 200 }, Number.POSITIVE_INFINITY);
    expect((await examine()).of('aws.reachable')).toMatchObject([error(/a web page answered/, /browser/)]);
    sandbox.sts.clearFaults();
    sandbox.sts.fault({ kind: 'empty', status: 403 }, Number.POSITIVE_INFINITY);
    expect((await examine()).of('aws.reachable')).toMatchObject([
      error(/HTTP 403 without an AWS error code/, /AWS_ENDPOINT_URL/),
    ]);
    sandbox.sts.clearFaults();
    sandbox.sts.fault({ kind: 'throttle' }, Number.POSITIVE_INFINITY);
    expect((await examine()).of('aws.reachable')).toMatchObject([warning(/busy/, /minute/)]);
  });

  it('doctor reports a dead proxy, without its password', async () => {
    const dead = createServer();
    await once(dead.listen(0, '127.0.0.1'), 'listening');
    const { port } = dead.address() as { port: number };
    await new Promise((resolve) => dead.close(resolve));
    env.HTTP_PROXY = `http://alice:proxypassword@127.0.0.1:${port}`;
    env.AWS_ENDPOINT_URL_STS = 'http://sts.example.com';
    const { of, text } = await examine();
    expect(of('aws.proxy')).toMatchObject([
      ok(/through the proxy http:\/\/127\.0\.0\.1:\d+ \(with a password\) \(set by HTTP_PROXY\)/),
    ]);
    expect(of('aws.reachable')).toMatchObject([error(/sts\.example\.com/)]);
    expect(of('aws.endpoint')).toMatchObject([error(/without encryption/, /unset AWS_ENDPOINT_URL_STS/)]);
    expect(text).not.toContain('proxypassword');
    env.HTTP_PROXY = 'socks5://127.0.0.1:1';
    expect((await examine()).of('aws.proxy')).toMatchObject([
      error(/HTTP_PROXY must be an HTTP proxy.*, not socks5/, /correct/),
    ]);
  });

  it('doctor reports a wrong clock, and still what AWS says of the keys', async () => {
    sandbox.clock.offset = 600_000;
    const { status, of } = await examine();
    expect(status).toBe(1);
    expect(of('aws.clock')).toMatchObject([error(/(9|10)m slow/, new RegExp(SET_CLOCK))]);
    expect(of('keys.alive')).toMatchObject([ok(/user\/alice/)]);
  });

  it('doctor reports a certificate bundle that is a pipe, without waiting for it', async () => {
    env.AWS_CA_BUNDLE = join(sandbox.home, 'bundle.pem');
    execFileSync('mkfifo', [env.AWS_CA_BUNDLE]);
    const { of } = await examine();
    expect(of('aws.certificates')).toMatchObject([error(/not a file/, /unset/)]);
    expect(of('aws.reachable')).toMatchObject([warning(/was not asked/)]);
  });
});

describe('doctor on ca_bundle', () => {
  it.each([
    ['the credentials file', 'aws_access_key_id', 'ca_bundle = /no/such.pem\naws_access_key_id', 'credentials'],
    ['the config file', 'mfa_serial', 'ca_bundle = /no/such.pem\nmfa_serial', 'config'],
  ])('doctor checks the ca_bundle of a source profile in %s', async (_, before, after, name) => {
    const file = name === 'config' ? sandbox.configFile : sandbox.credentialsFile;
    await writeFile(file, (await readFile(file, 'utf8')).replace(before, after));
    const { of } = await examine();
    expect(of('aws.certificates')).toMatchObject([
      error(/ca_bundle=\/no\/such\.pem cannot be read/, /remove ca_bundle/),
    ]);
  });
});

describe('doctor on the long-term keys', () => {
  it('doctor reports a wrong secret, and an inactive key', async () => {
    const secret = sandbox.alice.secretAccessKey;
    sandbox.alice.secretAccessKey = `${secret.slice(0, -1)}!`;
    expect((await examine()).of('keys.alive')).toMatchObject([error(/aws_secret_access_key of \[default\] is wrong/)]);
    Object.assign(sandbox.alice, { secretAccessKey: secret, active: false });
    const { status, of } = await examine();
    expect(status).toBe(1);
    expect(of('keys.alive')).toMatchObject([error(/does not know/, /new access key/)]);
  });
});

describe('doctor on the MFA device', () => {
  it('doctor reports a device that is not the user’s, and which one is', async () => {
    await settings(`[mfa]\nmfa_serial = arn:aws:iam::${ACCOUNT_ID}:mfa/other\n`);
    const mend = new RegExp(`^set mfa_serial = ${sandbox.serialNumber} under`);
    expect((await examine()).of('keys.serial')).toMatchObject([error(/mfa\/other is not a device of/, mend)]);
  });
});

describe('doctor on the session', () => {
  it('doctor reports a missing session, and long-term keys in its place', async () => {
    expect((await examine()).of('session.state')).toMatchObject([warning(/holds no session/, /refresh mfa/)]);
    await changeCredentials(
      (text) => `${text}[mfa]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n`,
    );
    expect((await examine()).of('session.state')).toMatchObject([error(/long-term keys/)]);
  });

  it('doctor reports a session that has ended, and one that ends soon', async () => {
    await put(sandbox.sts.issue('alice', -60));
    const ended = await examine();
    expect(ended.of('session.state')).toMatchObject([warning(/ended at/, /refresh mfa/)]);
    expect(ended.of('session.alive')).toMatchObject([warning(/it has ended/)]);
    await put(sandbox.sts.issue('alice', 300));
    expect((await examine()).of('session.state')).toMatchObject([ok(/ends at .*; it is time to ask/)]);
  });

  it('doctor reports an incomplete session, and one of another user', async () => {
    const session = sandbox.sts.issue('alice', 3600);
    await put({ ...session, sessionToken: `${session.sessionToken.slice(0, -9)}AAAAAAAA=` });
    expect((await examine()).of('session.alive')).toMatchObject([error(/incomplete, or was revoked/, /--force/)]);
    await put(sandbox.sts.issue('bob', 3600));
    expect((await examine()).of('session.alive')).toMatchObject([error(/user\/bob, .*user\/alice/, /--force/)]);
  });

  it('doctor reports whether a session of another tool was made with MFA when IAM may be asked', async () => {
    await put(sandbox.sts.issue('alice', 3600));
    await changeCredentials((text) => text.replace(/^expiration.*\n/m, ''));
    const { of } = await examine();
    expect(of('session.state')).toMatchObject([ok(/without an expiration/)]);
    expect(of('session.mfa')).toMatchObject([ok(/ASIA….* IAM accepts it/)]);
    sandbox.alice.mayNotListDevices = true;
    expect((await examine()).of('session.mfa')).toMatchObject([warning(/another tool: AWS does not say/, /--force/)]);

    const { accessKeyId, secretAccessKey } = sandbox.alice;
    const client = new STSClient({
      endpoint: sandbox.sts.url,
      region: 'eu-west-1',
      credentials: { accessKeyId, secretAccessKey },
    });
    const { Credentials: given } = await client.send(new GetSessionTokenCommand({}));
    await put({
      accessKeyId: given?.AccessKeyId ?? '',
      secretAccessKey: given?.SecretAccessKey ?? '',
      sessionToken: given?.SessionToken ?? '',
      expiration: given?.Expiration?.getTime() ?? 0,
    });
    const without = await examine();
    expect(without.of('session.alive')).toMatchObject([ok(/user\/alice/)]);
    expect(without.of('session.mfa')).toMatchObject([error(/made without MFA/, /--force/)]);
  });
});

describe('doctor on asking and the agent', () => {
  it('doctor reports that nothing can ask and why, and that no agent runs', needs('Linux'), async () => {
    const { status, of } = await examine();
    expect(status).toBe(1);
    expect(of('asking.ways')).toMatchObject([error(/nothing can ask.*: there is no display$/, /your desktop/)]);
    expect(of('asking.unfit')).toEqual(
      expect.arrayContaining([
        expect.objectContaining(ok(/^notification: no session bus/)),
        expect.objectContaining(ok(/^zenity: no display/)),
      ]),
    );
    // Root, as here, has no service.
    const { mend } = of('agent.running')[0];
    expect(of('agent.running')).toMatchObject([warning(/no agent is running/)]);
    expect(mend).toMatch(process.getuid?.() === 0 ? /^start "aws-mfa-agent run" at login/ : /aws-mfa-agent/);
    expect((await examine()).text).not.toMatch(/install zenity|install gjs/);
    await settings('prompt = zenity, browser\n');
    expect((await examine()).of('asking.unfit')).toMatchObject([warning(/prompt lists zenity/, /config\.ini/)]);
  });

  it('doctor reports an agent of another version, with other settings, and in trouble', async () => {
    const folder = sandbox.runtime;
    const standing = { standing: 'stopped', why: 'AWS knows no such device' } as const;
    const control = await serveControl(folder, {
      'GET /v1/agent': async () => ({
        pid: 7,
        version: '0.0.1',
        profiles: [{ profile: 'mfa', state: 'missing', standing }],
      }),
    });
    await settings('[mfa]\n[other]\n');
    const { of } = await examine();
    await control.close();
    expect(of('agent.version')).toMatchObject([warning(/version 0\.0\.1/, /install|kill 7/)]);
    expect(of('agent.profile')).toMatchObject([
      { ...error(/\[mfa\]: stopped: AWS knows no such device/), profile: 'mfa' },
      { ...error(/does not have \[other\]/), profile: 'other' },
    ]);
  });

  it('doctor reports an agent that hangs', async () => {
    const folder = sandbox.runtime;
    await mkdir(folder, { recursive: true });
    const silent = createServer(() => {});
    await once(silent.listen(join(folder, 'agent.sock')), 'listening');
    const { status, of } = await examine();
    silent.close();
    expect(status).toBe(1);
    expect(of('agent.running')).toMatchObject([error(/does not answer/, /kill the agent and start it again$/)]);
  });
});

describe('the report of doctor', () => {
  it('the report of doctor contains no secret of the files and the variables', async () => {
    await refresh();
    const canary = 'canaryCANARYcanaryCANARYcanaryCANARY1234';
    Object.assign(env, {
      AWS_ACCESS_KEY_ID: 'ASIACANARYCANARY1234',
      AWS_SECRET_ACCESS_KEY: canary,
      AWS_SESSION_TOKEN: `${canary}5678`,
      HTTPS_PROXY: 'http://alice:proxypassword@127.0.0.1:9',
    });
    await changeCredentials((text) => `${text}[broken]\naws_session_token = x\n${canary}9\n[default]\n`);
    const secrets = [
      ...(await credentials()).matchAll(/^aws_(?:secret_access_key|session_token)\s*=\s*(.{9,})$/gm),
    ].map(([, secret = '']) => secret.trim());
    expect(secrets.length).toBe(4);
    for (const words of [['doctor'], ['doctor', '--json'], ['--debug', 'doctor']]) {
      const { stdout, stderr } = await run(words, env);
      expect(stdout).toMatch(/a session that is in no profile of this program/);
      for (const secret of [...secrets, canary, 'proxypassword']) {
        expect((stdout + stderr).includes(secret), `${secret.slice(0, 3)}… shows`).toBe(false);
      }
    }
  });

  it('the JSON of doctor has the documented fields and checks', async () => {
    const { stdout } = await run(['doctor', '--json'], env);
    const report = JSON.parse(stdout);
    expect(Object.keys(report)).toEqual(['schema', 'version', 'counts', 'findings']);
    expect(report.schema).toBe(1);
    const levels = report.findings.map(({ level }: Finding) => level);
    for (const level of ['ok', 'warning', 'error']) {
      expect(report.counts[level]).toBe(levels.filter((one: string) => one === level).length);
    }
    for (const finding of report.findings) {
      expect(Object.keys(finding)).toEqual(['check', 'profile', 'level', 'found', 'mend']);
      expect(finding.mend === null).toBe(finding.level === 'ok');
      expect(`${finding.found}${finding.mend}`).not.toMatch(/\n/);
    }
    const page = await readFile(new URL('../../docs/doctor.md', import.meta.url), 'utf8');
    const documented = [...page.matchAll(/^\| `([a-z]+\.[a-z]+)` \|/gm)].map(([, check]) => check);
    expect(documented).toEqual(Object.values(SUBJECTS).flat());
  });

  it('the text of doctor is grouped, ends with a summary, and has colours on a terminal', needs('script'), async () => {
    const { stdout } = await run(['doctor'], env);
    expect(stdout).toMatch(/^Settings\n {2}✓ .*\n[\s\S]*\n\nCredentials file\n/);
    expect(stdout).toMatch(/\n {2}! \[mfa\] holds no session\n {4}→ aws-mfa-agent refresh mfa\n/);
    expect(stdout).toMatch(/\n {2}– zenity: no display/);
    expect(stdout).toMatch(/\n\n\d+ ok, \d+ warnings, \d+ errors?\n$/);
    const [above = '', problems = ''] = stdout.split('\nProblems\n');
    const shown = (text: string, mark: string) => text.match(new RegExp(`^  ${mark} .*\n    → .*$`, 'gm')) ?? [];
    expect(shown(problems, '✗').length).toBeGreaterThan(0);
    expect(problems).toBe(
      `${[...shown(above, '✗'), ...shown(above, '!')].join('\n')}\n${problems.slice(problems.lastIndexOf('\n\n') + 1)}`,
    );
    expect(stdout).not.toContain('\u001b');
    const line = quoted([process.execPath, PROGRAM, 'doctor']);
    const coloured = onTerminal(line, env);
    expect((await coloured.ended).stdout).toContain('\u001b[33m!\u001b[39m [mfa] holds no session');
    const plain = onTerminal(line, { ...env, NO_COLOR: '1' });
    expect((await plain.ended).stdout).not.toContain('\u001b[3');
  });
});
