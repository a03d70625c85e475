import { isatty } from 'node:tty';
import type { Logger } from 'pino';
import { endpointOf } from '../aws/endpoint.ts';
import { UserError } from '../errors.ts';
import { readSessions } from '../refresh/held-session.ts';
import type { View } from '../service/view.ts';
import {
  forgetNotifications,
  isForgotten,
  type LeftNotification,
  readState,
  rememberExpiry,
  rememberForgotten,
  rememberSnooze,
} from '../session/state.ts';
import { readAwsSettings } from '../settings/aws-settings.ts';
import type { Settings } from '../settings/settings.ts';
import type { Clock } from '../time/clock.ts';
import type { AgentEffects } from './agent.ts';
import { desktopMark } from './desktop-mark.ts';
import { runJob } from './job.ts';
import type { RefreshJob, Tell } from './jobs.ts';
import { networkProblem } from './network.ts';

/** What an agent needs only if systemd or launchd has started it. */
export interface InsideService extends View {
  /** Makes the next prompts appear on the current desktop. */
  takeDesktop(): Promise<void>;
  /** Ends the agent so that the service manager restarts it. */
  startAnew(why: string): void;
}

/**
 * Connects the agent to the real world. A child does everything that takes much memory (see `job.ts`), so that an idle
 * agent stays small.
 * @param settings returns the current settings
 * @param service undefined if neither systemd nor launchd has started the agent
 */
export function agentEffects(
  settings: () => Settings,
  service: InsideService | undefined,
  { clock, log }: { clock: Clock; log: Logger },
): Omit<AgentEffects, 'checked'> {
  return {
    clock,
    log,
    readSessions: async (profiles) => readSessions(settings().files, profiles),
    refresh: async (target, asking) => {
      await service?.takeDesktop();
      const why = service?.outdated();
      if (why !== undefined) {
        service?.startAnew(why);
        return { kind: 'withdrawn' };
      }
      const reason = service?.unwritable();
      if (reason !== undefined) return { kind: 'unaskable', reason };
      const { reminder, ending } = asking;
      const job = { settings: settings(), target, reminder, ending, clockOffset: clock.offset };
      const { outcome, clockOffset, offer } = await refreshWhere(job, asking, (text, level, summary) =>
        level === 'no way' ? asking.onNoWay(text, summary ?? text) : log[level](text),
      ).catch(async (error) => {
        const { state } = job.settings.files;
        await closeLeft(state, service, hasEnded).catch((err) => log.debug({ err }, CANNOT_CLOSE_LEFT));
        throw error;
      });
      clock.learn(clockOffset);
      if (offer) {
        log.info({ profile: target.profile }, offer.text);
        // It is on the screen until the user has seen it.
        runJob({ do: 'offer', input: offer }).catch((error) => log.debug({ err: error }, 'no notification was shown'));
      }
      return outcome;
    },
    assume: async (profiles, signal) => {
      const job = { do: 'assume', input: { settings: settings(), profiles, clockOffset: clock.offset } } as const;
      const { outcomes, clockOffset } = await runJob(job, { signal });
      clock.learn(clockOffset);
      return outcomes;
    },
    // Imported late: usually the child writes the session.
    save: async (profile, session) =>
      (await import('../refresh/effects.ts')).saveSession(settings().files, profile, session),
    isAlive: async (profile) => {
      const input = { files: settings().files, profile, clockOffset: clock.offset };
      const { alive, clockOffset } = await runJob({ do: 'verify', input });
      clock.learn(clockOffset);
      return alive;
    },
    snoozedUntil: (profile) => {
      const { files } = settings();
      return readState(files.state).snoozes[files.credentials]?.[profile];
    },
    isForgotten: (profile) => isForgotten(settings().files, profile),
    rememberForgotten: (profile, forgotten) => {
      const { files } = settings();
      return rememberForgotten(files.state, files.credentials, profile, forgotten);
    },
    forget: async (profile, roles) => {
      const outcome = await runJob({ do: 'forget', input: { files: settings().files, profile, roles } });
      if ('problem' in outcome) throw new UserError(outcome.problem);
      return outcome;
    },
    rememberExpiry: (profile, expiry) => {
      const { files } = settings();
      return rememberExpiry(files.state, files.credentials, profile, expiry);
    },
    rememberSnooze: (profile, until) => {
      const { files } = settings();
      return rememberSnooze(files.state, files.credentials, profile, until);
    },
    desktopMark: () => desktopMark(process.env),
    takeDesktop: async () => service?.takeDesktop(),
    obstacle: () => networkProblem(() => endpointHosts(settings())),
    watchPresence: async (onChange) => (await import('./presence.ts')).watchPresence(process.env, onChange),
    notice: (text) => void import('../ask/desktop/notice.ts').then(({ notice }) => notice(text)),
  };
}

/**
 * Closes notifications whose process was killed, and no longer reads the answer to them.
 * @param folder of the state file
 * @param isLeft selects from the remembered ones; an agent that has just started closes all
 */
export async function closeLeft(
  folder: string,
  service: InsideService | undefined,
  isLeft: (one: LeftNotification) => boolean = () => true,
): Promise<void> {
  const left = readState(folder).notifications.filter(isLeft);
  if (left.length === 0) return;
  await service?.takeDesktop();
  await runJob({ do: 'closeLeft', input: left });
  await forgetNotifications(folder, left);
}

export const CANNOT_CLOSE_LEFT = 'cannot close the notifications of a killed process';

/** Whether the child that showed a notification has ended. Of another process, this would also call a zombie alive. */
function hasEnded({ shownBy }: LeftNotification): boolean {
  if (shownBy === undefined) return false;
  try {
    process.kill(shownBy, 0);
    return false;
  } catch {
    return true;
  }
}

/** Returns the hosts of the endpoints that are set for the profiles, without wrong settings, which a refresh reports. */
function endpointHosts({ files, profiles }: Settings): string[] {
  const settingsOf = orNone(() => readAwsSettings(files));
  const endpoints = profiles.map((one) => orNone(() => settingsOf && endpointOf('STS', settingsOf(one), process.env)));
  return endpoints.flatMap((one) => (one ? [new URL(one.url).hostname] : []));
}

function orNone<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

async function refreshWhere(job: RefreshJob, asking: Parameters<AgentEffects['refresh']>[1], tell: Tell) {
  // Only a process that keeps reading the terminal also gets what the user typed ahead for the next prompt.
  const onTerminal = isatty(0) || job.settings.prompt.includes('terminal');
  if (onTerminal) return (await import('./jobs.ts')).refreshJob(job, asking, tell);
  return runJob({ do: 'refresh', input: job }, { ...asking, tell });
}
