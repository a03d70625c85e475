import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_DISPLAY } from '../../src/ask/reasons.ts';
import type { AwsAnswer } from '../../src/aws/call.ts';
import { destinationOf } from '../../src/aws/endpoint.ts';
import { parseCredentials } from '../../src/credentials/document.ts';
import { type AgentSeen, agentFindings } from '../../src/doctor/agent.ts';
import type { Asked } from '../../src/doctor/ask-aws.ts';
import { askingFindings } from '../../src/doctor/asking.ts';
import { awsFindings } from '../../src/doctor/aws.ts';
import { certificateFinding } from '../../src/doctor/certificates.ts';
import { credentialsFindings } from '../../src/doctor/credentials-file.ts';
import { examine } from '../../src/doctor/examination.ts';
import { type Check, type Finding, ok } from '../../src/doctor/finding.ts';
import { keyFindings } from '../../src/doctor/keys.ts';
import { rotationFindings } from '../../src/doctor/rotation.ts';
import { secretsIn, withoutSecrets } from '../../src/doctor/secrets.ts';
import { type ServiceSeen, serviceFindings } from '../../src/doctor/service.ts';
import { variableFindings } from '../../src/doctor/variables.ts';
import type { KeyMemory } from '../../src/keys/rotation-journal.ts';
import type { AwsFailure } from '../../src/policy/outcome.ts';
import { systemd } from '../../src/service/systemd.ts';
import type { ProfileSettings } from '../../src/settings/settings.ts';

const ARN = 'arn:aws:iam::123456789012:user/team/alice';
type Answer = AwsAnswer<{ account: string; arn: string }>;
const answered = (arn = ARN, clockOffset = 0, endpoint = 'sts.eu-west-1.amazonaws.com'): Answer => ({
  ok: true,
  value: { account: '123456789012', arn },
  clockOffset,
  endpoint,
});
const failed = (failure: AwsFailure, endpoint = 'sts.amazonaws.com'): Answer => ({
  ok: false,
  failure,
  clockOffset: undefined,
  endpoint,
});
const asked = (
  ofSource: Answer,
  settings: Partial<ProfileSettings> = {},
  destination: Asked['destination'] = destinationIn({}),
): Asked => ({
  destination,
  profile: {
    profile: 'mfa',
    sourceProfile: 'default',
    serialNumber: 'arn:aws:iam::123456789012:mfa/alice',
    durationSeconds: 3600,
    ...settings,
  },
  source: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' },
  ofSource,
  ofSession: undefined,
  devices: undefined,
  devicesBySession: undefined,
});
/** Where requests to STS go with these variables and this `endpoint_url` of the source profile. */
function destinationIn(environment: NodeJS.ProcessEnv, endpointUrl?: string): Asked['destination'] {
  const of = (key: string) =>
    key === 'endpoint_url' && endpointUrl !== undefined
      ? { key, value: endpointUrl, place: '~/.aws/config:2' }
      : undefined;
  try {
    return destinationOf('STS', {}, { of, ofService: () => undefined }, environment);
  } catch (error) {
    return { problem: (error as Error).message };
  }
}
const of = (check: Check, findings: Finding[]) => findings.filter((one) => one.check === check);
const seen = (level: Finding['level'], found: RegExp, mend?: RegExp) => ({
  level,
  found: expect.stringMatching(found),
  ...(mend && { mend: expect.stringMatching(mend) }),
});

/** The remedy where nothing can ask. macOS has what it takes. */
const GET_A_WAY = process.platform === 'darwin' ? /log in at the screen/ : /install/;

describe('the long-term keys of a profile in the keychain', () => {
  const inKeychain = (accessKeyId: string | undefined, isLocked: boolean) =>
    keyFindings([
      { ...asked({} as Answer), ofSource: undefined, source: { accessKeyId, isInKeychain: true, isLocked } },
    ]);

  it('doctor says what the keychain holds without its password, and does not read the keys', () => {
    const findings = inKeychain('AKIAIOSFODNN7EXAMPLE', false);
    expect(of('keys.present', findings)).toMatchObject([seen('ok', /the keychain holds AKIA…MPLE of \[default\]/)]);
    expect(of('keys.alive', findings)).toMatchObject([
      { isAbsent: true, found: expect.stringMatching(/only to make/) },
    ]);
    expect(of('keys.serial', findings)).toMatchObject([{ isAbsent: true }]);
    expect(of('keys.present', inKeychain(undefined, true))).toMatchObject([seen('warning', /locked/, /unlock it/)]);
  });
});

