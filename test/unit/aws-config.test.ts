import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSharedConfigFiles } from '@smithy/shared-ini-file-loader';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readAwsConfig } from '../../src/settings/aws-config.ts';
import { readAwsSettings } from '../../src/settings/aws-settings.ts';

/** The settings of a profile, without their lines. */
function settings(text: string, profile: string): Record<string, string> {
  return Object.fromEntries(
    [...readAwsConfig(Buffer.from(text)).entries(profile)].map(([key, { value }]) => [key, value]),
  );
}

describe('a profile of ~/.aws/config', () => {
  it('a profile of ~/.aws/config is [default], or has the word profile before its name', () => {
    const text =
      '[default]\nregion = a\n[profile work]\nregion = b\n[work]\nregion = c\n[sso-session work]\nregion = d\n';
    expect(settings(text, 'default')).toEqual({ region: 'a' });
    expect(settings(text, 'work')).toEqual({ region: 'b' });
    expect(settings(text, 'nobody')).toEqual({});
  });

  it.each([
    '[profile "two words"]',
    "[profile 'two words']",
    '[profile two words]',
    '[profile  two words ]',
    '[profile "two words" ] # mine',
  ])('a profile of ~/.aws/config may be written %s', (header) => {
    expect(settings(`${header}\nregion = a`, 'two words')).toEqual({ region: 'a' });
  });

  it('the later of [default] and [profile default] counts, like in botocore', () => {
    const text = '[default]\nregion = a\n[profile default]\nmfa_serial = b\n';
    expect(settings(text, 'default')).toEqual({ mfa_serial: 'b' });
    expect(settings('[profile default]\nmfa_serial = b\n[default]\nregion = a\n', 'default')).toEqual({ region: 'a' });
  });

  it.each([
    ['[profile "team"]', 'team'],
    ['[profile\tteam]', 'team'],
    ['[profile  team ]', 'team'],
    ['[profile te"a"m]', 'team'],
    ['[profile "say \\"hi\\""]', 'say "hi"'],
    ['[profile a\\b]', 'ab'],
    ['[profile "a\\b"]', 'a\\b'],
    ["[profile it's]", "it's"],
    ['[profile ""]', ''],
  ])('a profile of ~/.aws/config may have its name quoted as in a shell: %s', (header, name) => {
    expect(readAwsConfig(Buffer.from(`${header}\nregion = a\n`)).profileNames()).toEqual([name]);
    expect(settings(`${header}\nregion = a\n`, name)).toEqual({ region: 'a' });
  });

  it('a quoted name keeps its quotes if botocore does not find it without, whichever comes first', () => {
    const sections = ['[profile two words]\nregion = a\n', '[profile "two words"]\nregion = b\n'];
    expect(settings(sections.join(''), 'two words')).toEqual({ region: 'b' });
    expect(settings(sections.reverse().join(''), 'two words')).toEqual({ region: 'b' });
  });

  it('a profile of ~/.aws/config inherits from [DEFAULT], like in botocore', () => {
    const text = '[DEFAULT]\nregion = a\noutput = b\n[profile work]\nregion = c\n';
    expect(settings(text, 'work')).toEqual({ region: 'c', output: 'b' });
    expect(settings(text, 'default')).toEqual({});
  });

  it('a profile of ~/.aws/config has no setting in a continuation line, like in botocore', () => {
    expect(settings('[default]\nregion = a\n  output = b\n', 'default')).toEqual({ region: 'a' });
  });

  it('a setting of ~/.aws/config has its line number, also in a file with a BOM and Windows line ends', () => {
    const text = '\uFEFF[default]\r\n# a comment\r\n\r\nMFA_Serial=GAHT12345678\r\n';
    expect(readAwsConfig(Buffer.from(text)).entries('default').get('mfa_serial')).toMatchObject({
      value: 'GAHT12345678',
      line: 4,
    });
  });

  it('a profile of ~/.aws/config may have a name that JavaScript uses itself', () => {
    expect(settings('[profile __proto__]\nregion = a\n[profile constructor]\n__proto__ = b', 'toString')).toEqual({});
    expect(settings('[profile __proto__]\nregion = a', '__proto__')).toEqual({ region: 'a' });
  });
});

