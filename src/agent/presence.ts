import { withTimeout } from '../time/timeout.ts';
import type { PresenceFinding, PresenceSource, TellPresence } from './presence-source.ts';

/** Whether the user can see a prompt now. */
export interface Presence {
  /**
   * Returns why the user would not see a prompt now ("screen locked"), or undefined if the user would, or if that is
   * unknown. Returns what the sources last reported. Also starts sources again that have ended (a lost bus) or look only
   * once (macOS); if they report something else, `onChange` is called.
   */
  held(): string | undefined;
  /** Returns why a notification would not be shown now ("notifications are paused"), or undefined in the same cases. */
  paused(): string | undefined;
  /** Whether a notification service runs, in the same way. */
  notifies(): boolean;
  /** Closes every connection. `onChange` is not called any more. */
  close(): void;
}

/**
 * `held`: the result of `held()` or `paused()` changed. `returned`: the user unlocked the screen, became active again,
 * logged in or resumed notifications, or the machine woke.
 */
type PresenceChange = 'held' | 'returned';

/** How long to wait for the first answers, in milliseconds. Later answers are reported as changes. */
const FIRST_ANSWERS = 2_000;

/**
 * Watches whether the user is at the screen: through logind and the desktops' screen savers, on macOS with `ioreg` and events. A
 * source that is absent or does not answer postpones no prompt. Starts no service, and leaves no timer behind. Always
 * resolves, within two seconds.
 * @param onChange called when `held()` or `paused()` has changed, and when the user has returned
 */
export async function watchPresence(
  environment: NodeJS.ProcessEnv,
  onChange: (what: PresenceChange) => void,
  platform: NodeJS.Platform = process.platform,
): Promise<Presence> {
  const controller = new AbortController();
  const { signal } = controller;
  const { sources, notifications } = await sourcesOn(platform);
  const findings = new Map<PresenceSource, PresenceFinding>(sources.map((source) => [source, 'unknown']));
  const running = new Set<PresenceSource>();
  let settled = false;

  const held = () => {
    for (const [source, finding] of findings) {
      if (source !== notifications && typeof finding === 'object') return finding.away;
    }
    return undefined;
  };
  const paused = () => {
    const finding = notifications && findings.get(notifications);
    return typeof finding === 'object' ? finding.away : undefined;
  };
  const notifies = () => notifications === undefined || findings.get(notifications) !== 'unknown';
  const seen = () => [held(), paused(), notifies()].join();
  const take = (source: PresenceSource, finding: PresenceFinding, woke: boolean) => {
    const [before, was] = [seen(), findings.get(source)];
    findings.set(source, finding);
    if (!settled || signal.aborted) return;
    const back = finding === 'here' && (was === 'no session' || typeof was === 'object') && held() === undefined;
    if (woke || back) onChange('returned');
    else if (seen() !== before) onChange('held');
  };
  /** Starts a source unless it is running. Resolves when the source has reported something. */
  const start = (source: PresenceSource) =>
    new Promise<void>((resolve) => {
      if (running.has(source)) return resolve();
      running.add(source);
      const tell: TellPresence = (finding, woke = false) => {
        take(source, finding, woke);
        resolve();
      };
      const end = () => running.delete(source);
      source(environment, signal, tell)
        .catch(() => tell('unknown'))
        .finally(end);
    });

  await withTimeout(Promise.all(sources.map(start)), FIRST_ANSWERS, () => {});
  settled = true;
  return {
    held: () => {
      if (!signal.aborted) for (const source of sources) void start(source);
      return held();
    },
    paused,
    notifies,
    close: () => controller.abort(),
  };
}

/** Loads only what this platform needs. `notifications`: the source that knows whether notifications are paused, if there is one. */
async function sourcesOn(
  platform: NodeJS.Platform,
): Promise<{ sources: PresenceSource[]; notifications?: PresenceSource }> {
  if (platform === 'darwin') return { sources: [(await import('./macos-presence.ts')).macosPresence] };
  const { logind, screenSavers, notifications } = await import('./desktop-presence.ts');
  return { sources: [logind, screenSavers, notifications], notifications };
}