describe('doctor on the connection to AWS', () => {
  const aws = (answer: Answer, environment: NodeJS.ProcessEnv = {}, endpointUrl?: string) =>
    awsFindings([asked(answer, {}, destinationIn(environment, endpointUrl))], environment);

  it.each<[string, NodeJS.ProcessEnv, object, string?]>([
    ['sts.eu-west-1.amazonaws.com', {}, seen('ok', /^endpoint: sts\.eu-west-1\.amazonaws\.com$/)],
    ['sts.cn-north-1.amazonaws.com.cn', {}, seen('ok', /amazonaws/)],
    [
      'vpce-1.sts.eu-west-1.vpce.amazonaws.com',
      { AWS_ENDPOINT_URL_STS: 'https://vpce-1.sts.eu-west-1.vpce.amazonaws.com' },
      seen('ok', /set by AWS_ENDPOINT_URL_STS/),
    ],
    [
      'localhost',
      { AWS_ENDPOINT_URL: 'http://localhost:4566' },
      seen('warning', /set by AWS_ENDPOINT_URL\)/, /unset AWS_ENDPOINT_URL,/),
    ],
    [
      'sts.example.com',
      {},
      seen('warning', /set by endpoint_url \(~\/\.aws\/config:2\)/, /remove endpoint_url/),
      'https://sts.example.com',
    ],
    ['sts.example.com', { AWS_ENDPOINT_URL_STS: 'http://sts.example.com' }, seen('error', /without encryption/)],
    ['amazonaws.com.example.com', {}, seen('warning', /not to AWS/)],
    ['STS', { AWS_ENDPOINT_URL_STS: 'sts.example.com' }, seen('error', /must be a URL/, /correct/)],
  ])("doctor judges the endpoint %s by whether it is AWS's (%j)", (host, environment, expected, endpointUrl) => {
    expect(of('aws.endpoint', aws(answered(ARN, 0, host), environment, endpointUrl))).toMatchObject([expected]);
  });

  it.each<[number, object]>([
    [-3_000, seen('ok', /clock is right/)],
    [20_000, seen('warning', /20s slow/, /./)],
    [-400_000, seen('error', /6m fast/, /./)],
  ])('doctor judges a clock that is %i ms slow', (offset, expected) => {
    expect(of('aws.clock', aws(answered(ARN, offset)))).toMatchObject([expected]);
  });

  it.each<[string, RegExp, { untrusted?: true; unresolved?: true }?]>([
    ['self-signed certificate in certificate chain', /^a proxy .*AWS_CA_BUNDLE/, { untrusted: true }],
    ['certificate has expired', /this machine's clock .*AWS_CA_BUNDLE/, { untrusted: true }],
    ["Hostname/IP does not match certificate's altnames: x", /browser/, { untrusted: true }],
    ['a web page answered: a captive portal or a proxy?', /browser/],
    ['getaddrinfo ENOTFOUND sts.eu-wast-1.amazonaws.com', /DNS|network/, { unresolved: true }],
    ['connect ETIMEDOUT', /firewall|network/],
  ])('doctor says how to fix a connection that fails with "%s"', (detail, mend, marks) => {
    const answer = failed({ kind: 'unreachable', detail, sent: false, ...marks });
    expect(of('aws.reachable', aws(answer))).toMatchObject([seen('error', /no answer/, mend)]);
  });

  it('doctor reports each endpoint once, as reachable when one answer came', () => {
    const findings = awsFindings(
      [
        asked(failed({ kind: 'busy', detail: 'x' }, 'a.amazonaws.com')),
        asked(answered(ARN, 0, 'a.amazonaws.com')),
        asked(failed({ kind: 'bad-keys', code: 'InvalidClientTokenId' }, 'b.amazonaws.com')),
      ],
      {},
    );
    expect(of('aws.reachable', findings)).toMatchObject([seen('ok', /a\.amazonaws/), seen('ok', /b\.amazonaws/)]);
  });
});

