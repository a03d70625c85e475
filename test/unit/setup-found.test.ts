import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { readAwsConfig } from '../../src/settings/aws-config.ts';
import { type Files, freeName, whatIsFound } from '../../src/setup/found.ts';
import { withRegion } from '../../src/setup/region.ts';
import { chooseRoles, rolesIn } from '../../src/setup/roles.ts';
import { withRoles } from '../../src/setup/settings-text.ts';

const SERIAL = 'arn:aws:iam::123456789012:mfa/alice';
const fixture = (name: string) => readFileSync(new URL(`../fixtures/dialects/${name}`, import.meta.url), 'utf8');
const files = (credentials: string, config = '', more: Partial<Files> = {}): Files => ({
  credentials: parseCredentials(Buffer.from(credentials)),
  config: readAwsConfig(Buffer.from(config)),
  settings: [],
  sections: [],
  namedSource: undefined,
  ...more,
});
const offered = (...args: Parameters<typeof files>) =>
  whatIsFound(files(...args)).arrangements.map(
    ({ profile, sourceProfile, keptBy }) => `${profile} from ${sourceProfile}, ${keptBy}`,
  );
const keys = (...profiles: string[]) =>
  profiles.map((name) => `[${name}]\naws_access_key_id = AKIA${name}\naws_secret_access_key = s\n`).join('');
const session = (...profiles: string[]) =>
  profiles
    .map((name) => `[${name}]\naws_access_key_id = ASIAX\naws_secret_access_key = s\naws_session_token = t\n`)
    .join('');

