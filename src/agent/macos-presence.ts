import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { childEnvironment, runCommand } from '../run-command.ts';
import { startChild } from '../start-child.ts';
import type { PresenceFinding, PresenceSource } from './presence-source.ts';
import * as texts from './texts.ts';

const SCRIPT = fileURLToPath(new URL('./macos-events.js', import.meta.url));

/** The session of this user, on the screen or not. */
interface ScreenSession {
  isLocked: boolean;
  isOnScreen: boolean;
}

/**
 * Looks with `ioreg`, then follows the events of a script. macOS reports them only to its own programs. Without the script, it looks
 * once. Never tried on a Mac.
 */
export const macosPresence: PresenceSource = async (environment, signal, tell) => {
  let session: ScreenSession | 'none' | undefined;
  let changes = 0;
  const change = (by: Partial<ScreenSession>) => {
    changes += 1;
    session = { isLocked: false, isOnScreen: true, ...(typeof session === 'object' && session), ...by };
    tell(findingOf(session));
  };
  const look = async (woke: boolean) => {
    const before = changes;
    const found = await lookAtScreen(environment, signal);
    // An event is newer than the answer.
    if (changes === before && found !== undefined) session = found;
    if (!signal.aborted) tell(findingOf(session), woke);
  };
  await look(false);
  await followEvents(environment, signal, (event) => {
    switch (event) {
      case 'ready':
        return void look(false);
      case 'woke':
        return void look(true);
      case 'locked':
        return change({ isLocked: true });
      case 'unlocked':
        return change({ isLocked: false, isOnScreen: true });
      case 'left':
        return change({ isOnScreen: false });
      case 'back':
        return change({ isOnScreen: true });
    }
  });
};

function findingOf(session: ScreenSession | 'none' | undefined): PresenceFinding {
  if (session === undefined) return 'unknown';
  if (session === 'none') return 'no session';
  if (!session.isOnScreen) return { away: texts.OTHER_SESSION };
  return session.isLocked ? { away: texts.SCREEN_LOCKED } : 'here';
}

/** Resolves when the script has ended. @param take receives each word that it prints */
function followEvents(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
  take: (event: string) => void,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const child = startChild('osascript', ['-l', 'JavaScript', SCRIPT], {
      env: childEnvironment(environment),
      // The script ends with its input, so it never outlives the agent.
      stdio: ['pipe', 'pipe', 'ignore'],
      detached: true,
    });
    if (child instanceof Error) return resolve();
    const end = () => {
      signal.removeEventListener('abort', stop);
      resolve();
    };
    const stop = () => child.kill();
    signal.addEventListener('abort', stop);
    child.stdin?.on('error', () => {});
    createInterface(child.stdout as Readable).on('line', (line) => {
      if (!signal.aborted) take(line);
    });
    child.once('error', end).once('exit', end);
  });
}

/** The whole list is 155 kB long. What is needed comes first. */
const MOST_OUTPUT = 2 ** 24;

/**
 * Returns whether the session of this user is locked and on the screen, `none` if it is not at the screen at all; undefined if that is
 * not known. Other users may have sessions of their own, and locks on them.
 */
async function lookAtScreen(
  environment: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<ScreenSession | 'none' | undefined> {
  const settings = { environment: childEnvironment(environment), signal, timeout: 5_000, mostOutput: MOST_OUTPUT };
  const { ok, stdout } = await runCommand(['ioreg', '-n', 'Root', '-d1', '-a'], settings);
  const [, users] = (ok && /<key>IOConsoleUsers<\/key>\s*<array>([\s\S]*?)<\/array>/.exec(stdout)) || [];
  if (users === undefined) return undefined;
  const own = users
    .split('</dict>')
    .find((user) =>
      new RegExp(`<key>kCGSSessionUserIDKey</key>\\s*<integer>${process.getuid?.()}</integer>`).test(user),
    );
  if (own === undefined) return 'none';
  const has = (key: string) => new RegExp(`<key>${key}</key>\\s*<true/>`).test(own);
  return { isLocked: has('CGSSessionScreenIsLocked'), isOnScreen: has('kCGSSessionOnConsoleKey') };
}
