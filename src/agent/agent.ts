/*
 * From a wake-up to a rewritten file:
 *
 * wake-up    Agent.check(reason), called by
 *              schedule()       agent/schedule.ts    the cron schedule
 *              watchFile()      files/watch.ts       the credentials file or the settings changed
 *              agentRoutes()    control/routes.ts    a command asked on the socket
 *              watchPresence()  agent/presence.ts    the user left or came back, or the machine woke
 *              #checkAt()       here                 a reminder, or the end of a session or a snooze, is due
 * check      #checkAll(), #checkOnce()
 *              clock.look()                  notices sleep and clock steps
 *              #situations()                 readSessions(), then KeptProfile.situation() for each profile
 *              #watch(), #held()             would the user see a prompt?
 *              plan()                        policy/plan.ts, pure: what to do now, and when to look next
 *              KeptProfile.stands(), act()   records the standing, then does what the plan says
 * prompt     KeptProfile.#ask() calls agentEffects().refresh() in agent/effects.ts, which calls
 *              runJob()                      agent/job.ts: starts a child process, src/job-child.ts
 *              refreshJob()                  agent/jobs.ts, in the child
 *              refresh()                     refresh/refresh.ts: ask for a code, read the keys, call STS, save
 *              createAsk()                   ask/choose.ts: the ways of asking, in order
 *              getSessionToken()             aws/sts.ts
 * file       saveSession()                   refresh/effects.ts
 *              changeCredentials()           files/replace.ts: lock, read, write a temporary file, rename
 *              withSession()                 credentials/document.ts, pure: the new bytes
 * outcome    KeptProfile.#settle()           applies after() of policy/history.ts, pure: what follows from it
 *              Agent.check('outcome')        plans again; the changed file wakes the agent as well
 */
import { plan, type Situation } from '../policy/plan.ts';
import { quietUntil } from '../policy/quiet.ts';
import type { Standing } from '../policy/standing.ts';
import type { StoredSession } from '../session/session.ts';
import type { Settings } from '../settings/settings.ts';
import { pause } from '../time/pause.ts';
import { type CheckReason, KeptProfile, mayBeFixed, type ProfileEffects, type ProfileStatus } from './kept-profile.ts';
import type { Presence } from './presence.ts';
import * as texts from './texts.ts';

/** The world as the agent sees it. */
export interface AgentEffects extends ProfileEffects {
  /** One read of the credentials file: what stands in each of these profiles. */
  readSessions(profiles: string[]): Promise<Map<string, StoredSession>>;
  /**
   * Watches whether the person can see a question, and tells when that changes or the person comes back. Only while a
   * session is not fresh: an idle agent watches nothing but the clock and the file.
   */
  watchPresence(onChange: (what: 'held' | 'returned') => void): Promise<Presence>;
  /** Why no answer of a person could reach AWS just now ("no network"), or undefined. */
  obstacle(): string | undefined;
  /** Called at the end of every check, when all that it was to do is done or under way. */
  checked?(): void;
}

/** What came of a snooze. Times are milliseconds since the epoch. */
export interface Snoozed {
  /** Missing when it was ended. */
  until?: number;
  /** The profiles whose session ends before that, and when. */
  ending: { profile: string; expiration: number }[];
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

/** The long-running loop: wake, check, plan, act. Who wakes it is the caller's business. */
export class Agent {
  readonly #effects: AgentEffects;
  #settings: Settings;
  readonly #kept = new Map<string, KeptProfile>();
  readonly #waiters = new Set<Waiter>();
  #returnedAt: number;
  #presence: Presence | undefined;
  #running: Promise<void> | undefined;
  #again: CheckReason | undefined;
  #timer: NodeJS.Timeout | undefined;
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
      // A reason that may end a stop must not be lost to a later one.
      if (!mayBeFixed(this.#again)) this.#again = reason;
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
      if (same(before) !== same(settings)) kept.withdraw();
      if (same(settings) === undefined && !kept.holdsSession) this.#kept.delete(profile);
    }
    await this.check('settings');
  }

