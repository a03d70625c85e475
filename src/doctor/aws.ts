import { getProxyForUrl } from 'proxy-from-env';
import { networkProblem } from '../agent/network.ts';
import type { AwsAnswer } from '../aws/call.ts';
import { isOfAws } from '../aws/endpoint.ts';
import { formatDuration } from '../time/duration.ts';
import { SET_CLOCK } from '../time/set-clock.ts';
import type { Asked, Identity } from './ask-aws.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** Checks the connection to STS and the clock, by the answers of STS. */
export function awsFindings(asked: readonly Asked[], environment: NodeJS.ProcessEnv): Finding[] {
  const answers = asked.flatMap(({ ofSource, ofSession }) => [ofSource, ofSession].filter((one) => one !== undefined));
  /** One answer for each endpoint: if several came, one that shows that STS can be reached. */
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

const LOOPBACK = /^(localhost|127\..*|\[?::1\]?)$/;

/** Returns the variable that sets the endpoint of STS. */
function namedEndpoint(environment: NodeJS.ProcessEnv): { name: string; value: string } | undefined {
  const name = ['AWS_ENDPOINT_URL_STS', 'AWS_ENDPOINT_URL'].find((one) => environment[one]);
  return name === undefined ? undefined : { name, value: environment[name] ?? '' };
}

function endpointFinding(host: string, environment: NodeJS.ProcessEnv): Finding {
  const check = 'aws.endpoint';
  const named = namedEndpoint(environment);
  if (named && !URL.canParse(named.value)) {
    return error(check, `${named.name} is not a URL`, `unset ${named.name}, or correct it: https://HOST`);
  }
  if (isOfAws(host)) return ok(check, `endpoint: ${host}${named ? ` (set by ${named.name})` : ''}`);
  const where = named?.name ?? 'endpoint_url in ~/.aws/config';
  const mend = `${named ? `unset ${named.name}` : 'remove endpoint_url'}, unless this is intended`;
  const isPlain = named?.value.startsWith('http:') && !LOOPBACK.test(host);
  if (isPlain) return error(check, `requests go to ${host} (set by ${where}) without encryption, codes too`, mend);
  return warning(check, `requests go to ${host} (set by ${where}), not to AWS`, mend);
}

function proxyFinding(host: string, environment: NodeJS.ProcessEnv): Finding {
  const check = 'aws.proxy';
  const named = namedEndpoint(environment);
  const proxy = getProxyForUrl(named && URL.canParse(named.value) ? named.value : `https://${host}`);
  if (!proxy) return ok(check, `no proxy for ${host}`);
  const names = ['https_proxy', 'http_proxy', 'all_proxy'].flatMap((name) => [name, name.toUpperCase()]);
  const which = names.filter((name) => environment[name]).join(', ');
  if (!URL.canParse(proxy)) return error(check, `${which} is not a URL`, `correct it: http://HOST:PORT`);
  const { protocol, host: at, password } = new URL(proxy);
  const shown = `${protocol}//${at}${password ? ' (with a password)' : ''}`;
  if (protocol !== 'http:' && protocol !== 'https:') {
    const found = `the proxy ${shown} (set by ${which}) is not an HTTP proxy: this program cannot use it`;
    return error(check, found, `set HTTPS_PROXY to an HTTP proxy, or add ${host} to NO_PROXY`);
  }
  return ok(check, `requests to ${host} go through the proxy ${shown} (set by ${which})`);
}

/** Returns whether STS answered, with a refusal or not. */
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
      return error(check, `no answer from ${endpoint}: ${detail}`, remedyFor(detail, environment));
    }
    case 'not-sts': {
      const found = `the answer of ${endpoint} is not what AWS gives (${answer.failure.detail})`;
      return error(check, found, 'check AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL and the proxy');
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
    case 'refused':
      return ok(check, `${endpoint} answers`);
  }
}

/** Returns what to do when STS cannot be reached. @param detail the error of the network */
function remedyFor(detail: string, environment: NodeJS.ProcessEnv): string {
  if (/certificate|self.signed|unable to verify/i.test(detail)) {
    return 'a proxy on this network probably decrypts TLS: get its CA certificate as a PEM file, and export AWS_CA_BUNDLE=FILE';
  }
  if (/web page/.test(detail)) return 'log in to this network with a browser';
  if (/AWS error code/.test(detail)) return 'check AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL and the proxy';
  if (networkProblem(environment)) return 'connect this machine to a network';
  if (/ENOTFOUND|EAI_AGAIN/.test(detail)) return 'check the network (DNS) and the spelling of region';
  return 'check the network, the proxy and the firewall: they must allow HTTPS to this host';
}

/** AWS refuses requests whose clock is wrong by more than this, in milliseconds. */
const REFUSED = 5 * 60_000;
/** If the clock is wrong by more than this, codes that are computed on this machine are sometimes wrong. */
const NOTICEABLE = 15_000;

function clockFindings(answers: readonly AwsAnswer<Identity>[]): Finding[] {
  const offset = answers.map(({ clockOffset }) => clockOffset).find((one) => one !== undefined);
  if (offset === undefined) return [];
  const check = 'aws.clock';
  const wrong = Math.abs(offset);
  const found = `this machine's clock is ${formatDuration(wrong)} ${offset > 0 ? 'slow' : 'fast'} (compared with AWS's Date header)`;
  if (wrong >= REFUSED) return [error(check, `${found}: AWS refuses the requests of its tools`, SET_CLOCK)];
  if (wrong >= NOTICEABLE)
    return [warning(check, `${found}: AWS may refuse codes computed on this machine`, SET_CLOCK)];
  return [ok(check, "this machine's clock is right (compared with AWS's Date header)")];
}
