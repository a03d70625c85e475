import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { readAwsConfig } from '../../src/settings/aws-config.ts';
import { type Files, freeName, whatIsFound } from '../../src/setup/found.ts';

const SERIAL = 'arn:aws:iam::123456789012:mfa/alice';
const fixture = (name: string) => readFileSync(new URL(`../fixtures/dialects/${name}`, import.meta.url), 'utf8');
const files = (credentials: string, config = '', more: Partial<Files> = {}): Files => ({
  credentials: parseCredentials(Buffer.from(credentials)),
  config: readAwsConfig(Buffer.from(config)),
  settings: [],
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
