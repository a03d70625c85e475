import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { GlobalOptions } from '../cli/options.ts';
import { say } from '../cli/output.ts';
import { askAgent } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { makeFolder } from '../files/make-folder.ts';
import { packageFile, packageVersion } from '../package-file.ts';
import { foreignEndpoints } from '../refresh/effects.ts';
import { installDesktopEntry, removeDesktopEntry } from '../service/desktop-entry.ts';
import { install, planned, serviceOf, uninstall } from '../service/install.ts';
import { findStart } from '../service/start.ts';
import { requireValidSchedule, userSettings } from '../settings/settings.ts';
import { nodePath } from '../start-child.ts';

interface InstallOptions extends GlobalOptions {
  print?: boolean;
  force?: boolean;
  /** Whether the caller has named an endpoint that is not AWS's. */
  endpointIsNamed?: boolean;
}

/** How long a starting agent may take to answer, in milliseconds; it is then asked again. */
const ANSWER_LIMIT = 1_000;

/** How long it may take to compile the short commands, in milliseconds. */
const PRECOMPILE_LIMIT = 10_000;

/** Installs the service, which starts the agent now and at each login. Does nothing if that is done already. */
export async function installCommand(options: InstallOptions): Promise<void> {
  // A wrong setting would end the agent: report it before anything is written.
  const settings = userSettings(options);
  await requireValidSchedule(settings);
  const foreign = foreignEndpoints(settings.profiles);
  const { files } = settings;
  const service = serviceOf(process.env);
  const called = { node: process.execPath, program: process.argv[1] ?? '', config: options.config };
  const start = findStart(process.env, files, called);
  if (options.print) {
    process.stdout.write(await planned(service, start));
    return;
  }

  const rival = await service.rival();
  if (rival && !rival.isReplaced)
    throw new UserError(`${rival.found}; to have it started without, run "${rival.stop}" first`);
  const answer = (patience?: number) => askAgent(files.runtime, 'GET /v1/agent', {}, patience).catch(() => undefined);
  const agent = await answer();
  const running = await service.running();
  if (agent && agent.pid !== running) {
    throw new UserError(`an agent is already running, but not as a service (process ${agent.pid}): stop it first`);
  }
  makeFolder(files.state);
  const outdated = agent !== undefined && agent.version !== packageVersion();
  const answering = async () => (await answer(ANSWER_LIMIT))?.pid;
  const force = options.force ?? false;
  const { changed, without, kept } = await install(service, start, { force, outdated, answering });

  // Fails where the program is not the user's. Its packages then do this.
  spawnSync(nodePath(), [fileURLToPath(packageFile('dist/precompile.cjs'))], {
    stdio: 'ignore',
    env: {},
    timeout: PRECOMPILE_LIMIT,
  });

  say(
    changed
      ? `The agent runs as a ${service.name}: ${service.file}`
      : `The ${service.name} is already running: nothing to do.`,
  );
  for (const warning of [...start.warnings, ...(without ? [without] : [])]) say(`warning: ${warning}`);
  if (!options.endpointIsNamed) for (const line of foreign) say(line);
  if (service.desktopEntry) {
    try {
      installDesktopEntry(process.env, start);
    } catch (error) {
      say(`warning: notifications have no name and icon of their own: ${(error as Error).message}`);
    }
  }
  if (kept) say(`your edited file was saved as ${kept}`);
  for (const note of changed ? (service.notes ?? []) : []) say(note);
  for (const [what, command] of service.hints) say(`  ${what.padEnd(6)}  ${command}`);
}

/** Removes the service. Credentials and settings stay. */
export async function uninstallCommand({ force = false }: { force?: boolean }): Promise<void> {
  const service = serviceOf(process.env);
  const done = await uninstall(service, { force });
  if (service.desktopEntry) removeDesktopEntry(process.env);
  const rival = await service.rival();
  if (done) say(`Removed the ${service.name}. Credentials and settings are unchanged.`);
  else if (!rival) say('The service is not installed.');
  if (rival) say(`${rival.found}; to stop that, run "${rival.stop}".`);
}
