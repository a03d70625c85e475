import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { needs } from '../needs.ts';
import { PROGRAM, run, start } from '../program.ts';
import { type Sandbox, startSandbox } from '../sandbox.ts';
import { answer, onTerminal, quoted, type Step, wordsOn } from '../terminal.ts';

let sandbox: Sandbox;
let settingsFile: string;

beforeEach(async () => {
  sandbox = await startSandbox({ tolerance: 9 });
  settingsFile = join(sandbox.home, '.config', 'aws-mfa-agent', 'config.ini');
  // What most people begin with: keys, a region, and nothing else.
  await writeCredentials();
  await writeFile(sandbox.configFile, '[default]\nregion = eu-west-1\n');
});
afterEach(() => sandbox.close());

const PASSKEY = 'arn:aws:iam::123456789012:u2f/user/alice/yubikey-ABCDEFGHIJKLMNOP';
const RETURN = '\r';
const CTRL_C = '\x03';
const DOWN = '\x1b[B';

/** @param changes another name, further lines of the profile, and text below it */
function writeCredentials(changes: { name?: string; lines?: string; below?: string } = {}) {
  const { name = 'default', lines = '', below = '' } = changes;
  const { accessKeyId, secretAccessKey } = sandbox.alice;
  const keys = `[${name}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n${lines}`;
  return writeFile(sandbox.credentialsFile, keys + below, { mode: 0o600 });
}
const credentials = () => readFile(sandbox.credentialsFile, 'utf8');
const settings = () => readFile(settingsFile, 'utf8');
const written = () => settings().catch(() => undefined);
const putSettings = async (text: string) => {
  await mkdir(dirname(settingsFile), { recursive: true });
  await writeFile(settingsFile, text);
};
/** What the sandbox knows of the session in a profile. */
const sessionIn = async (profile: string) => {
  const values = parseCredentials(await readFile(sandbox.credentialsFile)).profile(profile)?.values;
  return sandbox.sts.session(values?.get('aws_access_key_id') ?? '');
};
const asked = (action: string) => sandbox.sts.requests.filter((request) => request.action === action);

/** Without a terminal. */
const setup = (words: string[], input = '') => run(['setup', ...words], sandbox.env, input);
/** As a person: each step waits for a text, in the order of the screen, and then types. */
async function person(words: string[], steps: Step[], then = '') {
  const session = onTerminal(quoted([process.execPath, PROGRAM, 'setup', ...words]) + then, sandbox.env);
  await answer(session, steps);
  const { status } = await session.ended;
  return { status, screen: wordsOn(session) };
}

const PROFILE = /Which profile should the agent keep fresh\?.*another profile/;
const DEVICE = /Which MFA device\?.*another device/;
const LEAD = /How long before a session ends.*25m/;
const CODE = /MFA code of alice in account 123456789012: /;
const code = () => `${sandbox.code()}${RETURN}`;