  /**
   * Does not ask for so long, or asks again.
   * @param duration milliseconds; undefined ends the snoozes
   * @param profile all of them when undefined
   * @returns until when, and the profiles whose session ends before that
   */
  async snooze(duration: number | undefined, profile: string | undefined): Promise<Snoozed> {
    const now = this.#effects.clock.now();
    const until = duration === undefined ? undefined : now + duration;
    const chosen = this.#settings.profiles.filter((one) => profile === undefined || one.profile === profile);
    await Promise.all(chosen.map((one) => this.#of(one.profile).snooze(until)));
    await this.check(until === undefined ? 'request' : 'presence');
    if (until === undefined) return { ending: [] };
    const ending = chosen.flatMap((one) => {
      const expiration = this.#kept.get(one.profile)?.status?.expiration;
      const ends = expiration !== undefined && expiration > now && expiration < until;
      return ends ? [{ profile: one.profile, expiration }] : [];
    });
    return { until, ending };
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
      this.#of(profile).awaited(person);
      this.#waiters.add(waiter);
    }
    try {
      await this.check('waiting');
      const over = new AbortController();
      const end = () => over.abort();
      waiter.look = () => {
        if (this.#stopped || !PENDING.includes(this.#kept.get(profile)?.status?.standing.standing)) end();
      };
      gone.addEventListener('abort', end);
      if (gone.aborted) end();
      waiter.look();
      if (wait > 0) await pause(wait, over.signal);
    } finally {
      this.#waiters.delete(waiter);
    }
    return this.#kept.get(profile)?.status;
  }

  status(): ProfileStatus[] {
    return [...this.#kept.values()].flatMap(({ status }) => status ?? []);
  }

  /** Withdraws every question, tries a last time to write what is not on disk yet, and is then done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const { look } of this.#waiters) look();
    await this.#running;
    this.#presence?.close();
    await Promise.all([...this.#kept.values()].map((kept) => kept.close()));
    for (const kept of this.#kept.values()) await kept.save();
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
    for (const kept of this.#kept.values()) kept.clockSet(jumped);
    const now = clock.now();
    this.#returnedAt = slept > 0 ? now : this.#returnedAt + jumped;

    const situations = await this.#situations(reason, now);
    await this.#watch(situations.some(({ state }) => state !== 'fresh' && state !== 'long-term'));
    const held = this.#held() ?? this.#effects.obstacle();
    const paused = this.#presence?.paused();
    const { promptBefore, remindEvery, quiet } = this.#settings;
    const circumstances = {
      now,
      promptBefore,
      remindEvery,
      quietUntil: quiet && quietUntil(quiet, now),
      returnedAt: this.#returnedAt,
      ...(held === undefined ? {} : { held }),
      paused,
    };
    const { actions, standings, nextLook } = plan(situations, circumstances);
    for (const situation of situations) {
      const standing = standings.get(situation.profile);
      if (standing) this.#of(situation.profile).stands(situation, standing);
    }
    this.#checkAt(nextLook);
    log.debug({ reason, actions, nextLook }, 'checked');
    for (const action of actions) {
      const situation = situations.find(({ profile }) => profile === action.profile);
      if (!situation || this.#stopped) continue;
      if (await this.#of(action.profile).act(action, situation)) this.#again ??= 'outcome';
    }
    for (const { look } of this.#waiters) look();
  }

  /** Checks when something is due, which may be between two scheduled checks. */
  #checkAt(time: number | undefined): void {
    clearTimeout(this.#timer);
    if (time === undefined || this.#stopped) return;
    this.#timer = setTimeout(() => void this.check('time'), time - this.#effects.clock.now());
  }

  /** Why the person cannot see a question just now, if so. */
  #held(): string | undefined {
    const held = this.#presence?.held();
    const isThere = held === texts.NOBODY_THERE && [...this.#waiters].some(({ person }) => person);
    return isThere ? undefined : held;
  }

  async #situations(reason: CheckReason, now: number): Promise<Situation[]> {
    const profiles = this.#settings.profiles.filter(({ serialNumber }) => serialNumber !== undefined);
    const sessions = await this.#effects.readSessions(profiles.map(({ profile }) => profile));
    return profiles.map((settings) => {
      const stored = sessions.get(settings.profile) ?? { kind: 'none' };
      return this.#of(settings.profile).situation(settings, stored, { now, reason });
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

  #of(profile: string): KeptProfile {
    const known = this.#kept.get(profile);
    if (known) return known;
    const settings = () => this.#settings;
    const kept = new KeptProfile(profile, settings, this.#effects, () => void this.check('outcome'));
    this.#kept.set(profile, kept);
    return kept;
  }
}
