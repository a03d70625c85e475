import type { Logger } from 'pino';
import type { Asking, AskRequest } from './ask/ask.ts';
import type { Clock } from './clock.ts';
import type { ProfileSettings, Settings } from './config.ts';
import {
  afterAsking,
  afterOutcome,
  afterRefresh,
  awaited,
  FRESH_START,
  type History,
  rested,
  shifted,
} from './history.ts';
import { utcTime } from './instant.ts';
import * as messages from './messages.ts';
import { type Action, plan, type Situation, type Standing } from './plan.ts';
import type { Presence } from './presence.ts';
import { quietUntil } from './quiet.ts';
import type { RefreshOutcome, RefreshTarget } from './refresh.ts';
import { aged, endOf, type MfaSession, type SessionState, type StoredSession, stateAt } from './session.ts';

/** The world as the agent sees it. */
export interface AgentEffects {
  clock: Clock;
  /** One read of the credentials file: what stands in each of these profiles. */
  readSessions(profiles: string[]): Promise<Map<string, StoredSession>>;
  refresh(target: RefreshTarget, asking: Asking & { reminder: number }): Promise<RefreshOutcome>;
  /** Puts a session into the credentials file. Throws when it could not. */
  save(profile: string, session: MfaSession): Promise<void>;
  /** Whether AWS still takes the session in a profile; undefined when AWS could not be asked. */
  isAlive(profile: ProfileSettings): Promise<boolean | undefined>;
  /**
   * Watches whether the person can see a question, and tells when that changes or the person comes back. Only while a
   * session is not fresh: an idle agent watches nothing but the clock and the file.
   */
  watchPresence(onChange: (what: 'held' | 'returned') => void): Promise<Presence>;
  /** Why no answer of a person could reach AWS just now ("no network"), or undefined. */
  obstacle(): string | undefined;
  /** Tells the person something that needs no answer. */
  notice(text: string): void;
  /** Called at the end of every check, when all that it was to do is done or under way. */
  checked?(): void;
  log: Logger;
}

/** One MFA profile, as `status` shows it. Times are milliseconds since the epoch. */
export interface ProfileStatus {
  profile: string;
  state: SessionState;
  expiration?: number;
  standing: Standing;
}

/** Why a check happens. `file`, `settings` and `request` may have mended what stopped the asking. */
export type CheckReason = 'start' | 'schedule' | 'file' | 'settings' | 'request' | 'outcome' | 'presence' | 'waiting';

/** What the agent keeps of one profile between checks. */
interface Kept {
  history: History;
  /** The standing question: aborting withdraws it, the listener raises it again. */
  question?: { controller: AbortController; raise(request: AskRequest): void; done: Promise<void> };
  /** Given by STS and not on disk yet. */
  session?: MfaSession;
  /** Why nobody could be asked the last time; tried again now and then, and told once. */
  unaskable?: string;
  standing?: Standing;
  state?: SessionState;
  expiration?: number | undefined;
}

/** Somebody who waits for the session of a profile. */
interface Waiter {
  /** At the command that waits sits a person, who sees a question and has not left the keyboard. */
  person: boolean;
  /** Called after each check. */
  look(): void;
}

/** While a profile stands so, a session may still come of it. */
const PENDING: readonly (Standing['standing'] | undefined)[] = ['asking', 'queued', 'verifying', 'unsaved'];

const VERIFY_AGAIN = 15 * 60_000;

/** The long-running loop: wake, check, plan, act. Who wakes it is the caller's business. */
export class Agent {
  readonly #effects: AgentEffects;
  #settings: Settings;
  readonly #kept = new Map<string, Kept>();
  readonly #waiters = new Set<Waiter>();
  #returnedAt: number;
  #presence: Presence | undefined;
  #running: Promise<void> | undefined;
  #again: CheckReason | undefined;
  #stopped = false;

  constructor(settings: Settings, effects: AgentEffects) {
    this.#settings = settings;
    this.#effects = effects;
    this.#returnedAt = effects.clock.now();
  }

