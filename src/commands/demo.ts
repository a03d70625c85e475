import { existsSync } from 'node:fs';
import { appendFile, readFile, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { getCallerIdentity } from '../aws/sts.ts';
import { say } from '../cli/output.ts';
import { parseCredentials } from '../credentials/document.ts';
import { type LogEntry, type RunningAgent, startAgent } from '../demo/agent.ts';
import { desktopOf, requireDesktop } from '../demo/desktop.ts';
import { shownLines, withoutSession } from '../demo/file.ts';
import { type DemoScreen, openScreen } from '../demo/screen.ts';
import { PROFILE, REGION, REMIND_EVERY, ROLE, type Stage, setStage } from '../demo/stage.ts';
import { UserError } from '../errors.ts';
import { PROGRAM } from '../package-file.ts';
import { awsTarget } from '../refresh/effects.ts';
import { runCommand } from '../run-command.ts';
import { sessionIn, shortKeyId } from '../session/session.ts';
import { deferred } from '../time/deferred.ts';
import { withTimeout } from '../time/timeout.ts';

/** How long the first session lasts, and how long before its end the agent asks, in seconds. */
const TIMES = {
  user: { left: 40, promptBefore: 30, prompt: 'terminal' },
  auto: { left: 15, promptBefore: 5, prompt: 'terminal' },
  // As early as in real use: neither the last call nor the end comes while the user looks at the notification.
  desktop: { left: 605, promptBefore: 600, prompt: 'auto' },
} as const;

/** How long `--auto` may take, in milliseconds. */
const TIME_LIMIT = 60_000;

/** The parts of the demo. */
interface Play {
  stage: Stage;
  agent: RunningAgent;
  screen: DemoScreen;
  promptBefore: number;
  before: Buffer;
  /** Returns the agent's last prompt. */
  question(): string;
}

/**
 * Shows all that the agent does, with a simulated STS and a temporary home folder. Leaves nothing behind.
 * @param options `auto`: enters the codes itself, first a wrong one; `desktop`: asks with a notification and a window
 * @throws UserError when a step fails
 */
export async function demo({ auto = false, desktop = false }: { auto?: boolean; desktop?: boolean }): Promise<void> {
  const screenEnvironment = desktop ? desktopOf(process.env) : {};
  if (desktop) await requireDesktop({ ...process.env, ...screenEnvironment });
  const signals = listenForSignals();
  const times = TIMES[desktop ? 'desktop' : auto ? 'auto' : 'user'];
  const screen = openScreen(process.stdin, process.stdout);
  let signal: NodeJS.Signals | undefined;
  try {
    const stage = await setStage(times);
    let agent: RunningAgent | undefined;
    let status: number | null | undefined;
    try {
      const before = await readFile(stage.credentialsFile);
      takeEnvironment(stage);
      let question = '';
      agent = startAgent(
        { ...screenEnvironment, ...agentEnvironment(stage) },
        {
          says: (text) => screen.print(indented(text)),
          asks: (text) => {
            question = text;
            if (!auto) screen.prompt(`   ${text}`);
          },
          logs: logPrinter(screen),
        },
      );
      const { promptBefore } = times;
      const play = { stage, agent, screen, promptBefore, before, question: () => question };
      const acts = showSteps(play, desktop ? desktopAnswers : auto ? enterCodes : userAnswers).then(() => undefined);
      const { log } = agent;
      const end = Promise.race([acts, signals.received]);
      signal = await (auto ? withTimeout(end, TIME_LIMIT, () => notDone(log)) : end);
      if (signal) screen.close();
    } finally {
      status = await agent?.stop();
      await stage.clear();
    }
    if (signal) {
      say(`\n${signal}: the agent has stopped, and the temporary folder was removed.`);
    } else {
      must(status === 0, `the agent ended with exit status ${status}`);
      must(!existsSync(stage.home), `${stage.home} is still there`);
      screen.print(`\n${screen.paint.green('Done.')} The agent has stopped, and the temporary folder was removed.`);
    }
  } finally {
    screen.close();
    signals.stop();
  }
  if (signal) endBy(signal);
}

/** Shows the six steps as they happen, and checks each. */
async function showSteps(play: Play, answer: (play: Play) => Promise<void>): Promise<void> {
  const { stage, agent, screen, before, promptBefore } = play;
  const { bold, dim } = screen.paint;
  const title = (number: number, text: string) => screen.print(`\n${bold(`${number}  ${text}`)}`);

  screen.print(`${bold('aws-mfa-agent demo')}: the real agent, with a simulated AWS STS and MFA device`);
  screen.print(dim('No AWS account, no network, nothing outside a temporary folder. Press Ctrl-C to stop.'));

  title(1, `The credentials file: [${PROFILE}] holds a session that ends soon`);
  for (const { text } of shownLines(before)) screen.print(`   ${text}`.trimEnd());

  title(2, `The agent runs, and asks when ${promptBefore} s are left`);
  const { expiration } = stage.session;
  const lead = expiration - promptBefore * 1000;
  const left = () => Math.max(0, Math.ceil((expiration - Date.now()) / 1000));
  await agent.until(() => standingIn(agent, 'fresh', 'asking'));
  must(standingIn(agent, 'fresh') !== undefined, `the agent asked before it reported [${PROFILE}] as fresh`);
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
  title(4, 'The file contains the new session, and nothing else has changed');
  const after = await readFile(stage.credentialsFile);
  showChanges(screen, after, before);
  checkFile(play, after);
  must(((await stat(stage.credentialsFile)).mode & 0o777) === 0o600, 'the mode of the file is no longer 0600');
  screen.print(`   All other lines are unchanged: ${screen.paint.green('yes')} (compared byte by byte)`);

  title(5, 'STS accepts the new session, and the agent reports it as fresh');
  const { arn, accessKeyId } = await identity(stage, after);
  screen.print(`   GetCallerIdentity with ${shortKeyId(accessKeyId)}: ${arn}`);
  for (const line of await statusLines(stage)) screen.print(`   ${line}`);

  title(6, `A role: three lines in config.ini, and the agent assumes it with the session in [${PROFILE}]`);
  await showRole(play);
}

/** Adds a role profile to the settings, and checks that the agent assumes its role without a code. */
async function showRole({ stage, agent, screen }: Play): Promise<void> {
  const section = `[${ROLE}]\nrole_arn = ${stage.roleArn}\nsource_profile = ${PROFILE}\n`;
  const asked = agent.questions();
  await appendFile(stage.settingsFile, `\n${section}`);
  for (const line of section.trimEnd().split('\n')) screen.print(screen.paint.green(` → ${line}`));
  await agent.until(() => agent.log.find(({ msg, profile }) => msg === 'session refreshed' && profile === ROLE));
  must(agent.questions() === asked, 'the agent asked for a code for a role');
  const { arn, accessKeyId } = await identity(stage, await readFile(stage.credentialsFile), ROLE);
  screen.print(`   GetCallerIdentity with ${shortKeyId(accessKeyId)}: ${arn}`);
}

/** Passes the user's answers to the agent until it has a new session. */
async function userAnswers({ stage, agent, screen }: Play): Promise<void> {
  const { bold, dim } = screen.paint;
  screen.print(dim('   Type the code of the authenticator, or a wrong one to see what happens.'));
  const code = () => stage.authenticator.code(Date.now()).replace(/^.../, '$& ');
  screen.keep(() => `   Authenticator: ${bold(code())}`);
  for (let answered = 0; ; ) {
    const next = await agent.until(() => ending(agent) ?? (agent.questions() > answered ? 'question' : undefined));
    if (next === 'refreshed') return;
    must(next === 'question', 'the agent has stopped asking');
    const line = await screen.typed();
    if (line === undefined) {
      throw new UserError('no code: standard input has ended (use "demo --auto" to enter the codes automatically)');
    }
    answered = agent.questions();
    agent.answer(line);
  }
}

/** Shows the code of the authenticator until the user has typed it on the desktop. */
async function desktopAnswers({ stage, agent, screen }: Play): Promise<void> {
  const { bold, dim } = screen.paint;
  screen.print('   Look at your desktop: answer the notification, or the window.');
  screen.print(dim('   Type the code of the authenticator there, or a wrong one to see what happens.'));
  screen.keep(() => `   Authenticator: ${bold(stage.authenticator.code(Date.now()).replace(/^.../, '$& '))}`);
  must((await agent.until(() => ending(agent))) === 'refreshed', 'the agent has stopped asking');
}

/** Enters a wrong code, then the right one, and checks the result of each. */
async function enterCodes({ stage, agent, screen, question }: Play): Promise<void> {
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

/** Returns a function that prints what the agent logs, once, if the demo does not show it anyway. */
function logPrinter({ print, paint }: DemoScreen): (entry: LogEntry) => void {
  let last: LogEntry['standing'];
  return ({ standing, level, msg }) => {
    const isNews = standing !== undefined && standing !== last;
    const isOrdinary = standing === 'fresh' || standing === 'asking' || standing === 'assuming';
    last = standing ?? last;
    if ((isNews && !isOrdinary) || level === 'error') print(paint.yellow(indented(`[${PROFILE}] ${msg}`)));
    if (isNews && standing === 'waiting') print(paint.dim(`   The agent asks again in ${REMIND_EVERY} s.`));
  };
}

/** Breaks a text between words into lines that fit the terminal. */
function indented(text: string): string {
  const width = Math.max(40, (process.stdout.columns || 80) - 4);
  return text.replace(new RegExp(`(\\S.{0,${width - 1}})(?:\\s+|$)`, 'g'), '   $1\n').trimEnd();
}

/** Prints the file with changed lines marked, and only the number of most unchanged ones. */
function showChanges({ print, paint }: DemoScreen, after: Buffer, before: Buffer): void {
  const lines = shownLines(after, before);
  const near = (index: number) => lines.slice(Math.max(0, index - 1), index + 2).some(({ changed }) => changed);
  let hidden = 0;
  const printHidden = () => {
    if (hidden > 0) print(paint.dim(`   … ${hidden} unchanged lines`));
    hidden = 0;
  };
  for (const [index, { text, changed }] of lines.entries()) {
    if (!near(index)) {
      hidden += 1;
      continue;
    }
    printHidden();
    print(changed ? paint.green(` → ${text}`) : `   ${text}`);
  }
  printHidden();
}

function checkFile({ stage, before }: Play, after: Buffer): void {
  const { accessKeyId, expiration } = sessionOf(after);
  const given = stage.sts.session(accessKeyId);
  must(accessKeyId !== stage.session.accessKeyId, `[${PROFILE}] still has the old session`);
  must(given?.mfa === true, `the session in [${PROFILE}] is not one that STS gave for a code`);
  must(given?.expiration === expiration, `the expiration in [${PROFILE}] is not the one that STS gave`);
  must(
    withoutSession(after, PROFILE) === withoutSession(before, PROFILE),
    `the refresh changed more than the session in [${PROFILE}]`,
  );
}

function sessionOf(file: Buffer, profile = PROFILE) {
  const session = sessionIn(parseCredentials(file).profile(profile));
  if (session.kind !== 'session') throw new UserError(`the demo failed: [${profile}] holds no session`);
  return session;
}

/** Returns the user of the session in the file, as reported by STS. */
async function identity(stage: Stage, file: Buffer, profile = PROFILE): Promise<{ arn: string; accessKeyId: string }> {
  const keys = sessionOf(file, profile);
  const { serialNumber } = stage;
  const asking = { sourceProfile: PROFILE, region: REGION, serialNumber };
  const answer = await getCallerIdentity(keys, awsTarget('STS', asking, { offset: 0 }));
  if (!answer.ok) throw new UserError(`the demo failed: STS does not accept the new session (${answer.failure.kind})`);
  const { action, accessKeyId, outcome } = stage.sts.requests.at(-1) ?? {};
  must(
    action === 'GetCallerIdentity' && accessKeyId === keys.accessKeyId && outcome === 'granted',
    'STS was not asked',
  );
  const isOfRole = profile === ROLE && answer.value.arn.includes(`:assumed-role/${ROLE}/`);
  must(isOfRole || answer.value.arn === stage.userArn, `the new session belongs to ${answer.value.arn}`);
  return { arn: answer.value.arn, accessKeyId: keys.accessKeyId };
}

/** Returns what `aws-mfa-agent status` prints. It exits with 0 only if the session is fresh. */
async function statusLines(stage: Stage): Promise<string[]> {
  const result = await runCommand([process.execPath, fileURLToPath(PROGRAM), 'status', PROFILE], {
    environment: agentEnvironment(stage),
    timeout: 10_000,
  });
  must(result.ok, `aws-mfa-agent status ${PROFILE} does not report the session as fresh`);
  return result.stdout.trimEnd().split('\n');
}

/** Returns six digits that STS does not accept, neither now nor soon. */
function wrongCode({ authenticator }: Stage): string {
  const now = Date.now();
  const near = [-2, -1, 0, 1, 2].map((step) => authenticator.code(now + step * 30_000));
  return ['111111', '222222', '333333', '444444', '555555', '666666'].find((code) => !near.includes(code)) ?? '';
}

/** Returns the agent's environment: of the user's only what decides how Node is found and how times are written. */
function agentEnvironment({ env }: Stage): NodeJS.ProcessEnv {
  const { PATH, TZ } = process.env;
  return { PATH, TZ, ...env };
}

/** Gives this process the agent's environment, since it also calls STS, with the SDK, which reads the environment. */
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
  throw new UserError(`the demo failed: not done after ${TIME_LIMIT / 1000} s; the agent's last log line: ${last}`);
}

/** Receives signals from now on instead of being ended by them, so that everything can be removed. */
function listenForSignals(): { received: Promise<NodeJS.Signals>; stop(): void } {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const { promise: received, resolve: hear } = deferred<NodeJS.Signals>();
  const onSignal = (signal: NodeJS.Signals) => hear(signal);
  for (const name of names) process.on(name, onSignal);
  // The terminal or the pipe was closed. Node ignores the signal of a closed pipe.
  process.stdout.on('error', () => hear(process.stdout.isTTY ? 'SIGHUP' : 'SIGPIPE'));
  return {
    received,
    stop: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}

/** Ends this process by the signal, which shells and npm do not report as a failure. */
function endBy(signal: NodeJS.Signals): void {
  process.exitCode = 128 + constants.signals[signal];
  process.kill(process.pid, signal);
}