it('doctor names a lock that was left so that a shell removes it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'a lock-'));
  const lock = join(folder, 'credentials.lock');
  await mkdir(lock);
  const findings = credentialsFindings(join(folder, 'credentials'), { bytes: undefined }, Date.now() + 60_000);
  expect(of('credentials.lock', findings)).toMatchObject([seen('warning', /killed/, new RegExp(`^rmdir '${lock}';`))]);
  await rm(folder, { recursive: true });
});

describe('doctor on certificates', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'certificates-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  const at = Date.parse('2026-01-01');
  const judged = async (text: string | undefined, now = at) => {
    const bundle = join(folder, 'bundle.pem');
    if (text !== undefined) await writeFile(bundle, text);
    return certificateFinding({ AWS_CA_BUNDLE: bundle }, undefined, now);
  };
  const two = rootCertificates.slice(0, 2).join('\n');

  it('doctor checks the certificates of AWS_CA_BUNDLE', async () => {
    expect(await judged(undefined)).toMatchObject(seen('error', /cannot be read \(ENOENT\)/, /unset/));
    expect(await judged('nothing')).toMatchObject(seen('error', /contains no certificate/, /PEM/));
    const broken = `${two}\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`;
    expect(await judged(broken)).toMatchObject(seen('error', /broken/, /PEM/));
    expect(await judged(two, Date.parse('2100-01-01'))).toMatchObject(seen('error', /expired/, /PEM/));
    expect(await judged(two)).toMatchObject(seen('ok', /2 certificates/));
    expect(await certificateFinding({ AWS_CA_BUNDLE: folder }, undefined, at)).toMatchObject(
      seen('error', /not a file/),
    );
    expect(await certificateFinding({ AWS_CA_BUNDLE: '' }, undefined, at)).toMatchObject(
      seen('error', /^AWS_CA_BUNDLE is empty/, /^unset AWS_CA_BUNDLE/),
    );
  });

  it('doctor checks the certificates of ca_bundle and REQUESTS_CA_BUNDLE, and reports those of Node.js without any', async () => {
    expect(await certificateFinding({}, undefined, at)).toMatchObject(seen('ok', /Node\.js/));
    const bundle = join(folder, 'bundle.pem');
    await writeFile(bundle, two);
    const another = { REQUESTS_CA_BUNDLE: '/no/such.pem' };
    expect(await certificateFinding(another, bundle, at)).toMatchObject(seen('ok', /ca_bundle=.* 2 certificates/));
    expect(await certificateFinding(another, undefined, at)).toMatchObject(
      seen('error', /REQUESTS_CA_BUNDLE=\/no\/such\.pem cannot be read/, /unset REQUESTS_CA_BUNDLE/),
    );
  });
});

