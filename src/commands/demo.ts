import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { getCallerIdentity } from '../aws/sts.ts';
import { parseCredentials } from '../credentials/document.ts';
import { type LogEntry, type RunningAgent, startAgent } from '../demo/agent.ts';
import { shownLines, withoutSession } from '../demo/file.ts';
import { type DemoScreen, openScreen } from '../demo/screen.ts';
import { PROFILE, REGION, REMIND_EVERY, type Stage, setStage } from '../demo/stage.ts';
import { UserError } from '../errors.ts';
import { PROGRAM } from '../package-file.ts';
import { runCommand } from '../run-command.ts';
import { sessionIn, shortKeyId } from '../session/session.ts';
import { deferred } from '../time/deferred.ts';
import { withTimeout } from '../time/timeout.ts';

/** In seconds: how long the session in the file lasts, and how long before its end the agent asks. */
const TIMES = { person: { left: 40, promptBefore: 30 }, auto: { left: 15, promptBefore: 5 } };

/** For `--auto`, in milliseconds. */
const TIME_LIMIT = 60_000;

/** Who is on the stage, and what a person sees of it. */
interface Play {
  stage: Stage;
  agent: RunningAgent;
  screen: DemoScreen;
  promptBefore: number;
  before: Buffer;
  /** What the agent has asked last. */
  question(): string;
}

/**
 * The agent's whole work, shown with a sandbox STS and a made-up home. Nothing stays behind, however it ends.
 * @param options `auto`: answers the agent's questions itself, a wrong code first
 * @throws UserError when anything did not happen as it should
 */
export async function demo({ auto = false }: { auto?: boolean }): Promise<void> {
  const signals = listenForSignals();
  const { left, promptBefore } = auto ? TIMES.auto : TIMES.person;
  const screen = openScreen(process.stdin, process.stdout);
  let signal: NodeJS.Signals | undefined;
  try {
    const stage = await setStage({ left, promptBefore });
    let agent: RunningAgent | undefined;
    let status: number | null | undefined;
    try {
      const before = await readFile(stage.credentialsFile);
      takeEnvironment(stage);
      let question = '';
      agent = startAgent(agentEnvironment(stage), {
        says: (text) => screen.print(indented(text)),
        asks: (text) => {
          question = text;
          if (!auto) screen.prompt(`   ${text}`);
        },
        logs: logPrinter(screen),
      });
      const play = { stage, agent, screen, promptBefore, before, question: () => question };
      const acts = tell(play, auto ? answerItself : personAnswers).then(() => undefined);
      const { log } = agent;
      const end = Promise.race([acts, signals.received]);
      signal = await (auto ? withTimeout(end, TIME_LIMIT, () => notDone(log)) : end);
      if (signal) screen.close();
    } finally {
      status = await agent?.stop();
      await stage.clear();
    }
    if (signal) {
      process.stderr.write(`\n${signal}: the agent has ended, and the temporary folder is gone.\n`);
    } else {
      must(status === 0, `the agent ended with exit status ${status}`);
      must(!existsSync(stage.home), `${stage.home} is still there`);
      screen.print(`\n${screen.paint.green('Done.')} The agent has ended, and the temporary folder is gone.`);
    }
  } finally {
    screen.close();
    signals.stop();
  }
  if (signal) endBy(signal);
}

/** The five acts. Each is shown as it happens, and held against what must have happened. */
async function tell(play: Play, answer: (play: Play) => Promise<void>): Promise<void> {
  const { stage, agent, screen, before, promptBefore } = play;
  const { bold, dim } = screen.paint;
  const title = (number: number, text: string) => screen.print(`\n${bold(`${number}  ${text}`)}`);

  screen.print(`${bold('aws-mfa-agent demo')}: the real agent, with a made-up AWS STS and MFA device`);
  screen.print(dim('No AWS account, no network, nothing outside a temporary folder. Ctrl-C ends it.'));

  title(1, `The credentials file: [${PROFILE}] holds a session that ends soon`);
  for (const { text } of shownLines(before)) screen.print(`   ${text}`.trimEnd());

  title(2, `The agent runs, and asks when ${promptBefore} s are left`);
  const { expiration } = stage.session;
  const lead = expiration - promptBefore * 1000;
  const left = () => Math.max(0, Math.ceil((expiration - Date.now()) / 1000));
  await agent.until(() => standingIn(agent, 'fresh', 'asking'));
  must(standingIn(agent, 'fresh') !== undefined, `the agent asked before it had seen [${PROFILE}] fresh`);
  screen.print(`   [${PROFILE}] is fresh: ${left()} s left`);
  const asked = await agent.until(() => standingIn(agent, 'asking'));
  screen.print(`   [${PROFILE}] is due: ${left()} s left`);
  must(Date.parse(asked.time) >= lead, `the agent asked ${lead - Date.parse(asked.time)} ms too early`);
  must(stage.sts.requests.length === 0, 'the agent sent something to STS before it had a code');

  title(3, 'It asks for the code');
  await answer(play);

  await agent.until(() => agent.log.find(({ msg }) => msg === 'session refreshed'));
  await agent.until(() => (agent.log.findLast(({ standing }) => standing)?.standing === 'fresh' ? true : undefined));
  screen.keep(undefined);
  title(4, 'The file has the new session, and nothing else has changed');
  const after = await readFile(stage.credentialsFile);
  showChanges(screen, after, before);
  checkFile(play, after);
  must(((await stat(stage.credentialsFile)).mode & 0o777) === 0o600, 'the mode of the file is no longer 0600');
  screen.print(`   Every other line is as it was: ${screen.paint.green('yes')} (compared byte by byte)`);

  title(5, 'STS takes the new session, and the agent calls it fresh');
  const { arn, accessKeyId } = await identity(stage, after);
  screen.print(`   GetCallerIdentity with ${shortKeyId(accessKeyId)}: ${arn}`);
  for (const line of await statusLines(stage)) screen.print(`   ${line}`);
}