describe('the profiles that setup finds', () => {
  it('setup offers [mfa] for the only long-term keys, in either file', () => {
    expect(offered(keys('default'))).toEqual(['mfa from default, nobody']);
    expect(offered(keys('work'))).toEqual(['mfa from work, nobody']);
    expect(offered('', keys('profile work'))).toEqual(['mfa from work, nobody']);
    expect(offered('[half]\naws_access_key_id = AKIAX\n')).toEqual([]);
  });

  it('setup offers a profile for each of several keys, [default] first', () => {
    expect(offered(keys('work', 'default', 'mfa'))).toEqual([
      'default-mfa from default, nobody',
      'work-mfa from work, nobody',
      'mfa-mfa from mfa, nobody',
    ]);
    expect(offered(keys('work', 'default'))).toEqual(['mfa from default, nobody', 'work-mfa from work, nobody']);
  });

  it('setup offers the profiles of config.ini first', () => {
    const settings = [{ profile: 'prod', sourceProfile: 'default' }];
    expect(offered(keys('default', 'work'), '', { settings })).toEqual([
      'prod from default, settings',
      'work-mfa from work, nobody',
    ]);
  });

  it('setup offers the pair of profiles of aws-mfa, with its device', () => {
    const found = whatIsFound(files(fixture('broamski-aws-mfa')));
    expect(found.arrangements).toEqual([
      { profile: 'mfa', sourceProfile: 'mfa-long-term', serialNumber: SERIAL, keptBy: 'aws-mfa' },
    ]);
    expect(offered(keys('default-long-term'))).toEqual(['default from default-long-term, aws-mfa']);
    const suffixes = `${keys('org').trim()}\naws_mfa_device = ${SERIAL}\n${session('org-dev', 'other')}`.replace(
      '[org-dev]',
      '[org-dev]\nassumed_role = False',
    );
    expect(offered(suffixes)).toEqual(['org-dev from org, aws-mfa']);
  });

  it('setup does not offer the session of a role that aws-mfa assumed', () => {
    const role = fixture('broamski-aws-mfa').replace('assumed_role = False', 'assumed_role = True');
    const found = whatIsFound(files(role));
    expect(found.obstacles).toEqual([{ kind: 'holds-role', profile: 'mfa' }]);
    expect(found.arrangements).toMatchObject([{ profile: 'mfa-mfa', sourceProfile: 'mfa-long-term' }]);
  });

  it('setup continues the role that aws-mfa assumed, if a file names it', () => {
    const arn = 'arn:aws:iam::123456789012:role/admin';
    const role = fixture('broamski-aws-mfa').replace(
      'assumed_role = False',
      `assumed_role = True\nassumed_role_arn = ${arn}`,
    );
    expect(whatIsFound(files(role))).toMatchObject({
      obstacles: [],
      arrangements: [
        { profile: 'mfa', sourceProfile: 'mfa-long-term', roleArn: arn, serialNumber: SERIAL, keptBy: 'aws-mfa' },
      ],
    });
    const setting = `${keys('x-long-term')}assume_role = ${arn}\n${session('x')}assumed_role = True\n`;
    expect(whatIsFound(files(setting)).arrangements).toMatchObject([
      { profile: 'x', sourceProfile: 'x-long-term', roleArn: arn },
    ]);
    expect(whatIsFound(files(setting.replace(arn, 'admin'))).obstacles).toEqual([{ kind: 'holds-role', profile: 'x' }]);
  });

  it.each(['aws-configure-mfa-login', 'aws-configure-mfa-login-draft-1', 'aws-configure-mfa-login-draft-2'])(
    'setup offers the session of %s, with the device in its name',
    (name) => {
      expect(whatIsFound(files(fixture(name))).arrangements).toEqual([
        { profile: '123456789012-alice', sourceProfile: 'default', serialNumber: SERIAL, keptBy: 'mfa-login' },
      ]);
    },
  );

  it('setup offers the session of aws configure mfa-login for a hardware token, with the source of that device', () => {
    const hardware = whatIsFound(files(keys('default') + session('session-GAHT12345678')));
    expect(hardware.arrangements).toMatchObject([{ serialNumber: 'GAHT12345678', keptBy: 'mfa-login' }]);
    const config = `[profile work]\nmfa_serial = ${SERIAL}\n`;
    expect(offered(keys('default', 'work') + session('123456789012-alice'), config)).toContain(
      '123456789012-alice from work, mfa-login',
    );
  });

  it('setup offers a pasted session in [mfa], and one of this program', () => {
    expect(offered(keys('default') + session('mfa'))).toEqual(['mfa from default, session']);
    expect(offered(fixture('aws-mfa-agent'))).toEqual(['mfa from default, session']);
  });

  it.each(['saml2aws', 'okta-awscli', 'gsts', 'yawsso-1.4.0', 'yawsso-1.1.0', 'awsume', 'autoawsume'])(
    'setup does not offer a session that another kind of login renews: %s',
    (name) => {
      const profiles = whatIsFound(files(fixture(name))).arrangements.map(({ keptBy }) => keptBy);
      expect(profiles).toEqual(['nobody']);
    },
  );

  it('setup finds the device that a file names for the source, the MFA profile or a role of the source', () => {
    const serial = (config: string) => whatIsFound(files(keys('default'), config)).arrangements[0]?.serialNumber;
    expect(serial(`[default]\nmfa_serial = ${SERIAL}\n`)).toBe(SERIAL);
    expect(serial(`[profile mfa]\nmfa_serial = ${SERIAL}\n`)).toBe(SERIAL);
    expect(serial(`[profile admin]\nrole_arn = r\nsource_profile = default\nmfa_serial = ${SERIAL}\n`)).toBe(SERIAL);
    expect(serial(`[profile other]\nrole_arn = r\nsource_profile = else\nmfa_serial = ${SERIAL}\n`)).toBeUndefined();
  });

  it('setup finds the keys in aws-vault when its command gives them', () => {
    const profile = `[profile home]\nmfa_serial = ${SERIAL}\n`;
    expect(whatIsFound(files('', profile))).toMatchObject({
      sources: [],
      obstacles: [{ kind: 'keys-in-vault', profile: 'home' }],
    });
    const sessions = `${profile}credential_process = aws-vault export --format=json home\n`;
    expect(whatIsFound(files('', sessions)).obstacles).toEqual([{ kind: 'vault-gives-session', profile: 'home' }]);
    const master = `${profile}credential_process = aws-vault export --format=json --no-session home\n`;
    expect(whatIsFound(files('', master))).toEqual({
      sources: [{ profile: 'home', accessKeyId: undefined }],
      arrangements: [{ profile: 'mfa', sourceProfile: 'home', serialNumber: SERIAL, keptBy: 'nobody' }],
      obstacles: [],
    });
    const role = '[profile admin]\nrole_arn = r\nsource_profile = home\nmfa_serial = x\n';
    expect(whatIsFound(files('', role)).obstacles).toEqual([]);
  });

  it('setup finds keys that a password manager gives, or that are in the keychain', () => {
    const sources = (command: string) =>
      whatIsFound(files('', `[profile own]\ncredential_process = ${command}\n`)).sources.length;
    expect(sources('pass show aws/own')).toBe(1);
    expect(sources(`sh -c 'op read "op://work/aws/json"'`)).toBe(1);
    expect(sources('/usr/bin/secret-tool lookup service aws-mfa-agent profile own')).toBe(1);
    expect(sources('sso-tool --pass word')).toBe(0);
    const settings = [{ profile: 'mfa', sourceProfile: 'default', isInKeychain: true }];
    expect(whatIsFound(files('', '', { settings }))).toMatchObject({
      sources: [{ profile: 'default', isInKeychain: true }],
      arrangements: [{ profile: 'mfa', sourceProfile: 'default', keptBy: 'settings' }],
    });
  });

  it('setup finds keys of another command only if its profile is named', () => {
    const config = '[profile own]\ncredential_process = my-keys\n';
    expect(whatIsFound(files('', config)).sources).toEqual([]);
    expect(whatIsFound(files('', config, { namedSource: 'own' })).sources).toMatchObject([{ profile: 'own' }]);
  });
});

it('setup makes a free name for an MFA profile', () => {
  const named = (source: string, credentials: string) => {
    const all = files(credentials);
    return freeName(all, source, { sources: whatIsFound(all).sources, arrangements: [] });
  };
  expect(named('a', keys('a'))).toBe('mfa');
  expect(named('a', keys('a', 'a-mfa', 'default'))).toBe('a-session');
  expect(named('default', keys('a', 'mfa', 'default'))).toBe('default-mfa');
  expect(named('default', keys('default') + fixture('saml2aws').replace('[saml]', '[mfa]'))).toBe('default-mfa');
});

