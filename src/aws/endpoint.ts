import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { AwsSettings, Written } from '../credentials/section.ts';
import { UserError } from '../errors.ts';
import { notAFile } from '../files/read.ts';
import { proxyFor } from './proxy-variables.ts';

/** Where requests to a service of AWS go, and which certificates they trust. */
export interface Destination {
  region: string;
  /** Where they go instead of to AWS's own host for the region. */
  endpoint?: { url: string; setBy: string };
  useFipsEndpoint: boolean;
  useDualstackEndpoint: boolean;
  /** Whether the regions of old use `sts.amazonaws.com`. */
  useGlobalEndpoint: boolean;
  /** The CA certificates to trust instead of Node's own, as PEM. */
  certificates?: Buffer;
}

/** The services that are asked, by their names in variables. `SIGNIN` signs browsers in to the console. */
export type ServiceName = 'STS' | 'IAM' | 'SIGNIN';

/**
 * Returns where requests for a profile go. Takes the same settings and variables as the AWS CLI, in the same order: see
 * docs/where-aws-is-asked.md. Refuses a setting that it cannot use as the AWS CLI does.
 * @param profile `region` and the MFA device's serial number, whose partition counts if there is no region
 * @throws UserError (`usage`) for a wrong or impossible setting
 */
export function destinationOf(
  service: ServiceName,
  profile: { region?: string | undefined; serialNumber?: string | undefined },
  settings: AwsSettings,
  environment: NodeJS.ProcessEnv,
): Destination {
  const found = (variable: string, key: string) => inEnvironment(environment, variable) ?? settings.of(key);
  refuseOtherData(found('AWS_DATA_PATH', 'data_path'));
  const endpoint = endpointOf(service, settings, environment);
  const destination: Destination = {
    region: regionFor(profile, endpoint !== undefined),
    ...(endpoint && { endpoint }),
    // As in the AWS CLI, an endpoint that is set is used as it is.
    useFipsEndpoint: isTrue(found('AWS_USE_FIPS_ENDPOINT', 'use_fips_endpoint')) && !endpoint,
    useDualstackEndpoint: isTrue(found('AWS_USE_DUALSTACK_ENDPOINT', 'use_dualstack_endpoint')) && !endpoint,
    useGlobalEndpoint: isLegacy(found('AWS_STS_REGIONAL_ENDPOINTS', 'sts_regional_endpoints')),
  };
  const bundle = found('AWS_CA_BUNDLE', 'ca_bundle') ?? inEnvironment(environment, 'REQUESTS_CA_BUNDLE');
  // Throws if the proxy cannot be used.
  proxyFor(endpoint?.url ?? usualUrl(service, destination), environment);
  return bundle ? { ...destination, certificates: certificatesOf(bundle) } : destination;
}

/** Returns whether a host is AWS's own. */
export function isOfAws(host: string): boolean {
  return PARTITIONS.some(({ suffixes }) => suffixes.some((suffix) => host.endsWith(`.${suffix}`)));
}

/** Returns whether a host is this machine. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127\..*|\[?::1\]?)$/.test(host);
}

interface Partition {
  id: string;
  /** Used where no region is set: `implicitGlobalRegion` in AWS's data. */
  region: string;
  regions: RegExp;
  /** Of the hosts, without and with IPv6. */
  suffixes: [string, string];
}