  /** Looks once, and acts. Checks that come while one is running become one more check. Rejects never. */
  check(reason: CheckReason): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#running) {
      this.#again = reason;
      return this.#running;
    }
    this.#running = this.#checkAll(reason);
    return this.#running;
  }

  /** Takes new settings; questions of profiles that are gone, or are another device's now, are withdrawn. */
  async reload(settings: Settings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    for (const [profile, kept] of this.#kept) {
      const same = (all: Settings) => JSON.stringify(all.profiles.find((one) => one.profile === profile));
      if (same(before) !== same(settings)) kept.question?.controller.abort();
      if (same(settings) === undefined && !kept.session) this.#kept.delete(profile);
    }
    await this.check('settings');
  }

  /**
   * Leaves the person alone.
   * @param duration milliseconds
   * @param profile all of them when undefined
   */
  async snooze(duration: number, profile: string | undefined): Promise<void> {
    const until = this.#effects.clock.now() + duration;
    for (const one of this.#settings.profiles.filter((one) => profile === undefined || one.profile === profile)) {
      const kept = this.#of(one.profile);
      kept.history = { ...kept.history, snoozedUntil: until };
    }
    await this.check('presence');
  }

  /**
   * Somebody waits for the session of a profile: raises the question now, and tells where the profile stands as soon as it
   * is fresh, no session is to be expected, or the wait is over.
   * @param wait milliseconds; 0 only looks, and changes nothing about when the person is asked
   * @param person whether a person sits there: a snooze, a pause or an empty chair does not hold the question back then.
   * For a program, only a question that was not answered for a while is raised again
   * @param gone aborted when nobody waits any more
   */
  async refresh(
    profile: string,
    { wait, person, gone }: { wait: number; person: boolean; gone: AbortSignal },
  ): Promise<ProfileStatus | undefined> {
    const waiter: Waiter = { person, look: () => {} };
    if (wait > 0) {
      const kept = this.#of(profile);
      kept.history = awaited(kept.history, person, this.#effects.clock.now(), this.#settings.remindEvery);
      if (person) delete kept.unaskable;
      this.#waiters.add(waiter);
    }
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.check('waiting');
      await new Promise<void>((resolve) => {
        waiter.look = () => {
          if (this.#stopped || !PENDING.includes(this.#kept.get(profile)?.standing?.standing)) resolve();
        };
        gone.addEventListener('abort', () => resolve());
        if (gone.aborted || wait === 0) resolve();
        else timer = setTimeout(resolve, wait);
        waiter.look();
      });
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(waiter);
    }
    return this.status().find((one) => one.profile === profile);
  }

  status(): ProfileStatus[] {
    return [...this.#kept].flatMap(([profile, { state, expiration, standing }]) =>
      state && standing ? [{ profile, state, standing, ...(expiration === undefined ? {} : { expiration }) }] : [],
    );
  }

  /** Withdraws every question, tries a last time to write what is not on disk yet, and is then done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { look } of this.#waiters) look();
    await this.#running;
    this.#presence?.close();
    for (const { question } of this.#kept.values()) question?.controller.abort();
    await Promise.all([...this.#kept.values()].map(({ question }) => question?.done));
    for (const [profile, kept] of this.#kept) if (kept.session) await this.#save(profile, kept);
  }

  async #checkAll(reason: CheckReason): Promise<void> {
    for (let next: CheckReason | undefined = reason; next && !this.#stopped; ) {
      this.#again = undefined;
      try {
        await this.#checkOnce(next);
      } catch (error) {
        // Whatever it was, the next check is a new try.
        this.#effects.log.error({ err: error }, 'check failed');
      }
      this.#effects.checked?.();
      next = this.#again;
    }
    // At once after the last look at what else is wanted: a check that is asked for from here on is another one.
    this.#running = undefined;
  }

  async #checkOnce(reason: CheckReason): Promise<void> {
    const { clock, log } = this.#effects;
    const { slept, stepped, jumped } = clock.look();
    if (slept > 0) log.info({ slept_s: Math.round(slept / 1000) }, 'the machine slept');
    if (stepped !== 0) log.info({ stepped_s: Math.round(stepped / 1000) }, 'the clock was set');
    for (const kept of this.#kept.values()) kept.history = shifted(kept.history, jumped);
    const now = clock.now();
    this.#returnedAt = slept > 0 ? now : this.#returnedAt + jumped;

    const situations = await this.#situations(reason, now);
    await this.#watch(situations.some(({ state }) => state !== 'fresh' && state !== 'long-term'));
    const held = this.#held() ?? this.#effects.obstacle();
    const { promptBefore, remindEvery, quiet } = this.#settings;
    const circumstances = {
      now,
      promptBefore,
      remindEvery,
      quietUntil: quiet && quietUntil(quiet, now),
      returnedAt: this.#returnedAt,
      ...(held === undefined ? {} : { held }),
    };
    const { actions, standings, nextLook } = plan(situations, circumstances);
    for (const { profile, state, expiration } of situations) {
      this.#tell(profile, state, expiration, standings.get(profile));
    }
    log.debug({ reason, actions, nextLook }, 'checked');
    for (const action of actions) {
      const situation = situations.find(({ profile }) => profile === action.profile);
      if (situation && !this.#stopped) await this.#act(action, situation);
    }
    for (const { look } of this.#waiters) look();
  }

  /** Why the person cannot see a question just now, if so. */
  #held(): string | undefined {
    const held = this.#presence?.held();
    const isThere = held === messages.NOBODY_THERE && [...this.#waiters].some(({ person }) => person);
    return isThere ? undefined : held;
  }

  async #situations(reason: CheckReason, now: number): Promise<Situation[]> {
    const profiles = this.#settings.profiles.filter(({ serialNumber }) => serialNumber !== undefined);
    const sessions = await this.#effects.readSessions(profiles.map(({ profile }) => profile));
    return profiles.map((settings) => {
      const { profile, serialNumber = '' } = settings;
      const kept = this.#of(profile);
      const session = aged(
        kept.session ? { kind: 'session', ...kept.session } : (sessions.get(profile) ?? { kind: 'none' }),
        settings,
      );
      const state = stateAt(session, now, this.#settings.promptBefore);
      if (state === 'fresh' && !kept.session && !kept.question) kept.history = rested(kept.history);
      if (reason === 'file' || reason === 'settings' || reason === 'request') {
        const { verdict: _, ...rest } = kept.history;
        kept.history = kept.history.stopped || kept.unaskable !== undefined ? FRESH_START : rest;
        delete kept.unaskable;
      }
      return { profile, serialNumber, state, expiration: endOf(session), history: kept.history };
    });
  }

  /** Has the presence watched, or not any more. */
  async #watch(isNeeded: boolean): Promise<void> {
    if (!isNeeded) {
      this.#presence?.close();
      this.#presence = undefined;
    } else if (!this.#presence) {
      this.#presence = await this.#effects.watchPresence((what) => {
        if (what === 'returned') this.#returnedAt = this.#effects.clock.now();
        void this.check('presence');
      });
    }
  }

  /** Logs a profile's standing when it is another one than before. */
  #tell(profile: string, state: SessionState, expiration: number | undefined, standing: Standing | undefined): void {
    const kept = this.#of(profile);
    const isRepeated = kept.unaskable !== undefined || (kept.history.outage?.times ?? 0) > 1;
    const isTold = isRepeated && /^(asking|waiting)$/.test(standing?.standing ?? '');
    if (!isTold && (kept.state !== state || kept.standing?.standing !== standing?.standing)) {
      this.#effects.log.info(
        { profile, state, ...standing, ...(expiration && { expiration: utcTime(expiration) }) },
        messages.standing(state, standing, this.#effects.clock.now()),
      );
    }
    Object.assign(kept, { state, expiration, standing });
  }

  async #act(action: Action, situation: Situation): Promise<void> {
    const kept = this.#of(action.profile);
    const now = this.#effects.clock.now();
    switch (action.do) {
      case 'ask':
        kept.history = afterAsking(situation, now, action.reminder);
        return this.#ask(situation, action.reminder);
      case 'remind': {
        kept.history = afterAsking(situation, now, action.reminder);
        const { profile, serialNumber, expiration } = situation;
        kept.question?.raise({ profile, serialNumber, expiration, now, reminder: action.reminder });
        return;
      }
      case 'withdraw':
        kept.question?.controller.abort();
        return;
      case 'save':
        return this.#save(action.profile, kept);
      case 'verify':
        return this.#verify(action.profile, kept);
    }
  }

  #ask({ profile, expiration }: Situation, reminder: number): void {
    const settings = this.#settings.profiles.find((one) => one.profile === profile);
    if (settings?.serialNumber === undefined) return;
    const kept = this.#of(profile);
    const controller = new AbortController();
    let raise: (request: AskRequest) => void = () => {};
    const { serialNumber, sourceProfile, durationSeconds, maxAge } = settings;
    const afterOutage = kept.history.outage !== undefined;
    const target = { profile, sourceProfile, serialNumber, durationSeconds, maxAge, expiration, afterOutage };
    const asking = {
      reminder,
      signal: controller.signal,
      onChange: (listener: (request: AskRequest) => void) => {
        raise = listener;
      },
    };
    const unexpected = (error: unknown): RefreshOutcome => {
      this.#effects.log.error({ err: error, profile }, 'refresh failed');
      return { kind: 'unaskable', reason: 'an unexpected error; the log has it' };
    };
    const done = this.#effects
      .refresh(target, asking)
      .catch(unexpected)
      .then((outcome) => {
        delete kept.question;
        this.#settle(profile, kept, outcome);
        void this.check('outcome');
      });
    kept.question = { controller, raise: (request) => raise(request), done };
  }

  /** Tells what came of a question, and keeps what follows from it. */
  #settle(profile: string, kept: Kept, outcome: RefreshOutcome): void {
    const { clock } = this.#effects;
    const { promptBefore, remindEvery } = this.#settings;
    this.#tellOutcome(profile, kept, outcome);
    if (outcome.kind === 'unsaved') kept.session = outcome.session;
    if (outcome.kind === 'unaskable') kept.unaskable = messages.cannotAskHere(outcome.reason);
    else delete kept.unaskable;
    const moment = { now: clock.now(), promptBefore, remindEvery, jitter: Math.random() };
    kept.history = afterOutcome(kept.history, outcome, moment);
    if (outcome.kind === 'refused' && kept.history.stopped) this.#effects.notice(outcome.message);
  }

  #tellOutcome(profile: string, kept: Kept, outcome: RefreshOutcome): void {
    const { log, notice } = this.#effects;
    switch (outcome.kind) {
      case 'refreshed':
        log.info({ profile, expiration: utcTime(outcome.session.expiration) }, 'session refreshed');
        return;
      case 'unsaved':
        log.error({ profile, reason: outcome.reason }, 'the session could not be written; it is kept in memory');
        notice(messages.unsaved(profile, outcome.reason));
        return;
      case 'snoozed':
      case 'dismissed':
      case 'withdrawn':
        return;
      case 'unaskable': {
        const why = messages.cannotAskHere(outcome.reason);
        if (kept.unaskable !== why) log.warn({ profile }, why);
        return;
      }
      case 'no-keys':
        log.error({ profile, reason: outcome.reason }, 'no long-term credentials');
        notice(outcome.reason);
        return;
      case 'refused': {
        const { kind } = outcome.failure;
        log[kept.history.outage?.kind === kind ? 'debug' : 'warn']({ profile, refusal: kind }, outcome.message);
        return;
      }
    }
  }

  async #save(profile: string, kept: Kept): Promise<void> {
    const { session } = kept;
    if (!session) return;
    try {
      await this.#effects.save(profile, session);
      delete kept.session;
      kept.history = afterRefresh(session.expiration, this.#effects.clock.now(), this.#settings.promptBefore);
      this.#effects.log.info({ profile }, 'the session kept in memory is written now');
      this.#again ??= 'outcome';
    } catch (error) {
      this.#effects.log.debug({ err: error, profile }, 'the session cannot be written yet');
    }
  }

  async #verify(profile: string, kept: Kept): Promise<void> {
    const settings = this.#settings.profiles.find((one) => one.profile === profile);
    if (!settings) return;
    const alive = await this.#effects.isAlive(settings);
    const until = this.#effects.clock.now() + VERIFY_AGAIN;
    // Unreachable: taken for alive until it can be asked again, since a question could not be answered either.
    kept.history = { ...kept.history, verdict: { alive: alive ?? true, until } };
    this.#again ??= 'outcome';
  }

  #of(profile: string): Kept {
    const kept = this.#kept.get(profile) ?? { history: FRESH_START };
    this.#kept.set(profile, kept);
    return kept;
  }
}
