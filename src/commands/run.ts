import { isatty } from 'node:tty';
import type { Logger } from 'pino';
import { Agent } from '../agent/agent.ts';
import { agentEffects, CANNOT_CLOSE_LEFT, closeLeft } from '../agent/effects.ts';
import { runJob } from '../agent/job.ts';
import { createLog, isJournal } from '../agent/log.ts';
import { schedule } from '../agent/schedule.ts';
import * as agentTexts from '../agent/texts.ts';
import type { GlobalOptions } from '../cli/options.ts';
import { countRevisions } from '../control/revisions.ts';
import { agentRoutes } from '../control/routes.ts';
import { serveControl } from '../control/server.ts';
import { statusOf, UserError } from '../errors.ts';
import { exposure } from '../files/exposure.ts';
import { watchFile } from '../files/watch.ts';
import { packageVersion } from '../package-file.ts';
import { requireDevice } from '../refresh/target.ts';
import type { ServiceManager } from '../service/notify.ts';
import { type Paths, pathsOf, userHome } from '../settings/paths.ts';
import type { Settings } from '../settings/settings.ts';
import { lacksDevice, requireValidSchedule, userSettings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';
import { deferred } from '../time/deferred.ts';

/** Exit status at which systemd and launchd restart the agent (EX_TEMPFAIL of sysexits.h). */
const RESTART = 75;

/** How long it may take to work out the next check while a busy machine starts, in milliseconds. */
const SOON_KNOWN = 5_000;

/** Runs the agent in the foreground. Ends on SIGTERM and SIGINT; SIGHUP reads the settings again. */
export async function run(options: GlobalOptions): Promise<void> {
  const journal = isJournal(process.env.JOURNAL_STREAM);
  const log = createLog({ debug: options.debug ?? false, terminal: isatty(2), journal });
  const manager = process.env.NOTIFY_SOCKET
    ? (await import('../service/notify.ts')).serviceManager(process.env, (reason) =>
        log.warn({ reason }, 'cannot report the status to systemd'),
      )
    : undefined;
  const isLaunchd = process.env.XPC_SERVICE_NAME !== undefined && (await startsAsLaunchdJob());
  try {
    await keepFresh(options, log, manager, isLaunchd);
  } catch (error) {
    const { message } = error as Error;
    manager?.status(message);
    if (!journal || options.debug) throw error;
    log.fatal(message);
    process.exitCode = statusOf(error);
  }
}

async function keepFresh(
  options: GlobalOptions,
  log: Logger,
  manager: ServiceManager | undefined,
  isLaunchd: boolean,
): Promise<void> {
  const load = async () => {
    const read = withDevice(userSettings(options));
    await requireValidSchedule(read, isSchedule);
    return read;
  };
  let settings = await load();
  const version = packageVersion();
  let unusedSettings: string | undefined;
  const { promise: outdated, resolve: startAnew } = deferred<string>();
  const { promise: superseded, resolve: replaced } = deferred<string>();

  const clock = new Clock();
  const inside = manager
    ? await insideSystemd(settings.files, version)
    : isLaunchd
      ? await insideLaunchd(settings.files, version)
      : undefined;
  const service = inside && { ...inside, startAnew };
  const revisions = countRevisions();
  const agent = new Agent(settings, {
    ...agentEffects(() => settings, service, { clock, log }),
    checked: () => {
      void keepSocket();
      revisions.tell(JSON.stringify(agent.status()));
      if (!manager) return;
      const standing = agentTexts.serviceStatus(agent.status(), clock.now());
      manager.status(unusedSettings ? `${standing}; ${unusedSettings}` : standing);
      alive();
    },
  });
  const control = await serveControl(
    settings.files.runtime,
    agentRoutes(agent, () => settings, { revisions, version }),
  );
  let isRestoring = false;
  let lostFor: string | undefined;
  /** Looks for the socket: its folder may have been removed (WSL does), and commands would then start a second agent. */
  const keepSocket = async () => {
    if (isRestoring) return;
    isRestoring = true;
    try {
      const { runtime } = pathsOf(process.env, userHome(), options.config);
      if (await control.restore(runtime)) log.warn({ folder: runtime }, 'the socket was gone; it is open again');
      lostFor = undefined;
    } catch (error) {
      const { message } = error as Error;
      if (error instanceof UserError && error.code === 'locked') replaced(message);
      // A service manager makes the folder when it starts the agent.
      else if (service) startAnew(`the folder of the socket is gone: ${message}`);
      else if (message !== lostFor) log.error({ err: error }, 'cannot open the socket again');
      lostFor = message;
    }
    isRestoring = false;
  };
  log.info({ version, profiles: settings.profiles.map(({ profile }) => profile) }, 'the agent runs');

  /** Reports to systemd that the agent is alive until the next check. */
  const alive = () => {
    const next = checks.next();
    manager?.alive(next === undefined ? SOON_KNOWN : Math.max(0, next - Date.now()));
  };
  const scheduled = () =>
    schedule(settings.check, upcoming, {
      call: () => void agent.check('schedule'),
      known: alive,
      failed: (error) => log.error({ err: error }, 'cannot work out when the next check is'),
      after: (delay, call) => clock.after(delay, call),
    });
  let checks = scheduled();
  const reload = async () => {
    manager?.reloading();
    try {
      settings = await load();
      unusedSettings = undefined;
      checks.stop();
      checks = scheduled();
      log.info('settings reloaded');
    } catch (error) {
      log.error({ err: error }, 'the new settings are not used');
      unusedSettings = `the new settings are not used: ${(error as Error).message}`;
    }
    await agent.reload(settings);
    manager?.ready();
  };
  /** The credentials file can hold settings too: those of a source profile. */
  const credentialsChanged = async () => {
    const read = await load().catch(() => undefined);
    const isNew = unusedSettings !== undefined || JSON.stringify(read) !== JSON.stringify(settings);
    await (read !== undefined && isNew ? reload() : agent.check('file'));
  };
  const { company } = settings.files;
  const watches = [
    watchFile(settings.files.credentials, () => void credentialsChanged()),
    watchFile(settings.files.config, () => void reload()),
    watchFile(settings.files.settings, () => void reload()),
    ...(company === undefined ? [] : [watchFile(company, () => void reload())]),
  ];
  manager?.ready();
  void agent.check('start');
  closeLeft(settings.files.state, service).catch((err) => log.debug({ err }, CANNOT_CLOSE_LEFT));
  const exposed = exposure(settings.files.credentials);
  if (exposed) log.warn(exposed);
  if (inside?.unsaved) log.warn(inside.unsaved);

  // In a terminal, a hang-up means that the terminal was closed, which ends the agent.
  const onTerminal = isatty(0) || isatty(2);
  if (!onTerminal) process.on('SIGHUP', () => void reload());
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT', ...(onTerminal ? (['SIGHUP'] as const) : [])] as const) {
      process.once(name, resolve);
    }
  });
  const reason = await Promise.race([
    stopped.then((signal) => ({ signal })),
    outdated.then((why) => ({ why, status: RESTART })),
    superseded.then((why) => ({ why, status: 1 })),
  ]);
  log.info('why' in reason ? { why: reason.why } : reason, 'the agent stops');
  manager?.stopping();
  for (const watch of watches) watch.close();
  checks.stop();
  await agent.stop();
  await control.close();
  // Node 20 aborts if it exits after its terminal was closed.
  if ('signal' in reason && reason.signal === 'SIGHUP') {
    process.removeAllListeners(reason.signal).kill(process.pid, reason.signal);
  }
  // A timer that a closed prompt has left behind must not keep the process.
  process.exit('status' in reason ? reason.status : 0);
}

