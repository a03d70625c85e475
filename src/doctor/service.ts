import { existsSync } from 'node:fs';
import type { Owner } from '../service/sealed-file.ts';
import type { Remedies, Rival, ServiceSetup } from '../service/service.ts';
import { isVersioned, PROXIES } from '../service/start.ts';
import { CARRIED, carried } from '../settings/carried.ts';
import { type AgentSeen, INSTALL, START_AT_LOGIN } from './agent.ts';
import { fitOf, remedyFor, type WayReport } from './asking.ts';
import { absent, error, type Finding, ok, warning } from './finding.ts';

/** The service as it is installed; `none` says why this system cannot have one. */
export type ServiceSeen =
  | { none: string }
  | {
      name: string;
      file: string;
      owner: Owner;
      /** The process id of its agent. */
      running: number | undefined;
      /** Undefined if it is not installed. */
      look: ServiceSetup | undefined;
      /** The methods of asking in the environment of the service; undefined if that is not known. */
      ways: readonly WayReport[] | undefined;
      /** The command that shows its log. */
      log: string;
      /** Which other service starts the agent, if one does. */
      rival: Rival | undefined;
      remedies: Remedies;
    };

/** Checks the service that starts the agent, also for what will fail at the next login or after an upgrade. */
export function serviceFindings(service: ServiceSeen, agent: AgentSeen, environment: NodeJS.ProcessEnv): Finding[] {
  const pid = agent && 'pid' in agent ? agent.pid : undefined;
  if ('none' in service) {
    const check = 'service.installed';
    return [pid === undefined ? warning(check, service.none, START_AT_LOGIN) : absent(check, service.none)];
  }
  const { name, file, owner, running, look, ways, log, rival, remedies } = service;
  if (owner === 'missing' && rival !== undefined) {
    if (pid !== undefined) return [ok('service.installed', rival.found)];
    return [warning('service.installed', `${rival.found}, but no agent answers`, rival.restart)];
  }
  if (owner === 'missing' || !look) {
    const found = `the ${name} is not installed${pid === undefined ? '' : ': the agent that is running will not be started again'}`;
    return [warning('service.installed', found, INSTALL)];
  }
  return [
    installedFinding(name, file, owner, look, remedies),
    runningFinding(name, running, pid, look, log),
    ...pathsFindings(look),
    environmentFinding(look, owner, environment, remedies),
    ...displayFindings(look, ways, environment),
  ];
}

function installedFinding(
  name: string,
  file: string,
  owner: Owner,
  { enabled }: ServiceSetup,
  { enable }: Remedies,
): Finding {
  const check = 'service.installed';
  const edited = owner === 'edited' ? '; it was edited, so install does not change it' : '';
  if (enabled === false) {
    return warning(
      check,
      `the ${name} will not start at the next login (${file})`,
      `${enable}${edited && ' (or run aws-mfa-agent install --force)'}`,
    );
  }
  return ok(check, `${name}: ${file}${edited}`);
}

function runningFinding(
  name: string,
  running: number | undefined,
  pid: number | undefined,
  look: ServiceSetup,
  log: string,
): Finding {
  const check = 'service.running';
  if (running === undefined) {
    return error(
      check,
      `the ${name} is not running${look.failure ? `: ${look.failure}` : ''}`,
      `see why: ${log}; then ${INSTALL}`,
    );
  }
  if (pid !== undefined && pid !== running) {
    const found = `two agents are running: process ${pid}, which answers, and process ${running} of the ${name}`;
    return warning(check, found, `kill ${pid}; then ${INSTALL}`);
  }
  return ok(check, `the ${name} is running (process ${running})`);
}

/** Checks the paths that the service starts: missing, or removed by the next upgrade. */
function pathsFindings({ command }: ServiceSetup): Finding[] {
  const check = 'service.paths';
  const paths = command.filter((word) => word.startsWith('/')).slice(0, 2);
  const gone = paths.filter((path) => !existsSync(path));
  if (paths.length === 0 || gone.length > 0) {
    const found = `the service starts a file that does not exist: ${gone.join(', ') || command.join(' ')}`;
    return [error(check, found, INSTALL)];
  }
  const versioned = paths.filter(isVersioned);
  if (versioned.length === 0) return [ok(check, `the service starts ${paths.join(' ')}`)];
  return versioned.map((path) =>
    warning(
      check,
      `an upgrade will remove ${path}, which the service starts`,
      `${INSTALL} after each upgrade; or use a Node.js whose path does not contain its version`,
    ),
  );
}

/** Compares variables of the service with this shell's. Shows no value: a proxy's may contain a password. */
function environmentFinding(
  { variables, session }: ServiceSetup,
  owner: Owner,
  environment: NodeJS.ProcessEnv,
  { proxy }: Remedies,
): Finding {
  const check = 'service.environment';
  const inService: Record<string, string | undefined> = { ...session, ...variables };
  const here: Record<string, string | undefined> = { ...environment, ...carried(environment) };
  const differs = (name: string) => (here[name] || undefined) !== (inService[name] || undefined);
  const described = (name: string) =>
    `${name} (${!inService[name] ? 'only here' : !environment[name] ? 'only in the service' : 'another value'})`;
  const others = CARRIED.filter(differs);
  // A proxy that is set only for the service is not a mistake.
  const proxies = PROXIES.filter((name) => environment[name] && differs(name));
  if (others.length > 0) {
    const found = `the service and this shell have different variables: ${[...others, ...proxies].map(described).join(', ')}`;
    return warning(check, found, owner === 'edited' ? `${INSTALL} --force` : INSTALL);
  }
  if (proxies.length > 0) {
    const found = `the service does not use the proxy of this shell: ${proxies.map(described).join(', ')}`;
    return warning(check, found, proxy);
  }
  return ok(check, 'the service has the same AWS variables as this shell');
}

/** The variables that a program needs to show a window. */
const OF_DISPLAY = ['DISPLAY', 'WAYLAND_DISPLAY', 'DBUS_SESSION_BUS_ADDRESS'];

function displayFindings(
  { session }: ServiceSetup,
  ways: readonly WayReport[] | undefined,
  environment: NodeJS.ProcessEnv,
): Finding[] {
  const check = 'service.display';
  if (!session) return [];
  const known = OF_DISPLAY.map((name) => (session[name] ? `${name}=${session[name]}` : `no ${name}`)).join(', ');
  const fit = fitOf(ways ?? []);
  const unknown = OF_DISPLAY.filter((name) => environment[name] && !session[name]);
  if (unknown.some((name) => name !== 'DBUS_SESSION_BUS_ADDRESS')) {
    const mend = `systemctl --user import-environment ${OF_DISPLAY.filter((name) => environment[name]).join(' ')} (put this into the start-up file of your desktop)`;
    return [(fit.length === 0 ? error : warning)(check, `the service does not have your display: ${known}`, mend)];
  }
  if (ways && fit.length === 0) {
    return [error(check, `the service has no way to ask for a code: ${known}`, remedyFor(ways))];
  }
  return [ok(check, `the service can ask by ${fit.join(', then ')}: ${known}`)];
}