describe('setup on a terminal', needs('script'), () => {
  it('setup takes three times Return and a code from nothing to a session, and keeps standard output for results', async () => {
    const before = await credentials();
    const output = join(sandbox.home, 'output');
    const { status, screen } = await person(
      [],
      [
        [PROFILE, RETURN],
        [DEVICE, RETURN],
        [LEAD, RETURN],
        [CODE, code],
      ],
      ` >${output}`,
    );
    expect(screen).toMatch(/\[mfa\] is fresh until/);
    expect(screen).toContain('aws configure set region eu-west-1 --profile mfa');
    expect(screen.match(/Requests go to http:\/\/127\.0\.0\.1:\d+ \(set by AWS_ENDPOINT_URL_STS\)/g)).toHaveLength(1);
    expect(status).toBe(0);
    expect(await readFile(output, 'utf8')).toBe('');
    expect(await sessionIn('mfa')).toMatchObject({ userName: 'alice', mfa: true });
    expect((await credentials()).startsWith(before)).toBe(true);
    expect(await settings()).toMatch(
      new RegExp(
        `prompt_before = 25m\n[\\s\\S]*\\[mfa\\]\n[\\s\\S]*source_profile = default\n[\\s\\S]*mfa_serial = ${sandbox.serialNumber}\n`,
      ),
    );
    expect((await stat(settingsFile)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(settingsFile))).mode & 0o777).toBe(0o700);
  });

  it('setup changes no byte and no session when it is repeated, and needs no code then', async () => {
    const steps: Step[] = [
      [PROFILE, RETURN],
      [DEVICE, RETURN],
      [LEAD, RETURN],
    ];
    await person([], [...steps, [CODE, code]]);
    const look = async () => [
      await settings(),
      await credentials(),
      (await stat(settingsFile)).mtimeMs,
      (await stat(sandbox.credentialsFile)).ino,
    ];
    const before = await look();
    const again = await person([], steps);
    expect(again).toMatchObject({ status: 0, screen: expect.stringContaining('is already up to date') });
    expect(await look()).toEqual(before);
    expect(asked('GetSessionToken')).toHaveLength(1);
  });

  it.each([
    ['first', []],
    ['second', [[PROFILE, RETURN]]],
    [
      'third',
      [
        [PROFILE, RETURN],
        [DEVICE, RETURN],
      ],
    ],
  ] as [string, [RegExp, string][]][])(
    'setup leaves nothing behind when Ctrl-C ends the %s question',
    async (_, steps) => {
      const before = await credentials();
      const next = [PROFILE, DEVICE, LEAD][steps.length] ?? LEAD;
      const { status, screen } = await person([], [...steps, [next, CTRL_C]]);
      expect(status).toBe(1);
      expect(screen).toContain('cancelled; nothing was changed');
      expect(await written()).toBeUndefined();
      expect(await credentials()).toBe(before);
    },
  );

  it('setup keeps the settings when no code is entered, and says how to continue', async () => {
    const { status, screen } = await person(
      [],
      [
        [PROFILE, RETURN],
        [DEVICE, RETURN],
        [LEAD, RETURN],
        [CODE, CTRL_C],
      ],
    );
    expect(status).toBe(1);
    expect(screen).toMatch(/no code was entered \(the settings were saved: run setup again to continue\)/);
    expect(await setup(['--yes', '--token-code', sandbox.code()])).toMatchObject({ status: 0 });
  });

  it('setup --yes asks only for the code', async () => {
    const { status } = await person(['--yes'], [[CODE, code]]);
    expect(status).toBe(0);
    expect(await sessionIn('mfa')).toMatchObject({ mfa: true });
  });

  it('setup asks again for a code that AWS refused', async () => {
    const { status } = await person(
      [],
      [
        [PROFILE, RETURN],
        [DEVICE, RETURN],
        [LEAD, RETURN],
        [CODE, () => `${sandbox.wrongCode()}${RETURN}`],
        [/AWS refused that code.*MFA code of alice/, code],
      ],
    );
    expect(status).toBe(0);
  });

  it('setup accepts other answers than the defaults', async () => {
    sandbox.alice.mfa.push({ serialNumber: 'GAHT12345678', secret: randomBytes(20) });
    const { status, screen } = await person(
      ['--no-refresh'],
      [
        [PROFILE, `${DOWN}${RETURN}`],
        [/Name of the profile.*mfa/, `prod${RETURN}`],
        [DEVICE, `${DOWN}${RETURN}`],
        [LEAD, `1x${RETURN}`],
        [/must be a duration/, `\x7f\x7f13h${RETURN}`],
        [/must be shorter than the session/, `\x7f\x7f\x7f1h30m${RETURN}`],
      ],
    );
    expect(screen).toContain('Settings saved');
    expect(status).toBe(0);
    expect(await settings()).toMatch(/prompt_before = 1h30m\n[\s\S]*\[prod\]\n[\s\S]*mfa_serial = GAHT12345678\n/);
  });

  it('setup says that passkeys cannot be used, and what to add when there is no other device', async () => {
    const [device] = sandbox.alice.mfa.splice(0, 1, { serialNumber: PASSKEY, secret: randomBytes(20) });
    const { status, screen } = await person(
      ['--no-refresh'],
      [
        [PROFILE, RETURN],
        [/authenticator app.*Which MFA device/, `${PASSKEY}${RETURN}`],
        [/security key or passkey \(u2f\) does not/, `\x15${device?.serialNumber}${RETURN}`],
        [LEAD, RETURN],
      ],
    );
    expect(screen).toContain(`${PASSKEY} is a passkey or security key`);
    expect(status).toBe(0);
    expect(await settings()).toContain(`mfa_serial = ${device?.serialNumber}\n`);
  });

  it('setup asks for the device when AWS does not list it, suggests one, and checks its form', async () => {
    sandbox.alice.mayNotListDevices = true;
    const { status, screen } = await person(
      [],
      [
        [PROFILE, RETURN],
        [/may not call iam:ListMFADevices.*Which MFA device.*mfa\/alice/, `\x15alice${RETURN}`],
        [/must be an MFA device's ARN/, `\x15${sandbox.serialNumber}${RETURN}`],
        [LEAD, RETURN],
        [CODE, code],
      ],
    );
    expect(screen).toContain('[mfa] is fresh');
    expect(status).toBe(0);
  });

  it('setup does not overwrite settings that another program changed during the questions', async () => {
    await putSettings('[mfa]\n');
    const session = onTerminal(quoted([process.execPath, PROGRAM, 'setup', '--no-refresh']), sandbox.env);
    await answer(session, [
      [PROFILE, RETURN],
      [DEVICE, RETURN],
      [LEAD, ''],
    ]);
    await putSettings('[mfa]\n; mine\n');
    session.child.stdin?.write(RETURN);
    expect((await session.ended).status).toBe(1);
    expect(wordsOn(session)).toContain('was changed by another program');
    expect(await settings()).toBe('[mfa]\n; mine\n');
  });
});