/** The person's answers, until the agent has a session by one of them. */
async function personAnswers({ stage, agent, screen }: Play): Promise<void> {
  const { bold, dim } = screen.paint;
  screen.print(dim('   Type the code of the authenticator; a wrong one shows what happens then.'));
  const code = () => stage.authenticator.code(Date.now()).replace(/^.../, '$& ');
  screen.keep(() => `   Authenticator: ${bold(code())}`);
  for (let answered = 0; ; ) {
    const next = await agent.until(() => ending(agent) ?? (agent.questions() > answered ? 'question' : undefined));
    if (next === 'refreshed') return;
    must(next === 'question', 'the agent has stopped asking');
    const line = await screen.typed();
    if (line === undefined) {
      throw new UserError('no code: standard input has ended (demo --auto answers by itself)');
    }
    answered = agent.questions();
    agent.answer(line);
  }
}

/** A wrong code, then the right one, with what must have come of each. */
async function answerItself({ stage, agent, screen, question }: Play): Promise<void> {
  const { bold, dim } = screen.paint;
  const { requests } = stage.sts;
  const asked = async (n: number) => {
    const otherwise = () => standingIn(agent, 'waiting', 'unanswered', 'stopped');
    await agent.until(() => (agent.questions() >= n ? true : otherwise()));
    must(agent.questions() === n, n === 1 ? 'the agent did not ask' : 'the agent did not ask again after a wrong code');
  };
  const enter = async (n: number, code: string, why: string) => {
    await asked(n);
    screen.print(`   ${question()}${bold(code)} ${dim(why)}`);
    agent.answer(code);
    const request = await stage.sts.arrival(n);
    must(request.action === 'GetSessionToken' && request.tokenCode === code, `STS got something else than code ${n}`);
    return request;
  };
  const wrong = await enter(1, wrongCode(stage), '(wrong, on purpose)');
  must(wrong.outcome === 'AccessDenied', `STS answered ${wrong.outcome} to a wrong code`);
  const right = await enter(2, stage.authenticator.code(Date.now()), "(the authenticator's)");
  must(right.outcome === 'granted', `STS answered ${right.outcome} to the right code`);
  must(requests.length === 2, `the agent sent ${requests.length} requests instead of 2`);
}

function ending(agent: RunningAgent): 'refreshed' | 'stopped' | undefined {
  if (agent.log.some(({ msg }) => msg === 'session refreshed')) return 'refreshed';
  return standingIn(agent, 'stopped') && 'stopped';
}

function standingIn({ log }: RunningAgent, ...standings: LogEntry['standing'][]): LogEntry | undefined {
  return log.find(({ standing }) => standing !== undefined && standings.includes(standing));
}

/** The ordinary course is told by the demo itself; what else the agent has to say, it says, once. */
function logPrinter({ print, paint }: DemoScreen): (entry: LogEntry) => void {
  let last: LogEntry['standing'];
  return ({ standing, level, msg }) => {
    const isNews = standing !== undefined && standing !== last;
    const isOrdinary = standing === 'fresh' || standing === 'asking';
    last = standing ?? last;
    if ((isNews && !isOrdinary) || level === 'error') print(paint.yellow(indented(`[${PROFILE}] ${msg}`)));
    if (isNews && standing === 'waiting') print(paint.dim(`   It asks again in ${REMIND_EVERY} s.`));
  };
}

/** Text in lines that fit the terminal, broken between words. */
function indented(text: string): string {
  const width = Math.max(40, (process.stdout.columns || 80) - 4);
  return text.replace(new RegExp(`(\\S.{0,${width - 1}})(?:\\s+|$)`, 'g'), '   $1\n').trimEnd();
}

