import { createAsk } from '../ask/choose.ts';
import type { GlobalOptions } from '../cli/options.ts';
import { say } from '../cli/output.ts';
import { askAgent } from '../control/client.ts';
import { type AgentSeen, agentFindings } from '../doctor/agent.ts';
import { askAws } from '../doctor/ask-aws.ts';
import { askingFindings, type WayReport } from '../doctor/asking.ts';
import { awsFindings } from '../doctor/aws.ts';
import { certificateFinding } from '../doctor/certificates.ts';
import { configFindings } from '../doctor/config-file.ts';
import { credentialsFindings, rewriteFindings } from '../doctor/credentials-file.ts';
import { examine, type Inspection } from '../doctor/examination.ts';
import { filesIn, profilesIn, type SeenFiles } from '../doctor/files.ts';
import { type Finding, warning } from '../doctor/finding.ts';
import { keyFindings } from '../doctor/keys.ts';
import { ledToSetup } from '../doctor/led-to-setup.ts';
import { lookAtService } from '../doctor/look-at-service.ts';
import { reportJson, reportText } from '../doctor/report.ts';
import { rotationFindings } from '../doctor/rotation.ts';
import { secretsIn, withoutSecrets } from '../doctor/secrets.ts';
import { serviceFindings } from '../doctor/service.ts';
import { sessionFindings } from '../doctor/session.ts';
import { type Loaded, settingsFindings } from '../doctor/settings.ts';
import { announcementOfTest, testNotification } from '../doctor/test-notification.ts';
import { variableFindings } from '../doctor/variables.ts';
import { UserError } from '../errors.ts';
import { rotationJournal } from '../keys/rotation-journal.ts';
import { packageVersion } from '../package-file.ts';
import { forgottenIn } from '../refresh/held-session.ts';
import { aged, sessionIn } from '../session/session.ts';
import { readState } from '../session/state.ts';
import { readAwsSettings } from '../settings/aws-settings.ts';
import { type Paths, pathsOf, userHome } from '../settings/paths.ts';
import { dueBefore, lacksDevice, loadSettings, requireValidSchedule, type Settings } from '../settings/settings.ts';

interface DoctorOptions extends GlobalOptions {
  json?: boolean;
  try?: boolean;
}

/** How long checks that ask AWS may take, in milliseconds: two requests after a `credential_process`. */
const AWS_LIMIT = 65_000;
/** How long checks that may start a notification service may take, in milliseconds. */
const ASKING_LIMIT = 40_000;

/** How long to wait for a click on the test notification, in milliseconds. */
const CLICK = 30_000;