describe('setup without a terminal', () => {
  const ALL = ['--profile', 'mfa', '--source-profile', 'default', '--prompt-before', '10m', '--no-install'];

  it('setup needs no question when options answer all', async () => {
    const words = [...ALL, '--serial-number', sandbox.serialNumber, '--duration-seconds', '3600', '--token-code', '-'];
    const ended = await setup(words, `${sandbox.code()}\n`);
    expect(ended).toMatchObject({ status: 0, stdout: '' });
    expect(await sessionIn('mfa')).toMatchObject({ mfa: true });
    expect(asked('GetSessionToken')).toMatchObject([{ durationSeconds: '3600' }]);
    expect(asked('ListMFADevices')).toEqual([]);
    const before = await settings();
    expect(before).toContain('duration_seconds = 3600');
    expect(await setup(words.slice(0, -2))).toMatchObject({ status: 0 });
    expect(await settings()).toBe(before);
  });

  it('setup says which option is missing, and writes nothing', async () => {
    const given = [
      ['--profile', 'mfa'],
      ['--serial-number', sandbox.serialNumber],
      ['--prompt-before', '10m'],
      ['--token-code', '123456'],
    ];
    for (const [index, [option]] of given.entries()) {
      // Its standard input stays open: there would be something to wait for.
      const ended = await start(['setup', ...given.slice(0, index).flat()], sandbox.env).ended;
      expect(ended).toMatchObject({ status: 2, stdout: '' });
      expect(ended.stderr.trim().split('\n').at(-1)).toMatch(new RegExp(`pass ${option}`));
    }
    expect(await written()).toBeUndefined();
    expect(asked('GetSessionToken')).toEqual([]);
  });

  it('setup --yes uses all defaults, and says what they are', async () => {
    const ended = await setup(['--yes', '--token-code', sandbox.code()]);
    expect(ended).toMatchObject({ status: 0, stdout: '' });
    expect(ended.stderr).toContain(`Which MFA device? ${sandbox.serialNumber}`);
    expect(await sessionIn('mfa')).toMatchObject({ mfa: true });
    const before = [await settings(), await credentials()];
    expect(await setup(['--yes'])).toMatchObject({ status: 0, stderr: expect.stringContaining('still fresh') });
    expect([await settings(), await credentials()]).toEqual(before);
  });

  it('setup --yes does not use a guess as a default', async () => {
    sandbox.alice.mayNotListDevices = true;
    const ended = await setup(['--yes', '--no-refresh']);
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining('pass --serial-number') });
    expect(await written()).toBeUndefined();
  });

  it('setup takes the defaults from an existing config.ini, and keeps everything that the user wrote', async () => {
    const mine = `# mine
check = */5 * * * *

[mfa]   ; every day
mfa_serial = ${sandbox.serialNumber} # the phone

; [old]
[other]
source_profile = elsewhere
`;
    await putSettings(mine);
    await chmod(settingsFile, 0o640);
    expect(await setup(['--yes', '--no-refresh'])).toMatchObject({ status: 0 });
    expect(await settings()).toBe(mine);
    const ended = await setup(['--yes', '--no-refresh', '--prompt-before', '20m', '--serial-number', 'GAHT12345678']);
    expect(ended).toMatchObject({ status: 0 });
    expect(await settings()).toBe(
      mine.replace(sandbox.serialNumber, 'GAHT12345678').replace('* * * *\n', '* * * *\nprompt_before = 20m\n'),
    );
    expect((await stat(settingsFile)).mode & 0o777).toBe(0o640);
    const added = await setup(['--yes', '--no-refresh', '--profile', 'third', '--serial-number', sandbox.serialNumber]);
    expect(added).toMatchObject({ status: 0 });
    expect(await settings()).toMatch(/elsewhere\n\n;[\s\S]*\[third\]\n/);
  });

  it('setup writes nothing into settings with an error, and reports it', async () => {
    const files = [
      '[mfa]\nmfa_serail = x\n',
      'check = never\n[mfa]\n',
      '[mfa]\n[mfa]\n',
      '[mfa]\nduration_seconds = x\n',
    ];
    for (const wrong of files) {
      await putSettings(wrong);
      const ended = await setup(['--yes', '--no-refresh']);
      expect(ended).toMatchObject({ status: 2, stderr: expect.stringMatching(/config\.ini:\d/) });
      expect(await settings()).toBe(wrong);
    }
  });

  it('setup replaces a device in config.ini that does not give codes', async () => {
    await putSettings(`[mfa]\nmfa_serial = ${PASSKEY}\n`);
    const ended = await setup(['--yes', '--no-refresh']);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('The settings have an error') });
    expect(await settings()).toBe(`[mfa]\nmfa_serial = ${sandbox.serialNumber}\n`);
    await putSettings(`[mfa]\nmfa_serial = ${PASSKEY}\n`);
    expect(await setup(['--yes', '--no-refresh', '--serial-number', sandbox.serialNumber])).toMatchObject({
      status: 0,
    });
    expect(await settings()).toBe(`[mfa]\nmfa_serial = ${sandbox.serialNumber}\n`);
  });

  it('setup uses the device of the source profile that is named, not of the present one', async () => {
    const { accessKeyId, secretAccessKey } = sandbox.alice;
    await writeCredentials({
      lines: `\n[work]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`,
    });
    await writeFile(
      sandbox.configFile,
      `[default]\nmfa_serial = GAHT12345678\n[profile work]\nmfa_serial = ${sandbox.serialNumber}\n`,
    );
    const words = ['--yes', '--profile', 'mfa', '--source-profile', 'work', '--no-install', '--token-code'];
    await putSettings('[mfa]\n');
    expect(await setup([...words, sandbox.code()])).toMatchObject({ status: 0 });
    expect(await settings()).toContain('source_profile = work');
    expect(await settings()).not.toContain('mfa_serial');

    await putSettings('[mfa]\nmfa_serial = GAHT12345678\n');
    expect(await setup([...words, sandbox.code()])).toMatchObject({ status: 0 });
    expect(await settings()).toContain(`[mfa]\nmfa_serial = ${sandbox.serialNumber}\nsource_profile = work\n`);
    const serials = asked('GetSessionToken').map(({ serialNumber }) => serialNumber);
    expect(new Set(serials)).toEqual(new Set([sandbox.serialNumber]));
  });

  it('setup refuses invalid values, each with its option', async () => {
    for (const [option, value] of [
      ['--serial-number', PASSKEY],
      ['--serial-number', 'alice'],
      ['--prompt-before', 'soon'],
      ['--duration-seconds', '10'],
      ['--profile', 'default'],
      ['--profile', 'a]b'],
      ['--source-profile', 'nobody'],
    ]) {
      const ended = await setup(['--yes', '--no-refresh', `${option}`, `${value}`]);
      expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining(`${option} ${value}: `) });
    }
    expect(await written()).toBeUndefined();
  });

  it('setup --keys keychain costs no code and writes nothing where there is no keychain', async () => {
    const before = await credentials();
    const ended = await setup(['--yes', '--keys', 'keychain', '--no-install', '--token-code', sandbox.code()]);
    expect(ended).toMatchObject({ status: 1, stderr: expect.stringContaining('no keychain (') });
    expect(await written()).toBeUndefined();
    expect(await credentials()).toBe(before);
    expect(asked('GetSessionToken')).toEqual([]);
  });

  it('setup stops when the keys do not work at all, or there are none', async () => {
    sandbox.alice.active = false;
    const dead = await setup(['--yes', '--no-refresh']);
    expect(dead).toMatchObject({ status: 1, stderr: expect.stringContaining('deleted or inactive') });
    await writeFile(sandbox.credentialsFile, '');
    const none = await setup(['--yes', '--no-refresh']);
    expect(none).toMatchObject({ status: 2, stderr: expect.stringContaining('no long-term keys') });
    expect(await written()).toBeUndefined();
  });

  it('setup works offline with a device that a file names', async () => {
    sandbox.env.AWS_ENDPOINT_URL_IAM = 'http://127.0.0.1:1';
    await writeFile(sandbox.configFile, `[default]\nmfa_serial = ${sandbox.serialNumber}\n`);
    const ended = await setup(['--yes', '--no-refresh']);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('Could not list your MFA devices') });
    expect(await settings()).toContain(`mfa_serial = ${sandbox.serialNumber}\n`);
  });

  it('setup says that there can be no service, and continues', async () => {
    const ended = await setup(['--yes', '--no-refresh']);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('The service was not installed: ') });
    const wanted = await setup(['--yes', '--no-refresh', '--install']);
    expect(wanted.status).toBeGreaterThan(0);
  });

  it('refresh tells the user to run setup when there is no MFA device', async () => {
    const ended = await run(['refresh'], sandbox.env);
    expect(ended).toMatchObject({ status: 2, stderr: expect.stringContaining('aws-mfa-agent setup') });
  });
});