describe('the roles that setup finds', () => {
  const ARN = 'arn:aws:iam::123456789012:role';
  const CONFIG = `
[profile second]
role_arn = ${ARN}/second
source_profile = admin
[profile admin]
role_arn = ${ARN}/admin
source_profile = mfa
region = eu-west-1
external_id = id/1
duration_seconds = 7200
[profile own-code]
role_arn = ${ARN}/own-code
source_profile = default
mfa_serial = ${SERIAL}
[profile elsewhere]
role_arn = ${ARN}/elsewhere
source_profile = work
[profile circle]
role_arn = ${ARN}/circle
source_profile = around
[profile around]
role_arn = ${ARN}/around
source_profile = circle
[profile no-role]
region = eu-west-1
`;
  const roles = (sections: string[] = []) => rolesIn(files('', CONFIG, { sections }), 'mfa', SERIAL);
  const questions = { person: false } as Parameters<typeof chooseRoles>[0];

  it('setup offers the roles that lead to the MFA profile or name its device, sources first', () => {
    expect(roles()).toEqual([
      {
        name: 'admin',
        profile: 'admin-keys',
        through: undefined,
        settings: [
          ['role_arn', `${ARN}/admin`],
          ['external_id', 'id/1'],
          ['region', 'eu-west-1'],
        ],
      },
      { name: 'second', profile: 'second-keys', through: 'admin', settings: [['role_arn', `${ARN}/second`]] },
      { name: 'own-code', profile: 'own-code-keys', through: undefined, settings: [['role_arn', `${ARN}/own-code`]] },
    ]);
    expect(roles(['admin-keys', 'own-code-keys'])).toEqual([]);
  });

  it.each([
    ['second', ['admin', 'second']],
    ['own-code, admin', ['admin', 'own-code']],
    ['all', ['admin', 'second', 'own-code']],
    ['none', []],
    [undefined, []],
  ])('setup with --roles %s also takes the roles that a role is assumed with', async (named, names) => {
    expect((await chooseRoles(questions, roles(), named)).map(({ name }) => name)).toEqual(names);
  });

  it.each([
    ['all', 0, ['all']],
    ['admin', 0, ['admin']],
    ['none', 0, []],
    [undefined, 0, []],
    ['admin, amdin,third', 3, ['amdin,third']],
    ['all', 3, []],
    ['none', 3, []],
  ])('setup with --roles %s names the roles that are not among the %i that it found', async (named, count, missing) => {
    const lines: string[] = [];
    const listening = { ...questions, say: (line: string) => lines.push(line) };
    await chooseRoles(listening, roles().slice(0, count), named);
    expect(lines).toEqual(
      missing.map(
        (name) =>
          `--roles ${name}: setup found no such role to add in ~/.aws/config (docs/roles.md says which ones it offers)`,
      ),
    );
  });

  it('setup writes a section for each role, which the settings accept', () => {
    expect(withRoles('[mfa]\n', roles().slice(0, 2), 'mfa')).toBe(`[mfa]

; A role, as in [profile admin] of ~/.aws/config: assumed with the session of its source, without a code.
[admin-keys]
role_arn = ${ARN}/admin
external_id = id/1
region = eu-west-1
source_profile = mfa

; A role, as in [profile second] of ~/.aws/config: assumed with the session of its source, without a code.
[second-keys]
role_arn = ${ARN}/second
source_profile = admin-keys
`);
  });
});

describe('the region that setup writes into ~/.aws/config', () => {
  it.each([
    ['a new section', '[default]\nregion = x\n', '[default]\nregion = x\n\n[profile mfa]\nregion = eu-west-1\n'],
    ['a new section after a last line without an end', '[default]', '[default]\n\n[profile mfa]\nregion = eu-west-1\n'],
    ['an empty file', '', '[profile mfa]\nregion = eu-west-1\n'],
    [
      'an existing section with Windows line ends and other bytes',
      '# \xe9\r\n[profile mfa] ; mine\r\ns3 =\r\n  a = 1\r\n[profile b]\r\n',
      '# \xe9\r\n[profile mfa] ; mine\r\nregion = eu-west-1\r\ns3 =\r\n  a = 1\r\n[profile b]\r\n',
    ],
    ['a header at the end of the file', '[profile mfa]', '[profile mfa]\nregion = eu-west-1\n'],
  ])('setup adds the region to %s, and changes no other byte', (_, before, after) => {
    const bytes = Buffer.from(before, 'latin1');
    const title = readAwsConfig(bytes).title('mfa');
    const changed = withRegion(bytes, title, 'mfa', 'eu-west-1');
    expect(changed.toString('latin1')).toBe(after);
    expect(readAwsConfig(changed).entries('mfa').get('region')?.value).toBe('eu-west-1');
  });

  it('setup quotes a name with spaces', () => {
    const changed = withRegion(Buffer.alloc(0), undefined, 'two words', 'eu-west-1');
    expect(readAwsConfig(changed).entries('two words').get('region')?.value).toBe('eu-west-1');
  });
});
