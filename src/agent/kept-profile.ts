import type { Logger } from 'pino';
import type { Asking, AskRequest } from '../ask/ask.ts';
import { isDoubtful } from '../policy/doubt.ts';
import { after, FRESH_START, type History, type ProfileEvent } from '../policy/history.ts';
import type { RefreshOutcome } from '../policy/outcome.ts';
import type { Action, Situation } from '../policy/plan.ts';
import type { Standing } from '../policy/standing.ts';
import { standingText } from '../policy/standing.ts';
import * as policyTexts from '../policy/texts.ts';
import { askRequest } from '../refresh/ask-request.ts';
import { outcomeText } from '../refresh/outcome.ts';
import { type RefreshTarget, refreshTarget } from '../refresh/target.ts';
import { SESSION_REFUSED } from '../refresh/usable-session-texts.ts';
import {
  aged,
  dueAt,
  endOf,
  type MfaSession,
  type SessionState,
  type StoredSession,
  stateAt,
  type Verdict,
} from '../session/session.ts';
import type { RememberedExpiry } from '../session/state.ts';
import { dueBefore, type ProfileSettings, type Settings } from '../settings/settings.ts';
import type { Clock } from '../time/clock.ts';
import { utcTime } from '../time/instant.ts';
import type { Ending } from './jobs.ts';

/** What a profile needs from the world around it. */
export interface ProfileEffects {
  clock: Clock;
  /** Asks and refreshes. `onNoWay` receives why, if the prompt only names a command. */
  refresh(
    target: RefreshTarget,
    asking: Asking & { reminder: number; ending: Ending; onNoWay(reason: string, summary: string): void },
  ): Promise<RefreshOutcome>;
  /** Writes a session into the credentials file, like `save` of `RefreshEffects`. */
  save(profile: string, session: MfaSession): Promise<string | undefined>;
  /** Returns whether AWS still accepts the session in a profile; undefined if AWS could not be asked. */
  isAlive(profile: ProfileSettings): Promise<boolean | undefined>;
  /** Returns the end of the snooze that the previous agent remembered, if there was one. */
  snoozedUntil(profile: string): number | undefined;
  /** Remembers the end of a snooze for the next agent. */
  rememberSnooze(profile: string, until: number | undefined): Promise<void>;
  /** Returns whether the previous agent or a command remembered that the session of a profile is forgotten. */
  isForgotten(profile: string): boolean;
  /** Remembers that for the next agent. */
  rememberForgotten(profile: string, isForgotten: boolean): Promise<void>;
  /** Remembers when another tool's session began, for other commands. */
  rememberExpiry(profile: string, expiry: RememberedExpiry): Promise<void>;
  /** Shows the user a message that needs no answer. */
  notice(text: string): void;
  log: Logger;
}

/** One MFA profile, as `status` shows it. Times are milliseconds since the epoch. */
export interface ProfileStatus {
  profile: string;
  state: SessionState;
  expiration?: number;
  standing: Standing;
}

/** Why a check is made. `time`: something that the plan named is due. */
export type CheckReason =
  | 'start'
  | 'schedule'
  | 'time'
  | 'file'
  | 'settings'
  | 'request'
  | 'outcome'
  | 'presence'
  | 'waiting';

/** Returns whether the reason to stop asking may be gone: a file has changed, or the user asked for the check. */
export function mayBeFixed(reason: CheckReason | undefined): boolean {
  return reason === 'file' || reason === 'settings' || reason === 'request';
}

/** What a profile needs from its agent. */
interface AgentOfProfile {
  /** Returns a text that changes when something that the user can be asked on appears or disappears. */
  desktop(): string;
  /** Called when a prompt has ended. */
  onOutcome(): void;
}

interface OpenQuestion {
  target: RefreshTarget;
  /** Closes the prompt when aborted. */
  controller: AbortController;
  /** Repeats the prompt. */
  raise(request: AskRequest): void;
  done: Promise<void>;
  /** Why the prompt only names a command. */
  noWay?: string;
}

/** STS gives sessions of at least 15 minutes. It may take a minute until the agent sees a new one. */
const SHORTEST_SESSION = 14 * 60_000;