describe('~/.aws/config, compared with the SDK', () => {
  let file: string;
  beforeAll(() => {
    file = join(mkdtempSync(join(tmpdir(), 'aws-config-')), 'config');
  });
  afterAll(() => rmSync(join(file, '..'), { recursive: true }));

  it.each([
    ['a comment on its own line', '[default]\n# region = x\n; region = y\n  # region = z\nregion = a'],
    ['a comment after a value', '[default]\nregion = a # here\noutput = b ; there\nx = c#d;e'],
    ['a comment after a header', '[profile work] # mine\nregion = a'],
    ['blanks around everything', '[default]\n  region\t=  a b  \noutput=c'],
    ['an equals sign in a value', '[default]\nmfa_process = oathtool --key=abc=='],
    ['a key that comes twice', '[default]\nregion = a\nregion = b'],
    ['a section that comes twice', '[default]\nregion = a\n[profile x]\nregion = b\n[default]\noutput = c'],
    ['lines that mean nothing', 'region = x\n[default]\nnothing\n= nothing\n[[\n]\nregion = a'],
    ['line ends of Windows', '[default]\r\nregion = a\r\n\r\n[profile x]\r\nregion = b\r\n'],
  ])('~/.aws/config is read like by the SDK with %s', async (_, text) => {
    writeFileSync(file, text);
    const { configFile } = await loadSharedConfigFiles({ configFilepath: file, filepath: file, ignoreCache: true });
    for (const [profile, expected] of Object.entries(configFile)) expect(settings(text, profile)).toEqual(expected);
    expect(Object.keys(configFile).length).toBeGreaterThan(0);
  });

  it('nested settings of ~/.aws/config belong to their parent', async () => {
    const text = '[default]\ns3 =\n  region = x\n  mfa_serial = y\nregion = a\noutput = b';
    writeFileSync(file, text);
    const { configFile } = await loadSharedConfigFiles({ configFilepath: file, filepath: file, ignoreCache: true });
    expect(configFile.default).toEqual({ 's3.region': 'x', 's3.mfa_serial': 'y', region: 'a', output: 'b' });
    expect(settings(text, 'default')).toEqual({ region: 'a', output: 'b' });
  });
});

describe('the services of ~/.aws/config', () => {
  it.each<[string, string | undefined]>([
    ['[services dev]', 'dev'],
    ['[services "my dev"]', 'my dev'],
    ['[services my dev]', undefined],
    ['[services]', undefined],
    ['[my services]', undefined],
    ['[profile services]', undefined],
  ])('the services below %s have the name %s', (header, name) => {
    const { services } = readAwsConfig(Buffer.from(`${header}\nsts =\n  endpoint_url = x\n`));
    for (const one of ['dev', 'my dev', 'my', 'services', ''])
      expect(services(one)).toEqual(one === name ? ['sts =', '  endpoint_url = x'] : undefined);
  });
});

describe('the settings that say where requests go', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aws-settings-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function read(config: string, profiles: string[], credentials = '') {
    const files = { config: join(folder, 'config'), credentials: join(folder, 'credentials') };
    writeFileSync(files.config, config);
    writeFileSync(files.credentials, credentials);
    const [profile = '', keysProfile] = profiles;
    const role = keysProfile === undefined ? {} : { role: { arn: '', isChained: true, keysProfile } };
    return { files, ...readAwsSettings(files)({ profile, sourceProfile: profile, ...role }) };
  }

  it('a setting is that of the first profile that has it, in the credentials file first', () => {
    const config = '[default]\nregion = a\nca_bundle = b\n[profile role]\nregion = c\n';
    const { of } = read(config, ['role', 'default'], '[default]\nca_bundle = d\n');
    expect(['region', 'ca_bundle', 'services'].map((key) => of(key)?.value)).toEqual(['c', 'd', undefined]);
  });

  it.each([
    ['sts =\n  endpoint_url = http://a?b=c\n', 'http://a?b=c'],
    ['STS =\n\n# note\n  ; note\n  other = x\n  endpoint_url=http://a\n', 'http://a'],
    ['sts =\n  endpoint_url = http://b\n  endpoint_url = http://a\n', 'http://a'],
    ['iam =\n  endpoint_url = http://b\n', undefined],
    ['sts =\niam =\n  endpoint_url = http://b\n', undefined],
    ['sts = x\n  endpoint_url = http://b\n', undefined],
    ['sts =\n  Endpoint_URL = http://b\n', undefined],
    ['sts =\n  endpoint_url =\n', undefined],
    ['endpoint_url = http://b\n', undefined],
  ])('the endpoint of a service is the indented one below it: %j', (lines, value) => {
    const { files, ofService } = read(`[default]\nservices = dev\n[services dev]\n${lines}`, ['default']);
    const place = `[services dev] in ${files.config}`;
    expect(ofService('sts', 'endpoint_url')).toEqual(value && { key: 'endpoint_url', value, place });
  });

  it('a section of services that is missing is an error, and one that is not named is not', () => {
    const { files, ofService } = read('[default]\nservices = dev\n', ['default']);
    expect(() => ofService('sts', 'endpoint_url')).toThrow(
      expect.objectContaining({
        message: `${files.config}:2: services = dev: there is no [services dev] in ${files.config}`,
        code: 'usage',
      }),
    );
    expect(read('[default]\n', ['default']).ofService('sts', 'endpoint_url')).toBeUndefined();
  });
});
