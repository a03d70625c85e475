import type { Ask, Asking, AskRequest, CodeResult } from '../ask/ask.ts';
import { CHECKING } from '../ask/texts.ts';
import { CODE_STEP, nextCodeAt, nextCodeIn } from '../ask/time-left.ts';
import type { AwsAnswer, Keys } from '../aws/call.ts';
import type { SessionRequest } from '../aws/sts.ts';
import type { History } from '../policy/history.ts';
import type { RefreshOutcome } from '../policy/outcome.ts';
import { endAhead, pressedSnoozeUntil } from '../policy/snooze.ts';
import type { MfaSession } from '../session/session.ts';
import { deferred } from '../time/deferred.ts';
import { askRequest } from './ask-request.ts';
import type { CodeMemory } from './codes.ts';
import { codeResult } from './outcome.ts';
import type { RefreshTarget } from './target.ts';
import * as texts from './texts.ts';

/** What a refresh needs from the world around it. */
export interface RefreshEffects {
  /** Returns the time by AWS's clock, as far as it is known, in milliseconds since the epoch. */
  now(): number;
  ask: Ask;
  /** Returns why AWS cannot be reached now; undefined if it answers. */
  outage(): Promise<Refusal | undefined>;
  /** Does everything of saving that needs no session. Throws UserError that says what is in the way. */
  rehearse(profile: string): Promise<void>;
  /** Throws UserError if a source profile has no long-term keys. */
  requireKeys(sourceProfile: string): Promise<void>;
  /** Returns the long-term keys of a source profile. Throws UserError. */
  longTermKeys(sourceProfile: string): Promise<Keys>;
  getSessionToken(request: SessionRequest, keys: Keys): Promise<AwsAnswer<MfaSession>>;
  /**
   * Writes the session into the credentials file. Returns a sentence for the user if other users lose access to the file.
   * Throws if that fails.
   */
  save(profile: string, session: MfaSession): Promise<string | undefined>;
  codes: CodeMemory;
  /** Returns what the agent does after an outcome, for the result of the code. Missing in a command. */
  follows?(outcome: RefreshOutcome): History;
  /** Shows a user at a terminal what the refresh is waiting for, until the returned function is called. */
  waiting?(state: () => WaitingState): () => void;
  /** Resolves after this many milliseconds, or as soon as the signal is aborted. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
}

export interface WaitingState {
  /** What the refresh is waiting for, in one line. */
  text: string;
  /** Whether the code can still be used if the user ends the program now. */
  ifStopped?: string;
}

type Refusal = Extract<AwsAnswer<unknown>, { ok: false }>;

/**
 * How often AWS may refuse a code before the refresh fails. The last code must be typed: a command may be for another
 * device.
 */
const MOST_CODES = 3;

/**
 * Makes one refresh, from the prompt to the written file. Never rejects. If STS gave a session, the outcome contains it,
 * even if it could not be written.
 */
export async function refresh(
  target: RefreshTarget,
  asking: Pick<AskRequest, 'reminder'> & Asking,
  effects: RefreshEffects,
): Promise<RefreshOutcome> {
  const told = deferred<CodeResult>();
  const outcome = await attempt(target, { ...asking, outcome: told.promise }, effects);
  told.resolve(codeResult(target, outcome, effects.now(), effects.follows?.(outcome)));
  return outcome;
}

