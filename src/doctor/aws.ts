import { getProxyForUrl } from 'proxy-from-env';
import { networkProblem } from '../agent/network.ts';
import type { AwsAnswer } from '../aws/call.ts';
import { formatDuration } from '../time/duration.ts';
import type { Asked, Identity } from './ask-aws.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** The way to STS, and its clock, by its answers. */
export function awsFindings(asked: readonly Asked[], environment: NodeJS.ProcessEnv): Finding[] {
  const answers = asked.flatMap(({ ofSource, ofSession }) => [ofSource, ofSession].filter((one) => one !== undefined));
  /** One answer for each endpoint: the best, since one that came shows that others can. */
  const endpoints = new Map<string, AwsAnswer<Identity>>();
  for (const answer of answers) {
    const before = endpoints.get(answer.endpoint);
    if (!before || !hasAnswered(before)) endpoints.set(answer.endpoint, answer);
  }
  const all = [...endpoints.values()];
  return [
    ...all.map(({ endpoint }) => endpointFinding(endpoint, environment)),
    ...all.map(({ endpoint }) => proxyFinding(endpoint, environment)),
    ...all.map((answer) => reachableFinding(answer, environment)),
    ...clockFindings(all),
  ];
}

/** The domains of AWS's partitions, and of its newer endpoints. */
const OF_AWS =
  /\.(amazonaws\.com|amazonaws\.com\.cn|api\.aws|amazonaws\.eu|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov|amazonwebservices\.com\.cn)$/;
const LOOPBACK = /^(localhost|127\..*|\[?::1\]?)$/;

/** The variable that names the endpoint, the stronger first. */
function namedEndpoint(environment: NodeJS.ProcessEnv): { name: string; value: string } | undefined {
  const name = ['AWS_ENDPOINT_URL_STS', 'AWS_ENDPOINT_URL'].find((one) => environment[one]);
  return name === undefined ? undefined : { name, value: environment[name] ?? '' };
}

/** Whether a host is AWS's own. */
export function isOfAws(host: string): boolean {
  return OF_AWS.test(host);
}

function endpointFinding(host: string, environment: NodeJS.ProcessEnv): Finding {
  const check = 'aws.endpoint';
  const named = namedEndpoint(environment);
  if (named && !URL.canParse(named.value)) {
    return error(check, `${named.name} holds no URL`, `unset ${named.name}, or correct it: https://HOST`);
  }
  if (isOfAws(host)) return ok(check, `${host}${named ? `, by ${named.name}` : ''}`);
  const where = named?.name ?? 'endpoint_url in ~/.aws/config';
  const mend = `${named ? `unset ${named.name}` : 'remove endpoint_url'}, unless that is meant`;
  const isPlain = named?.value.startsWith('http:') && !LOOPBACK.test(host);
  if (isPlain) return error(check, `${host}, by ${where}: codes go there without encryption`, mend);
  return warning(check, `${host}, by ${where}: keys and codes are used there, not at AWS`, mend);
}

function proxyFinding(host: string, environment: NodeJS.ProcessEnv): Finding {
  const check = 'aws.proxy';
  const named = namedEndpoint(environment);
  const proxy = getProxyForUrl(named && URL.canParse(named.value) ? named.value : `https://${host}`);
  if (!proxy) return ok(check, `no proxy for ${host}`);
  const names = ['https_proxy', 'http_proxy', 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  const which = names.filter((name) => environment[name]).join(', ');
  if (!URL.canParse(proxy)) return error(check, `${which} holds no URL`, `correct it: http://HOST:PORT`);
  const { protocol, host: at, password } = new URL(proxy);
  const shown = `${protocol}//${at}${password ? ' (with a password)' : ''}`;
  if (protocol !== 'http:' && protocol !== 'https:') {
    const found = `${shown}, by ${which}: this program knows no such proxy`;
    return error(check, found, `name an HTTP proxy in HTTPS_PROXY, or put ${host} into NO_PROXY`);
  }
  return ok(check, `to ${host} through ${shown}, by ${which}`);
}

/** Whether that was STS, whatever it said. */
function hasAnswered(answer: AwsAnswer<Identity>): boolean {
  return answer.ok || !['unreachable', 'not-sts', 'busy'].includes(answer.failure.kind);
}

function reachableFinding(answer: AwsAnswer<Identity>, environment: NodeJS.ProcessEnv): Finding {
  const { endpoint } = answer;
  const check = 'aws.reachable';
  if (answer.ok) return ok(check, `${endpoint} answers`);
  switch (answer.failure.kind) {
    case 'unreachable': {
      const { detail } = answer.failure;
      return error(check, `no answer from ${endpoint}: ${detail}`, mendWay(detail, environment));
    }
    case 'not-sts': {
      const found = `what answers at ${endpoint} is not STS (${answer.failure.detail})`;
      return error(check, found, 'look at AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL and the proxy');
    }
    case 'busy':
      return warning(check, `${endpoint} is busy (${answer.failure.detail})`, 'try again in a minute');
    case 'wrong-code':
    case 'wrong-serial':
    case 'session-keys':
    case 'forbidden':
    case 'bad-keys':
    case 'expired':
    case 'clock':
    case 'invalid-request':
      return ok(check, `${endpoint} answers`);
  }
}

function mendWay(detail: string, environment: NodeJS.ProcessEnv): string {
  if (/certificate|self.signed|unable to verify/i.test(detail)) {
    return 'a proxy that opens TLS has its own certificate: get it as a PEM file from who runs the network, and export AWS_CA_BUNDLE=FILE';
  }
  if (/web page/.test(detail)) return 'log in to this network with a browser';
  if (networkProblem(environment)) return 'connect this machine to a network';
  if (/ENOTFOUND|EAI_AGAIN/.test(detail)) return 'look at the network (DNS), and at the spelling of region';
  return 'look at the network, the proxy and the firewall: HTTPS to this host must go through';
}

/** AWS refuses what is signed with a clock that is wrong by more than this. */
const REFUSED = 5 * 60_000;
/** From here on, a machine that makes the codes itself makes wrong ones now and then. */
const NOTICEABLE = 15_000;

function clockFindings(answers: readonly AwsAnswer<Identity>[]): Finding[] {
  const offset = answers.map(({ clockOffset }) => clockOffset).find((one) => one !== undefined);
  if (offset === undefined) return [];
  const check = 'aws.clock';
  const wrong = Math.abs(offset);
  const found = `this machine's clock is ${formatDuration(wrong)} ${offset > 0 ? 'slow' : 'fast'} by AWS's Date header`;
  const mend = process.platform === 'darwin' ? 'sudo sntp -sS time.apple.com' : 'timedatectl set-ntp true';
  if (wrong >= REFUSED) return [error(check, `${found}: AWS refuses what AWS tools sign`, mend)];
  if (wrong >= NOTICEABLE) return [warning(check, `${found}: codes made on this machine may be refused`, mend)];
  return [ok(check, "this machine's clock is within seconds of AWS's Date header")];
}