/** The partitions of AWS, as in `partitions.json` of botocore. */
export const PARTITIONS: readonly Partition[] = [
  {
    id: 'aws',
    region: 'us-east-1',
    regions: /^(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$/,
    suffixes: ['amazonaws.com', 'api.aws'],
  },
  {
    id: 'aws-cn',
    region: 'cn-northwest-1',
    regions: /^cn-\w+-\d+$/,
    suffixes: ['amazonaws.com.cn', 'api.amazonwebservices.com.cn'],
  },
  {
    id: 'aws-eusc',
    region: 'eusc-de-east-1',
    regions: /^eusc-(de)-\w+-\d+$/,
    suffixes: ['amazonaws.eu', 'api.amazonwebservices.eu'],
  },
  {
    id: 'aws-iso',
    region: 'us-iso-east-1',
    regions: /^us-iso-\w+-\d+$/,
    suffixes: ['c2s.ic.gov', 'api.aws.ic.gov'],
  },
  {
    id: 'aws-iso-b',
    region: 'us-isob-east-1',
    regions: /^us-isob-\w+-\d+$/,
    suffixes: ['sc2s.sgov.gov', 'api.aws.scloud'],
  },
  {
    id: 'aws-iso-e',
    region: 'eu-isoe-west-1',
    regions: /^eu-isoe-\w+-\d+$/,
    suffixes: ['cloud.adc-e.uk', 'api.cloud-aws.adc-e.uk'],
  },
  {
    id: 'aws-iso-f',
    region: 'us-isof-south-1',
    regions: /^us-isof-\w+-\d+$/,
    suffixes: ['csp.hci.ic.gov', 'api.aws.hci.ic.gov'],
  },
  {
    id: 'aws-us-gov',
    region: 'us-gov-west-1',
    regions: /^us-gov-\w+-\d+$/,
    suffixes: ['amazonaws.com', 'api.aws'],
  },
];

function inEnvironment(environment: NodeJS.ProcessEnv, variable: string): Written | undefined {
  const value = environment[variable];
  return value === undefined ? undefined : { key: variable, value, place: 'environment' };
}

/** Returns how messages name a setting. */
function shown({ key, place }: Written): string {
  return place === 'environment' ? key : `${key} (${place})`;
}

function refused(setting: Written, problem: string): UserError {
  return new UserError(`${shown(setting)} = ${JSON.stringify(setting.value)}: ${problem}`, 'usage');
}

/** As in botocore, an empty value is false. It takes every other text for false too; here, it is a mistake. */
function isTrue(setting: Written | undefined): boolean {
  if (!setting || /^(false)?$/i.test(setting.value)) return false;
  if (/^true$/i.test(setting.value)) return true;
  throw refused(setting, 'must be true or false');
}

function isLegacy(setting: Written | undefined): boolean {
  if (!setting || setting.value === '' || setting.value === 'regional') return false;
  if (setting.value === 'legacy') return true;
  throw refused(setting, 'must be regional or legacy');
}

/**
 * Returns the endpoint that is set for a service, if there is one.
 * @throws UserError (`usage`) for a wrong setting
 */
export function endpointOf(service: ServiceName, settings: AwsSettings, environment: NodeJS.ProcessEnv) {
  const ignored =
    inEnvironment(environment, 'AWS_IGNORE_CONFIGURED_ENDPOINT_URLS') ?? settings.of('ignore_configured_endpoint_urls');
  if (isTrue(ignored)) return undefined;
  const given = [
    () => inEnvironment(environment, `AWS_ENDPOINT_URL_${service}`),
    () => inEnvironment(environment, 'AWS_ENDPOINT_URL'),
    () => settings.ofService(service.toLowerCase(), 'endpoint_url'),
    () => settings.of('endpoint_url'),
  ];
  for (const look of given) {
    const setting = look();
    if (!setting?.value) continue;
    const { value: url } = setting;
    const { hostname, username, password } = /^https?:\/\//i.test(url) && URL.canParse(url) ? new URL(url) : NO_URL;
    if (!hostname || username || password || /[?#]/.test(url)) {
      throw new UserError(
        `${shown(setting)} must be a URL without a password: https://HOST, or http://HOST:PORT`,
        'usage',
      );
    }
    return { url, setBy: shown(setting) };
  }
  return undefined;
}

const NO_URL = { hostname: '', username: '', password: '' };

function regionFor(
  { region, serialNumber }: { region?: string | undefined; serialNumber?: string | undefined },
  hasEndpoint: boolean,
): string {
  const [, named] = /^arn:([^:]*):/.exec(serialNumber ?? '') ?? [];
  const partition = PARTITIONS.find(({ id }) => id === (named ?? 'aws'));
  if (region === undefined) {
    if (partition) return partition.region;
    throw new UserError(`no region for the partition ${named} of mfa_serial: set region in config.ini`, 'usage');
  }
  const other = PARTITIONS.find(({ regions }) => regions.test(region));
  if (named !== undefined && partition && other && partition !== other && !hasEndpoint) {
    const problem = `the region ${region} is not in the partition ${named} of mfa_serial`;
    throw new UserError(`${problem}: set region in config.ini, for example ${partition.region}`, 'usage');
  }
  return region;
}

/** Returns the URL that AWS's rules give, which need the SDK. Exact for STS in every region; only used for `NO_PROXY`. */
function usualUrl(service: ServiceName, { region, useFipsEndpoint, useDualstackEndpoint }: Destination): string {
  const { suffixes } = PARTITIONS.find(({ regions }) => regions.test(region)) ?? {
    suffixes: ['amazonaws.com', 'api.aws'],
  };
  const label = `${service.toLowerCase()}${useFipsEndpoint ? '-fips' : ''}`;
  return `https://${label}.${region}.${suffixes[useDualstackEndpoint ? 1 : 0]}`;
}

/** Endpoints and partitions of the user's own would change where the AWS CLI sends requests. */
function refuseOtherData(setting: Written | undefined): void {
  for (const folder of setting?.value.split(delimiter) ?? []) {
    const file = ['endpoints.json', 'partitions.json', 'sts'].map((name) => join(folder, name)).find(existsSync);
    if (setting && folder && file) {
      throw refused(setting, `this program does not read ${file}; set endpoint_url, or unset ${setting.key}`);
    }
  }
}

function certificatesOf(setting: Written): Buffer {
  const { value: path } = setting;
  if (path.trim() === '') throw refused(setting, 'must be a PEM file, or not set');
  const problem = notAFile(path);
  if (problem) throw new UserError(`${shown(setting)}: ${problem}`, 'usage');
  let text: Buffer;
  try {
    text = readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const reason =
      code === 'ENOENT' || code === 'ENOTDIR' ? 'no such file' : code === 'EACCES' ? 'permission denied' : code;
    throw refused(setting, `cannot be read (${reason}): correct it, or unset it`);
  }
  if (/-----BEGIN (TRUSTED )?CERTIFICATE-----/.test(text.toString('latin1'))) return text;
  throw refused(setting, 'contains no certificate: it must be a PEM file');
}