/** The file with the changed lines marked; longer stretches that are as before are told in a word. */
function showChanges({ print, paint }: DemoScreen, after: Buffer, before: Buffer): void {
  const lines = shownLines(after, before);
  const near = (index: number) => lines.slice(Math.max(0, index - 1), index + 2).some(({ changed }) => changed);
  let hidden = 0;
  const tellHidden = () => {
    if (hidden > 0) print(paint.dim(`   … ${hidden} lines as they were`));
    hidden = 0;
  };
  for (const [index, { text, changed }] of lines.entries()) {
    if (!near(index)) {
      hidden += 1;
      continue;
    }
    tellHidden();
    print(changed ? paint.green(` → ${text}`) : `   ${text}`);
  }
  tellHidden();
}

function checkFile({ stage, before }: Play, after: Buffer): void {
  const { accessKeyId, expiration } = sessionOf(after);
  const given = stage.sts.session(accessKeyId);
  must(accessKeyId !== stage.session.accessKeyId, `[${PROFILE}] still has the old session`);
  must(given?.mfa === true, `the session in [${PROFILE}] is not one that STS gave for a code`);
  must(given?.expiration === expiration, `the expiration in [${PROFILE}] is not the one that STS gave`);
  must(
    withoutSession(after, PROFILE) === withoutSession(before, PROFILE),
    `something else than the session in [${PROFILE}] has changed in the file`,
  );
}

function sessionOf(file: Buffer) {
  const session = sessionIn(parseCredentials(file).profile(PROFILE));
  if (session.kind !== 'session') throw new UserError(`the demo failed: [${PROFILE}] holds no session`);
  return session;
}

/** Whose session stands in the file, as STS says when asked with it. */
async function identity(stage: Stage, file: Buffer): Promise<{ arn: string; accessKeyId: string }> {
  const keys = sessionOf(file);
  const { serialNumber } = stage;
  const answer = await getCallerIdentity(keys, { profile: PROFILE, region: REGION, serialNumber, clockOffset: 0 });
  if (!answer.ok) throw new UserError(`the demo failed: STS does not take the new session (${answer.failure.kind})`);
  const { action, accessKeyId, outcome } = stage.sts.requests.at(-1) ?? {};
  must(
    action === 'GetCallerIdentity' && accessKeyId === keys.accessKeyId && outcome === 'granted',
    'STS was not asked',
  );
  must(answer.value.arn === stage.userArn, `the new session is that of ${answer.value.arn}`);
  return { arn: answer.value.arn, accessKeyId: keys.accessKeyId };
}

/** What `aws-mfa-agent status` prints, which ends with 0 only when the session is fresh. */
async function statusLines(stage: Stage): Promise<string[]> {
  const environment = agentEnvironment(stage);
  const result = await runCommand([process.execPath, fileURLToPath(PROGRAM), 'status', PROFILE], {
    environment,
    timeout: 10_000,
  });
  must(result.ok, `aws-mfa-agent status ${PROFILE} does not call the session fresh`);
  return result.stdout.trimEnd().split('\n');
}

/** A code of the right form that STS does not take, now or soon. */
function wrongCode({ authenticator }: Stage): string {
  const now = Date.now();
  const near = [-2, -1, 0, 1, 2].map((step) => authenticator.code(now + step * 30_000));
  return ['111111', '222222', '333333', '444444', '555555', '666666'].find((code) => !near.includes(code)) ?? '';
}

/** Of the person's environment only what decides how the agent is found and how it writes times. */
function agentEnvironment({ env }: Stage): NodeJS.ProcessEnv {
  const { PATH, TZ } = process.env;
  return { ...(PATH === undefined ? {} : { PATH }), ...(TZ === undefined ? {} : { TZ }), ...env };
}

/** This process asks STS too, with the SDK, which reads the environment: from here on it is the agent's. */
function takeEnvironment({ env }: Stage): void {
  for (const name of Object.keys(process.env)) {
    if (/^AWS_|_proxy$/i.test(name)) delete process.env[name];
  }
  Object.assign(process.env, env);
}

function must(condition: boolean, problem: string): asserts condition {
  if (!condition) throw new UserError(`the demo failed: ${problem}`);
}

function notDone(log: RunningAgent['log']): never {
  const last = log.at(-1)?.msg ?? 'nothing';
  throw new UserError(`the demo failed: not done after ${TIME_LIMIT / 1000} s; the agent's last word: ${last}`);
}

/** From now on signals are heard and do not end the process, so that everything can be removed. */
function listenForSignals(): { received: Promise<NodeJS.Signals>; stop(): void } {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const { promise: received, resolve: hear } = deferred<NodeJS.Signals>();
  const onSignal = (signal: NodeJS.Signals) => hear(signal);
  for (const name of names) process.on(name, onSignal);
  // Nobody reads on: the terminal was closed, or the pipe, whose signal Node has switched off.
  process.stdout.on('error', () => hear(process.stdout.isTTY ? 'SIGHUP' : 'SIGPIPE'));
  return {
    received,
    stop: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** Ends this process as the signal would have, which shells and npm tell from a failure. */
function endBy(signal: NodeJS.Signals): void {
  process.exitCode = 128 + constants.signals[signal];
  process.kill(process.pid, signal);
}
