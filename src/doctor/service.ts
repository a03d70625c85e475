import { existsSync } from 'node:fs';
import type { Owner } from '../service/sealed-file.ts';
import type { Look } from '../service/service.ts';
import { CARRIED, isVersioned, PROXIES } from '../service/start.ts';
import { type AgentSeen, INSTALL } from './agent.ts';
import { INSTALL_A_WAY, type WayReport } from './asking.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** The service; `none` says why there cannot be one here. */
export type ServiceSeen =
  | { none: string }
  | {
      name: string;
      file: string;
      owner: Owner;
      /** The process that it runs. */
      running: number | undefined;
      /** Where its file stands. */
      look: Look | undefined;
      /** Ways to ask with what the service knows of the screen; undefined when that cannot be known. */
      ways: readonly WayReport[] | undefined;
      log: string;
    };

/** The service that starts the agent, and what it will be like at the next login or after an upgrade. */
export function serviceFindings(service: ServiceSeen, agent: AgentSeen, environment: NodeJS.ProcessEnv): Finding[] {
  const pid = agent && 'pid' in agent ? agent.pid : undefined;
  if ('none' in service) {
    const mend = 'start "aws-mfa-agent run" with your session; see docs/service.md';
    return [
      pid === undefined ? warning('service.installed', service.none, mend) : ok('service.installed', service.none),
    ];
  }
  const { name, file, owner, running, look, ways, log } = service;
  if (owner === 'nobody' || !look) {
    const found = `no ${name} is installed${pid === undefined ? '' : ': the agent that runs ends with your session, and is not started again'}`;
    return [warning('service.installed', found, INSTALL)];
  }
  return [
    installedFinding(name, file, owner, look),
    runningFinding(name, running, pid, look, log),
    ...pathsFindings(look),
    environmentFinding(look, owner, environment),
    ...displayFindings(look, ways, environment),
  ];
}

function installedFinding(name: string, file: string, owner: Owner, { enabled }: Look): Finding {
  const check = 'service.installed';
  const edited = owner === 'edited' ? '; somebody has edited it, so install leaves it alone' : '';
  if (enabled === false) {
    return warning(
      check,
      `${file} is there, and not started at the next login`,
      `systemctl --user enable aws-mfa-agent${edited && ' (or install --force)'}`,
    );
  }
  return ok(check, `${name}: ${file}${edited}`);
}

function runningFinding(
  name: string,
  running: number | undefined,
  pid: number | undefined,
  look: Look,
  log: string,
): Finding {
  const check = 'service.running';
  if (running === undefined) {
    return error(
      check,
      `the ${name} does not run${look.failure ? `: ${look.failure}` : ''}`,
      `${log}; then ${INSTALL}`,
    );
  }
  if (pid !== undefined && pid !== running) {
    const found = `the agent that answers (process ${pid}) is not that of the ${name} (process ${running})`;
    return warning(check, found, `end process ${pid}; then ${INSTALL}`);
  }
  return ok(check, `the ${name} runs (process ${running})`);
}

/** What the service starts: gone already, or gone with the next upgrade. */
function pathsFindings({ command }: Look): Finding[] {
  const check = 'service.paths';
  const paths = command.filter((word) => word.startsWith('/')).slice(0, 2);
  const gone = paths.filter((path) => !existsSync(path));
  if (paths.length === 0 || gone.length > 0) {
    const found = `what the service starts is not there: ${gone.join(', ') || command.join(' ')}`;
    return [error(check, found, `${INSTALL}, by the program that you use now`)];
  }
  const versioned = paths.filter(isVersioned);
  if (versioned.length === 0) return [ok(check, `it starts ${paths.join(' ')}`)];
  return versioned.map((path) =>
    warning(
      check,
      `${path} goes away with an upgrade`,
      `${INSTALL} again after one; or install Node.js where its path has no version`,
    ),
  );
}

/** No value is shown: a proxy's may hold a password. */
function environmentFinding({ variables, session }: Look, owner: Owner, environment: NodeJS.ProcessEnv): Finding {
  const check = 'service.environment';
  const inService: Record<string, string | undefined> = { ...session, ...variables };
  const differs = (name: string) => (environment[name] || undefined) !== (inService[name] || undefined);
  const told = (name: string) =>
    `${name} (${!inService[name] ? 'not set there' : !environment[name] ? 'set only there' : 'another value there'})`;
  const carried = CARRIED.filter(differs);
  // A proxy that only the service knows is no mistake.
  const proxies = PROXIES.filter((name) => environment[name] && differs(name));
  if (carried.length > 0) {
    const found = `the service does not see what you see here: ${[...carried, ...proxies].map(told).join(', ')}`;
    return warning(check, found, owner === 'edited' ? `${INSTALL} --force` : INSTALL);
  }
  if (proxies.length > 0) {
    const mend = 'systemctl --user edit aws-mfa-agent, [Service] Environment=HTTPS_PROXY=http://HOST:PORT';
    return warning(check, `the service does not know the proxy: ${proxies.map(told).join(', ')}`, mend);
  }
  return ok(check, 'it has the variables of this shell that matter');
}

const OF_DISPLAY = ['DISPLAY', 'WAYLAND_DISPLAY', 'DBUS_SESSION_BUS_ADDRESS'];

function displayFindings(
  { session }: Look,
  ways: readonly WayReport[] | undefined,
  environment: NodeJS.ProcessEnv,
): Finding[] {
  const check = 'service.display';
  if (!session) return [];
  const known = OF_DISPLAY.map((name) => (session[name] ? `${name}=${session[name]}` : `no ${name}`)).join(', ');
  const unknown = OF_DISPLAY.filter((name) => environment[name] && !session[name]);
  const fit = (ways ?? []).filter(({ unfit }) => unfit === undefined).map(({ name }) => name);
  if (unknown.some((name) => name !== 'DBUS_SESSION_BUS_ADDRESS')) {
    const mend = `systemctl --user import-environment ${OF_DISPLAY.filter((name) => environment[name]).join(' ')} (into the start-up file of your desktop)`;
    return [(fit.length === 0 ? error : warning)(check, `the service does not know your screen: ${known}`, mend)];
  }
  if (ways && fit.length === 0) {
    return [error(check, `the service can ask by nothing: ${known}`, INSTALL_A_WAY)];
  }
  return [ok(check, `the service can ask by ${fit.join(', then ')}: ${known}`)];
}
