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
 *              rehearseSave()                refresh/rehearsal.ts: could the session be written?
 *              createAsk()                   ask/choose.ts: the ways of asking, in order
 *              getSessionToken()             aws/sts.ts
 * file       saveSession()                   refresh/effects.ts
 *              changeCredentials()           files/replace.ts: lock, read, write a temporary file, rename
 *              withSession()                 credentials/edit.ts, pure: the new bytes
 * outcome    KeptProfile.#settle()           applies after() of policy/history.ts, pure: what follows from it
 *              Agent.check('outcome')        plans again; the changed file wakes the agent as well
 */
import type { RefreshOutcome } from '../policy/outcome.ts';
import { plan, type Situation } from '../policy/plan.ts';
import { quietUntil } from '../policy/quiet.ts';
import type { Standing } from '../policy/standing.ts';
import type { Forgotten } from '../refresh/forget.ts';
import type { StoredSession } from '../session/session.ts';
import {
  askedFor,
  lacksDevice,
  madeFrom,
  type ProfileSettings,
  type Settings,
  sessionChain,
} from '../settings/settings.ts';
import { pause } from '../time/pause.ts';
import { type CheckReason, KeptProfile, mayBeFixed, type ProfileEffects, type ProfileStatus } from './kept-profile.ts';
import type { Presence } from './presence.ts';
import * as texts from './texts.ts';

/** What the agent needs from the world around it. */
export interface AgentEffects extends ProfileEffects {
  /** Returns what each of these profiles holds, all from one read of the credentials file. */
  readSessions(profiles: ProfileSettings[]): Promise<Map<string, StoredSession>>;
  /**
   * Watches whether the user can see a prompt. Calls `onChange` when that changes or the user returns. The agent calls it
   * only while a session is not fresh: an idle agent watches nothing but the clock and the files.
   */
  watchPresence(onChange: (what: 'held' | 'returned') => void): Promise<Presence>;
  /**
   * Assumes the roles of these profiles with the sessions of their sources, and writes them. When `signal` is aborted, no
   * further role is assumed.
   * @returns the outcome for each profile that was tried
   */
  assume(profiles: string[], signal: AbortSignal): Promise<Record<string, RefreshOutcome>>;
  /** Removes the session of a profile, and the roles' sessions that were made from it. Throws UserError. */
  forget(profile: string, roles: string[]): Promise<Forgotten>;
  /** Returns a text that changes when a display or a session bus appears or disappears. */
  desktopMark(): string;
  /** Updates our environment with what the desktop has told the service manager since. */
  takeDesktop(): Promise<void>;
  /** Returns why no request can reach AWS now ("no network"), or undefined if one may. */
  obstacle(): string | undefined;
  /** Called at the end of every check, when everything that it decided is done or under way. */
  checked?(): void;
}

/** The result of a snooze. Times are milliseconds since the epoch. */
export interface Snoozed {
  /** Missing if the snooze was ended. */
  until?: number;
  /** The profiles whose session ends before `until`, and when it ends. */
  ending: { profile: string; expiration: number }[];
}

/** A command that waits for the session of a profile. */
interface Waiter {
  /** The profile that the user is asked for. */
  profile: string;
  /** Whether a user sits at the command: such a user can see a prompt and is at the keyboard. */
  person: boolean;
  /** Called after each check. */
  look(): void;
}

/** Returns whether the user may have to be asked for a session soon. */
function needsUser({ state, role, history }: Situation): boolean {
  return !role && state !== 'fresh' && state !== 'long-term' && !history.forgotten;
}

/** In these standings, a session may still come. */
const PENDING: readonly (Standing['standing'] | undefined)[] = ['asking', 'queued', 'verifying', 'unsaved', 'assuming'];

/** The long-running loop: wake, check, plan, act. The caller decides what wakes it. */
export class Agent {
  readonly #effects: AgentEffects;
  #settings: Settings;
  readonly #kept = new Map<string, KeptProfile>();
  readonly #waiters = new Set<Waiter>();
  readonly #jitter = Math.random();
  /** Roles that are being assumed. */
  readonly #assuming = new Set<Promise<void>>();
  readonly #over = new AbortController();
  #returnedAt: number;
  #wokeAt: number | undefined;
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

  /** Makes one check and acts on it. Several calls during a check cause only one more check. Never rejects. */
  check(reason: CheckReason): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#running) {
      // Keeps a reason that may end a stop, even if another reason comes after it.
      if (!mayBeFixed(this.#again)) this.#again = reason;
      return this.#running;
    }
    this.#running = this.#checkAll(reason);
    return this.#running;
  }

