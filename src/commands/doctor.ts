import { homedir } from 'node:os';
import { createAsk } from '../ask/choose.ts';
import type { GlobalOptions } from '../cli/options.ts';
import { askAgent } from '../control/client.ts';
import { type AgentSeen, agentFindings } from '../doctor/agent.ts';
import { askAws } from '../doctor/ask-aws.ts';
import { askingFindings, type WayReport } from '../doctor/asking.ts';
import { awsFindings, isOfAws } from '../doctor/aws.ts';
import { certificateFinding } from '../doctor/certificates.ts';
import { configFindings } from '../doctor/config-file.ts';
import { credentialsFindings } from '../doctor/credentials-file.ts';
import { examine, type Look } from '../doctor/examination.ts';
import { filesIn, profilesIn, type SeenFiles } from '../doctor/files.ts';
import { type Finding, warning } from '../doctor/finding.ts';
import { keyFindings } from '../doctor/keys.ts';
import { lookAtService } from '../doctor/look-at-service.ts';
import { reportJson, reportText } from '../doctor/report.ts';
import { secretsIn, withoutSecrets } from '../doctor/secrets.ts';
import { serviceFindings } from '../doctor/service.ts';
import { sessionFindings } from '../doctor/session.ts';
import { type Loaded, settingsFindings } from '../doctor/settings.ts';
import { testNotification } from '../doctor/test-notification.ts';
import { variableFindings } from '../doctor/variables.ts';
import { UserError } from '../errors.ts';
import { notAFile } from '../files/read.ts';
import { longTermKeys } from '../keys/long-term-keys.ts';
import { packageVersion } from '../package-file.ts';
import { callerIdentity, credentialProcess, mfaDevices, sessionKeys } from '../refresh/effects.ts';
import { sessionIn } from '../session/session.ts';
import { readState } from '../session/state.ts';
import { readAwsConfig } from '../settings/aws-config.ts';
import { type Paths, pathsOf } from '../settings/paths.ts';
import { loadSettings, requireValidSchedule } from '../settings/settings.ts';

interface DoctorOptions extends GlobalOptions {
  json?: boolean;
  try?: boolean;
}

/** How long one thing may be looked at, in milliseconds: longer than all that is waited for in it. */
const LIMIT = 10_000;
/** The question about the keys, which may be put again for the clock, after a `credential_process`. */
const AWS_LIMIT = 65_000;
/** A notification service may have to be started. */
const ASKING_LIMIT = 40_000;

/** How long the test notification waits for a click, in milliseconds. */
const CLICK = 30_000;