/** One MFA profile: what the agent remembers about it between checks, and what it does for it. */
export class KeptProfile {
  #history: History = FRESH_START;
  readonly #profile: string;
  readonly #effects: ProfileEffects;
  readonly #settings: () => Settings;
  readonly #agent: AgentOfProfile;
  /** The open prompt. */
  #question: OpenQuestion | undefined;
  /** A session from STS that is not on disk yet. */
  #session: MfaSession | undefined;
  /**
   * The session at the last check; undefined before the first. `issued` is set if the agent saw another tool write the
   * session.
   */
  #seen: { accessKeyId?: string; issued?: number } | undefined;
  /** The session and its source's key at the last check, and what happened to them since the agent started. */
  #source: { accessKeyId: string; keyId: string | undefined; writtenAt?: number; changedAt?: number } | undefined;
  /** What AWS said last about a session whose end is known. The state file has it, too, if that can be written. */
  #verdict: (Verdict & { accessKeyId: string }) | undefined;
  #isVerifying = false;
  /** While its session is removed, this profile gets no other one. */
  #isForgetting = false;
  /** The desktop mark of the last prompt. */
  #desktopAsked: string | undefined;
  /** The session ended in an outage that may be over. */
  #endIsUnreported = false;
  /** Why no way of asking worked, as the log has it. */
  #unaskableTold: string | undefined;
  /** Why a session could not have been written, as the log has it. */
  #unwritableTold: string | undefined;
  /** Resolves when the last snooze, or that the session is forgotten, has been remembered. */
  #remembering: Promise<void> = Promise.resolve();
  #status: ProfileStatus | undefined;
  /** The access key id of the source's session with which the role was last assumed, or which the agent found first. */
  #sourceKey: string | undefined;
  /** The one at the last check. */
  #sourceKeyNow: string | undefined;
  /** The one with which the role is being assumed. */
  #assumedWith: string | undefined;