  /** Uses new settings. Closes the prompts of profiles that were removed or whose settings changed, also how to ask. */
  async reload(settings: Settings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    for (const [profile, kept] of this.#kept) {
      const own = (all: Settings) => all.profiles.find((one) => one.profile === profile);
      const asked = (all: Settings) => JSON.stringify([own(all), all.prompt]);
      if (asked(before) !== asked(settings)) kept.withdraw();
      if (JSON.stringify(own(before)) !== JSON.stringify(own(settings))) kept.settingsChanged();
      if (own(settings) === undefined && !kept.holdsSession) this.#kept.delete(profile);
    }
    await this.check('settings');
  }

  /**
   * Postpones prompts, or ends the snoozes.
   * @param duration milliseconds; undefined ends the snoozes
   * @param profile undefined: all profiles
   * @returns until when, and the profiles whose session ends before that
   */
  async snooze(duration: number | undefined, profile: string | undefined): Promise<Snoozed> {
    const now = this.#effects.clock.now();
    const until = duration === undefined ? undefined : now + duration;
    const named = this.#settings.profiles.filter((one) => profile === undefined || one.profile === profile);
    const chosen = [...new Set(named.map((one) => askedFor(one, this.#settings)))];
    if (until === undefined) for (const one of named) this.#of(one.profile).wanted();
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
   * Removes the session of a profile, and the roles' sessions that were made from it. A prompt is closed. What AWS gives for a code
   * that was sent before is removed, too. The profile gets no session until the user wants one.
   * @throws UserError if a session cannot be removed: then everything stays as it is
   */
  async forget(profile: string): Promise<Forgotten> {
    const roles = madeFrom(profile, this.#settings);
    const all = [profile, ...roles].map((name) => this.#of(name));
    let forgotten: Forgotten | undefined;
    try {
      await Promise.all([...all.map((kept) => kept.beginForgetting()), ...this.#assuming]);
      forgotten = await this.#effects.forget(profile, roles);
    } finally {
      const what = (index: number) => forgotten && (index === 0 ? 'profile' : 'session');
      await Promise.all(all.map((kept, index) => kept.endForgetting(what(index))));
      await this.check('outcome');
    }
    return forgotten;
  }

  /**
   * Asks for the code of a profile now, for a command that waits. Returns the profile's status as soon as its session is
   * fresh, no session can be expected, or the time limit is reached.
   * @param wait milliseconds; with 0 it only checks, and does not change when the user is asked
   * @param person whether a user sits at the command: then neither a snooze nor a pause nor an idle screen postpones the
   *   prompt. For a program, a prompt is repeated only if it has not been answered for a while
   * @param gone aborted when the command stops waiting
   */
  async refresh(
    profile: string,
    { wait, person, gone }: { wait: number; person: boolean; gone: AbortSignal },
  ): Promise<ProfileStatus | undefined> {
    const waiter: Waiter = { profile: this.#askedFor(profile), person, look: () => {} };
    if (wait > 0) {
      if (person) for (const name of this.#chain(profile)) this.#of(name).wanted();
      this.#of(waiter.profile).awaited(person);
      this.#waiters.add(waiter);
    }
    try {
      await this.check('waiting');
      const over = new AbortController();
      const end = () => over.abort();
      waiter.look = () => {
        if (this.#stopped || !this.#isPending(profile)) end();
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

  /** Returns whether a session of a profile may still come; for a role, also one of its source. */
  #isPending(profile: string): boolean {
    const standing = this.#kept.get(profile)?.status?.standing;
    return standing?.standing === 'needs-source'
      ? this.#isPending(standing.source)
      : PENDING.includes(standing?.standing);
  }

  /** Returns the profile that the user is asked for to get a session of this one. */
  #askedFor(name: string): string {
    return this.#chain(name).at(-1) ?? name;
  }

  /** Returns a profile and the sources of its session. */
  #chain(name: string): string[] {
    const profile = this.#settings.profiles.find((one) => one.profile === name);
    return profile ? sessionChain(profile, this.#settings).map((one) => one.profile) : [name];
  }

  status(): ProfileStatus[] {
    return [...this.#kept.values()].flatMap(({ status }) => status ?? []);
  }

  /** Closes every prompt, tries once more to write sessions that are not on disk, and ends. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#over.abort();
    clearTimeout(this.#timer);
    for (const { look } of this.#waiters) look();
    await this.#running;
    this.#presence?.close();
    await Promise.all([...[...this.#kept.values()].map((kept) => kept.close()), ...this.#assuming]);
    for (const kept of this.#kept.values()) await kept.save();
  }

  async #checkAll(reason: CheckReason): Promise<void> {
    for (let next: CheckReason | undefined = reason; next && !this.#stopped; ) {
      this.#again = undefined;
      try {
        await this.#checkOnce(next);
      } catch (error) {
        // The next check tries again, whatever the error was.
        this.#effects.log.error({ err: error }, 'check failed');
      }
      this.#effects.checked?.();
      next = this.#again;
    }
    // Set right after `#again` was read: a call from here on must start a check of its own.
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
    if (slept > 0) this.#wokeAt = now;
    else if (this.#wokeAt !== undefined) this.#wokeAt += jumped;

    if ([...this.#kept.values()].some(({ isUnaskable }) => isUnaskable)) await this.#effects.takeDesktop();
    const situations = await this.#situations(reason, now);
    await this.#watch(situations.some(needsUser));
    const offline = this.#effects.obstacle();
    const held = this.#held() ?? offline;
    const paused = this.#presence?.paused();
    const { promptBefore, remindEvery, quiet } = this.#settings;
    const circumstances = {
      now,
      promptBefore,
      remindEvery,
      quietUntil: quiet && quietUntil(quiet, now),
      returnedAt: this.#returnedAt,
      wokeAt: this.#waiters.size > 0 ? undefined : this.#wokeAt,
      ...(held === undefined ? {} : { held }),
      ...{ paused, offline, jitter: this.#jitter },
    };
    const { actions, standings, nextLook } = plan(situations, circumstances);
    for (const situation of situations) {
      const standing = standings.get(situation.profile);
      if (standing) this.#of(situation.profile).stands(situation, standing);
    }
    this.#checkAt(nextLook);
    log.debug({ reason, actions, nextLook }, 'checked');
    this.#assume(actions.filter((action) => action.do === 'assume').map(({ profile }) => profile));
    for (const action of actions) {
      const situation = situations.find(({ profile }) => profile === action.profile);
      if (!situation || this.#stopped) continue;
      if (await this.#of(action.profile).act(action, situation)) this.#again ??= 'outcome';
    }
    for (const { look } of this.#waiters) look();
  }

  /** Lets one child process assume all roles that are due. */
  #assume(profiles: string[]): void {
    if (profiles.length === 0 || this.#stopped) return;
    for (const profile of profiles) this.#of(profile).assuming();
    const job = this.#effects.assume(profiles, this.#over.signal).then(
      (outcomes) =>
        (profile: string): RefreshOutcome =>
          outcomes[profile] ?? { kind: 'withdrawn' },
      (error) => {
        this.#effects.log.error({ err: error }, 'the roles could not be assumed');
        const detail = (error as Error).message;
        const message = texts.notAssumed(detail);
        return (): RefreshOutcome => ({ kind: 'refused', failure: { kind: 'busy', detail }, reason: message, message });
      },
    );
    const done = job.then((outcomeOf) => {
      this.#assuming.delete(done);
      let isTold = false;
      for (const profile of profiles) isTold = this.#of(profile).assumed(outcomeOf(profile), isTold) || isTold;
      void this.check('outcome');
    });
    this.#assuming.add(done);
  }

  /** Schedules a check for the time at which something is due, which may be between two scheduled checks. */
  #checkAt(time: number | undefined): void {
    clearTimeout(this.#timer);
    if (time === undefined || this.#stopped) return;
    const { clock } = this.#effects;
    this.#timer = clock.after(time - clock.now(), () => void this.check('time'));
  }

  /** Returns why the user cannot see a prompt now, or undefined if the user can. */
  #held(): string | undefined {
    const held = this.#presence?.held();
    const isThere = held === texts.NOBODY_THERE && [...this.#waiters].some(({ person }) => person);
    return isThere ? undefined : held;
  }

  async #situations(reason: CheckReason, now: number): Promise<Situation[]> {
    const profiles = this.#settings.profiles.filter((one) => !lacksDevice(one));
    const sessions = await this.#effects.readSessions(profiles);
    return profiles.map((settings) => {
      const stored = sessions.get(settings.profile) ?? { kind: 'none' };
      const source = sessions.get(settings.sourceProfile);
      const sourceKey = source?.kind === 'session' ? source.accessKeyId : undefined;
      const situation = this.#of(settings.profile).situation(settings, stored, { now, reason, sourceKey });
      const isAwaited = [...this.#waiters].some((one) => one.person && one.profile === settings.profile);
      return { ...situation, isAwaited };
    });
  }

  /** Starts or stops watching whether the user is present. */
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
    const desktop = () => `${this.#effects.desktopMark()} ${this.#presence?.notifies() ?? false}`;
    const kept = new KeptProfile(profile, settings, this.#effects, {
      desktop,
      onOutcome: () => void this.check('outcome'),
    });
    this.#kept.set(profile, kept);
    return kept;
  }
}
