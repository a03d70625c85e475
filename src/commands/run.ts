import { homedir } from 'node:os';
import cron from 'node-cron';
import type { Logger } from 'pino';
import { Agent } from '../agent.ts';
import { createAsk } from '../ask/choose.ts';
import { notice } from '../ask/notice.ts';
import { Clock } from '../clock.ts';
import { loadSettings, type Settings } from '../config.ts';
import { serveControl } from '../control.ts';
import { exposure } from '../credentials/exposure.ts';
import { watchFile } from '../credentials/watch.ts';
import { parseDuration } from '../duration.ts';
import { UserError } from '../errors.ts';
import { createLog, isJournal } from '../log.ts';
import * as messages from '../messages.ts';
import { networkProblem } from '../network.ts';
import type { GlobalOptions } from '../program.ts';
import { rememberCodes } from '../refresh.ts';
import type { ServiceManager } from '../service/notify.ts';
import { isAlive, readSessions, refreshEffects, saveSession } from './effects.ts';

/** By this, `systemd/aws-mfa-agent.service` knows that the agent wants to be started anew (EX_TEMPFAIL of sysexits.h). */
const START_ANEW = 75;

/** The agent in the foreground. Ends on SIGTERM and SIGINT; SIGHUP reads the settings again. */
export async function run(options: GlobalOptions, version: string): Promise<void> {
  const journal = isJournal(process.env.JOURNAL_STREAM);
  const log = createLog({ debug: options.debug ?? false, terminal: process.stderr.isTTY, journal });
  const manager = process.env.NOTIFY_SOCKET
    ? (await import('../service/notify.ts')).serviceManager(process.env, (reason) =>
        log.warn({ reason }, 'systemd cannot be told how the agent is'),
      )
    : undefined;
  try {
    await keepFresh(options, version, log, manager);
  } catch (error) {
    const { message } = error as Error;
    manager?.status(message);
    if (!journal || options.debug) throw error;
    log.fatal(message);
    process.exitCode = error instanceof UserError ? error.status : 1;
  }
}

async function keepFresh(
  options: GlobalOptions,
  version: string,
  log: Logger,
  manager: ServiceManager | undefined,
): Promise<void> {
  const load = () => loadSettings({ env: process.env, home: homedir(), configFile: options.config }).then(withDevice);
  let settings = await load();

  const service = manager && (await insideService(settings.files.credentials, version));
  let startAnew: (why: string) => void = () => {};
  const outdated = new Promise<string>((resolve) => {
    startAnew = resolve;
  });
  let unusedSettings: string | undefined;

  const clock = new Clock();
  const codes = rememberCodes();
  const agent = new Agent(settings, {
    clock,
    log,
    readSessions: (profiles) => readSessions(settings.files, profiles),
    refresh: async (target, asking) => {
      const { refresh } = await import('../refresh.ts');
      const profile = settings.profiles.find((one) => one.profile === target.profile);
      if (!profile) return { kind: 'withdrawn' };
      await service?.takeDesktop();
      const why = service?.outdated();
      if (why !== undefined) {
        startAnew(why);
        return { kind: 'withdrawn' };
      }
      const reason = service?.unwritable();
      if (reason !== undefined) return { kind: 'unaskable', reason };
      // Who names the terminal means it, also where standard input is a pipe.
      const standardInput = settings.prompt.includes('terminal');
      const tell = (text: string) => log.info(text);
      const warn = (text: string) => log.warn(text);
      const { ask } = createAsk(settings, profile, { standardInput, tell, warn });
      return refresh(target, asking, refreshEffects(settings, profile, { ask, clock, codes }));
    },
    save: (profile, session) => saveSession(settings.files, profile, session),
    isAlive: (profile) => isAlive(settings.files, profile, clock),
    obstacle: networkProblem,
    watchPresence: async (onChange) => (await import('../presence.ts')).watchPresence(process.env, onChange),
    notice: (text) => void notice(text),
    checked: () => {
      const standing = messages.serviceStatus(agent.status(), clock.now());
      manager?.status(unusedSettings ? `${standing}; ${unusedSettings}` : standing);
      const next = schedule.getNextRun();
      if (next) manager?.alive(Math.max(0, next.getTime() - Date.now()));
    },
  });
  const control = await serveControl(settings.files.runtime, {
    'GET /v1/agent': () => ({ pid: process.pid, version, profiles: agent.status() }),
    'POST /v1/check': async () => {
      await agent.check('request');
      return { profiles: agent.status() };
    },
    'POST /v1/snooze': async (query) => {
      const { profile, duration } = snoozeIn(query, settings);
      await agent.snooze(duration, profile);
      return { until: clock.now() + duration };
    },
    'POST /v1/refresh': (query, client) => {
      const { profile, wait, person } = refreshIn(query, settings);
      client.mayWait(wait + ANSWER_TIME);
      return agent.refresh(profile, { wait, person, gone: client.gone });
    },
  });
  log.info({ version, profiles: settings.profiles.map(({ profile }) => profile) }, 'the agent runs');

  let schedule = cron.schedule(settings.check, () => agent.check('schedule'));
  const reload = async () => {
    manager?.reloading();
    try {
      settings = await load();
      unusedSettings = undefined;
      await schedule.destroy();
      schedule = cron.schedule(settings.check, () => agent.check('schedule'));
      log.info('the settings were read again');
    } catch (error) {
      log.error({ err: error }, 'the new settings are not used');
      unusedSettings = `the new settings are not used: ${(error as Error).message}`;
    }
    await agent.reload(settings);
    manager?.ready();
  };
  const watches = [
    watchFile(settings.files.credentials, () => void agent.check('file')),
    watchFile(settings.files.config, () => void reload()),
    watchFile(settings.files.settings, () => void reload()),
  ];
  manager?.ready();
  void agent.check('start');
  const exposed = await exposure(settings.files.credentials);
  if (exposed) log.warn(exposed);

  // In a terminal, a hang-up means that the terminal is gone, and the agent in its foreground with it.
  const onTerminal = process.stdin.isTTY || process.stderr.isTTY;
  if (!onTerminal) process.on('SIGHUP', () => void reload());
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT', ...(onTerminal ? (['SIGHUP'] as const) : [])] as const) {
      process.once(name, resolve);
    }
  });
  const reason = await Promise.race([stopped.then((signal) => ({ signal })), outdated.then((why) => ({ why }))]);
  log.info(reason, 'the agent stops');
  manager?.stopping();
  for (const watch of watches) watch.close();
  await schedule.destroy();
  await agent.stop();
  await control.close();
  // Node 20 aborts when it ends in its own way on a terminal that is gone.
  if ('signal' in reason && reason.signal === 'SIGHUP') {
    process.removeAllListeners(reason.signal).kill(process.pid, reason.signal);
  }
  // All is done. A timer that a withdrawn question has left behind must not keep the process.
  process.exit('why' in reason ? START_ANEW : 0);
}