  /** @param settings returns the current settings */
  constructor(profile: string, settings: () => Settings, effects: ProfileEffects, agent: AgentOfProfile) {
    this.#profile = profile;
    this.#settings = settings;
    this.#effects = effects;
    this.#agent = agent;
    const snoozedUntil = effects.snoozedUntil(profile);
    this.#history = {
      ...FRESH_START,
      ...(snoozedUntil !== undefined && { snoozedUntil }),
      ...(effects.isForgotten(profile) && { forgotten: true }),
    };
  }

  /** The status at the last check; undefined before the first. */
  get status(): ProfileStatus | undefined {
    return this.#status;
  }

  /** Whether it holds a session that is not on disk yet. */
  get holdsSession(): boolean {
    return this.#session !== undefined;
  }

  /** Whether no way of asking worked the last time. */
  get isUnaskable(): boolean {
    return this.#history.unaskable !== undefined;
  }

  /** Shifts all remembered times after the clock was set. @param by milliseconds; positive: the clock was set forward */
  clockSet(by: number): void {
    this.#happened({ kind: 'clock-set', by });
  }

  /**
   * Postpones prompts. Resolves when the snooze has been remembered for the next agent.
   * @param until milliseconds since the epoch; undefined ends a snooze
   */
  async snooze(until: number | undefined): Promise<void> {
    this.#happened({ kind: 'snoozed', until });
    await this.#remembering;
  }

  /** Stops treating the session as forgotten: the user wants one. */
  wanted(): void {
    this.#happened({ kind: 'wanted' });
  }

  /** Closes the prompt. Resolves when nothing is under way; nothing begins before {@link endForgetting}. */
  async beginForgetting(): Promise<void> {
    this.#isForgetting = true;
    await this.close();
  }

  /**
   * Resolves when it has been remembered for the next agent.
   * @param what the session in memory is dropped; with `profile`, there is none until the user wants one. Undefined if the
   *   session could not be removed
   */
  async endForgetting(what: 'session' | 'profile' | undefined): Promise<void> {
    this.#isForgetting = false;
    if (what === 'profile') this.#happened({ kind: 'forgotten' });
    else if (what === 'session' && this.#session) this.#happened({ kind: 'written' });
    if (what !== undefined) this.#session = undefined;
    await this.#remembering;
  }

  /** Brings the next prompt forward for a command that waits. @param person whether a user sits at it */
  awaited(person: boolean): void {
    this.#happened({ kind: 'awaited', person });
  }

  /**
   * Returns what the plan needs to know about this profile.
   * @param stored what the profile holds in the credentials file
   * @param at `sourceKey`: the access key id of the session in its source profile
   */
  situation(
    settings: ProfileSettings,
    stored: StoredSession,
    { now, reason, sourceKey }: { now: number; reason: CheckReason; sourceKey: string | undefined },
  ): Situation {
    this.#lookAtDesktop(reason);
    const found = this.#session ? ({ kind: 'session', ...this.#session } as const) : this.#judged(stored, now);
    const session = aged(this.#started(found, settings, { now, reason }), settings);
    const before = dueBefore(this.#settings(), settings);
    const state = stateAt(session, now, before);
    const role = settings.role?.isChained
      ? { source: settings.sourceProfile, isSourceNew: this.#isSourceNew(sourceKey) }
      : undefined;
    // A fresh session does not end a stop if the role should be assumed again.
    const isNew = session.kind === 'session' && !this.#isForgetting;
    const looked = { state: role?.isSourceNew ? 'due' : state, mayBeFixed: mayBeFixed(reason), isNew } as const;
    this.#happened({ kind: 'checked', ...looked });
    // With another session of its source, a role is assumed again.
    const { writtenAt, changedAt } = this.#source ?? {};
    const seen = { writtenAt, sourceChangedAt: role ? undefined : changedAt };
    const { serialNumber = '' } = settings;
    const expiration = endOf(session);
    const awsEnd = session.kind === 'session' && session.expiration !== expiration ? session.expiration : undefined;
    return {
      profile: this.#profile,
      serialNumber,
      state,
      expiration,
      awsEnd,
      due: dueAt(session, before),
      isDoubtful: state !== 'due' && isDoubtful(session, settings.durationSeconds, now, seen),
      byNotification: this.#byNotification(settings),
      ...(role && { role }),
      history: this.#isForgetting ? { ...this.#history, forgotten: true } : this.#history,
    };
  }

  /** Returns whether the source has another session than the one with which the role was last assumed. */
  #isSourceNew(sourceKey: string | undefined): boolean {
    this.#sourceKey ??= sourceKey;
    this.#sourceKeyNow = sourceKey;
    return sourceKey !== undefined && sourceKey !== this.#sourceKey;
  }

  /** The role is being assumed with the session that its source had at the last check. */
  assuming(): void {
    this.#assumedWith = this.#sourceKeyNow;
    this.#happened({ kind: 'assuming' });
  }

  /**
   * Reports and records whether the role was assumed.
   * @param isTold whether the user was told about another role at the same time: one notice is enough
   * @returns whether the user was told
   */
  assumed(outcome: RefreshOutcome, isTold: boolean): boolean {
    const settings = this.#own();
    const notices: string[] = [];
    const text = settings ? outcomeText(settings, outcome, this.#effects.clock.now()) : '';
    const ending = { history: this.#history, expiration: this.#status?.expiration, jitter: Math.random() };
    if (outcome.kind === 'refreshed' || outcome.kind === 'unsaved') this.#sourceKey = this.#assumedWith;
    this.#settle(outcome, { text, ending, noWay: undefined, notice: (text) => notices.push(text) });
    if (!isTold && notices[0] !== undefined) this.#effects.notice(notices[0]);
    return notices.length > 0;
  }

  /** The settings of the profile have changed: a session of the old role is not one of the new. */
  settingsChanged(): void {
    this.#sourceKey = '';
    this.#assumedWith = '';
  }

  /** Returns a session with what AWS said about it, as far as this agent or another process has asked. */
  #judged(stored: StoredSession, now: number): StoredSession {
    if (stored.kind !== 'session') {
      this.#verdict = undefined;
      return stored;
    }
    const { accessKeyId, sourceKeyId: keyId } = stored;
    const before = this.#source;
    if (before?.accessKeyId !== accessKeyId)
      this.#source = { accessKeyId, keyId, ...(this.#seen && { writtenAt: now }) };
    else if (keyId !== undefined && keyId !== before.keyId) this.#source = { ...before, keyId, changedAt: now };
    const own = this.#verdict?.accessKeyId === accessKeyId ? this.#verdict : undefined;
    const verdict = own && own.askedAt > (stored.verdict?.askedAt ?? 0) ? own : stored.verdict;
    this.#verdict = verdict && { ...verdict, accessKeyId };
    return { ...stored, ...(verdict && { verdict }) };
  }

  /** If no way of asking works, asks again as soon as one may work. */
  #lookAtDesktop(reason: CheckReason): void {
    const hasChanged =
      this.isUnaskable && this.#desktopAsked !== undefined && this.#desktopAsked !== this.#agent.desktop();
    if (hasChanged) this.#happened({ kind: 'desktop-changed' });
    if (this.#question?.noWay !== undefined && (hasChanged || mayBeFixed(reason))) this.withdraw();
  }

  /**
   * Returns the session with the time at which it began, if that is known. If another tool has just written a session that
   * would be due at once, it began when the file changed, unless STS cannot have given it then.
   */
  #started(found: StoredSession, settings: ProfileSettings, { now, reason }: { now: number; reason: CheckReason }) {
    const before = this.#seen;
    this.#seen = found.kind === 'session' ? { accessKeyId: found.accessKeyId } : {};
    if (found.kind !== 'session' || found.issued !== undefined || found.expiration === undefined) return found;
    const { accessKeyId, expiration } = found;
    if (before?.accessKeyId === accessKeyId) {
      this.#seen = before;
      return before.issued === undefined ? found : { ...found, issued: before.issued };
    }
    const isDue = stateAt(aged(found, settings), now, dueBefore(this.#settings(), settings)) === 'due';
    if (!before || reason !== 'file' || !isDue || expiration - now < SHORTEST_SESSION) return found;
    this.#seen = { accessKeyId, issued: now };
    void this.#effects.rememberExpiry(this.#profile, { accessKeyId, expiration, issued: now }).catch(() => {});
    return { ...found, issued: now };
  }

  /** Records the profile's standing; logs it if it changed. */
  stands({ state, expiration }: Situation, standing: Standing): void {
    const { log, clock } = this.#effects;
    const isRepeated = this.#history.unaskable !== undefined || (this.#history.outage?.times ?? 0) > 1;
    const isTold = isRepeated && /^(asking|waiting)$/.test(standing.standing);
    const before = this.#status;
    if (!isTold && (before?.state !== state || before.standing.standing !== standing.standing)) {
      const facts = { state, ...standing, ...(expiration && { expiration: utcTime(expiration) }) };
      log.info({ profile: this.#profile, ...facts }, standingText(state, standing, clock.now()));
    }
    // While AWS cannot be reached, the agent does not ask for a code, so no prompt says that the session has ended. If the
    // agent is just trying AWS or asking again, it is known only later whether the outage goes on.
    const isTrying = /^(asking|queued|unanswered|assuming)$/.test(standing.standing);
    const isUnreported = this.#history.outage !== undefined && state === 'expired';
    this.#endIsUnreported = isUnreported && (before?.state === 'due' || this.#endIsUnreported);
    if (this.#endIsUnreported && !isTrying && expiration !== undefined) {
      this.#endIsUnreported = false;
      this.#effects.notice(policyTexts.endedInOutage(this.#profile, expiration, this.#history.problem, clock.now()));
    }
    const end = expiration === undefined ? {} : { expiration };
    this.#status = { profile: this.#profile, state, standing, ...end };
  }

  /** @returns whether another check is needed at once */
  async act(action: Action, situation: Situation): Promise<boolean> {
    switch (action.do) {
      case 'ask':
        this.#ask(situation, action.reminder);
        return false;
      case 'remind':
        this.#remind(situation, action.reminder);
        return false;
      case 'yield':
        this.#happened({ kind: 'yielded' });
        this.withdraw();
        return false;
      case 'withdraw':
        this.withdraw();
        return false;
      case 'save':
        return this.save();
      case 'assume':
        // The agent has all roles assumed at once.
        return false;
      case 'verify':
        if (situation.state === 'unknown') return this.#verify();
        void this.#reconsider();
        return false;
    }
  }

  withdraw(): void {
    this.#question?.controller.abort();
  }

  /** Closes the prompt. Resolves when its outcome is known. */
  async close(): Promise<void> {
    this.withdraw();
    await this.#question?.done;
    await this.#remembering;
  }

  /**
   * Writes a session that could not be written before.
   * @returns whether it was written
   */
  async save(): Promise<boolean> {
    const { log } = this.#effects;
    const [profile, session] = [this.#profile, this.#session];
    if (!session) return false;
    try {
      const lost = await this.#effects.save(profile, session);
      this.#session = undefined;
      this.#happened({ kind: 'written' });
      log.info({ profile }, 'the session kept in memory is written now');
      if (lost !== undefined) log.warn({ profile }, lost);
      return true;
    } catch (error) {
      log.debug({ err: error, profile }, 'the session cannot be written yet');
      return false;
    }
  }

  #ask({ profile, expiration, awsEnd }: Situation, reminder: number): void {
    const settings = this.#own();
    // The settings may have changed during the check.
    if (settings?.serialNumber === undefined) return;
    this.#happened({ kind: 'prompted', reminder, expiration: awsEnd ?? expiration });
    const controller = new AbortController();
    let raise: (request: AskRequest) => void = () => {};
    const { outage, problem = this.#verdict?.alive === false ? SESSION_REFUSED : undefined } = this.#history;
    const afterOutage = outage !== undefined;
    const target = { ...refreshTarget(this.#settings(), settings, expiration), awsEnd, afterOutage, problem };
    const ending = { history: this.#history, expiration: awsEnd ?? expiration, jitter: Math.random() };
    const onNoWay = (reason: string, summary: string) => {
      if (this.#question) this.#question.noWay = summary;
      this.#tellUnaskable(reason);
      this.#happened({ kind: 'no-way', reason: summary });
      this.#agent.onOutcome();
    };
    this.#desktopAsked = this.#agent.desktop();
    const asking = {
      ...{ reminder, ending, onNoWay },
      signal: controller.signal,
      onChange: (listener: (request: AskRequest) => void) => {
        raise = listener;
      },
      onOpen: () => this.#happened({ kind: 'field-opened' }),
    };
    const unexpected = (error: unknown): RefreshOutcome => {
      this.#effects.log.error({ err: error, profile }, 'refresh failed');
      return { kind: 'unaskable', reason: 'an unexpected error; the log has it' };
    };
    const done = this.#effects
      .refresh(target, asking)
      .catch(unexpected)
      .then((outcome) => {
        const noWay = this.#question?.noWay;
        this.#question = undefined;
        this.#settle(outcome, { text: outcomeText(target, outcome, this.#effects.clock.now()), ending, noWay });
        this.#agent.onOutcome();
      });
    this.#question = { target, controller, raise: (request) => raise(request), done };
  }

  #remind({ expiration, awsEnd }: Situation, reminder: number): void {
    this.#happened({ kind: 'prompted', reminder, expiration: awsEnd ?? expiration });
    const question = this.#question;
    question?.raise(askRequest({ ...question.target, expiration, awsEnd }, this.#effects.clock.now(), { reminder }));
  }

  /**
   * Reports and records how a prompt ended.
   * @param text the outcome in words
   */
  #settle(
    outcome: RefreshOutcome,
    {
      text,
      ending,
      noWay,
      notice = this.#effects.notice,
    }: { text: string; ending: Ending; noWay: string | undefined; notice?(text: string): void },
  ): void {
    this.#tell(outcome, text, notice);
    if (outcome.kind === 'unsaved') this.#session = outcome.session;
    const { expiration, jitter } = ending;
    this.#happened({ kind: 'prompt-ended', outcome, noWay, expiration, jitter });
    if (outcome.kind === 'refused' && this.#history.stopped) notice(text);
  }

  /** The only place that changes the history. */
  #happened(event: ProfileEvent): void {
    const { promptBefore, remindEvery } = this.#settings();
    const before = this.#history;
    this.#history = after(before, event, { now: this.#effects.clock.now(), promptBefore, remindEvery });
    const { snoozedUntil, forgotten } = this.#history;
    const { rememberSnooze, rememberForgotten } = this.#effects;
    if (snoozedUntil !== before.snoozedUntil) this.#remember(() => rememberSnooze(this.#profile, snoozedUntil));
    if (forgotten !== before.forgotten) this.#remember(() => rememberForgotten(this.#profile, forgotten === true));
  }

  /** Once for each reason. */
  #tellUnaskable(reason: string): void {
    if (this.isUnaskable && this.#unaskableTold === reason) return;
    this.#unaskableTold = reason;
    this.#effects.log.warn({ profile: this.#profile }, policyTexts.cannotAskHere(reason));
  }

  #remember(write: () => Promise<void>): void {
    const { log } = this.#effects;
    const profile = this.#profile;
    this.#remembering = this.#remembering
      .then(write)
      .catch((error) =>
        log.warn({ err: error, profile }, 'a snooze or forget will not survive a restart of the agent'),
      );
  }

  #tell(outcome: RefreshOutcome, text: string, notice: (text: string) => void): void {
    const { log } = this.#effects;
    const profile = this.#profile;
    switch (outcome.kind) {
      case 'refreshed':
        this.#unwritableTold = undefined;
        log.info({ profile, expiration: utcTime(outcome.session.expiration) }, 'session refreshed');
        if (outcome.lost !== undefined) log.warn({ profile }, outcome.lost);
        return;
      case 'unsaved':
        log.error({ profile, reason: outcome.reason }, 'the session could not be written; it is kept in memory');
        notice(text);
        return;
      case 'snoozed':
      case 'dismissed':
      case 'withdrawn':
        return;
      case 'unaskable':
        this.#tellUnaskable(outcome.reason);
        return;
      case 'unwritable':
        if (this.#unwritableTold === outcome.reason) return;
        this.#unwritableTold = outcome.reason;
        log.error({ profile, reason: outcome.reason }, 'a session could not be written, so no code is asked for');
        notice(text);
        return;
      case 'no-keys':
        log.error({ profile, reason: outcome.reason }, 'no long-term keys');
        notice(text);
        return;
      case 'refused': {
        const { kind } = outcome.failure;
        log[this.#history.outage?.kind === kind ? 'debug' : 'warn']({ profile, refusal: kind }, text);
        return;
      }
    }
  }

  async #verify(): Promise<boolean> {
    const settings = this.#own();
    if (!settings) return false;
    this.#happened({ kind: 'verified', alive: await this.#effects.isAlive(settings) });
    return true;
  }

  /** Asks AWS whether it still accepts the session, while the checks go on. */
  async #reconsider(): Promise<void> {
    const [settings, accessKeyId] = [this.#own(), this.#seen?.accessKeyId];
    if (!settings || accessKeyId === undefined || this.#isVerifying) return;
    const { log, clock } = this.#effects;
    this.#isVerifying = true;
    const answer = await this.#effects.isAlive(settings).catch((error) => {
      log.error({ err: error, profile: this.#profile }, 'AWS could not be asked about the session');
      return undefined;
    });
    this.#isVerifying = false;
    if (this.#seen?.accessKeyId !== accessKeyId) return;
    const before = { alive: true, at: 0, ...this.#verdict };
    const now = clock.now();
    this.#verdict =
      answer === undefined
        ? { ...before, accessKeyId, askedAt: now }
        : { alive: answer, at: now, accessKeyId, askedAt: now };
    const { alive } = this.#verdict;
    if (alive === before.alive) return;
    if (!alive) log.warn({ profile: this.#profile }, SESSION_REFUSED);
    this.#agent.onOutcome();
  }

  /** Returns whether the first thing that the user would see is a notification. */
  #byNotification({ mfaProcess }: ProfileSettings): boolean {
    const { prompt } = this.#settings();
    const [first] = (prompt === 'auto' ? ['mfa_process', 'notification'] : prompt).filter(
      (name) => name !== 'mfa_process' || mfaProcess !== undefined,
    );
    return first === 'notification';
  }

  #own(): ProfileSettings | undefined {
    return this.#settings().profiles.find(({ profile }) => profile === this.#profile);
  }
}