describe('doctor on long-term keys', () => {
  it("doctor warns of the root user's keys", () => {
    const findings = keyFindings([asked(answered('arn:aws:iam::123456789012:root'))]);
    expect(of('keys.alive', findings)).toMatchObject([seen('warning', /root user.*an hour/, /IAM user/)]);
  });

  it.each<[string, object]>([
    ['arn:aws:iam::123456789012:mfa/alice', seen('ok', /has the account and the name/)],
    ['arn:aws:iam::123456789012:mfa/team/alice', seen('ok', /has the account and the name/)],
    ['arn:aws:iam::123456789012:mfa/phone', seen('ok', /only a refresh shows/)],
    ['GAHT12345678', seen('ok', /only a refresh shows/)],
    ['arn:aws:iam::999999999999:mfa/alice', seen('error', /account 999999999999.*123456789012/, /list-mfa-devices/)],
  ])('doctor compares the MFA device %s with the user of the keys', (serialNumber, expected) => {
    expect(of('keys.serial', keyFindings([asked(answered(), { serialNumber })]))).toMatchObject([expected]);
  });

  it('doctor compares the MFA device with the list of IAM', () => {
    const alice = 'arn:aws:iam::123456789012:mfa/alice';
    const listed = (value: string[]): Partial<Asked> => ({
      devices: { ok: true, value, clockOffset: 0, endpoint: 'iam' },
    });
    const judged = (others: Partial<Asked>) => of('keys.serial', keyFindings([{ ...asked(answered()), ...others }]));
    expect(judged(listed(['GAHT12345678', alice]))).toMatchObject([seen('ok', /is a device of/)]);
    const key = 'arn:aws:iam::123456789012:u2f/user/alice/key';
    const phone = 'arn:aws:iam::123456789012:mfa/phone';
    expect(judged(listed([key, phone]))).toMatchObject([
      seen('error', /who has \S+mfa\/phone$/, /^set mfa_serial = \S+phone under/),
    ]);
    expect(judged(listed([key]))).toMatchObject([seen('error', /none that gives codes/, /IAM console/)]);
    const denied = failed({ kind: 'forbidden', detail: 'x' });
    expect(judged({ devices: denied as Asked['devices'], devicesBySession: listed([alice]).devices })).toMatchObject([
      seen('ok', /is a device of/),
    ]);
    expect(judged({ devices: denied as Asked['devices'] })).toMatchObject([seen('ok', /has the account and the name/)]);
  });

  it('doctor says if a rotation was interrupted, and if a key is older than rotate_every', () => {
    const DAY = 86_400_000;
    const now = Date.UTC(2030, 0, 31);
    const id = 'AKIAIOSFODNN7EXAMPLE';
    const judged = (memory: KeyMemory, settings: Partial<ProfileSettings> = { rotateEvery: 90 * DAY }) =>
      rotationFindings([asked(answered(), settings)], () => memory, now);
    expect(judged({}, {})).toEqual([]);
    const aged = (days: number, accessKeyId = id) => ({
      age: { accessKeyId, askedAt: now, createdAt: now - days * DAY },
    });
    expect(judged(aged(89))).toMatchObject([seen('ok', /is 89d old$/)]);
    expect(judged(aged(90))).toMatchObject([
      seen('warning', /is 90d old, more than rotate_every/, /keys rotate default/),
    ]);
    expect(judged(aged(90, 'AKIAANOTHERANOTHER12'))).toMatchObject([seen('ok', /known after the next refresh/)]);
    const rotation = { user: ARN, oldId: id, sentAt: now };
    expect(judged({ rotation: { ...rotation, step: 'stored' } }, {})).toMatchObject([
      seen('warning', /interrupted/, /keys rotate default/),
    ]);
    expect(judged({ rotation: { ...rotation, step: 'refreshed' } }, {})).toMatchObject([
      seen('ok', /AKIA…MPLE is deleted after the next refresh/),
    ]);
  });

  it('doctor reports a session in place of long-term keys', () => {
    expect(of('keys.alive', keyFindings([asked(failed({ kind: 'expired' }))]))).toMatchObject([
      seen('error', /holds a session/, /long-term/),
    ]);
  });
});

