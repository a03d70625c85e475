import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createAsk } from '../../src/ask/choose.ts';
import { UserError } from '../../src/errors.ts';
import { CHECK, DURATION_SECONDS, PROMPT_BEFORE, REMIND_EVERY } from '../../src/settings/defaults.ts';
import { WAY_NAMES } from '../../src/settings/forms.ts';
import { nearest } from '../../src/settings/nearest.ts';
import {
  askedFor,
  dueBefore,
  durationProblem,
  lacksDevice,
  loadSettings,
  madeFrom,
  readCredentials,
  requireValidSchedule,
  type Settings,
  serialProblem,
} from '../../src/settings/settings.ts';
import { inUnits } from '../../src/setup/lead-time.ts';
import { needs } from '../needs.ts';

const SERIAL = 'arn:aws:iam::123456789012:mfa/alice';
const ROLE = 'arn:aws:iam::123456789012:role/admin';

let home: string;
let configIni: string;
let awsConfig: string;
let companyFile: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'config-'));
  configIni = join(home, '.config/aws-mfa-agent/config.ini');
  awsConfig = join(home, '.aws/config');
  companyFile = join(home, 'etc/aws-mfa-agent/config.ini');
});
afterEach(() => rmSync(home, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function load(env: NodeJS.ProcessEnv = {}, configFile?: string): Promise<Settings> {
  const read = loadSettings({ env, home, configFile, companyFile });
  await requireValidSchedule(read);
  return read;
}

/** The settings that a `config.ini` with this text gives. */
function settings(text: string, env: NodeJS.ProcessEnv = {}): Promise<Settings> {
  write(configIni, text);
  return load(env);
}

/** What a person reads about a `config.ini` with this text, without the path of the file. */
async function problem(text: string): Promise<string> {
  write(configIni, text);
  return (await refusal()).replace(configIni, 'config.ini').replace(awsConfig, '~/.aws/config');
}

async function refusal(env: NodeJS.ProcessEnv = {}, configFile?: string): Promise<string> {
  const error = await load(env, configFile).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UserError);
  const { message, code } = error as UserError;
  expect(code).toBe('usage');
  expect(message).not.toMatch(/[\r\n]/);
  return message;
}

describe('the settings without a config.ini', () => {
  it('the settings keep [mfa] fresh from [default] when there is no config.ini', async () => {
    expect(await load()).toEqual({
      files: {
        settings: configIni,
        company: companyFile,
        credentials: join(home, '.aws/credentials'),
        config: awsConfig,
        state: join(home, '.local/state/aws-mfa-agent'),
        runtime: join(home, '.local/state/aws-mfa-agent'),
      },
      check: '* * * * *',
      promptBefore: 25 * 60_000,
      remindEvery: 5 * 60_000,
      prompt: 'auto',
      profiles: [{ profile: 'mfa', sourceProfile: 'default', serialNumber: undefined, durationSeconds: 43_200 }],
    });
  });

  it('the settings take the device from [default] of ~/.aws/config when there is no config.ini', async () => {
    write(awsConfig, `[default]\nmfa_serial = ${SERIAL}\nregion = eu-west-1\n`);
    expect((await load()).profiles).toMatchObject([{ serialNumber: SERIAL, region: 'eu-west-1' }]);
  });

  it('the settings take the device from [profile mfa] when [default] has none', async () => {
    write(awsConfig, `[default]\nregion = eu-west-1\n[profile mfa]\nmfa_serial = ${SERIAL}\nregion = us-east-1\n`);
    expect((await load()).profiles).toMatchObject([{ serialNumber: SERIAL, region: 'eu-west-1' }]);
  });

  it('the settings have [mfa] when config.ini has only settings for all profiles', async () => {
    const { profiles, remindEvery } = await settings('remind_every = 2m\n');
    expect(profiles).toEqual((await load()).profiles);
    expect(remindEvery).toBe(120_000);
  });
});

it('the settings contain every value of config.ini', async () => {
  const { files, ...rest } = await settings(`
check = */10 * * * * *         ; when to look: a cron expression (node-cron)
prompt_before = 20m            ; how long before the expiration to ask
remind_every = 1m30s           # how long to wait for an answer before asking again
quiet = 22:00-07:00            ; no asking in these hours (optional)
prompt = notification, terminal

[mfa]                          ; an MFA profile: one section for each
source_profile = long-term
mfa_serial = ${SERIAL}
duration_seconds = 3600        ; 900 to 129600
mfa_process = ykman oath accounts code --single aws    ; optional: a command that prints the code
region = eu-west-1             ; for STS; optional
[second]
`);
  expect(files.settings).toBe(configIni);
  expect(rest).toEqual({
    check: '*/10 * * * * *',
    checkPlace: `${configIni}:2`,
    promptBefore: 20 * 60_000,
    remindEvery: 90_000,
    quiet: { from: 22 * 60, to: 7 * 60 },
    prompt: ['notification', 'terminal'],
    profiles: [
      {
        profile: 'mfa',
        sourceProfile: 'long-term',
        serialNumber: SERIAL,
        durationSeconds: 3600,
        mfaProcess: 'ykman oath accounts code --single aws',
        region: 'eu-west-1',
      },
      { profile: 'second', sourceProfile: 'default', serialNumber: undefined, durationSeconds: 43_200 },
    ],
  });
});

it('the settings cannot be changed by accident', async () => {
  const loaded = await settings('quiet = 1:00-2:00\nprompt = terminal\n');
  for (const part of [loaded, loaded.files, loaded.quiet, loaded.prompt, loaded.profiles, loaded.profiles[0]]) {
    expect(Object.isFrozen(part)).toBe(true);
  }
});

it('the settings accept the existing methods of asking in `prompt`, and no others', async () => {
  const { prompt } = await settings(`prompt = ${WAY_NAMES.join(' ')}\n`);
  expect(prompt).toEqual(WAY_NAMES);
  const platforms = (['linux', 'darwin'] as const).map((platform) =>
    createAsk({ prompt }, {}, { platform, environment: {} }).ways(),
  );
  const known = (await Promise.all(platforms)).flat().filter(({ unfit }) => unfit !== 'not available on this system');
  expect(new Set(known.map(({ name }) => name))).toEqual(new Set(WAY_NAMES));
});

describe('the names of profiles', () => {
  it.each(['my.team', 'a.b.c', 'two words', 'a;b', 'team#1', 'proto', 'true', 'default.', 'prototype', 'sso-session'])(
    'the name of a profile may be %s',
    async (name) => {
      const { profiles } = await settings(`[${name}] ; a comment\nmfa_serial = ${SERIAL}\n[my]\n`);
      expect(profiles.map(({ profile }) => profile)).toEqual([name, 'my']);
      expect(profiles[0]?.serialNumber).toBe(SERIAL);
    },
  );

  it.each([
    ...['DEFAULT', '__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__'],
    ...['sso-session x', 'services x', '"#a"', 'a #b', 'a\tb#', 'a\u2028b'],
  ])('the name of a profile must not be %s, which AWS tools cannot use', async (name) => {
    expect(await problem(`prompt = auto\n\n[${name}]\nmfa_serial = ${SERIAL}\n`)).toBe(
      `config.ini:3: [${name.replaceAll('"', '')}]: AWS tools cannot use a profile with this name: choose another`,
    );
  });

  it('the name of a profile may be in quotes, and between blanks', async () => {
    for (const header of ['["two words"]', "['two words']", '[ "two words" ]', '[ two words ]']) {
      expect((await settings(header)).profiles).toMatchObject([{ profile: 'two words' }]);
    }
  });

  it('the name of a profile is that of the credentials file, not that of ~/.aws/config', async () => {
    expect(await problem('[profile mfa]\n')).toBe(
      'config.ini:1: [profile mfa]: sections have the names of the credentials file: [mfa]',
    );
  });

  it('the name of a profile may occur once', async () => {
    expect(await problem('[mfa]\n\n[b]\n[mfa]\n')).toMatch(/^config\.ini:4: \[mfa\] is already in line 1/);
    expect(await problem('[]\n')).toMatch(/^config\.ini:1: a section needs the name of a profile/);
  });

  it('the name of a profile is a text, also when it looks like another type', async () => {
    const { profiles } = await settings(
      "[a]\nsource_profile = true\n[b]\nsource_profile = null\n[c]\nsource_profile = '12'",
    );
    expect(profiles.map(({ sourceProfile }) => sourceProfile)).toEqual(['true', 'null', '12']);
  });
});

describe('a source profile', () => {
  it('a source profile must not be the MFA profile itself', async () => {
    expect(await problem('[mfa]\nsource_profile = mfa\n')).toBe(
      'config.ini:2: source_profile = "mfa" is not allowed: it must be the profile that holds the long-term keys for [mfa], not [mfa] itself',
    );
  });

  it('a source profile must not be the MFA profile itself when it is not set', async () => {
    expect(await problem('\n[default]\n')).toMatch(
      /^config\.ini:2: source_profile = "default" .* not \[default\] itself$/,
    );
  });

  it('a source profile must not be another MFA profile, so two cannot be the source of each other', async () => {
    expect(await problem('[a]\nsource_profile = b\n[b]\nsource_profile = a\n')).toMatch(
      /^config\.ini:2: source_profile = "b" .* not \[b\], which is an MFA profile too$/,
    );
    expect(await problem('[a]\n[b]\nsource_profile = a\n')).toMatch(/^config\.ini:3: .* not \[a\], which is an MFA/);
    expect(await problem(`[a]\n[b]\nsource_profile = a\n[c]\nrole_arn = ${ROLE}\nsource_profile = a\n`)).toMatch(
      /not \[a\], which is an MFA profile too$/,
    );
  });

  it('a source profile may be that of several MFA profiles', async () => {
    expect((await settings('[a]\nsource_profile = x\n[b]\nsource_profile = x\n')).profiles).toHaveLength(2);
  });
});

describe('a role profile', () => {
  const ROLE = 'role_arn = arn:aws:iam::123456789012:role/admin';
  const profile = async (text: string, name: string) =>
    (await settings(text)).profiles.find((one) => one.profile === name);

  it('a role profile whose source is an MFA profile needs no device, and lasts an hour', async () => {
    const text = `prompt_before = 2h\n[mfa]\nmfa_serial = ${SERIAL}\n[admin]\n${ROLE}\nsource_profile = mfa\nregion = eu-west-1`;
    expect(await profile(text, 'admin')).toEqual({
      profile: 'admin',
      sourceProfile: 'mfa',
      serialNumber: undefined,
      durationSeconds: 3600,
      role: { arn: 'arn:aws:iam::123456789012:role/admin', isChained: true, keysProfile: 'default' },
      region: 'eu-west-1',
    });
  });

  it('a role profile does not take the device of its source, and does not lack one', async () => {
    write(awsConfig, `[default]\nmfa_serial = ${SERIAL}\n[profile admin]\nregion = eu-west-3\n`);
    const read = await settings(`[mfa]\n[admin]\n${ROLE}\nsource_profile = mfa\n[other]\nsource_profile = x\n`);
    const [mfa, admin, other] = read.profiles;
    expect(admin).toMatchObject({ serialNumber: undefined, toolsRegion: 'eu-west-3' });
    expect([mfa, admin, other].map((one) => one && lacksDevice(one))).toEqual([false, false, true]);
    for (const one of [mfa, other]) expect(one).not.toHaveProperty('toolsRegion');
  });

  it('a role profile is part of a chain from the profile that is asked for', async () => {
    const role = (name: string, source: string, more = '') => `[${name}]\n${ROLE}\nsource_profile = ${source}\n${more}`;
    const text = `[mfa]\nsource_profile = work\n${role('one', 'mfa')}${role('two', 'one', 'duration_seconds = 900\n')}[b]\n`;
    const read = await settings(text);
    const [mfa, one, two, b] = read.profiles;
    if (!mfa || !one || !two || !b) throw new Error('four profiles');
    expect([mfa, one, two, b].map((profile) => askedFor(profile, read).profile)).toEqual(['mfa', 'mfa', 'mfa', 'b']);
    expect(['mfa', 'one', 'two', 'b'].map((name) => madeFrom(name, read))).toEqual([['one', 'two'], ['two'], [], []]);
    expect([one, two].map((profile) => profile.role?.keysProfile)).toEqual(['work', 'work']);
    // A role: in the last quarter of its session.
    const MINUTE = 60_000;
    expect([mfa, one, two].map((profile) => dueBefore(read, profile) / MINUTE)).toEqual([25, 15, 3.75]);
  });

  it.each([
    ['accepts an ARN of another partition', 'arn:aws-us-gov:iam::123456789012:role/path/to/admin', true],
    ['accepts an ARN of 2048 characters', `arn:aws:iam::123456789012:role/${'x'.repeat(2017)}`, true],
    ['refuses an ARN of 2049 characters', `arn:aws:iam::123456789012:role/${'x'.repeat(2018)}`, false],
    ['refuses an ARN after a word', 'x arn:aws:iam::123456789012:role/admin', false],
    ['refuses an ARN before a word', 'arn:aws:iam::123456789012:role/admin x', false],
    ['refuses the ARN of a user', 'arn:aws:iam::123456789012:user/admin', false],
  ])('a role profile %s', async (_, arn, isAccepted) => {
    const text = `[a]\nrole_arn = ${arn}\nsource_profile = mfa\n`;
    if (isAccepted) expect((await profile(text, 'a'))?.role?.arn).toBe(arn);
    else expect(await problem(text)).toMatch(/^config\.ini:2: role_arn = ".*" is not allowed: .* a role's ARN/);
  });

  it('a role profile has a session name, an external id and a length', async () => {
    const text = `[mfa]\n[admin]\n${ROLE}\nsource_profile = mfa\nrole_session_name = alice@example.com\nexternal_id = a/b:c\nduration_seconds = 900`;
    expect(await profile(text, 'admin')).toMatchObject({
      durationSeconds: 900,
      role: { sessionName: 'alice@example.com', externalId: 'a/b:c', isChained: true },
    });
  });

  it('a role profile may lead to the usual MFA profile, which is not in the file', async () => {
    const { profiles } = await settings(`[admin]\n${ROLE}\nsource_profile = mfa`);
    expect(profiles).toMatchObject([{ profile: 'mfa', sourceProfile: 'default' }, { role: { isChained: true } }]);
  });

  it('a role profile takes the region of its sources, and not the length of their sessions', async () => {
    write(awsConfig, '[default]\nregion = eu-central-1\nduration_seconds = 43200\n');
    const text = `[second]\n${ROLE}\nsource_profile = first\n[mfa]\n[first]\n${ROLE}\nsource_profile = mfa`;
    const role = { keysProfile: 'default' };
    expect(await profile(text, 'second')).toMatchObject({ region: 'eu-central-1', durationSeconds: 3600, role });
    expect(await profile(text, 'mfa')).toMatchObject({ durationSeconds: 43_200 });
    expect(await profile(`${text}\nregion = eu-west-3`, 'second')).toMatchObject({ region: 'eu-west-3' });
  });

  it('a role profile with its own region in ~/.aws/config does not take that of its source', async () => {
    write(awsConfig, '[default]\nregion = eu-central-1\n[profile admin]\nregion = eu-west-3\n');
    const text = `[mfa]\n[admin]\n${ROLE}\nsource_profile = mfa`;
    expect(await profile(text, 'admin')).toMatchObject({ region: 'eu-west-3' });
    expect(await profile(`${text}\nregion = eu-west-1`, 'admin')).toMatchObject({ region: 'eu-west-1' });
  });

  it('a role profile whose source holds long-term keys has an MFA device, and lasts up to twelve hours', async () => {
    write(awsConfig, `[default]\nmfa_serial = ${SERIAL}\n`);
    const text = `[deploy]\n${ROLE}\nsource_profile = default`;
    expect((await settings(text)).profiles).toMatchObject([
      {
        profile: 'deploy',
        sourceProfile: 'default',
        serialNumber: SERIAL,
        durationSeconds: 3600,
        role: { isChained: false },
      },
    ]);
    expect(
      await profile(`${text}\nduration_seconds = 43200\nmax_age = 8h\nmfa_process = code`, 'deploy'),
    ).toMatchObject({
      durationSeconds: 43_200,
      maxAge: 8 * 3_600_000,
      mfaProcess: 'code',
    });
  });

  it.each([
    [
      'more than an hour with a session',
      `[mfa]\n[admin]\n${ROLE}\nsource_profile = mfa\nduration_seconds = 7200`,
      /^config\.ini:5: duration_seconds = "7200" .* to 3600: AWS gives one hour at most .* \(role chaining\)$/,
    ],
    [
      'more than twelve hours with a code',
      `[deploy]\n${ROLE}\nsource_profile = default\nduration_seconds = 43201`,
      /^config\.ini:4: .* to 43200 \(12 hours\), and at most the role's MaxSessionDuration$/,
    ],
    [
      'no source',
      `[admin]\n${ROLE}`,
      /^config\.ini:1: \[admin\] has a role_arn but no source_profile: add an MFA profile/,
    ],
    [
      'a circle',
      `[a]\n${ROLE}\nsource_profile = b\n[b]\n${ROLE}\nsource_profile = a`,
      /^config\.ini:3: source_profile = "b" .*; this is a circle: \[a\] > \[b\] > \[a\]$/,
    ],
    ['itself as its source', `[a]\n${ROLE}\nsource_profile = a`, /this is a circle: \[a\] > \[a\]$/],
    [
      'a circle among its sources',
      `[a]\n${ROLE}\nsource_profile = b\n[b]\n${ROLE}\nsource_profile = c\n[c]\n${ROLE}\nsource_profile = b`,
      /^config\.ini:3: .* circle: \[b\] > \[c\] > \[b\]$/,
    ],
    [
      'a wrong ARN',
      '[a]\nrole_arn = admin\nsource_profile = mfa',
      /^config\.ini:2: role_arn = "admin" .* a role's ARN/,
    ],
    [
      'something before its ARN',
      `[a]\n${ROLE.replace('arn:', 'xarn:')}\nsource_profile = mfa`,
      /^config\.ini:2: role_arn = "xarn:\S+" .* a role's ARN/,
    ],
    [
      'something after its ARN',
      `[a]\n${ROLE}!\nsource_profile = mfa`,
      /^config\.ini:2: role_arn = "\S+!" .* a role's ARN/,
    ],
    [
      'a wrong session name',
      `[a]\n${ROLE}\nsource_profile = mfa\nrole_session_name = two words`,
      /^config\.ini:4: role_session_name = "two words" .*: it must be 2 to 64 letters, digits and characters of _\+=,\.@-$/,
    ],
    [
      'a wrong external id',
      `[a]\n${ROLE}\nsource_profile = mfa\nexternal_id = ?ab`,
      /^config\.ini:4: external_id = "\?ab" .*: it must be 2 to 1224 letters, digits and characters of _\+=,\.@:\/-$/,
    ],
    ['an external id with a blank', `[a]\n${ROLE}\nsource_profile = mfa\nexternal_id = ab c`, /external_id = "ab c" /],
    [
      'something before its external id',
      `[a]\n${ROLE}\nsource_profile = mfa\nexternal_id = ?abc`,
      /^config\.ini:4: external_id = "\?abc" /,
    ],
    [
      'something after its external id',
      `[a]\n${ROLE}\nsource_profile = mfa\nexternal_id = abc?`,
      /^config\.ini:4: external_id = "abc\?" /,
    ],
    [
      'a device that it does not need',
      `[mfa]\n[admin]\n${ROLE}\nsource_profile = mfa\nmfa_serial = ${SERIAL}`,
      /^config\.ini:5: mfa_serial in \[admin\]: the role is assumed with the session of \[mfa\], without a code: remove this line$/,
    ],
    [
      'no role',
      '[mfa]\nexternal_id = abc',
      /^config\.ini:2: external_id in \[mfa\]: only a role profile can have it: add its role_arn$/,
    ],
  ])('a role profile with %s is an error that names the line', async (_, text, expected) => {
    expect(await problem(text)).toMatch(expected);
  });

  it('an MFA profile cannot have a role profile as its source', async () => {
    expect(await problem(`[mfa]\nsource_profile = admin\n[admin]\n${ROLE}\nsource_profile = default`)).toMatch(
      /^config\.ini:2: .* not \[admin\], which is a role profile$/,
    );
  });
});

describe('the place of the long-term keys', () => {
  it('the place of the long-term keys is the same for all profiles with the same source', async () => {
    const { profiles } = await settings('[a]\nkeys = keychain\n[b]\n[c]\nsource_profile = x\nkeys = file\n');
    expect(profiles.map(({ keys }) => keys)).toEqual(['keychain', 'keychain', undefined]);
    for (const { keys } of (await settings('[a]\nkeys = file\n[b]\n')).profiles) expect(keys).toBeUndefined();
  });

  it('the place of the long-term keys cannot be two places', async () => {
    expect(await problem('[a]\nkeys = keychain\n[b]\nkeys = keychain\n[c]\nkeys = file\n')).toBe(
      'config.ini:6: keys = "file" is not allowed: it must be keychain, as in [a]: both have the keys of [default]',
    );
  });
});

describe('a setting that a profile does not have', () => {
  const AWS = `[default]
mfa_serial = GAHT00000001
[profile work]
mfa_serial = GAHT00000002
mfa_process = from the source
[profile team]
mfa_serial = GAHT00000003
mfa_process = from itself
duration_seconds = 7200
region = eu-west-3
`;

  it('a missing setting comes from the source profile in ~/.aws/config, then from the own section there', async () => {
    write(awsConfig, AWS);
    const { profiles } = await settings('[team]\nsource_profile = work\n[other]\n[own]\nmfa_serial = GAHT00000009\n');
    expect(profiles).toMatchObject([
      { serialNumber: 'GAHT00000002', mfaProcess: 'from the source', durationSeconds: 7200, region: 'eu-west-3' },
      { serialNumber: 'GAHT00000001' },
      { serialNumber: 'GAHT00000009' },
    ]);
    expect(profiles[1]).not.toHaveProperty('mfaProcess');
  });

  it('a missing setting comes from the credentials file before ~/.aws/config, like in botocore', async () => {
    write(awsConfig, AWS);
    const credentials = join(home, '.aws/credentials');
    write(
      credentials,
      `[work]\nMFA_Serial = GAHT00000005 # mine\nduration_seconds = 3600\n[team]\nregion = us-east-2\n`,
    );
    const { profiles } = await settings('[team]\nsource_profile = work\n');
    expect(profiles).toMatchObject([
      { serialNumber: 'GAHT00000005', mfaProcess: 'from the source', durationSeconds: 3600, region: 'us-east-2' },
    ]);
    write(credentials, '[work]\n\nregion = no region\n');
    expect((await problem('[team]\nsource_profile = work\n')).replace(credentials, '~/.aws/credentials')).toMatch(
      /^~\/\.aws\/credentials:3: region = "no region" is not allowed/,
    );
  });

  it('a missing setting is not looked for in a credentials file that is not text', async () => {
    mkdirSync(join(home, '.aws/credentials'), { recursive: true });
    expect((await settings('[mfa]\n')).profiles[0]?.serialNumber).toBeUndefined();
    rmSync(join(home, '.aws/credentials'), { recursive: true });
    write(join(home, '.aws/credentials'), '\0');
    expect((await settings('[mfa]\n')).profiles[0]?.serialNumber).toBeUndefined();
  });

  it('a wrong setting in ~/.aws/config is reported with its line there', async () => {
    write(awsConfig, '[profile x]\nregion = a\n[default]\nduration_seconds = 60\n');
    expect(await problem('[mfa]\n')).toMatch(/^~\/\.aws\/config:4: duration_seconds = "60" is not allowed/);
  });

  it('a missing setting is read from the file in AWS_CONFIG_FILE', async () => {
    write(join(home, 'elsewhere'), `[default]\nmfa_serial = ${SERIAL}\n`);
    expect((await load({ AWS_CONFIG_FILE: '~/elsewhere' })).profiles).toMatchObject([{ serialNumber: SERIAL }]);
  });

  it('the region of the environment comes before that of the files, as in the AWS CLI, but not before config.ini', async () => {
    const env = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-2', AWS_PROFILE: 'team', AWS_ROLE_ARN: 'x' };
    write(awsConfig, AWS);
    const text = '[mfa]\nregion = eu-north-1\n[team]\nsource_profile = work';
    expect((await settings(text, env)).profiles).toMatchObject([
      { region: 'eu-north-1', serialNumber: 'GAHT00000001' },
      { region: 'eu-west-1', serialNumber: 'GAHT00000002' },
    ]);
    expect((await settings(text)).profiles).toMatchObject([{ region: 'eu-north-1' }, { region: 'eu-west-3' }]);
    expect((await settings('[mfa]\n', { ...env, AWS_REGION: '' })).profiles[0]?.region).toBe('eu-west-2');
    expect(await refusal({ AWS_REGION: 'evil.example/' })).toMatch(/^environment: AWS_REGION = "evil\.example\/"/);
  });
});

describe('quiet hours', () => {
  it.each([
    ['22:30-07:15', 22 * 60 + 30, 7 * 60 + 15],
    ['1:05 - 2:00', 65, 120],
    ['18:00-24:00', 18 * 60, 0],
    ['22:00-00:00', 22 * 60, 0],
    ['00:00-23:59', 0, 23 * 60 + 59],
  ])('quiet hours are read as minutes of the day: %s', async (written, from, to) => {
    expect((await settings(`quiet = ${written}\n`)).quiet).toEqual({ from, to });
  });
});

describe('the limits of a setting', () => {
  const LABEL = 'a'.repeat(63);

  it.each<[string, Partial<Settings>]>([
    ['check = */5 * * * *', { check: '*/5 * * * *' }],
    ['check = 30 */5 * * * *', { check: '30 */5 * * * *' }],
    ['remind_every = 30s', { remindEvery: 30_000 }],
    ['remind_every = 24h', { remindEvery: 86_400_000 }],
    ['prompt_before=5s', { promptBefore: 5_000 }],
    ['prompt = auto', { prompt: 'auto' }],
    ['prompt = , terminal,,window ,', { prompt: ['terminal', 'window'] }],
    ['check = *   *  * * *', { check: '*   *  * * *' }],
  ])('a setting is accepted at its limits: %s', async (text, expected) => {
    expect(await settings(`${text}\n`)).toMatchObject(expected);
  });

  it.each<[string, Partial<Settings['profiles'][number]>]>([
    ['max_age = 5m', { maxAge: 300_000 }],
    ['max_age = 36h', { maxAge: 129_600_000 }],
    ['rotate_every = 1d', { rotateEvery: 86_400_000 }],
    ['rotate_every = 1000d', { rotateEvery: 1000 * 86_400_000 }],
    ['duration_seconds = 900', { durationSeconds: 900 }],
    ['duration_seconds = 129600', { durationSeconds: 129_600 }],
    ['mfa_serial = GAHT12345', { serialNumber: 'GAHT12345' }],
    ['region = a', { region: 'a' }],
    [`region = ${LABEL}`, { region: LABEL }],
  ])('a setting of a profile is accepted at its limits: %s', async (text, expected) => {
    expect((await settings(`prompt_before = 1m\n[mfa]\n${text}\n`)).profiles).toMatchObject([expected]);
  });
});

describe('a duration', () => {
  it.each([
    ['90s', 90_000],
    ['1h 30m', 5_400_000],
    ['1h30m', 5_400_000],
    ['2m 3s', 123_000],
  ])('a duration is read as milliseconds: %s', async (written, milliseconds) => {
    expect((await settings(`prompt_before = ${written}\n`)).promptBefore).toBe(milliseconds);
  });
});

describe('a wrong setting', () => {
  const SECTION = '[mfa]\n';
  it.each([
    ['check = now', /^config\.ini:1: check = "now" is not allowed: it must be a cron expression/],
    ['check = 61 * * * *', /cron expression/],
    ['check = * * * *', /cron expression/],
    ['prompt_before = 15', /^config\.ini:1: prompt_before = "15" is not allowed: it must be a duration, such as 15m/],
    ['prompt_before = -1m', /duration/],
    ['prompt_before = 15m oops', /prompt_before = "15m oops" is not allowed/],
    ['prompt_before = 15mm', /prompt_before = "15mm" is not allowed/],
    ['prompt_before = x15m', /prompt_before = "x15m" is not allowed/],
    ['remind_every = 5m, 10m', /remind_every = "5m, 10m" is not allowed/],
    ['check = */5 * * * * or so', /check = .* cron expression/],
    ['check = at */5 * * * *', /check = .* cron expression/],
    ['check = */5 * * * *x', /check = .* cron expression/],
    ['check = */0 * * * *', /check = .* cron expression/],
    ['remind_every = 29s', /must be a duration from 30s to 24h/],
    ['remind_every = 2d', /must be a duration from 30s to 24h/],
    ['quiet = 22:00', /must be two different times of the day, such as 22:00-07:00/],
    ['quiet = 22:00-22:00', /two different times/],
    ['quiet = 00:00-24:00', /two different times/],
    ['quiet = 25:00-07:00', /two different times/],
    ['quiet = 22:00-07:60', /two different times/],
    ['quiet = 24:00-07:00', /two different times/],
    ['quiet = 22:00-24:01', /two different times/],
    ['quiet = 22:00-07:00 and 12:00-13:00', /two different times/],
    ['quiet = on 22:00-07:00', /two different times/],
    ['quiet = 122:00-07:00', /two different times/],
    ['quiet = 22:00-07:000', /two different times/],
    ['prompt = telepathy', /must be auto, or some of these in the order to try them: mfa_process, notification/],
    ['prompt = terminal, terminal', /must be auto, or some/],
    ['prompt = auto, terminal', /must be auto, or some/],
    [`${SECTION}duration_seconds = 899`, /^config\.ini:2: duration_seconds = "899" .* from 900 .* to 129600/],
    [`${SECTION}duration_seconds = 129601`, /129600/],
    [`${SECTION}duration_seconds = 1e4`, /129600/],
    [`${SECTION}duration_seconds = 12h`, /129600/],
    [`${SECTION}duration_seconds = 3600 s`, /129600/],
    [`${SECTION}duration_seconds = +3600`, /129600/],
    [`${SECTION}max_age = 3600`, /^config\.ini:2: max_age = "3600" is not allowed: .* from 5m to 36h, such as 1h/],
    [`${SECTION}max_age = 4m`, /5m/],
    [`${SECTION}max_age = 37h`, /36h/],
    [
      `${SECTION}rotate_every = 90`,
      /^config\.ini:2: rotate_every = "90" is not allowed: .* from 1d to 1000d, such as 90d/,
    ],
    [`${SECTION}rotate_every = 23h`, /from 1d to 1000d/],
    [`${SECTION}rotate_every = 1001d`, /from 1d to 1000d/],
    ['max_age = 1h', /belongs to a profile/],
    [
      `${SECTION}mfa_serial = 123456`,
      /must be an MFA device's ARN, as arn:aws:iam::123456789012:mfa\/alice, or its hardware/,
    ],
    [`${SECTION}mfa_serial = arn:aws:iam::1234:mfa/alice`, /must be an MFA device's ARN/],
    [`${SECTION}mfa_serial = arn:aws:iam::123456789012:user/alice`, /must be an MFA device's ARN/],
    [`${SECTION}mfa_serial = ${SERIAL} (phone)`, /must be an MFA device's ARN/],
    [`${SECTION}mfa_serial = my ${SERIAL}`, /must be an MFA device's ARN/],
    [`${SECTION}mfa_serial = arn: ${SERIAL}`, /must be an MFA device's ARN/],
    [`${SECTION}mfa_serial = GAHT12345678 (token)`, /must be an MFA device's ARN/],
    [`${SECTION}mfa_serial = my GAHT12345678`, /must be an MFA device's ARN/],
    [
      `${SECTION}mfa_serial = arn:aws:iam::123456789012:u2f/user/alice/key-A1`,
      /a device that gives codes, which a security key/,
    ],
    [`${SECTION}region = eu west`, /must be an AWS region/],
    [`${SECTION}region = sts.example.com`, /must be an AWS region/],
    [`${SECTION}region = eu-west-1/`, /must be an AWS region/],
    [`${SECTION}region = x.eu-west-1`, /must be an AWS region/],
    [`${SECTION}region = ${'a'.repeat(64)}`, /must be an AWS region/],
    [`${SECTION}mfa_serial = GAHT1234`, /must be an MFA device's ARN/],
    ['check = 0 0 1 1 * * *', /check = .* cron expression/],
    [`${SECTION}source_profile = "a\\nb"`, /^config\.ini:2: source_profile = "a\\nb" .* the name of a profile/],
  ])('a wrong setting is reported with its line, its value and what is allowed: %s', async (text, expected) => {
    expect(await problem(text)).toMatch(expected);
  });

  it.each([
    ['a key without a value', '[mfa]\nregion =\n', /^config\.ini:2: region has no value/],
    ['a value without a key', '[mfa]\n= x\n', /^config\.ini:2: this is neither a \[section\] nor a "key = value"$/],
    ['a lone word', '\n\nmfa_serial\n', /^config\.ini:3: this is neither/],
    ['a header that does not close', '[mfa\nregion = x\n', /^config\.ini:1: this is neither/],
    ['a header with something behind it', '[mfa] junk\n', /^config\.ini:1: this is neither/],
    ['a header with something before it', 'junk [mfa]\n', /^config\.ini:1: this is neither/],
    ['a key that JavaScript has a meaning for', '__proto__ = x\n', /^config\.ini:1: this is neither/],
    [
      'a key that comes twice',
      '[mfa]\nregion = a\n[b]\nregion = a\nregion = b\n',
      /^config\.ini:5: region is already in line 4/,
    ],
    [
      'a key with brackets',
      'prompt[] = terminal\n',
      /^config\.ini:1: prompt: write it without the brackets, with commas/,
    ],
  ])('a wrong line of config.ini is reported with its number: %s', async (_, text, expected) => {
    expect(await problem(text)).toMatch(expected);
  });

  it('a wrong line of config.ini is reported with its number for every kind of line end', async () => {
    expect(await problem('\uFEFF[mfa]\r\n\r\n; comment\r\nregion = A B\r\n')).toMatch(/^config\.ini:4: region = "A B"/);
  });
});

describe('an unknown setting', () => {
  it.each([
    [
      'remind_evry = 5m',
      'config.ini:1: unknown setting remind_evry above the first section: did you mean remind_every?',
    ],
    [
      'Prompt-Before = 5m',
      'config.ini:1: unknown setting Prompt-Before above the first section: did you mean prompt_before?',
    ],
    ['[mfa]\n\nmfa_seral = x', 'config.ini:3: unknown setting mfa_seral in [mfa]: did you mean mfa_serial?'],
    [
      'mfa_serial = x',
      'config.ini:1: unknown setting mfa_serial above the first section: it belongs to a profile, in a section such as [mfa]',
    ],
    [
      '[mfa]\nquiet = x',
      'config.ini:2: unknown setting quiet in [mfa]: it is for all profiles, and belongs above the first section',
    ],
    [
      'colour = x',
      'config.ini:1: unknown setting colour above the first section: known there: check, prompt_before, remind_every, quiet, prompt',
    ],
  ])('an unknown setting is reported with what was probably meant: %s', async (text, expected) => {
    expect(await problem(text)).toBe(expected);
  });

  it('an unknown setting gets advice of its own when it belongs to ~/.aws/config', async () => {
    expect(await problem('[mfa]\ncredential_source = Ec2InstanceMetadata')).toMatch(
      /the agent assumes roles only with the session of an MFA profile, or with long-term keys and a code$/,
    );
    expect(await problem('[mfa]\ncredential_process = x')).toMatch(
      /belongs in ~\/\.aws\/config, to the source profile/,
    );
  });

  it.each(['aws_secret_access_key', 'aws_secret_acess_key', 'aws_session_token', 'mfa_proces', 'totp', 'PASSWORD'])(
    'an unknown setting is reported without its value, which may be a secret: %s',
    async (key) => {
      const message = await problem(`[mfa]\n${key} = wJalrXUtnFEMI/K7MDENG\n`);
      expect(message).toContain(key);
      expect(message).not.toContain('wJalr');
    },
  );
});

it.each<[string, string[], string | undefined]>([
  ['prompt-before', ['prompt_before'], 'prompt_before'],
  ['abcprompt_before', ['prompt_before'], 'prompt_before'],
  ['abcdprompt_before', ['prompt_before'], undefined],
  ['prom', ['prompt'], 'prompt'],
  ['quixx', ['quiet'], undefined],
  ['check', ['check_b', 'check'], 'check'],
  ['check', ['check', 'check_b'], 'check'],
])('the word %s is taken for the nearest name in %j if one is near', (word, known, name) => {
  expect(nearest(word, known)).toBe(name);
});

it('a line without a key is never shown, since it may be a pasted secret', async () => {
  expect(await problem('[mfa]\nwJalr/XUtn+FEMI=\n')).toMatch(/^config\.ini:2: \(not shown\) has no value/);
  for (const pasted of ['wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY42==', 'wJalr/XUtn+FEMI=', 'wJalrXUtnFEMI']) {
    expect(await problem(`[mfa]\n${pasted}\n`)).not.toContain('wJalr');
  }
});

describe('mfa_process', () => {
  const command = async (value: string) => (await settings(`[mfa]\nmfa_process = ${value}\n`)).profiles[0]?.mfaProcess;

  it.each([
    ['pass otp aws ; a comment', 'pass otp aws'],
    ['pass otp aws ;comment', 'pass otp aws'],
    ['"a ; b # c \\"d\\""', 'a ; b # c "d"'],
    ['a \\; b \\# c', 'a ; b # c'],
    ["sh -c 'pass otp aws'", "sh -c 'pass otp aws'"],
    ['oathtool --key=abc==', 'oathtool --key=abc=='],
    ['"/opt/my tools/code" "x"', '"/opt/my tools/code" "x"'],
    ['C:\\tools\\code.exe', 'C:\\tools\\code.exe'],
  ])('mfa_process is read as it is written: %s', async (written, read) => {
    expect(await command(written)).toBe(read);
  });

  it.each([
    "sh -c 'a; b'",
    'a;b',
    'pass aws#1',
    "sh -c 'a ; b'",
    'sh -c "a # b"',
    '"a ; b" ; c',
    "'/my tools/x' 'SEED'",
  ])('mfa_process is refused when a comment would cut it: %s', async (written) => {
    const message = await problem(`[mfa]\nmfa_process = ${written}\n`);
    expect(message).toMatch(/^config\.ini:2: mfa_process: .*put the whole value in double quotes/);
    expect(message).not.toContain('SEED');
  });

  it('a command is not cut in silence when no blank follows the equals sign', async () => {
    for (const written of ['a;b', "a 'b ; c'"]) {
      expect(await problem(`[mfa]\nmfa_process=${written}\n`)).toMatch(/put the whole value in double quotes/);
    }
  });

  it('a cron expression is refused when a comment would cut it', async () => {
    expect(await problem('check = 0 9 * * 1#2\n')).toMatch(/^config\.ini:1: check: a comment begins at the #/);
  });
});

describe('prompt_before', () => {
  it('prompt_before must be less than the shortest session', async () => {
    expect(await problem('prompt_before = 1h\n[a]\n[b]\nduration_seconds = 3600\n')).toBe(
      'config.ini:1: prompt_before = "1h" is not allowed: it must be shorter than the session of [b], which lasts 3600 seconds',
    );
    expect((await settings('prompt_before = 59m\n[b]\nduration_seconds = 3600\n')).promptBefore).toBe(59 * 60_000);
    expect(await problem('prompt_before = 1h\n[a]\n[b]\nmax_age = 30m\n')).toMatch(
      /of \[b\], which lasts 1800 seconds/,
    );
  });

  it('prompt_before may be in seconds, or zero', async () => {
    expect((await settings('prompt_before = 5s\n')).promptBefore).toBe(5000);
    expect((await settings('prompt_before = 0s\n')).promptBefore).toBe(0);
  });

  it('prompt_before is a quarter of a session of less than an hour when it is not set', async () => {
    expect((await settings('[a]\nduration_seconds = 900\n')).promptBefore).toBe(225_000);
    expect((await settings('[a]\nmax_age = 20m\n')).promptBefore).toBe(300_000);
    expect((await settings('[a]\nmax_age = 1h30m\n')).profiles[0]).toMatchObject({ maxAge: 5_400_000 });
  });
});

describe('a settings file', () => {
  it('a settings file named by --config must exist', async () => {
    expect(await refusal({}, '/nowhere/x.ini')).toBe('cannot read /nowhere/x.ini: no such file');
  });

  it('a settings file named by --config is read', async () => {
    write(join(home, 'x.ini'), 'remind_every = 2m\n');
    expect((await load({}, join(home, 'x.ini'))).remindEvery).toBe(120_000);
  });

  it('a settings file is missing when its folder is a file', async () => {
    write(join(home, '.aws'), '');
    write(join(home, '.config'), '');
    expect((await load()).profiles).toMatchObject([{ profile: 'mfa' }]);
  });

  it('a folder in the place of the remembered state is refused, with what to do', async () => {
    const state = join(home, '.local/state/aws-mfa-agent/state.json');
    mkdirSync(state, { recursive: true });
    expect(await refusal()).toBe(`${state} is a folder, a pipe or a device, not a file: move it away`);
  });

  it('a credentials file that is not text is named where its keys are needed', () => {
    write(join(home, 'credentials'), '\0');
    expect(() => readCredentials(join(home, 'credentials'))).toThrow(
      `cannot read ${join(home, 'credentials')}: the file is not a text file`,
    );
    expect(readCredentials(join(home, 'missing'))).toBeUndefined();
  });

  it('a settings file named by a variable need not exist', async () => {
    expect((await load({ AWS_MFA_AGENT_CONFIG: '/nowhere/x.ini' })).files.settings).toBe('/nowhere/x.ini');
  });

  it('a settings file that is a folder is reported in one line', async () => {
    mkdirSync(awsConfig, { recursive: true });
    expect(await refusal()).toBe(`cannot read ${awsConfig}: it is a folder; move it away (EISDIR)`);
  });

  it('a settings file that cannot be read is reported in one line', async () => {
    write(configIni, '');
    chmodSync(configIni, 0);
    chmodSync(home, 0o755);
    // Root may read everything, so it stops being root for a moment.
    const user = process.geteuid?.();
    if (user === 0) process.seteuid?.(65_534);
    try {
      expect(await refusal()).toBe(
        `cannot read ${configIni}: permission denied; check the owner and the mode of the file and of its folder (EACCES)`,
      );
    } finally {
      if (user === 0) process.seteuid?.(0);
    }
  });
});

describe('the options of refresh', () => {
  it.each([
    SERIAL,
    'arn:aws-us-gov:iam::123456789012:mfa/path/to/alice@example.com',
    'arn:aws:iam::123456789012:mfa/root-account-mfa-device',
    'GAHT12345678',
  ])('--serial-number accepts %s', (serial) => {
    expect(serialProblem(serial)).toBeUndefined();
  });

  it('--serial-number and --duration-seconds say what is wrong with a value', () => {
    expect(serialProblem('alice')).toMatch(/^must be an MFA device's ARN/);
    expect(serialProblem(`${SERIAL}${'x'.repeat(256)}`)).toMatch(/^must be/);
    expect(durationProblem('900')).toBeUndefined();
    expect(durationProblem('129600')).toBeUndefined();
    expect(durationProblem('60')).toMatch(/^must be a whole number of seconds from 900/);
  });
});

describe('the defaults', () => {
  const docs = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');

  it.each([
    ['check', CHECK],
    ['prompt_before', inUnits(PROMPT_BEFORE)],
    ['remind_every', inUnits(REMIND_EVERY)],
    ['duration_seconds', String(DURATION_SECONDS)],
  ])('the default of %s is that of docs/settings.md', (key, value) => {
    expect(docs).toContain(`| \`${key}\` | \`${value}\` |`);
  });
});

describe("a company's config.ini", () => {
  const company = (text: string) => {
    write(companyFile, text);
    // Whatever the umask is.
    for (const folder of [dirname(companyFile), dirname(dirname(companyFile))]) chmodSync(folder, 0o755);
    chmodSync(companyFile, 0o644);
  };
  const companyProblem = async () => (await refusal()).replaceAll(join(home, 'etc'), '/etc');

  it("a company's config.ini gives a user without settings everything that is in it", async () => {
    company(`prompt_before = 40m\n[mfa]\nmfa_serial = ${SERIAL}\n[admin]\nrole_arn = ${ROLE}\nsource_profile = mfa\n`);
    const { promptBefore, profiles } = await load();
    expect(promptBefore).toBe(40 * 60_000);
    expect(profiles).toMatchObject([
      { profile: 'mfa', serialNumber: SERIAL },
      { profile: 'admin', sourceProfile: 'mfa', role: { arn: ROLE, isChained: true } },
    ]);
  });

  it("a company's config.ini loses to the user's key by key, and keeps its profiles before the user's own", async () => {
    company(`remind_every = 2m\nquiet = 22:00-07:00\n[mfa]\nmfa_serial = ${SERIAL}\nduration_seconds = 3600\n`);
    const loaded = await settings(
      'remind_every = 3m\n[customer]\nsource_profile = work\n[mfa]\nduration_seconds = 7200\n',
    );
    expect(loaded).toMatchObject({ remindEvery: 3 * 60_000, quiet: { from: 22 * 60, to: 7 * 60 } });
    expect(loaded.profiles).toMatchObject([
      { profile: 'mfa', serialNumber: SERIAL, durationSeconds: 7200 },
      { profile: 'customer', sourceProfile: 'work' },
    ]);
  });

  it("a company's config.ini is named in its errors, and the user's in the user's", async () => {
    company('[mfa]\nmfa_seral = x\n');
    expect(await companyProblem()).toMatch(
      /^\/etc\/aws-mfa-agent\/config\.ini:2: unknown setting mfa_seral in \[mfa\]/,
    );
    company('\n\nremind_every = never\n[mfa]\nduration_seconds = 1\n');
    expect(await companyProblem()).toMatch(
      /^\/etc\/aws-mfa-agent\/config\.ini:5: duration_seconds = "1" is not allowed/,
    );
    expect(await problem('[mfa]\n\nduration_seconds = 2\n')).toMatch(
      /^config\.ini:3: duration_seconds = "2" is not allowed/,
    );
  });

  it("a company's config.ini has the login name for %u, where a name of AWS can depend on it", async () => {
    const name = userInfo().username;
    company(`[mfa]
mfa_serial = arn:aws:iam::123456789012:mfa/%u@example.com
mfa_process = date +%u%%
[admin]
role_arn = ${ROLE}
source_profile = mfa
role_session_name = %u.laptop
`);
    expect((await load()).profiles).toMatchObject([
      { serialNumber: `arn:aws:iam::123456789012:mfa/${name}@example.com`, mfaProcess: 'date +%u%%' },
      { role: { sessionName: `${name}.laptop` } },
    ]);
    expect(await problem('[mfa]\nmfa_serial = arn:aws:iam::123456789012:mfa/%u\n')).toMatch(
      /^config\.ini:2: mfa_serial = ".*%u"/,
    );
    rmSync(configIni);
    company('[mfa]\nmfa_serial = arn:aws:iam::123456789012:mfa/100%%\n');
    expect(await companyProblem()).toContain(
      'config.ini:2: mfa_serial = "arn:aws:iam::123456789012:mfa/100%" is not allowed',
    );
  });

  it("a company's config.ini is refused if others may write it or its folder", async () => {
    company(`[mfa]\nmfa_serial = ${SERIAL}\n`);
    const folder = dirname(companyFile);
    for (const [place, mode] of [
      [companyFile, 0o664],
      [companyFile, 0o646],
      [folder, 0o775],
      [dirname(folder), 0o757],
    ] as const) {
      const before = statSync(place).mode & 0o777;
      chmodSync(place, mode);
      const others = `others may write ${place} (mode ${mode.toString(8)})`;
      expect(await refusal()).toBe(
        `${companyFile} is not used, because ${others}: have an administrator run "chmod go-w ${place}"`,
      );
      chmodSync(place, before);
    }
    expect((await load()).profiles).toMatchObject([{ serialNumber: SERIAL }]);
  });

  it("a company's config.ini may be a link, but not into a folder that others may write", async () => {
    const [store, other] = [join(home, 'store'), join(home, 'other')];
    for (const file of [join(store, 'config.ini'), join(other, 'config.ini')]) {
      write(file, `[mfa]\nmfa_serial = ${SERIAL}\n`);
      chmodSync(file, 0o644);
    }
    chmodSync(store, 0o1777);
    chmodSync(other, 0o777);
    company('');
    rmSync(companyFile);
    symlinkSync(join(store, 'config.ini'), companyFile);
    expect((await load()).profiles).toMatchObject([{ serialNumber: SERIAL }]);
    rmSync(companyFile);
    symlinkSync(join(other, 'config.ini'), companyFile);
    expect(await refusal()).toContain(`others may write ${other} (mode 777)`);
  });

  it("a company's config.ini is refused if it belongs to another user than root", needs('root'), async () => {
    company(`[mfa]\nmfa_serial = ${SERIAL}\n`);
    chownSync(companyFile, 12345, 12345);
    const whose = `${companyFile} does not belong to root`;
    expect(await refusal()).toBe(
      `${companyFile} is not used, because ${whose}: have an administrator run "chown root ${companyFile}"`,
    );
  });

  it("a company's config.ini that cannot be read is an error", async () => {
    company('');
    rmSync(companyFile);
    mkdirSync(companyFile, { mode: 0o755 });
    expect(await companyProblem()).toBe(
      'cannot read /etc/aws-mfa-agent/config.ini: it is a folder; move it away (EISDIR)',
    );
  });
});