/** Returns the times of the next checks, computed by node-cron in a child process if one can be started. */
async function upcoming(expression: string): Promise<number[]> {
  try {
    return await runJob({ do: 'upcoming', input: expression });
  } catch {
    return (await import('../agent/upcoming.ts')).upcomingChecks(expression);
  }
}

/** Returns whether node-cron accepts an expression, in a child process if one can be started. */
async function isSchedule(expression: string): Promise<boolean> {
  try {
    return await runJob({ do: 'isSchedule', input: expression });
  } catch {
    return (await import('node-cron')).validate(expression);
  }
}

/** Returns whether launchd has started this agent as its job. Cuts the log of the job if so. Loaded only on macOS. */
async function startsAsLaunchdJob(): Promise<boolean> {
  const { cutLog, isLaunchdJob, logFiles } = await import('../service/macos-job.ts');
  if (!isLaunchdJob(process.env)) return false;
  for (const file of logFiles(userHome())) cutLog(file);
  return true;
}

/** Loaded only under launchd, which neither restricts where the agent may write nor has a desktop that starts later. */
async function insideLaunchd(files: Paths, version: string) {
  const { viewOfService } = await import('../service/view.ts');
  return { ...viewOfService(files, version), unwritable: () => undefined, takeDesktop: async () => {} };
}

/** Loaded only under systemd. */
async function insideSystemd(files: Paths, version: string) {
  const [{ takeDesktopEnvironment }, { viewOfService }] = await Promise.all([
    import('../service/desktop-environment.ts'),
    import('../service/view.ts'),
  ]);
  const takeDesktop = () => takeDesktopEnvironment(process.env);
  return { takeDesktop, ...viewOfService(files, version) };
}

/** Returns the settings. @throws UserError if no profile has an MFA device: such an agent could refresh nothing. */
function withDevice(settings: Settings): Settings {
  const asked = settings.profiles.filter(({ role }) => !role?.isChained);
  if (asked[0] && asked.every(lacksDevice)) requireDevice(settings, asked[0]);
  return settings;
}
