import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { GlobalOptions } from '../cli/options.ts';
import { say } from '../cli/output.ts';
import { askForUser } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { chosenProfile } from '../refresh/held-session.ts';
import { usableSession } from '../refresh/usable-session.ts';
import { endsSoon as endsSoonText } from '../refresh/usable-session-texts.ts';
import { environmentWith, environmentWithServer } from '../session/variables.ts';
import { type ProfileSettings, userSettings } from '../settings/settings.ts';
import { parseDuration, shortDuration } from '../time/duration.ts';

interface ExecOptions extends GlobalOptions {
  /** Gives the command a server of sessions instead of keys. */
  server?: boolean;
  /** Gives the command the server's token in a file instead of a variable. */
  tokenFile?: boolean;
  /** How much of the session must be left. */
  min?: string;
}

/**
 * Runs a command with the session in its environment. It uses this terminal, receives the signals sent to this process, and
 * determines the exit status. Asks for a code first if the session is due. Without a session, the command is not run.
 * @param names the profile, if any
 * @param command the words after the two dashes. Without the dashes, they follow the profile in `names`
 * @throws UserError (status 3) if no session can be had
 */
export async function exec(names: readonly string[], command: string[], options: ExecOptions): Promise<void> {
  const settings = userSettings(options);
  if (command.length === 0 && names.length > 1 && settings.profiles.some(({ profile }) => profile === names[0])) {
    return exec(names.slice(0, 1), names.slice(1), options);
  }
  if (command.length === 0 || names.length > 1) {
    throw new UserError('exec [PROFILE] -- COMMAND…: the command comes after two dashes', 'usage');
  }
  if (options.tokenFile && !options.server) throw new UserError('--token-file: only together with --server', 'usage');
  // Before the SDK is loaded, which sets a variable of its own.
  const environment = { ...process.env };
  const profile = chosenProfile(names[0], settings);
  const { session, endsSoon } = await usableSession(settings, profile, {
    enough: 'lasting',
    min: minimum(options.min, profile),
    ask: askForUser(settings.files),
  });
  if (endsSoon !== undefined) say(endsSoonText(profile.profile, endsSoon, Date.now()));
  if (!options.server) return endLike(await run(command, environmentWith(session, profile.toolsRegion, environment)));

  // Imported late: most commands need no server.
  const { startSessionServer } = await import('../session-server/start.ts');
  const server = await startSessionServer(settings, profile, session, environment, options);
  const end = await run(command, environmentWithServer(server, profile.toolsRegion, environment));
  server.close();
  endLike(end);
}

function minimum(text: string | undefined, { profile, durationSeconds, maxAge }: ProfileSettings): number | undefined {
  if (text === undefined) return undefined;
  const longest = Math.min(durationSeconds * 1000, maxAge ?? Number.POSITIVE_INFINITY);
  const min = parseDuration(text);
  if (!min || min >= longest) {
    throw new UserError(
      `--min ${text}: must be a duration such as 30m, and less than the ${shortDuration(longest)} that the sessions of [${profile}] last`,
      'usage',
    );
  }
  return min;
}

/** The exit statuses that shells use. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** Signals that the terminal sends to every process in its foreground: passing them on would send them twice. */
const OF_TERMINALS: NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGHUP'];
const PASSED_ON: NodeJS.Signals[] = ['SIGTERM', 'SIGUSR1', 'SIGUSR2', ...OF_TERMINALS];

/** If one of these ended the command, it also ends this process. The others would write a core dump, or do not end Node. */
const DIED_OF: readonly (NodeJS.Signals | null)[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'];

/** How a command has ended. */
interface End {
  status: number | null;
  signal: NodeJS.Signals | null;
  /** Whether its terminal was closed. */
  isHungUp: boolean;
}

async function run([program = '', ...words]: string[], env: NodeJS.ProcessEnv): Promise<End> {
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
  const end = await new Promise<Omit<End, 'isHungUp'>>((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      say(`aws-mfa-agent: ${cannotRun(program, isMissing ? undefined : error.message)}`);
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
  return { ...end, isHungUp };
}

/** Sets the exit status, or ends this process by the same signal. */
function endLike({ status, signal, isHungUp }: End): void {
  process.exitCode = signal ? 128 + constants.signals[signal] : (status ?? 1);
  if (signal && DIED_OF.includes(signal)) process.kill(process.pid, signal);
  // Node 20 aborts if it exits after its terminal was closed.
  else if (isHungUp) process.kill(process.pid, 'SIGHUP');
}

/**
 * Returns whether the terminal's keys send their signals to this process, and so to the command, too.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html for the fields 5 (`pgrp`) and 8 (`tpgid`)
 */
function isInForeground(hasTerminalStream: () => boolean): boolean {
  if (process.platform !== 'linux') return hasTerminalStream();
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[2] === fields[5];
}

/** @param reason undefined if the program does not exist */
function cannotRun(program: string, reason: string | undefined): string {
  return reason === undefined ? `${program}: command not found` : `cannot run ${program}: ${reason}`;
}