describe('setup with profiles of other tools', () => {
  const session = (name: string, lines = '') => {
    const old = sandbox.sts.issue('alice', -60);
    return `\n[${name}]\naws_access_key_id = ${old.accessKeyId}\naws_secret_access_key = ${old.secretAccessKey}\naws_session_token = ${old.sessionToken}\n${lines}`;
  };

  it('setup continues the profiles of aws-mfa with their device and date format', async () => {
    await writeCredentials({
      name: 'mfa-long-term',
      lines: `aws_mfa_device = ${sandbox.serialNumber}\n`,
      below: session('mfa', 'assumed_role = False\nexpiration = 2026-03-01 12:00:00\n'),
    });
    sandbox.alice.mayNotListDevices = true;
    expect(await setup(['--yes', '--token-code', sandbox.code()])).toMatchObject({ status: 0 });
    expect(await settings()).toMatch(/\[mfa\]\n[\s\S]*source_profile = mfa-long-term\n/);
    expect(await sessionIn('mfa')).toMatchObject({ mfa: true });
    expect(await credentials()).toMatch(/\nexpiration = \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n/);
  });

  it('setup continues the profile of aws configure mfa-login with the device in its name', async () => {
    await writeCredentials({ below: session('123456789012-alice') });
    sandbox.alice.mayNotListDevices = true;
    expect(await setup(['--yes', '--token-code', sandbox.code()])).toMatchObject({ status: 0 });
    expect(await sessionIn('123456789012-alice')).toMatchObject({ mfa: true });
  });

  it('setup continues with the device, mfa_process and keys of aws-vault', async () => {
    // A stand-in for aws-vault: prints what `aws-vault export` prints.
    const bin = join(sandbox.home, 'bin');
    await mkdir(bin);
    const { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = sandbox.alice;
    const printed = JSON.stringify({ Version: 1, AccessKeyId, SecretAccessKey });
    await writeFile(
      join(bin, 'aws-vault'),
      `#!/bin/sh\n[ "$*" = 'export --format=json --no-session home' ] && echo '${printed}'\n`,
    );
    await chmod(join(bin, 'aws-vault'), 0o755);
    sandbox.env.PATH = `${bin}:${sandbox.env.PATH}`;
    await writeFile(join(sandbox.home, 'code'), sandbox.code());
    await writeFile(sandbox.credentialsFile, '');
    const profile = `[profile home]\nmfa_serial = ${sandbox.serialNumber}\nmfa_process = cat ${sandbox.home}/code\n`;
    await writeFile(sandbox.configFile, profile);
    const first = await setup(['--yes']);
    expect(first.status).toBe(2);
    const [, line = ''] = /put "(credential_process = [^"]*)"/.exec(first.stderr) ?? [];
    await writeFile(sandbox.configFile, `${profile}${line}\n`);
    expect(await setup(['--yes'])).toMatchObject({ status: 0 });
    expect(await sessionIn('mfa')).toMatchObject({ mfa: true });
  });
});