/** What only an agent that systemd has started need mind; loaded by no other. */
async function insideService(credentials: string, version: string) {
  const [{ takeDesktopEnvironment }, { viewOfService }] = await Promise.all([
    import('../service/desktop-environment.ts'),
    import('../service/view.ts'),
  ]);
  const takeDesktop = () => takeDesktopEnvironment(process.env);
  return { takeDesktop, ...viewOfService(credentials, version) };
}

const LONGEST_SNOOZE = 7 * 86_400_000;

function snoozeIn(query: URLSearchParams, { profiles }: Settings): { profile: string | undefined; duration: number } {
  const profile = query.get('profile') ?? undefined;
  if (profile !== undefined && !profiles.some((one) => one.profile === profile)) {
    throw new UserError(`no MFA profile [${profile}]`, 2);
  }
  const duration = parseDuration(query.get('duration') ?? '');
  if (!duration || duration > LONGEST_SNOOZE) throw new UserError('duration: 1s to 7d, such as 30m or 2h', 2);
  return { profile, duration };
}

const LONGEST_WAIT = 3_600_000;
const WAIT = 50_000;
/** For a check and the answer after it, in milliseconds. */
const ANSWER_TIME = 5_000;

function refreshIn(query: URLSearchParams, settings: Settings): { profile: string; wait: number; person: boolean } {
  const profile = query.get('profile') ?? '';
  const known = settings.profiles.find((one) => one.profile === profile);
  if (!known) throw new UserError(`no MFA profile [${profile}]`, 2);
  if (known.serialNumber === undefined) throw new UserError(noSerial(profile, settings), 2);
  const timeout = query.get('timeout');
  const wait = timeout === null ? WAIT : parseDuration(timeout);
  if (wait === undefined || wait > LONGEST_WAIT) throw new UserError('timeout: 0s to 1h, such as 50s', 2);
  const person = query.get('person') ?? 'no';
  if (person !== 'yes' && person !== 'no') throw new UserError('person: yes or no', 2);
  return { profile, wait, person: person === 'yes' };
}

/** An agent that could refresh nothing is a mistake in the settings, not an agent. */
function withDevice(settings: Settings): Settings {
  const without = settings.profiles.find(({ serialNumber }) => serialNumber === undefined);
  if (without && settings.profiles.every(({ serialNumber }) => serialNumber === undefined)) {
    throw new UserError(noSerial(without.profile, settings), 2);
  }
  return settings;
}

/** What to do when nothing names the MFA device of a profile. */
export function noSerial(profile: string, { files }: Settings): string {
  return `no mfa_serial is known for [${profile}]: put mfa_serial = arn:aws:iam::ACCOUNT:mfa/NAME under [${profile}] in ${files.settings}`;
}