async function attempt(
  target: RefreshTarget,
  asking: Pick<AskRequest, 'reminder'> & Asking,
  effects: RefreshEffects,
): Promise<RefreshOutcome> {
  const { codes } = effects;
  // A code spent on a failure that could have been foreseen would be lost.
  try {
    await effects.rehearse(target.profile);
  } catch (error) {
    return { kind: 'unwritable', reason: texts.reasonOf(error) };
  }
  try {
    await effects.requireKeys(target.sourceProfile);
  } catch (error) {
    return { kind: 'no-keys', reason: texts.reasonOf(error) };
  }
  const outage = target.afterOutage ? await effects.outage() : undefined;
  if (asking.signal.aborted) return { kind: 'withdrawn' };
  if (outage) return refusal(target, outage);
  const usedNow = codes.lastUsed(target.serialNumber, effects.now()) >= effects.now() - (effects.now() % CODE_STEP);
  const problems = [target.problem, usedNow ? texts.needsNextCode(nextCodeAt(effects.now())) : undefined];
  let problem = problems.filter((one) => one !== undefined).join(' ') || undefined;
  let refused: RefreshOutcome | undefined;
  /** Set if the command printed a code that AWS has refused: then the user is asked, if possible. */
  let isRepeated = false;
  let hasWaited = false;
  for (let sent = 0; ; ) {
    const shown = { reminder: asking.reminder, problem, byHand: isRepeated || sent === MOST_CODES - 1 };
    const answer = await effects.ask(askRequest(target, effects.now(), shown), asking);
    if (asking.signal.aborted) return { kind: 'withdrawn' };
    if (answer.kind === 'snooze') {
      const until = pressedSnoozeUntil(answer.until, effects.now(), endAhead(target, effects.now()));
      return { kind: 'snoozed', until };
    }
    if (answer.kind === 'dismissed') return { kind: 'dismissed' };
    if (answer.kind === 'unavailable') {
      const { reason, summary } = answer;
      if (!isRepeated || hasWaited) return refused ?? { kind: 'unaskable', reason, summary };
      // The user cannot be asked, so the command gets one chance to print the next code.
      hasWaited = true;
      isRepeated = false;
      await nextCode(nextCodeIn(effects.now()), asking.signal, effects);
      continue;
    }

    const wait = nextCodeIn(effects.now());
    if (answer.automatic && wait < SHORTEST_LIFE) {
      await nextCode(wait, asking.signal, effects);
      continue;
    }
    let fate = codes.fate(target.serialNumber, answer.code, effects.now());
    if (fate === 'refused' && answer.automatic) {
      isRepeated = true;
      problem = texts.COMMAND_REFUSED;
      continue;
    }
    let given: AwsAnswer<MfaSession> | undefined;
    if (fate === undefined) {
      let keys: Keys;
      try {
        // Read at the last moment: the user may have fixed the file while the prompt was open.
        keys = await effects.longTermKeys(target.sourceProfile);
      } catch (error) {
        return { kind: 'no-keys', reason: texts.reasonOf(error) };
      }
      given = await exchange(target, answer.code, keys, asking.signal, effects);
      fate = codes.fate(target.serialNumber, answer.code, effects.now());
    }
    if (!given) {
      const next = nextCodeAt(effects.now());
      problem = fate === 'refused' ? texts.refusedBefore(next) : texts.codeAlreadyUsed(next);
      // A command prints the same code until the next one comes. A user reads in the prompt when that is.
      if (answer.automatic) await nextCode(wait, asking.signal, effects);
      continue;
    }
    if (given.ok) return save(target, given.value, effects);
    sent += 1;
    refused = refusal(target, given);
    if (given.failure.kind !== 'wrong-code' || sent === MOST_CODES) return refused;
    problem = answer.automatic ? texts.COMMAND_REFUSED : texts.wrongCode(nextCodeAt(effects.now()));
  }
}

function refusal(target: RefreshTarget, answer: Refusal): RefreshOutcome {
  return { kind: 'refused', failure: answer.failure, ...texts.stsFailure(target, answer) };
}

/**
 * If a command's code is valid for less than this, in milliseconds, it may reach AWS too late. A typed code is still tried.
 */
const SHORTEST_LIFE = 2_000;

/**
 * Sends the code. Sends it again only if the request certainly was not sent, and only while the code is valid.
 * @returns undefined if another process has sent the code
 */
async function exchange(
  target: RefreshTarget,
  tokenCode: string,
  keys: Keys,
  signal: AbortSignal,
  effects: RefreshEffects,
): Promise<AwsAnswer<MfaSession> | undefined> {
  const { serialNumber, durationSeconds } = target;
  const { codes } = effects;
  const deadline = effects.now() + CODE_STEP;
  let state: WaitingState = { text: CHECKING, ifStopped: texts.STOPPED_AFTER_SENDING };
  const end = effects.waiting?.(() => state);
  try {
    for (;;) {
      if (!(await codes.claim(serialNumber, tokenCode, effects.now()))) return undefined;
      const answer = await effects.getSessionToken({ serialNumber, tokenCode, durationSeconds }, keys);
      if (answer.ok) return answer;
      const { failure, codeUnsent = failure.kind === 'unreachable' && !failure.sent } = answer;
      if (!codeUnsent) {
        if (failure.kind === 'wrong-code') await codes.refused(serialNumber, tokenCode, effects.now());
        return answer;
      }
      await codes.unsent(serialNumber, tokenCode, effects.now());
      if (failure.kind !== 'unreachable') return answer;
      // A user at a terminal can correct a wrong name or missing certificates, and should not wait. The agent tries again.
      const isForUser = (failure.unresolved || failure.untrusted) && effects.waiting !== undefined;
      if (signal.aborted || isForUser || effects.now() >= deadline) return answer;
      const text = texts.triesAgain(answer.endpoint, failure.detail);
      state = { text, ifStopped: texts.STOPPED_BEFORE_SENDING };
      await effects.pause(1_000, signal);
      state = { text, ifStopped: texts.STOPPED_AFTER_SENDING };
    }
  } finally {
    end?.();
  }
}

/** Waits until a command can print the next code. */
async function nextCode(wait: number, signal: AbortSignal, effects: RefreshEffects): Promise<void> {
  const end = effects.waiting?.(() => ({ text: texts.waitsForNextCode(wait) }));
  await effects.pause(wait, signal);
  end?.();
}

async function save(target: RefreshTarget, session: MfaSession, effects: RefreshEffects): Promise<RefreshOutcome> {
  try {
    const lost = await effects.save(target.profile, session);
    return { kind: 'refreshed', session, ...(lost !== undefined && { lost }) };
  } catch (error) {
    return { kind: 'unsaved', session, reason: texts.reasonOf(error) };
  }
}
