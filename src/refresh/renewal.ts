import { join } from 'node:path';
import { createAsk } from '../ask/choose.ts';
import { terminal } from '../ask/terminal.ts';
import { say } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { type Lock, lockFile } from '../files/lock.ts';
import { makeFolder } from '../files/make-folder.ts';
import { watchFile } from '../files/watch.ts';
import type { RefreshOutcome } from '../policy/outcome.ts';
import type { UsableSession } from '../session/session.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';
import { resultAtTerminal, waitingAtTerminal } from './at-terminal.ts';
import { refreshEffects } from './effects.ts';
import { readHeldSession, sessionInFile } from './held-session.ts';
import { outcomeText } from './outcome.ts';
import { refresh } from './refresh.ts';
import { type RefreshTarget, refreshTarget } from './target.ts';
import * as texts from './texts.ts';
import { SESSION_REFUSED } from './usable-session-texts.ts';

/** The result of asking for a code for a command that waits for the session. Reasons are texts for the user. */
export type Renewal =
  | { kind: 'renewed'; session: UsableSession }
  | { kind: 'refused' | 'postponed' | 'unaskable'; reason: string };

interface RenewalRequest {
  /** When the session in the file ends, in milliseconds since the epoch. */
  expiration: number | undefined;
  /** The access key id of the session in the file, if AWS no longer accepts it. */
  refused: string | undefined;
  /** How much of a session must be left, in milliseconds. */
  min: number;
  /** The methods of asking, in the order in which they are tried. */
  ways: 'auto' | readonly string[];
  /** How long to ask, in milliseconds. */
  limit: number | undefined;
  /** A program may start many of these processes at once, so a successful one prints nothing. */
  startedBy: 'user' | 'program';
}

/** Returns whether this process has a terminal on which it can ask the user. */
export async function hasTerminal(): Promise<boolean> {
  return (await terminal().unfit()) === undefined;
}

/**
 * Asks the user from this process, and refreshes the session with the code. If another process refreshes the session in the
 * meantime, the prompt is closed.
 */
export async function renewHere(
  settings: Settings,
  profile: ProfileSettings,
  { expiration, refused, min, ways, limit, startedBy }: RenewalRequest,
): Promise<Renewal> {
  const problem = refused === undefined ? undefined : SESSION_REFUSED;
  const target = { ...refreshTarget(settings, profile, expiration), problem };
  const clock = new Clock();
  // A session that another process has just written needs no question to AWS.
  const fresh = async () => {
    const held = readHeldSession(settings, profile, clock.now());
    if (refused !== undefined && held.session?.accessKeyId === refused) return undefined;
    if ((held.expiration ?? Number.POSITIVE_INFINITY) - clock.now() < min) return undefined;
    return sessionInFile(settings, profile, held, 'lasting', Number.POSITIVE_INFINITY);
  };
  const start = performance.now();
  const turn = await turnToAsk(settings.files.state, limit ?? LONGEST_TURN, startedBy);
  const controller = new AbortController();
  const withdraw = () => controller.abort();
  const timer = limit === undefined ? undefined : setTimeout(withdraw, start + limit - performance.now());
  const watch = watchFile(
    settings.files.credentials,
    () =>
      void fresh().then(
        (one) => one && withdraw(),
        () => {},
      ),
  );
  try {
    // The process that asked before may have refreshed this session, too.
    const session = await fresh();
    if (session) return { kind: 'renewed', session };
    const { ask, show } = resultAtTerminal(createAsk({ prompt: ways }, profile).ask);
    const outcome = await refresh(
      target,
      { reminder: 0, signal: controller.signal, onChange: () => {} },
      { ...refreshEffects(settings, profile, { ask, clock }), waiting: waitingAtTerminal },
    );
    show(outcomeText(target, outcome, clock.now()));
    return await renewalOf(target, outcome, fresh);
  } finally {
    clearTimeout(timer);
    watch.close();
    await turn?.release();
  }
}

/** @param fresh returns the session in the file if it needs no refresh */
async function renewalOf(
  target: RefreshTarget,
  outcome: RefreshOutcome,
  fresh: () => Promise<UsableSession | undefined>,
): Promise<Renewal> {
  const reason = outcomeText(target, outcome, Date.now());
  switch (outcome.kind) {
    case 'refreshed':
      return { kind: 'renewed', session: outcome.session };
    case 'unsaved':
      // The command can use the session although it is not on disk.
      say(reason);
      return { kind: 'renewed', session: outcome.session };
    case 'withdrawn': {
      const session = await fresh();
      return session ? { kind: 'renewed', session } : { kind: 'refused', reason };
    }
    case 'unaskable':
    case 'unwritable':
      return { kind: 'unaskable', reason: outcome.reason };
    case 'snoozed':
    case 'dismissed':
    case 'no-keys':
    case 'refused':
      return { kind: 'refused', reason };
  }
}

/** The longest time that a prompt may be open, in milliseconds. */
const LONGEST_TURN = 3_600_000;

/**
 * Waits until no other process asks. Programs start many processes at once, and two that read from the same terminal would
 * each get only some of the characters.
 * @returns undefined if it cannot be determined which process may ask
 */
async function turnToAsk(
  folder: string,
  wait: number,
  startedBy: RenewalRequest['startedBy'],
): Promise<Lock | undefined> {
  const turn = join(folder, 'asking');
  const isTaken = (error: unknown) => error instanceof UserError && error.code === 'locked';
  try {
    makeFolder(folder);
    return await lockFile(turn, 0);
  } catch (error) {
    if (!isTaken(error)) return undefined;
  }
  if (startedBy === 'user') say(texts.ANOTHER_ASKS);
  try {
    return await lockFile(turn, wait);
  } catch (error) {
    if (isTaken(error)) throw new UserError(texts.ANOTHER_ASKS, 'no-session');
    return undefined;
  }
}
