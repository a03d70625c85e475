import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import type { GlobalOptions } from '../cli/options.ts';
import { UserError } from '../errors.ts';
import { plain } from '../plain.ts';
import { standingText } from '../policy/standing.ts';
import { chosenProfile, readHeldSession, workingSession } from '../refresh/held-session.ts';
import type { Renewal } from '../refresh/renewal.ts';
import * as texts from '../refresh/texts.ts';
import type { UsableSession } from '../session/session.ts';
import { environmentWith } from '../session/variables.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { userSettings } from '../settings/settings.ts';

/**
 * Runs a command with the session in its environment. It has our terminal and gets our signals, and how it ends is how we
 * end. A session that is due is refreshed first, by asking; without one the command is not run.
 * @param names the profile, if any
 * @param command what comes after the two dashes
 * @throws UserError (status 3) when there is no session to run it with
 */
export async function exec(names: readonly string[], command: string[], options: GlobalOptions): Promise<void> {
  if (command.length === 0 || names.length > 1) {
    throw new UserError('exec [PROFILE] -- COMMAND…: the command comes after two dashes', 'usage');
  }
  const settings = userSettings(options);
  const profile = chosenProfile(names[0], settings);
  const session = await sessionFor(settings, profile);
  await run(command, environmentWith(session, process.env));
}

/** How long an agent's question may stand while the command waits, in milliseconds. */
const LONGEST_WAIT = 3_600_000;

async function sessionFor(settings: Settings, profile: ProfileSettings): Promise<UsableSession> {
  const held = readHeldSession(settings, profile, Date.now());
  const session = await workingSession(settings, profile, held);
  if (session && held.state !== 'due') return session;
  const renewal = await renewed(settings, profile, held.expiration);
  switch (renewal.kind) {
    case 'renewed':
      return renewal.session;
    case 'unaskable':
      if (session && session.expiration !== undefined && session.expiration > Date.now()) {
        process.stderr.write(`${texts.endsSoon(profile.profile, session.expiration, Date.now())}\n`);
        return session;
      }
      throw new UserError(texts.sessionNotRefreshed(profile.profile, renewal.reason), 'no-session');
    case 'refused':
      throw new UserError(renewal.reason, 'no-session');
  }
}

/** On the terminal where there is one; else by the agent; else as the settings say. */
async function renewed(settings: Settings, profile: ProfileSettings, expiration: number | undefined): Promise<Renewal> {
  const { hasTerminal, renewHere } = await import('../refresh/renewal.ts');
  if (await hasTerminal()) {
    const ways = settings.prompt === 'auto' ? ['mfa_process', 'terminal'] : settings.prompt;
    return renewHere(settings, profile, { expiration, ways });
  }
  const { askThroughAgent } = await import('../control/renewal.ts');
  const agent = await askThroughAgent(settings, profile.profile, { wait: LONGEST_WAIT, person: false });
  if (agent === undefined) return renewHere(settings, profile, { expiration, ways: settings.prompt });
  const { state, standing } = agent;
  if (standing.standing !== 'fresh') {
    const reason = standingText(state, standing, Date.now());
    const isUnaskable = standing.standing === 'waiting' || standing.standing === 'held';
    if (isUnaskable) return { kind: 'unaskable', reason };
    return { kind: 'refused', reason: texts.sessionNotRefreshed(profile.profile, reason) };
  }
  const session = await workingSession(settings, profile, readHeldSession(settings, profile, Date.now()));
  if (session) return { kind: 'renewed', session };
  return {
    kind: 'refused',
    reason: texts.sessionNotRefreshed(profile.profile, texts.AGENT_KEEPS_OTHER_FILE),
  };
}

/** As shells say it. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** These the terminal sends to every process in its foreground: to pass them on would be to send them twice. */
const OF_TERMINALS: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGHUP'];
const PASSED_ON: NodeJS.Signals[] = ['SIGTERM', 'SIGUSR1', 'SIGUSR2', ...OF_TERMINALS];

/** By these we end as the command did. The others would write our memory to the disk, or Node does not die of them. */
const DIED_OF: readonly (NodeJS.Signals | null)[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'];

/** Resolves when the command has ended; the exit status is set by then. */
async function run([program = '', ...words]: string[], env: NodeJS.ProcessEnv): Promise<void> {
  // Loaded late: `status`, `env` and `credential-process` load this file as well, and start nothing.
  const [{ spawn }, { isatty }] = await Promise.all([import('node:child_process'), import('node:tty')]);
  const hasTerminalStream = () => [0, 1, 2].some(isatty);
  let child: ChildProcess | undefined;
  const isOnTerminal = hasTerminalStream();
  let isHungUp = false;
  const listeners = PASSED_ON.map((signal) => {
    const listener = () => {
      isHungUp ||= signal === 'SIGHUP' && isOnTerminal;
      if (!OF_TERMINALS.includes(signal) || !isInForeground(hasTerminalStream)) child?.kill(signal);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  const end = await new Promise<{ status: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      process.stderr.write(`aws-mfa-agent: ${cannotRun(program, isMissing ? undefined : error.message)}\n`);
      resolve({ status: isMissing ? NOT_FOUND : NOT_EXECUTABLE, signal: null });
    };
    try {
      child = spawn(program, words, { env, stdio: 'inherit' });
      child.once('error', failed).once('exit', (status, signal) => resolve({ status, signal }));
    } catch (error) {
      failed(error as NodeJS.ErrnoException);
    }
  });
  for (const stop of listeners) stop();
  process.exitCode = end.signal ? 128 + constants.signals[end.signal] : (end.status ?? 1);
  if (end.signal && DIED_OF.includes(end.signal)) process.kill(process.pid, end.signal);
  // Node 20 aborts when it ends in its own way on a terminal that is gone.
  else if (isHungUp) process.kill(process.pid, 'SIGHUP');
}

/**
 * Whether our terminal's keys send their signals to us, and so to the command too.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html where 5 is `pgrp` and 8 is `tpgid`
 */
function isInForeground(hasTerminalStream: () => boolean): boolean {
  if (process.platform !== 'linux') return hasTerminalStream();
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[2] === fields[5];
}

/** @param reason undefined when there is no such program */
function cannotRun(program: string, reason: string | undefined): string {
  return plain(reason === undefined ? `${program}: command not found` : `cannot run ${program}: ${reason}`);
}
