import { UserError } from '../errors.ts';
import type { UsableSession } from '../session/session.ts';
import { type AwsAnswer, type AwsTarget, postForm } from './call.ts';
import { PARTITIONS } from './endpoint.ts';

/** Where a partition signs browsers in, and its console. */
interface ConsoleHosts {
  signIn: string;
  console: string;
  /** The region that the names of both hosts must begin with, if the partition has no hosts for all its regions. */
  region?: string;
}

/**
 * The hosts of each partition.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html for `aws`
 * @see https://docs.amazonaws.cn/en_us/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html for `aws-cn`
 * @see https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-console.html for `aws-us-gov`
 * @see https://docs.aws.eu/esc/latest/userguide/endpoints.html for `aws-eusc`
 *
 * Those of the other partitions are the hosts of sign-in in the endpoint rules of the SDKs (`signin`); their pages are not
 * public.
 */
const HOSTS: Record<string, ConsoleHosts> = {
  aws: { signIn: 'signin.aws.amazon.com', console: 'console.aws.amazon.com' },
  'aws-cn': { signIn: 'signin.amazonaws.cn', console: 'console.amazonaws.cn' },
  'aws-us-gov': { signIn: 'signin.amazonaws-us-gov.com', console: 'console.amazonaws-us-gov.com' },
  'aws-eusc': { signIn: 'signin.amazonaws-eusc.eu', console: 'console.amazonaws-eusc.eu', region: 'eusc-de-east-1' },
  'aws-iso': { signIn: 'signin.c2shome.ic.gov', console: 'console.c2shome.ic.gov' },
  'aws-iso-b': { signIn: 'signin.sc2shome.sgov.gov', console: 'console.sc2shome.sgov.gov' },
  'aws-iso-e': { signIn: 'signin.csphome.adc-e.uk', console: 'console.csphome.adc-e.uk' },
  'aws-iso-f': { signIn: 'signin.csphome.hci.ic.gov', console: 'console.csphome.hci.ic.gov' },
};

/** A page of the console, and the URL of the federation endpoint that signs a browser in to it. */
interface ConsolePage {
  federation: URL;
  destination: string;
}

/**
 * Returns a page of the console of a role's partition.
 * @param page `region` and `service` as in the addresses of the console. `usualRegion` counts if there is no `region`, and is a
 *   region of the partition. Without both, the console shows the last one
 * @param endpoint the host that a setting names instead of AWS's
 * @throws UserError (`usage`) for a region of another partition, a service that is not one, and an endpoint that must not
 * get the session
 */
export function consolePage(
  roleArn: string,
  page: { region?: string | undefined; usualRegion?: string | undefined; service?: string | undefined },
  endpoint: { url: string; setBy: string } | undefined,
): ConsolePage {
  const [, id = ''] = /^arn:([^:]*):/.exec(roleArn) ?? [];
  const partition = PARTITIONS.find((one) => one.id === id);
  const hosts = HOSTS[id];
  if (!partition || !hosts) throw new UserError(`role_arn ${roleArn}: no console is known for this partition`, 'usage');
  const { service, usualRegion = '' } = page;
  const region = page.region ?? (partition.regions.test(usualRegion) ? usualRegion : undefined);
  if (region !== undefined && !partition.regions.test(region)) {
    throw new UserError(`--region ${region}: not a region of ${id}, for example ${partition.region}`, 'usage');
  }
  if (service !== undefined && !/^[a-z\d]+(?:[/-][a-z\d]+)*$/.test(service)) {
    throw new UserError(
      `--service ${service}: must be the name in the address of its console page, for example ec2`,
      'usage',
    );
  }
  if (endpoint) requireSafe(endpoint);
  const own = (host: string) => `https://${hosts.region === undefined ? '' : `${region ?? hosts.region}.`}${host}`;
  const search = region === undefined ? '' : `?region=${region}`;
  return {
    federation: new URL(`${(endpoint?.url ?? own(hosts.signIn)).replace(/\/$/, '')}/federation`),
    destination: `${own(hosts.console)}/${service ?? 'console'}/home${search}`,
  };
}

/** The request contains the whole session: only AWS and this machine may get it. */
function requireSafe({ url, setBy }: { url: string; setBy: string }): void {
  const { protocol, hostname } = new URL(url);
  const isLocal = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  const isAws = Object.values(HOSTS).some(({ signIn }) => hostname === signIn || hostname.endsWith(`.${signIn}`));
  if (isLocal || (isAws && protocol === 'https:')) return;
  throw new UserError(
    `the session is not sent to ${url} (set by ${setBy}), which is neither AWS's nor on this machine: unset it for this command`,
    'usage',
  );
}

/** A sign-in token, which is a secret; or why AWS gives none for this session, in its words. */
type SigninToken = { token: string } | { refused: string };

/**
 * Requests a sign-in token for a session of a role. Sends it in the body of a POST, which AWS documents beside GET: a URL could
 * be recorded by a proxy.
 *
 * Sends no `SessionDuration`. AWS refuses it for roles that were assumed with a session. Without it, the browser is signed in
 * until the role's session ends, never longer.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
 */
export function getSigninToken(
  { accessKeyId, secretAccessKey, sessionToken }: UsableSession,
  { federation }: ConsolePage,
  target: AwsTarget,
): Promise<AwsAnswer<SigninToken>> {
  const session = JSON.stringify({ sessionId: accessKeyId, sessionKey: secretAccessKey, sessionToken });
  return postForm(federation, { Action: 'getSigninToken', Session: session }, target, ({ status, body }) => {
    if (status === 400 || status === 401 || status === 403) return { refused: `HTTP ${status}${headingIn(body)}` };
    const token = status === 200 ? tokenIn(body) : undefined;
    return token === undefined ? undefined : { token };
  });
}

function tokenIn(body: string): string | undefined {
  try {
    const token: unknown = JSON.parse(body)?.SigninToken;
    return typeof token === 'string' && /^[\w+/=.~-]{1,65536}$/.test(token) ? token : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the heading of an error page, as AWS's sign-in shows one. */
function headingIn(body: string): string {
  const [, heading] = /<h1>\s*(?:HTTP Status \d+\s*\S\s*)?([^<]{1,200}?)\s*<\/h1>/i.exec(body.slice(0, 10_000)) ?? [];
  return heading === undefined ? '' : `, ${heading}`;
}

/** Returns the address that signs a browser in and shows a page of the console. It is a secret, and valid for 15 minutes. */
export function loginUrl({ federation, destination }: ConsolePage, token: string): string {
  const search = new URLSearchParams({
    Action: 'login',
    Issuer: 'aws-mfa-agent',
    Destination: destination,
    SigninToken: token,
  });
  return `${federation}?${search}`;
}