describe('doctor on variables', () => {
  const document = parseCredentials(
    Buffer.from('[default]\naws_access_key_id=AKIADEFAULT\n[mfa]\naws_access_key_id=ASIAMFA\n[work]\n'),
  );
  const judged = (environment: NodeJS.ProcessEnv) =>
    variableFindings(environment, {
      kept: [{ profile: 'mfa', sourceProfile: 'default' }],
      credentials: (profile) => document.profile(profile),
      names: new Set(document.profileNames()),
    });
  const session = { AWS_ACCESS_KEY_ID: 'ASIAMFA', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 't' };

  it.each<[NodeJS.ProcessEnv, object]>([
    [{}, seen('ok', /no keys are set \(AWS_ACCESS_KEY_ID/)],
    [session, seen('ok', /the session of \[mfa\]/)],
    [{ ...session, AWS_SECURITY_TOKEN: 't' }, seen('ok', /the session of \[mfa\]/)],
    [{ ...session, AWS_SECURITY_TOKEN: 'u' }, seen('error', /use AWS_SECURITY_TOKEN/, /unset AWS_SECURITY_TOKEN/)],
    [
      { ...session, AWS_ACCESS_KEY_ID: 'ASIAOTHER' },
      seen(
        'warning',
        /a session that is in no profile of this program/,
        /^unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN/,
      ),
    ],
    [
      { AWS_ACCESS_KEY_ID: 'AKIADEFAULT', AWS_SECRET_ACCESS_KEY: 's' },
      seen('warning', /long-term keys of \[default\], without MFA/, /unset/),
    ],
    [
      { AWS_ACCESS_KEY_ID: 'AKIAOTHER', AWS_SECRET_ACCESS_KEY: 's' },
      seen('warning', /keys that are in no profile/, /unset/),
    ],
    [{ AWS_ACCESS_KEY_ID: 'AKIADEFAULT' }, seen('error', /without AWS_SECRET_ACCESS_KEY/, /unset AWS_ACCESS_KEY_ID$/)],
    [{ AWS_ACCESS_KEY_ID: 'ASIAMFA', AWS_SECRET_ACCESS_KEY: 's' }, seen('error', /without AWS_SESSION_TOKEN/, /unset/)],
    [{ AWS_SESSION_TOKEN: 't' }, seen('warning', /tools ignore that/, /unset AWS_SESSION_TOKEN/)],
  ])('doctor judges keys in variables by where they belong: %j', (environment, expected) => {
    expect(of('environment.keys', judged(environment))).toMatchObject([expected]);
  });

  it.each<[NodeJS.ProcessEnv, object]>([
    [{}, seen('ok', /use \[default\]/)],
    [{ AWS_PROFILE: 'mfa' }, seen('ok', /the agent keeps fresh/)],
    [{ AWS_PROFILE: 'work' }, seen('ok', /does not keep fresh/)],
    [{ AWS_PROFILE: 'default' }, seen('warning', /without MFA/, /AWS_PROFILE=mfa/)],
    [{ AWS_PROFILE: 'none' }, seen('error', /does not exist/, /AWS_PROFILE=mfa/)],
    [{ AWS_DEFAULT_PROFILE: 'mfa' }, seen('warning', /SDK for JavaScript/, /export AWS_PROFILE=mfa/)],
    [{ AWS_PROFILE: 'mfa', AWS_DEFAULT_PROFILE: 'mfa' }, seen('ok', /the agent keeps fresh/)],
    [
      { AWS_PROFILE: 'mfa', AWS_DEFAULT_PROFILE: 'work' },
      seen('warning', /boto3 use the second/, /unset AWS_DEFAULT_PROFILE/),
    ],
  ])('doctor judges the profile in variables: %j', (environment, expected) => {
    expect(of('environment.profile', judged(environment))).toMatchObject([expected]);
  });
});

describe('doctor on methods of asking', () => {
  const works = (name: string) => ({ name });
  const unfit = (name: string) => ({ name, unfit: 'not installed' });
  const undisplayed = (name: string) => ({ name, unfit: NO_DISPLAY });
  it.each<[string, Parameters<typeof askingFindings>, object, object[]]>([
    ['all', ['mfa', [works('zenity')], 'auto', []], seen('ok', /by zenity/), [seen('ok', /every method/)]],
    [
      'some',
      ['mfa', [works('zenity'), unfit('kdialog')], 'auto', []],
      seen('ok', /by zenity/),
      [{ ...seen('ok', /^kdialog: not installed$/), isAbsent: true }],
    ],
    [
      'not one that was named',
      ['mfa', [works('zenity'), unfit('kdialog')], ['zenity', 'kdialog'], []],
      seen('ok', /zenity/),
      [seen('warning', /kdialog/, /config\.ini/)],
    ],
    [
      'only the terminal',
      ['mfa', [works('terminal')], 'auto', []],
      seen('warning', /only the terminal/, GET_A_WAY),
      [seen('ok', /./)],
    ],
    [
      'none',
      ['mfa', [unfit('zenity')], 'auto', [unfit('zenity')]],
      seen('error', /nothing/, GET_A_WAY),
      [seen('ok', /./)],
    ],
    [
      'none for want of a display',
      ['mfa', [undisplayed('zenity'), unfit('pinentry')], 'auto', []],
      seen('error', /nothing can ask.*: there is no display$/, /^(?!.*install).*your desktop/),
      [{ ...seen('ok', /^zenity: no display/), isAbsent: true }, seen('ok', /^pinentry/)],
    ],
    [
      'only the terminal for want of a display',
      ['mfa', [undisplayed('zenity'), works('terminal')], 'auto', []],
      seen('warning', /only the terminal.*: there is no display;/, /^(?!.*install).*your desktop/),
      [seen('ok', /./)],
    ],
    [
      'none but in the service',
      ['mfa', [unfit('zenity')], 'auto', [works('zenity')]],
      seen('ok', /the service can use zenity/),
      [seen('ok', /./)],
    ],
  ])('doctor reports the methods of asking when this works: %s', (_which, words, ways, others) => {
    expect(askingFindings(...words)).toMatchObject([ways, ...others]);
  });
});

describe('doctor on the service', () => {
  const service = (look: Partial<Extract<ServiceSeen, { file: string }>['look'] & object> = {}): ServiceSeen => ({
    name: 'systemd user service',
    file: '/home/alice/.config/systemd/user/aws-mfa-agent.service',
    owner: 'ours',
    running: 7,
    look: {
      enabled: true,
      failure: undefined,
      command: [process.execPath, '/bin/sh', 'run'],
      variables: {},
      session: {},
      ...look,
    },
    ways: [{ name: 'zenity' }],
    log: 'journalctl',
    rival: undefined,
    remedies: systemd({}, '/home/alice').remedies,
  });
  const agent = { pid: 7, version: '1', profiles: [] };
  const judged = (check: Check, one: ServiceSeen, environment: NodeJS.ProcessEnv = {}) =>
    of(check, serviceFindings(one, agent, environment));

  it('doctor reports paths in the service that an upgrade will remove or has removed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'v20.1.2-'));
    const node = join(folder, 'node');
    await writeFile(node, '');
    expect(judged('service.paths', service({ command: [node, '/bin/sh', 'run'] }))).toMatchObject([
      seen('warning', /an upgrade will remove/, /install after each/),
    ]);
    await rm(folder, { recursive: true });
    expect(judged('service.paths', service({ command: [node, '/bin/sh', 'run'] }))).toMatchObject([
      seen('error', /does not exist: .*node/, /install/),
    ]);
    expect(judged('service.paths', service())).toMatchObject([seen('ok', /the service starts/)]);
  });

  it('doctor reports variables that differ in the service, without their values', () => {
    const environment = { AWS_CONFIG_FILE: '/x', HTTPS_PROXY: 'http://a:password@b' };
    const [found] = judged('service.environment', service({ variables: { AWS_CA_BUNDLE: '/y' } }), environment);
    expect(found).toMatchObject(
      seen(
        'warning',
        /AWS_CONFIG_FILE \(only here\), AWS_CA_BUNDLE \(only in the service\), HTTPS_PROXY \(only here\)/,
        /install/,
      ),
    );
    expect(JSON.stringify(found)).not.toMatch(/password/);
    expect(judged('service.environment', service(), { HTTPS_PROXY: 'x' })).toMatchObject([
      seen('warning', /does not use the proxy/, /systemctl --user edit/),
    ]);
    const same = { AWS_CONFIG_FILE: '/x' };
    expect(judged('service.environment', service({ variables: same }), same)).toMatchObject([seen('ok', /./)]);
    const relative = judged(
      'service.environment',
      service({ variables: { AWS_CONFIG_FILE: join(process.cwd(), 'x') } }),
      {
        AWS_CONFIG_FILE: 'x',
      },
    );
    expect(relative).toMatchObject([seen('ok', /./)]);
  });

  it('doctor reports that the service does not have the display', () => {
    const here = { DISPLAY: ':1', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/x' };
    expect(judged('service.display', service(), here)).toMatchObject([
      seen('warning', /no DISPLAY, no WAYLAND_DISPLAY/, /import-environment DISPLAY DBUS/),
    ]);
    expect(
      judged('service.display', { ...service(), ways: [{ name: 'zenity', unfit: 'x' }] } as ServiceSeen, {}),
    ).toMatchObject([seen('error', /has no way to ask/, GET_A_WAY)]);
    const undisplayed = { ...service(), ways: [{ name: 'zenity', unfit: NO_DISPLAY }] } as ServiceSeen;
    expect(judged('service.display', undisplayed)).toMatchObject([
      seen('error', /no DISPLAY, no WAYLAND_DISPLAY/, /^(?!.*install).*your desktop/),
    ]);
    expect(judged('service.display', service({ session: here }), here)).toMatchObject([
      seen('ok', /by zenity: DISPLAY=:1/),
    ]);
  });

  it("doctor reports an agent that is not the service's", () => {
    expect(judged('service.running', { ...service(), running: 8 } as ServiceSeen)).toMatchObject([
      seen('warning', /process 7, which answers, and process 8 of the/, /kill 7/),
    ]);
  });
});

describe('doctor on the agent', () => {
  const mends = (agent: AgentSeen, hasService: boolean) =>
    agentFindings(agent, '2', [{ profile: 'mfa' }], 0, hasService ? 'restart it' : undefined).flatMap(
      ({ mend }) => mend ?? [],
    );

  it('doctor recommends to install the service only where there can be one', () => {
    const old = { pid: 7, version: '1', profiles: [] };
    for (const agent of [undefined, old]) {
      for (const mend of mends(agent, true)) expect(mend).toContain('aws-mfa-agent install');
    }
    const all = [...mends(undefined, false), ...mends(old, false), ...mends({ problem: 'no answer' }, false)];
    expect(all).toHaveLength(4);
    for (const mend of all) expect(mend).not.toMatch(/install|systemctl/);
    expect(mends(undefined, false)).toEqual([expect.stringMatching(/^start "aws-mfa-agent run" at login/)]);
  });

  it('doctor does not warn of a role that waits for a session which the user had forgotten', () => {
    const level = (standing: 'forgotten' | 'unanswered') => {
      const common = { state: 'missing' as const };
      const profiles = [
        { ...common, profile: 'mfa', standing: standing === 'forgotten' ? { standing } : { standing, until: 1 } },
        { ...common, profile: 'admin', standing: { standing: 'needs-source' as const, source: 'mfa' } },
        { ...common, profile: 'audit', standing: { standing: 'needs-source' as const, source: 'admin' } },
      ];
      return agentFindings({ pid: 7, version: '2', profiles }, '2', profiles, 0, undefined).at(-1)?.level;
    };
    expect([level('forgotten'), level('unanswered')]).toEqual(['ok', 'warning']);
  });
});

describe('an examination', () => {
  it('an examination reports a check that fails, without its message, and one that hangs', async () => {
    const crashes: unknown[] = [];
    const { findings, abandoned } = await examine(
      [
        { check: 'session.alive', limit: 50, run: () => new Promise<Finding[]>(() => {}) },
        { check: 'keys.alive', limit: 50, run: () => JSON.parse('wJalrXUtnFEMI') },
        {
          check: 'config.parse',
          limit: 50,
          run: async () => Promise.reject(Object.assign(new Error('secret'), { code: 'EIO' })),
        },
        { check: 'settings.file', limit: 50, run: () => [ok('settings.file', 'fine')] },
      ],
      (error) => crashes.push(error),
    );
    expect(abandoned).toBe(true);
    expect(findings).toMatchObject([
      seen('ok', /^fine$/),
      { check: 'config.parse', ...seen('error', /failed \(EIO\)$/, /--debug/) },
      { check: 'keys.alive', ...seen('error', /failed \(SyntaxError\)$/, /--debug/) },
      { check: 'session.alive', ...seen('error', /timed out after 0\.05 s$/, /--debug/) },
    ]);
    expect(crashes).toHaveLength(2);
  });

  it('an examination masks secrets of the file and the variables in findings', () => {
    const document = parseCredentials(Buffer.from('[a]\naws_secret_access_key = wJalrXUtnFEMIK7MDENG\n'));
    const secrets = secretsIn(document, { AWS_SESSION_TOKEN: 'tokenTOKENtokenTOKEN' });
    const told = { ...ok('keys.alive', 'it is wJalrXUtnFEMIK7MDENG'), mend: 'use tokenTOKENtokenTOKEN' };
    expect(withoutSecrets([told], secrets)).toEqual([{ ...told, found: 'it is ******', mend: 'use ******' }]);
  });
});