describe('setup with roles', () => {
  const arn = 'arn:aws:iam::123456789012:role/admin';
  const role = `\n[profile admin]\nrole_arn = ${arn}\nsource_profile = mfa\n`;
  const withRole = async () => {
    sandbox.roles.push({ name: 'admin', mfa: true, maxSessionDuration: 43_200 });
    await writeFile(sandbox.configFile, (await readFile(sandbox.configFile, 'utf8')) + role);
  };

  it('setup offers the roles of ~/.aws/config that the agent can assume by MFA', needs('script'), async () => {
    await withRole();
    const { status, screen } = await person(
      [],
      [
        [PROFILE, RETURN],
        [DEVICE, RETURN],
        [LEAD, RETURN],
        [/Which roles of ~\/\.aws\/config.*\[admin\], as \[admin-keys\]/, `\u001b[B${RETURN}`],
        [CODE, code],
      ],
    );
    expect(screen).toMatch(/\[mfa\] is fresh until/);
    expect(status).toBe(0);
    expect(await settings()).toContain(`[admin-keys]\nrole_arn = ${arn}\nsource_profile = mfa\n`);
    expect(await run(['refresh', 'admin-keys'], sandbox.env)).toMatchObject({ status: 0 });
    const before = await settings();
    expect(await setup(['--yes', '--profile', 'mfa'])).toMatchObject({ status: 0 });
    expect(await settings()).toBe(before);
  });

  it('setup --roles takes the roles without a question, and --set-region writes one line into ~/.aws/config', async () => {
    await withRole();
    const config = await readFile(sandbox.configFile, 'utf8');
    const ended = await setup(['--yes', '--roles', 'all', '--set-region', '--token-code', sandbox.code()]);
    expect(ended).toMatchObject({ status: 0, stderr: expect.stringContaining('Set region = eu-west-1 for [mfa]') });
    expect(await settings()).toContain('[admin-keys]\n');
    expect(await readFile(sandbox.configFile, 'utf8')).toBe(`${config}\n[profile mfa]\nregion = eu-west-1\n`);
    const after = [await settings(), await readFile(sandbox.configFile, 'utf8')];
    expect(await setup(['--yes', '--roles', 'all', '--set-region'])).toMatchObject({ status: 0 });
    expect([await settings(), await readFile(sandbox.configFile, 'utf8')]).toEqual(after);
  });

  it('setup continues the role that aws-mfa --assume-role keeps, with the code in AssumeRole', async () => {
    sandbox.roles.push({ name: 'admin', mfa: true, maxSessionDuration: 3600 });
    const old = sandbox.sts.issue('alice', -60);
    const below = `\n[mfa]\nassumed_role = True\nassumed_role_arn = ${arn}\naws_access_key_id = ${old.accessKeyId}\naws_secret_access_key = ${old.secretAccessKey}\naws_session_token = ${old.sessionToken}\nexpiration = 2026-03-01 12:00:00\n`;
    await writeCredentials({ name: 'mfa-long-term', lines: `aws_mfa_device = ${sandbox.serialNumber}\n`, below });
    expect(await setup(['--yes', '--token-code', sandbox.code()])).toMatchObject({ status: 0 });
    expect(await settings()).toMatch(
      new RegExp(`\\[mfa\\]\n[\\s\\S]*role_arn = ${arn}\n[\\s\\S]*source_profile = mfa-long-term\n`),
    );
    expect(await sessionIn('mfa')).toMatchObject({ role: 'admin' });
  });
});

