import { networkProblem } from '../agent/network.ts';
import type { AwsAnswer } from '../aws/call.ts';
import { type Destination, isLoopback, isOfAws } from '../aws/endpoint.ts';
import { proxyFor } from '../aws/proxy-variables.ts';
import type { AwsFailure } from '../policy/outcome.ts';
import { certificateRemedy } from '../refresh/texts.ts';
import { formatDuration } from '../time/duration.ts';
import { SET_CLOCK } from '../time/set-clock.ts';
import type { Asked, Identity } from './ask-aws.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** Checks the connection to STS and the clock, by the answers of STS. */
export function awsFindings(asked: readonly Asked[], environment: NodeJS.ProcessEnv): Finding[] {
  /** One answer for each endpoint: if several came, one that shows that STS can be reached. */
  const endpoints = new Map<string, { answer: AwsAnswer<Identity>; destination: Destination }>();
  const problems = new Set<string>();
  for (const { destination, ofSource, ofSession } of asked) {
    if ('problem' in destination) {
      problems.add(destination.problem);
      continue;
    }
    for (const answer of [ofSource, ofSession]) {
      if (!answer) continue;
      const before = endpoints.get(answer.endpoint)?.answer;
      if (!before || !hasAnswered(before)) endpoints.set(answer.endpoint, { answer, destination });
    }
  }
  const all = [...endpoints.values()];
  return [
    ...[...problems].flatMap(problemFindings),
    ...all.map(({ answer, destination }) => endpointFinding(answer.endpoint, destination)),
    ...all.map(({ answer, destination }) => proxyFinding(answer.endpoint, destination, environment)),
    ...all.map(({ answer }) => reachableFinding(answer)),
    ...clockFindings(all.map(({ answer }) => answer)),
  ];
}

/** Reports a setting that makes requests impossible. Wrong certificates have a check of their own. */
function problemFindings(problem: string): Finding[] {
  const check = /_proxy must/i.test(problem) ? 'aws.proxy' : 'aws.endpoint';
  return [
    ...(/_bundle/i.test(problem) ? [] : [error(check, problem, 'correct it, or remove it')]),
    warning('aws.reachable', `AWS was not asked: ${problem}`, 'fix that first'),
  ];
}

function endpointFinding(host: string, { endpoint }: Destination): Finding {
  const check = 'aws.endpoint';
  const by = endpoint ? ` (set by ${endpoint.setBy})` : '';
  if (isOfAws(host)) return ok(check, `endpoint: ${host}${by}`);
  const verb = endpoint?.setBy.startsWith('AWS_') ? 'unset' : 'remove';
  const mend = endpoint ? `${verb} ${endpoint.setBy}, unless this is intended` : 'check the settings of the profile';
  const isPlain = endpoint && /^http:/i.test(endpoint.url) && !isLoopback(host);
  if (isPlain) return error(check, `requests go to ${host}${by} without encryption, codes too`, mend);
  return warning(check, `requests go to ${host}${by}, not to AWS`, mend);
}

function proxyFinding(host: string, { endpoint }: Destination, environment: NodeJS.ProcessEnv): Finding {
  const check = 'aws.proxy';
  const proxy = proxyFor(endpoint?.url ?? `https://${host}`, environment);
  if (!proxy) return ok(check, `no proxy for ${host}`);
  const { protocol, host: at, password } = proxy.url;
  const shown = `${protocol}//${at}${password ? ' (with a password)' : ''}`;
  return ok(check, `requests to ${host} go through the proxy ${shown} (set by ${proxy.setBy})`);
}

/** Returns whether STS answered, with a refusal or not. */
function hasAnswered(answer: AwsAnswer<Identity>): boolean {
  return answer.ok || !['unreachable', 'not-sts', 'busy'].includes(answer.failure.kind);
}

function reachableFinding(answer: AwsAnswer<Identity>): Finding {
  const { endpoint } = answer;
  const check = 'aws.reachable';
  if (answer.ok) return ok(check, `${endpoint} answers`);
  switch (answer.failure.kind) {
    case 'unreachable':
      return error(check, `no answer from ${endpoint}: ${answer.failure.detail}`, remedyFor(answer.failure, endpoint));
    case 'not-sts': {
      const found = `${endpoint} did not answer as AWS does (${answer.failure.detail})`;
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

/** Returns what to do when STS cannot be reached. */
function remedyFor(
  { detail, untrusted, unresolved }: Extract<AwsFailure, { kind: 'unreachable' }>,
  host: string,
): string {
  if (untrusted) return certificateRemedy(detail);
  if (/web page/.test(detail)) return 'log in to this network with a browser';
  if (/AWS error code/.test(detail)) return 'check AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL and the proxy';
  if (networkProblem(() => [host])) return 'connect this machine to a network';
  if (unresolved) return 'check the network (DNS) and the spelling of region';
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