/** Finds what is wrong, or will go wrong, and says how to mend each. Exit status 1 when something does not work now. */
export async function doctor(options: DoctorOptions): Promise<void> {
  const version = packageVersion();
  const home = homedir();
  const environment = process.env;
  const now = Date.now();
  const files = pathsOf(environment, home, options.config);
  const seen = await filesIn(files);
  const loaded = await settingsIn(seen, options, home);
  const { settings } = loaded;
  const profiles = settings?.profiles ?? [];
  const known = profilesIn(seen, profiles);

  const agent = once(() => agentSeen(files));
  const service = once(() => lookAtService(environment, home, settings));
  /** Why AWS is not asked: a reader of a pipe would wait forever. */
  const obstacle = () => {
    const bundle = environment.AWS_CA_BUNDLE;
    const isPipe = bundle && notAFile(bundle) !== undefined;
    return seen.credentials.problem ?? (isPipe ? `AWS_CA_BUNDLE=${bundle} is not a file` : undefined);
  };
  const asked = once(async () =>
    obstacle() === undefined
      ? askAws(profiles, {
          longTermKeys: (source) => longTermKeys(files, source, credentialProcess),
          sessionKeys: (profile) => sessionKeys(files, profile),
          callerIdentity,
          mfaDevices: (keys, profile, clock, sts) => {
            // Keys of a sandbox are nothing to AWS.
            const isNamed = environment.AWS_ENDPOINT_URL_IAM || environment.AWS_ENDPOINT_URL;
            return isOfAws(sts) || isNamed ? mfaDevices(keys, profile, clock) : undefined;
          },
        })
      : [],
  );

  const looks: Look[] = [
    { check: 'settings.file', limit: LIMIT, look: () => settingsFindings(loaded, files) },
    {
      check: 'credentials.file',
      limit: LIMIT,
      look: () => credentialsFindings(files.credentials, seen.credentials, now),
    },
    {
      check: 'config.parse',
      limit: LIMIT,
      look: () => configFindings(files.config, seen.config, known.credentials, profiles),
    },
    { check: 'environment.keys', limit: LIMIT, look: () => variableFindings(environment, known) },
    {
      check: 'aws.certificates',
      limit: LIMIT,
      look: async () => {
        const config = readAwsConfig(seen.config.bytes?.toString('utf8') ?? '');
        return [await certificateFinding(environment, config(profiles[0]?.sourceProfile ?? 'default'), now)];
      },
    },
    {
      check: 'aws.reachable',
      limit: AWS_LIMIT,
      look: async () => {
        const reason = obstacle();
        if (reason !== undefined) return [warning('aws.reachable', `AWS was not asked: ${reason}`, 'mend that first')];
        return awsFindings(await asked(), environment);
      },
    },
    { check: 'keys.alive', limit: AWS_LIMIT, look: async () => keyFindings(await asked()) },
    {
      check: 'session.alive',
      limit: AWS_LIMIT,
      look: async () => {
        const answers = await asked();
        const { expiries } = readState(files.state);
        return profiles.flatMap(({ profile }) => {
          const remembered = expiries[files.credentials]?.[profile];
          const stored = { session: sessionIn(known.credentials(profile), remembered), remembered };
          const answer = answers.find((one) => one.profile.profile === profile);
          const instant = now + (answer?.ofSource?.clockOffset ?? 0);
          return sessionFindings(profile, stored, settings?.promptBefore ?? 0, instant, answer);
        });
      },
    },
    {
      check: 'asking.ways',
      limit: ASKING_LIMIT,
      look: async () => {
        const there = await service();
        return waysToAsk(loaded, 'ways' in there ? (there.ways ?? []) : []);
      },
    },
    {
      check: 'agent.running',
      limit: LIMIT,
      look: async () => {
        const names = profiles.map(({ profile }) => profile);
        return agentFindings(await agent(), version, names, now);
      },
    },
    {
      check: 'service.installed',
      limit: ASKING_LIMIT,
      look: async () => serviceFindings(await service(), await agent(), environment),
    },
  ];
  if (options.try) {
    process.stderr.write(`A test notification comes: click it, within ${CLICK / 1000} seconds.\n`);
    const look = async () => [await testNotification(environment, CLICK)];
    looks.push({ check: 'asking.test', limit: CLICK + ASKING_LIMIT, look });
  }

  const { findings, abandoned } = await examine(looks, (error) => {
    if (options.debug) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  });
  const shown = withoutSecrets(findings, secretsIn(known.document, environment));
  const colour = process.stdout.isTTY && !environment.NO_COLOR && environment.TERM !== 'dumb';
  process.exitCode = findings.some(({ level }) => level === 'error') ? 1 : 0;
  const text = options.json ? reportJson(shown, version) : reportText(shown, colour);
  await new Promise((resolve) => process.stdout.write(text, resolve));
  // What was given up may go on forever.
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

async function waysToAsk({ settings }: Loaded, inService: readonly WayReport[]): Promise<Finding[]> {
  if (!settings) return [];
  const reports = await Promise.all(
    settings.profiles.map(async (profile) => ({ profile, ways: await createAsk(settings, profile).ways() })),
  );
  // Profiles differ by their mfa_process alone.
  const isFirst = ({ ways }: (typeof reports)[number], index: number) =>
    reports.findIndex((other) => JSON.stringify(other.ways) === JSON.stringify(ways)) === index;
  return reports
    .filter(isFirst)
    .flatMap(({ profile, ways }) => askingFindings(profile.profile, ways, settings.prompt, inService));
}

async function agentSeen({ runtime }: Paths): Promise<AgentSeen> {
  try {
    return await askAgent(runtime, 'GET /v1/agent');
  } catch (error) {
    if (error instanceof UserError) return { problem: error.message };
    throw error;
  }
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
