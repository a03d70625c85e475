import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isOfAws, PARTITIONS, type ServiceName } from '../../src/aws/endpoint.ts';
import { listMfaDevices } from '../../src/aws/iam.ts';
import { proxyFor } from '../../src/aws/proxy-variables.ts';
import { getCallerIdentity } from '../../src/aws/sts.ts';
import { UserError } from '../../src/errors.ts';
import { awsTarget, EXAMPLE_KEYS } from '../../src/refresh/effects.ts';
import { loadSettings } from '../../src/settings/settings.ts';
import { needs } from '../needs.ts';
import { type RecordingProxy, startRecordingProxy } from '../recording-proxy.ts';

/*
 * The AWS CLI is built on botocore: where botocore sends a request to STS, the AWS CLI sends it too. So each case runs in
 * both programs, behind a proxy that records what it is asked for and lets nothing through.
 */
const BOTOCORE = needs('a botocore with regional endpoints of STS');
const SCRIPT = fileURLToPath(new URL('../formats/requests.py', import.meta.url));

let folder: string;
let proxy: RecordingProxy;
let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aws-requests-'));
  proxy = await startRecordingProxy();
});
afterAll(() => {
  proxy.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  environment = process.env;
});
afterEach(() => {
  process.env = environment;
});

/** Settings of one request. */
interface Case {
  env?: Record<string, string>;
  /** The content of `~/.aws/config` and of the credentials file. */
  config?: string;
  credentials?: string;
  service?: ServiceName;
}