describe('the end of setup', () => {
  it('setup does not say that all is ready when no agent runs', async () => {
    const ended = await setup(['--yes', '--no-install', '--token-code', sandbox.code()]);
    expect(ended.stderr).toContain(
      '[mfa] has a session, but no agent is running, so it will end. Start one: aws-mfa-agent install (now and at each login)',
    );
    expect(ended.stderr).not.toContain('Ready');
    const agent = start(['run'], sandbox.env);
    try {
      await agent.says(/the agent runs/);
      const again = await setup(['--yes', '--no-install']);
      expect(again.stderr).toContain('Ready. Use --profile mfa');
    } finally {
      agent.child.kill();
      await agent.ended;
    }
  });

  it('setup says that a device is a guess, and asks again if AWS does not know it', needs('script'), async () => {
    sandbox.alice.mayNotListDevices = true;
    await writeFile(sandbox.configFile, '[default]\nregion = eu-west-1\n');
    const [device] = sandbox.alice.mfa;
    if (device) device.serialNumber = 'arn:aws:iam::123456789012:mfa/phone';
    const shown = () => `${sandbox.authenticator.code(sandbox.clock.now())}${RETURN}`;
    const { status, screen } = await person(
      [],
      [
        [PROFILE, RETURN],
        [/mfa\/alice is a guess, made from the name of the user.*Which MFA device\?/, RETURN],
        [LEAD, RETURN],
        [CODE, shown],
        [
          /AWS cannot validate codes of the MFA device.*Which MFA device\?/,
          `arn:aws:iam::123456789012:mfa/phone${RETURN}`,
        ],
        [/MFA code of phone in account 123456789012: /, shown],
      ],
    );
    expect(screen).toMatch(/\[mfa\] is fresh until/);
    expect(status).toBe(0);
    expect(await settings()).toContain('mfa_serial = arn:aws:iam::123456789012:mfa/phone\n');
  });
});