/** Prints problems of the setup and how to fix them. Sets exit status 1 if something does not work now. */
export async function doctor(options: DoctorOptions): Promise<void> {
  const version = packageVersion();
  const home = userHome();
  const environment = process.env;
  const now = Date.now();
  const files = pathsOf(environment, home, options.config);
  const seen = filesIn(files);
  const loaded = await settingsIn(seen, options, home);
  const { settings } = loaded;
  const profiles = settings?.profiles ?? [];
  const known = profilesIn(seen, profiles);

  // Started here, since several checks wait for each. A rejection is reported by the checks.
  const agent = agentSeen(files);
  const service = lookAtService(environment, settings);
  /** Why AWS cannot be asked: a credentials file that is a pipe, for example, could be read forever. */
  const obstacle = seen.credentials.problem;
  const asked =
    obstacle === undefined
      ? Promise.all(profiles.map((one) => askAws(one, known.credentials, files)))
      : Promise.resolve([]);

  const inspections: Inspection[] = [
    { check: 'settings.file', run: () => settingsFindings(loaded, files) },
    { check: 'credentials.file', run: () => credentialsFindings(files.credentials, seen.credentials, now) },
    {
      check: 'credentials.rewrite',
      run: async () => {
        if (seen.credentials.problem !== undefined) return [];
        return rewriteFindings(
          files,
          profiles.map(({ profile }) => profile),
          now,
        );
      },
    },
    { check: 'config.parse', run: () => configFindings(files.config, seen.config, known.credentials, profiles) },
    { check: 'environment.keys', run: () => variableFindings(environment, known) },
    {
      check: 'aws.certificates',
      run: async () => {
        if (environment.AWS_CA_BUNDLE !== undefined || profiles.length === 0)
          return [await certificateFinding(environment, undefined, now)];
        const settingsOf = readAwsSettings(files);
        const bundles = new Set(profiles.map((one) => settingsOf(one).of('ca_bundle')?.value));
        return Promise.all([...bundles].map((bundle) => certificateFinding(environment, bundle, now)));
      },
    },
    {
      check: 'aws.reachable',
      limit: AWS_LIMIT,
      run: async () => {
        if (obstacle === undefined) return awsFindings(await asked, environment);
        return [warning('aws.reachable', `AWS was not asked: ${obstacle}`, 'fix that first')];
      },
    },
    { check: 'keys.alive', limit: AWS_LIMIT, run: async () => keyFindings(await asked) },
    {
      check: 'keys.rotation',
      limit: AWS_LIMIT,
      run: async () => rotationFindings(await asked, (source) => rotationJournal(files, source).read(), now),
    },
    {
      check: 'session.alive',
      limit: AWS_LIMIT,
      run: async () => {
        const answers = await asked;
        const { expiries } = readState(files.state);
        return profiles.flatMap((own) => {
          const { profile } = own;
          const remembered = expiries[files.credentials]?.[profile];
          const session = aged(sessionIn(known.credentials(profile), remembered), own);
          const stored = { session, remembered, forgotten: settings && forgottenIn(settings, own) };
          const answer = answers.find((one) => one.profile.profile === profile);
          const instant = now + (answer?.ofSource?.clockOffset ?? 0);
          return sessionFindings(profile, stored, settings ? dueBefore(settings, own) : 0, instant, answer);
        });
      },
    },
    {
      check: 'asking.ways',
      limit: ASKING_LIMIT,
      run: async () => {
        const inService = await service;
        return waysToAsk(settings, 'ways' in inService ? (inService.ways ?? []) : []);
      },
    },
    {
      check: 'agent.running',
      limit: ASKING_LIMIT,
      run: async () => {
        const inService = await service;
        if ('none' in inService) return agentFindings(await agent, version, profiles, now, undefined);
        const { remedies, rival } = inService;
        return agentFindings(await agent, version, profiles, now, rival?.restart ?? remedies.restart, rival?.restart);
      },
    },
    {
      check: 'service.installed',
      limit: ASKING_LIMIT,
      run: async () => serviceFindings(await service, await agent, environment),
    },
  ];
  if (options.try) {
    say(announcementOfTest(CLICK));
    const run = async () => [await testNotification(environment, CLICK)];
    inspections.push({ check: 'asking.test', limit: CLICK + ASKING_LIMIT, run });
  }

  const { findings, abandoned } = await examine(inspections, (error) => {
    if (options.debug) say(String(error instanceof Error ? error.stack : error));
  });
  const isSetUp = !settings || profiles.some((one) => !one.role?.isChained && !lacksDevice(one));
  const shown = withoutSecrets(isSetUp ? findings : ledToSetup(findings), secretsIn(known.document, environment));
  const colour = process.stdout.isTTY && !environment.NO_COLOR && environment.TERM !== 'dumb';
  process.exitCode = findings.some(({ level }) => level === 'error') ? 1 : 0;
  const text = options.json ? reportJson(shown, version) : reportText(shown, colour);
  await new Promise((resolve) => process.stdout.write(text, resolve));
  // A check that took too long may still be running.
  if (abandoned) process.exit();
}

async function settingsIn(seen: SeenFiles, options: DoctorOptions, home: string): Promise<Loaded> {
  const problem = seen.settings.problem ?? seen.config.problem;
  if (problem !== undefined) return { reason: problem };
  try {
    const settings = loadSettings({ env: process.env, home, configFile: options.config });
    await requireValidSchedule(settings);
    return { settings };
  } catch (error) {
    if (error instanceof UserError) return { reason: error.message };
    throw error;
  }
}

async function waysToAsk(settings: Settings | undefined, inService: readonly WayReport[]): Promise<Finding[]> {
  if (!settings) return [];
  const reports = await Promise.all(
    settings.profiles.map(async (profile) => ({ profile, ways: await createAsk(settings, profile).ways() })),
  );
  // Profiles can differ only by their mfa_process.
  const isFirst = ({ ways }: (typeof reports)[number], index: number) =>
    reports.findIndex((other) => JSON.stringify(other.ways) === JSON.stringify(ways)) === index;
  return reports
    .filter(isFirst)
    .flatMap(({ profile, ways }) => askingFindings(profile.profile, ways, settings.prompt, inService));
}

async function agentSeen({ runtime }: Paths): Promise<AgentSeen> {
  try {
    return await askAgent(runtime, 'GET /v1/agent', {});
  } catch (error) {
    if (error instanceof UserError) return { problem: error.message };
    throw error;
  }
}