const python = async (words: string[], input: unknown): Promise<(string | null)[]> => {
  const child = spawn('python3', [SCRIPT, ...words], { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.end(JSON.stringify(input));
  return JSON.parse(await text(child.stdout));
};

/** Writes the files of a case, and returns its variables. In the values, `PROXY` is the host and port of the proxy. */
function variablesOf({ env = {}, config = '', credentials = '' }: Case, name: string): Record<string, string> {
  const home = join(folder, name);
  mkdirSync(home, { recursive: true });
  const files = { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: credentials };
  const paths = Object.entries(files).map(([variable, content]) => {
    const path = join(home, variable);
    writeFileSync(path, content);
    return [variable, path];
  });
  const usual = { HTTPS_PROXY: 'http://PROXY', HTTP_PROXY: 'http://PROXY', HOME: home };
  const values: [string, string][] = Object.entries({ ...usual, ...Object.fromEntries(paths), ...env });
  return Object.fromEntries(values.map(([key, value]) => [key, value.replaceAll('PROXY', new URL(proxy.url).host)]));
}

/** Returns what a program asked the proxy for, or its error. */
const seenSince = (before: number, error: string | null) => proxy.recorded[before] ?? { error };

async function ours(one: Case, name: string) {
  const env = variablesOf(one, name);
  process.env = { PATH: environment.PATH, ...env };
  const before = proxy.recorded.length;
  try {
    const [profile] = loadSettings({ env: process.env, home: env.HOME ?? '' }).profiles;
    if (!profile) throw new Error('no profile');
    const target = awsTarget(one.service ?? 'STS', profile, { offset: 0 });
    await (one.service === 'IAM' ? listMfaDevices : getCallerIdentity)(EXAMPLE_KEYS, target);
    return seenSince(before, 'no request');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { error: `exit 2: ${error.message}`, code: error.code };
  }
}

/** Runs all cases in one process of botocore: starting it takes longer than all of them. */
async function botocore(cases: Case[]) {
  const inputs = cases.map((one, index) => {
    const env = variablesOf(one, `botocore-${index}`);
    // The login tells which case a request belongs to.
    const marked = Object.entries(env).map(([key, value]) => [
      key,
      /^https?_proxy$/i.test(key) ? value.replace(/^(https?:\/\/|\/\/)?(?=.)/, `$1case-${index}:x@`) : value,
    ]);
    return { env: Object.fromEntries(marked), service: one.service?.toLowerCase() };
  });
  const before = proxy.recorded.length;
  const errors = await python([], inputs);
  const recorded = proxy.recorded.slice(before);
  return errors.map((error, index) => {
    const found = recorded.find(({ login }) => login === `case-${index}:x`);
    return found ? { ...found, login: undefined } : { error };
  });
}

const IN = (settings: string) => `[default]\nregion = eu-west-2\n${settings}\n`;
const EU: Record<string, string> = { AWS_REGION: 'eu-west-1' };

/** The program asks the same as botocore, in the same way. */
const SAME: [string, Case][] = [
  ['the region of AWS_DEFAULT_REGION', { env: { AWS_DEFAULT_REGION: 'eu-west-1' } }],
  ['AWS_REGION before AWS_DEFAULT_REGION', { env: { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-3' } }],
  ['the region of ~/.aws/config', { config: IN('') }],
  ['a variable before ~/.aws/config', { env: EU, config: IN('') }],
  ['the credentials file before ~/.aws/config', { config: IN(''), credentials: '[default]\nregion = eu-west-3\n' }],
  ['the region aws-global', { env: { AWS_REGION: 'aws-global' } }],
  ['a region that AWS does not have yet', { env: { AWS_REGION: 'eu-nowhere-9' } }],
  ['a FIPS region of old', { env: { AWS_REGION: 'fips-us-east-1' } }],
  ['a FIPS region of old, the other way round', { env: { AWS_REGION: 'us-gov-west-1-fips' } }],
  ['AWS_USE_FIPS_ENDPOINT=true', { env: { ...EU, AWS_USE_FIPS_ENDPOINT: 'true' } }],
  ['AWS_USE_FIPS_ENDPOINT=TRUE', { env: { ...EU, AWS_USE_FIPS_ENDPOINT: 'TRUE' } }],
  ['AWS_USE_FIPS_ENDPOINT=False', { env: { ...EU, AWS_USE_FIPS_ENDPOINT: 'False' } }],
  ['use_fips_endpoint = True', { config: IN('use_fips_endpoint = True') }],
  ['Use_FIPS_Endpoint = true', { config: IN('Use_FIPS_Endpoint = true') }],
  [
    'an empty variable before true in the file',
    { env: { AWS_USE_FIPS_ENDPOINT: '' }, config: IN('use_fips_endpoint = true') },
  ],
  [
    'false in the variable, true in the file',
    { env: { AWS_USE_FIPS_ENDPOINT: 'false' }, config: IN('use_fips_endpoint = true') },
  ],
  ['AWS_USE_DUALSTACK_ENDPOINT=true', { env: { ...EU, AWS_USE_DUALSTACK_ENDPOINT: 'true' } }],
  ['use_dualstack_endpoint = TRUE', { config: IN('use_dualstack_endpoint = TRUE') }],
  ['FIPS and dual stack', { env: { ...EU, AWS_USE_DUALSTACK_ENDPOINT: 'true', AWS_USE_FIPS_ENDPOINT: 'true' } }],
  ['AWS_STS_REGIONAL_ENDPOINTS=legacy', { env: { ...EU, AWS_STS_REGIONAL_ENDPOINTS: 'legacy' } }],
  ['AWS_STS_REGIONAL_ENDPOINTS=regional', { env: { ...EU, AWS_STS_REGIONAL_ENDPOINTS: 'regional' } }],
  ['an empty AWS_STS_REGIONAL_ENDPOINTS', { env: { ...EU, AWS_STS_REGIONAL_ENDPOINTS: '' } }],
  ['legacy in a newer region', { env: { AWS_REGION: 'eu-south-1', AWS_STS_REGIONAL_ENDPOINTS: 'legacy' } }],
  ['legacy with FIPS', { env: { ...EU, AWS_STS_REGIONAL_ENDPOINTS: 'legacy', AWS_USE_FIPS_ENDPOINT: 'true' } }],
  ['sts_regional_endpoints = legacy', { config: IN('sts_regional_endpoints = legacy') }],
  ['AWS_ENDPOINT_URL', { env: { ...EU, AWS_ENDPOINT_URL: 'https://sts.test' } }],
  [
    'AWS_ENDPOINT_URL_STS before AWS_ENDPOINT_URL',
    { env: { ...EU, AWS_ENDPOINT_URL: 'https://a.test', AWS_ENDPOINT_URL_STS: 'https://b.test' } },
  ],
  ['an empty AWS_ENDPOINT_URL_STS', { env: { ...EU, AWS_ENDPOINT_URL: 'https://a.test', AWS_ENDPOINT_URL_STS: '' } }],
  ['an endpoint with a port', { env: { ...EU, AWS_ENDPOINT_URL: 'https://sts.test:8443' } }],
  ['an endpoint without encryption', { env: { ...EU, AWS_ENDPOINT_URL: 'http://sts.test:4566' } }],
  ['an endpoint with a path', { env: { ...EU, AWS_ENDPOINT_URL: 'http://sts.test:4566/base/' } }],
  ['an endpoint in capitals', { env: { ...EU, AWS_ENDPOINT_URL: 'HTTPS://STS.test' } }],
  ['an endpoint by its IPv6 address', { env: { ...EU, AWS_ENDPOINT_URL: 'https://[2001:db8::1]:8443' } }],
  ['an endpoint on this machine', { env: { ...EU, AWS_ENDPOINT_URL: 'http://localhost:4566' } }],
  ['an endpoint with FIPS', { env: { ...EU, AWS_ENDPOINT_URL: 'https://sts.test', AWS_USE_FIPS_ENDPOINT: 'true' } }],
  [
    'an endpoint with dual stack',
    { env: { ...EU, AWS_ENDPOINT_URL: 'https://sts.test', AWS_USE_DUALSTACK_ENDPOINT: 'true' } },
  ],
  [
    'an endpoint with legacy',
    { env: { ...EU, AWS_ENDPOINT_URL: 'https://sts.test', AWS_STS_REGIONAL_ENDPOINTS: 'legacy' } },
  ],
  [
    'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=True',
    { env: { ...EU, AWS_ENDPOINT_URL: 'https://sts.test', AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'True' } },
  ],
  [
    'ignore_configured_endpoint_urls = true',
    { config: IN('ignore_configured_endpoint_urls = true\nendpoint_url = https://sts.test') },
  ],
  ['endpoint_url', { config: IN('endpoint_url = https://sts.test') }],
  [
    'endpoint_url of the credentials file',
    { config: IN('endpoint_url = https://a.test'), credentials: '[default]\nendpoint_url = https://b.test\n' },
  ],
  [
    'AWS_ENDPOINT_URL before endpoint_url',
    { env: { AWS_ENDPOINT_URL: 'https://a.test' }, config: IN('endpoint_url = https://b.test') },
  ],
  [
    'a services section before endpoint_url',
    {
      config: `${IN('services = s\nendpoint_url = https://a.test')}[services s]\nsts =\n  endpoint_url = https://b.test\n`,
    },
  ],
  [
    'a services section for other services',
    {
      config: `${IN('services = s\nendpoint_url = https://a.test')}[services s]\ns3 =\n  endpoint_url = https://b.test\n`,
    },
  ],
  [
    'a services section in other letters',
    { config: `${IN('services = s')}[services s]\nSTS =\n  # a comment\n\n  endpoint_url=https://b.test\n` },
  ],
  [
    'a key of a services section in capitals',
    {
      config: `${IN('services = s\nendpoint_url = https://a.test')}[services s]\nsts =\n  ENDPOINT_URL = https://b.test\n`,
    },
  ],
  [
    'a services section with a name of two words',
    { config: `${IN('services = my s')}[services "my s"]\nsts =\n  endpoint_url = https://b.test\n` },
  ],
  [
    'AWS_ENDPOINT_URL before a missing services section',
    { env: { AWS_ENDPOINT_URL: 'https://a.test' }, config: IN('services = gone') },
  ],
  [
    'ignored endpoints and a missing services section',
    { config: IN('services = gone\nignore_configured_endpoint_urls = true') },
  ],
  [
    'AWS_PROFILE, which chooses nothing here',
    { env: { AWS_PROFILE: 'default', AWS_ENDPOINT_URL: 'https://sts.test' }, config: IN('') },
  ],
  ['IAM in a region', { service: 'IAM', env: EU }],
  ...PARTITIONS.map(({ id, region }): [string, Case] => [
    `IAM in the partition ${id}`,
    { service: 'IAM', env: { AWS_REGION: region } },
  ]),
  [
    'IAM in GovCloud with FIPS',
    { service: 'IAM', env: { AWS_REGION: 'us-gov-east-1', AWS_USE_FIPS_ENDPOINT: 'true' } },
  ],
  ['IAM with FIPS', { service: 'IAM', env: { ...EU, AWS_USE_FIPS_ENDPOINT: 'true' } }],
  ['IAM with dual stack', { service: 'IAM', env: { ...EU, AWS_USE_DUALSTACK_ENDPOINT: 'true' } }],
  ['IAM and AWS_ENDPOINT_URL_STS', { service: 'IAM', env: { ...EU, AWS_ENDPOINT_URL_STS: 'https://sts.test' } }],
  ['IAM and AWS_ENDPOINT_URL_IAM', { service: 'IAM', env: { ...EU, AWS_ENDPOINT_URL_IAM: 'https://iam.test' } }],
  [
    'IAM in a services section',
    { service: 'IAM', config: `${IN('services = s')}[services s]\niam =\n  endpoint_url = https://b.test\n` },
  ],
  ['HTTPS_PROXY without a scheme', { env: { ...EU, HTTPS_PROXY: 'PROXY' } }],
  ['HTTPS_PROXY that begins with //', { env: { ...EU, HTTPS_PROXY: '//PROXY' } }],
  [
    'https_proxy before HTTPS_PROXY',
    { env: { ...EU, HTTPS_PROXY: 'http://127.0.0.1:1', https_proxy: 'http://PROXY' } },
  ],
  ['Https_Proxy', { env: { ...EU, HTTPS_PROXY: '', Https_Proxy: 'http://PROXY' } }],
  ['HTTPS_PROXY with a path', { env: { ...EU, HTTPS_PROXY: 'http://PROXY/' } }],
  ['HTTP_PROXY without a scheme', { env: { ...EU, AWS_ENDPOINT_URL: 'http://sts.test', HTTP_PROXY: 'PROXY' } }],
];

/**
 * What the program refuses, and what botocore does with it: it asks for this, or fails with this error. It looks at
 * certificates only when it has a connection.
 */
const REFUSED: [string, Case, RegExp, RegExp][] = [
  [
    'AWS_USE_FIPS_ENDPOINT=1',
    { env: { ...EU, AWS_USE_FIPS_ENDPOINT: '1' } },
    /^AWS_USE_FIPS_ENDPOINT = "1": must be true or false$/,
    /CONNECT sts\.eu-west-1/,
  ],
  [
    'AWS_USE_DUALSTACK_ENDPOINT=yes',
    { env: { ...EU, AWS_USE_DUALSTACK_ENDPOINT: 'yes' } },
    /^AWS_USE_DUALSTACK_ENDPOINT = "yes": must be true or false$/,
    /CONNECT sts\.eu-west-1/,
  ],
  [
    'use_fips_endpoint = on',
    { config: IN('use_fips_endpoint = on') },
    /^use_fips_endpoint \(.*:3\) = "on": must be true or false$/,
    /CONNECT sts\.eu-west-2/,
  ],
  [
    'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=1',
    { env: { ...EU, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: '1' } },
    /^AWS_IGNORE_CONFIGURED_ENDPOINT_URLS = "1"/,
    /CONNECT sts\.eu-west-1/,
  ],
  [
    'AWS_STS_REGIONAL_ENDPOINTS=Legacy',
    { env: { ...EU, AWS_STS_REGIONAL_ENDPOINTS: 'Legacy' } },
    /must be regional or legacy$/,
    /InvalidSTSRegionalEndpointsConfigError/,
  ],
  [
    'an endpoint without a scheme',
    { env: { ...EU, AWS_ENDPOINT_URL: 'sts.test:4566' } },
    /^AWS_ENDPOINT_URL must be a URL/,
    /Invalid endpoint/,
  ],
  [
    'an endpoint of another scheme',
    { env: { ...EU, AWS_ENDPOINT_URL_STS: 'ftp://sts.test' } },
    /^AWS_ENDPOINT_URL_STS must be a URL/,
    /Not supported URL scheme/,
  ],
  [
    'an endpoint with a query',
    { config: IN('endpoint_url = https://sts.test?x=1') },
    /^endpoint_url \(.*:3\) must be a URL/,
    /CONNECT sts\.test/,
  ],
  [
    'an endpoint with a password',
    { env: { ...EU, AWS_ENDPOINT_URL: 'https://a:b@sts.test' } },
    /must be a URL without a password/,
    /CONNECT sts\.test/,
  ],
  [
    'a missing services section',
    { config: IN('services = gone') },
    /:3: services = gone: there is no \[services gone\] in /,
    /InvalidConfigError/,
  ],
  [
    'a missing AWS_CA_BUNDLE',
    { env: { ...EU, AWS_CA_BUNDLE: '/no/such.pem' } },
    /^AWS_CA_BUNDLE = "\/no\/such\.pem": cannot be read \(no such file\)/,
    /CONNECT sts/,
  ],
  [
    'a missing ca_bundle',
    { config: IN('ca_bundle = /no/such.pem') },
    /^ca_bundle \(.*:3\) = "\/no\/such\.pem": cannot be read/,
    /CONNECT sts/,
  ],
  [
    'a missing REQUESTS_CA_BUNDLE',
    { env: { ...EU, REQUESTS_CA_BUNDLE: '/no/such.pem' } },
    /^REQUESTS_CA_BUNDLE = /,
    /CONNECT sts/,
  ],
  [
    'an AWS_CA_BUNDLE without a certificate',
    { env: { ...EU, AWS_CA_BUNDLE: '/etc/hosts' } },
    /contains no certificate/,
    /CONNECT sts/,
  ],
  [
    'an AWS_CA_BUNDLE that is a folder',
    { env: { ...EU, AWS_CA_BUNDLE: '/etc' } },
    /^AWS_CA_BUNDLE: \/etc is a folder/,
    /CONNECT sts/,
  ],
  ['an AWS_CA_BUNDLE that never ends', { env: { ...EU, AWS_CA_BUNDLE: '/dev/zero' } }, /not a file/, /CONNECT sts/],
  // Versions 1 of the AWS CLI then trust every certificate; version 2 refuses it.
  [
    'an empty AWS_CA_BUNDLE',
    { env: { ...EU, AWS_CA_BUNDLE: '' } },
    /^AWS_CA_BUNDLE = "": must be a PEM file/,
    /CONNECT sts/,
  ],
  [
    'a SOCKS proxy',
    { env: { ...EU, HTTPS_PROXY: 'socks5://PROXY' } },
    /^HTTPS_PROXY must be an HTTP proxy/,
    /Failed to connect to proxy/,
  ],
  [
    'a proxy that is not a URL',
    { env: { ...EU, https_proxy: 'http://[x' } },
    /^https_proxy must be an HTTP proxy/,
    /Invalid IPv6 URL/,
  ],
  [
    'a password that is not encoded',
    { env: { ...EU, HTTPS_PROXY: 'http://a:%zz@PROXY' } },
    /^HTTPS_PROXY must be an HTTP proxy(?!.*zz)/,
    /Failed to connect to proxy/,
  ],
  [
    'a region that is not one',
    { env: { AWS_REGION: 'evil.test/' } },
    /AWS_REGION = "evil\.test\/" is not allowed/,
    /InvalidRegionError/,
  ],
  [
    'a region of another partition than the device',
    { env: EU, config: '[default]\nmfa_serial = arn:aws-cn:iam::123456789012:mfa/a\n' },
    /^the region eu-west-1 is not in the partition aws-cn of mfa_serial: set region in config\.ini, for example cn-northwest-1$/,
    /CONNECT sts\.eu-west-1/,
  ],
  [
    'a device of an unknown partition, and no region',
    { config: '[default]\nmfa_serial = arn:aws-moon:iam::123456789012:mfa/a\n' },
    /^no region for the partition aws-moon of mfa_serial: set region in config\.ini$/,
    /CONNECT sts\.amazonaws\.com/,
  ],
];

/** The program and botocore differ: docs/where-aws-is-asked.md says why. */
const OTHERWISE: [string, Case, string, RegExp][] = [
  // The session of a region's STS is accepted in all regions, that of the global one is not.
  ['no region at all', {}, 'CONNECT sts.us-east-1.amazonaws.com:443', /CONNECT sts\.amazonaws\.com:443/],
  ['an empty region', { env: { AWS_REGION: '' } }, 'CONNECT sts.us-east-1.amazonaws.com:443', /Invalid endpoint/],
  [
    'a proxy in capitals',
    { env: { ...EU, HTTPS_PROXY: 'HTTP://PROXY' } },
    'CONNECT sts.eu-west-1.amazonaws.com:443',
    /Failed to connect/,
  ],
];

const seenBy = (result: object) =>
  'asked' in result ? String(result.asked) : 'error' in result ? String(result.error) : '';

describe('a request to AWS', () => {
  it('a request goes where botocore sends it, in the same way, for each setting', BOTOCORE, async () => {
    const theirs = await botocore(SAME.map(([, one]) => one));
    const wrong: object[] = [];
    for (const [index, [title, one]] of SAME.entries()) {
      const mine = await ours(one, `ours-${index}`);
      const expected = theirs[index];
      if (!('asked' in mine) || !expected || !('asked' in expected) || mine.asked !== expected.asked) {
        wrong.push({ title, mine, expected });
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(REFUSED)('a request is refused by the name of the setting: %s', async (_, one, reason) => {
    const refused = await ours(one, 'refused');
    expect(refused).toEqual({ error: expect.stringMatching(/^exit 2: /), code: 'usage' });
    expect(seenBy(refused).slice('exit 2: '.length)).toMatch(reason);
  });

  it('a request is refused where the AWS CLI reads endpoints of the user, but not for models of other services', async () => {
    const data = join(folder, 'data');
    mkdirSync(join(data, 's3'), { recursive: true });
    const other = await ours({ env: { ...EU, AWS_DATA_PATH: data } }, 'data-path');
    expect(seenBy(other)).toBe('CONNECT sts.eu-west-1.amazonaws.com:443');
    writeFileSync(join(data, 'endpoints.json'), '{}');
    for (const one of [{ env: { ...EU, AWS_DATA_PATH: `/no/such:${data}` } }, { config: IN(`data_path = ${data}`) }]) {
      expect(await ours(one, 'data-path')).toEqual({
        error: expect.stringMatching(
          /^exit 2: (AWS_DATA_PATH|data_path \(.*:3\)) = .*: this program does not read .*endpoints\.json/,
        ),
        code: 'usage',
      });
    }
  });

  it('botocore fails with the settings that the program refuses, or ignores them', BOTOCORE, async () => {
    const theirs = await botocore(REFUSED.map(([, one]) => one));
    for (const [index, [title, , , expected]] of REFUSED.entries()) {
      expect(seenBy(theirs[index] ?? {}), title).toMatch(expected);
    }
  });

  it.each(OTHERWISE)('a request goes to another host than botocore’s: %s', BOTOCORE, async (_, one, asked, theirs) => {
    expect(seenBy(await ours(one, 'otherwise'))).toBe(asked);
    expect((await botocore([one])).map(seenBy)).toEqual([expect.stringMatching(theirs)]);
  });

  it('a request names the login of the proxy, if it has both parts, as botocore does', BOTOCORE, async () => {
    const logins = ['alice:secret', 'alice:a%20b%2F', 'alice', 'alice:', ':secret'];
    const seen: (string | undefined)[] = [];
    for (const login of logins) {
      const before = proxy.recorded.length;
      await ours({ env: { ...EU, HTTPS_PROXY: `http://${login}@PROXY` } }, 'login');
      await python([], [{ env: variablesOf({ env: { ...EU, HTTPS_PROXY: `http://${login}@PROXY` } }, 'login') }]);
      const [mine, theirs] = proxy.recorded.slice(before);
      expect(mine, login).toEqual(theirs);
      seen.push(mine?.login);
    }
    expect(seen).toEqual(['alice:secret', 'alice:a b/', undefined, undefined, undefined]);
  });
});

describe('the partitions of AWS', () => {
  interface Known {
    id: string;
    regionRegex: string;
    regions: Record<string, unknown>;
    outputs: { implicitGlobalRegion: string; dnsSuffix: string; dualStackDnsSuffix: string };
  }
  const known = (): Known[] => JSON.parse(execFileSync('python3', [SCRIPT, 'partitions'], { encoding: 'utf8' }));

  it('the partitions are those of botocore, with their default regions and hosts', BOTOCORE, () => {
    const theirs = known().map(({ id, regionRegex, outputs }) => ({
      id,
      region: outputs.implicitGlobalRegion,
      regions: regionRegex.replaceAll('\\-', '-'),
      suffixes: [outputs.dnsSuffix, outputs.dualStackDnsSuffix],
    }));
    expect(PARTITIONS.map((one) => ({ ...one, regions: one.regions.source }))).toEqual(theirs);
    for (const { suffixes } of theirs) for (const suffix of suffixes) expect(isOfAws(`sts.x.${suffix}`)).toBe(true);
  });

  it(
    'a request for a device of each partition goes to its default region, and for each region to its host',
    BOTOCORE,
    async () => {
      const regions = known().flatMap(({ regions }) =>
        Object.keys(regions).filter((region) => !region.endsWith('-global')),
      );
      const variants = [{}, { AWS_USE_FIPS_ENDPOINT: 'true' }, { AWS_USE_DUALSTACK_ENDPOINT: 'true' }];
      const cases = regions.flatMap((region) =>
        variants.map((variant) => ({ env: { AWS_REGION: region, ...variant } })),
      );
      const theirs = (await botocore(cases)).map(seenBy);
      const mine: string[] = [];
      for (const one of cases) mine.push(seenBy(await ours(one, 'region')));
      const differing = cases.flatMap(({ env }, index) =>
        mine[index] === theirs[index] ? [] : [{ env, mine: mine[index], theirs: theirs[index] }],
      );
      // botocore has no IPv6 host for the regions of two partitions.
      expect(differing.filter(({ theirs }) => !/EndpointVariantError/.test(theirs ?? ''))).toEqual([]);
      expect(cases.length).toBeGreaterThan(100);
      for (const { id, region } of PARTITIONS) {
        const ofDevice = { config: `[default]\nmfa_serial = arn:${id}:iam::123456789012:mfa/a\n` };
        expect(seenBy(await ours(ofDevice, 'device'))).toBe(
          seenBy(await ours({ env: { AWS_REGION: region } }, 'device')),
        );
      }
    },
  );
});

describe('the proxy of a request', () => {
  const HTTPS = 'https://sts.eu-west-1.amazonaws.com';
  const LOCAL = 'http://localhost:4566';
  const CASES: [Record<string, string>, string][] = [
    ...[
      'amazonaws.com',
      '.amazonaws.com',
      '..amazonaws.com',
      '*.amazonaws.com',
      'AmazonAWS.com',
      'aws.com',
      'com',
      '*',
    ],
    ...[
      'a,*',
      ' amazonaws.com , x',
      'x amazonaws.com',
      'sts.eu-west-1.amazonaws.com',
      'sts.eu-west-1.amazonaws.com:443',
    ],
    ...['', ',', '.', 'https://amazonaws.com'],
  ].map((value): [Record<string, string>, string] => [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: value }, HTTPS]);
  CASES.push(
    ...['localhost', 'localhost:4566', 'localhost:1', ':4566', '127.0.0.1', 'host:4566'].map(
      (value): [Record<string, string>, string] => [{ HTTP_PROXY: 'http://p:1', NO_PROXY: value }, LOCAL],
    ),
    ...['::1', '[::1]', '[::1]:4566', '[::1]:1'].map((value): [Record<string, string>, string] => [
      { HTTP_PROXY: 'http://p:1', NO_PROXY: value },
      'http://[::1]:4566',
    ]),
    [{ HTTPS_PROXY: 'http://p:1', no_proxy: 'amazonaws.com' }, HTTPS],
    [{ HTTPS_PROXY: 'http://p:1', No_Proxy: 'amazonaws.com' }, HTTPS],
    [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'amazonaws.com', no_proxy: 'x' }, HTTPS],
    [{ HTTPS_PROXY: 'http://p:1', NO_PROXY: 'amazonaws.com', no_proxy: '' }, HTTPS],
    [{ HTTPS_PROXY: 'http://p:1', https_proxy: '' }, HTTPS],
    [{ HTTPS_PROXY: 'http://p:1', https_proxy: 'http://q:2' }, HTTPS],
    [{ Https_Proxy: 'http://p:1' }, HTTPS],
    [{ HTTPS_proxy: 'http://p:1' }, HTTPS],
    [{ HTTP_PROXY: 'http://p:1' }, HTTPS],
    [{ HTTPS_PROXY: 'http://p:1' }, LOCAL],
    [{ ALL_PROXY: 'http://p:1' }, HTTPS],
    [{ all_proxy: 'http://p:1' }, LOCAL],
    [{ HTTP_PROXY: 'http://p:1', REQUEST_METHOD: 'GET' }, LOCAL],
    [{ http_proxy: 'http://p:1', REQUEST_METHOD: 'GET' }, LOCAL],
    [{ HTTPS_PROXY: 'p:1' }, HTTPS],
    [{ HTTPS_PROXY: 'p' }, HTTPS],
    [{ HTTPS_PROXY: '//p:1' }, HTTPS],
    [{ HTTPS_PROXY: 'https://p:1' }, HTTPS],
    [{ HTTPS_PROXY: '10.0.0.1:3128' }, HTTPS],
    [{ HTTPS_PROXY: 'http://[::1]:3128' }, HTTPS],
    [{}, HTTPS],
  );

  it('the proxy is the one that botocore takes, for each spelling of the variables', BOTOCORE, async () => {
    const theirs = await python(
      ['proxies'],
      CASES.map(([env, url]) => ({ env, url })),
    );
    const mine = CASES.map(([env, url]) => proxyFor(url, env)?.url.href.replace(/\/$/, '') ?? null);
    const table = (proxies: (string | null)[]) =>
      CASES.map(([env, url], index) => ({ env, url, proxy: proxies[index] }));
    expect(table(mine)).toEqual(table(theirs));
    expect(new Set(theirs).size).toBeGreaterThan(5);
  });
});
