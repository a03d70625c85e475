import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { createAsk } from '../ask/choose.ts';
import { awsSections, readAwsConfig } from '../aws-config.ts';
import { loadSettings } from '../config.ts';
import { askAgent } from '../control.ts';
import { type CredentialsDocument, parseCredentials } from '../credentials/document.ts';
import { longTermKeys } from '../credentials/source.ts';
import { type AgentSeen, agentFindings, type ServiceSeen, serviceFindings } from '../doctor/agent.ts';
import { askAws } from '../doctor/ask-aws.ts';
import { askingFindings } from '../doctor/asking.ts';
import { awsFindings } from '../doctor/aws.ts';
import { certificateFinding } from '../doctor/certificates.ts';
import { configFindings } from '../doctor/config-file.ts';
import { credentialsFindings } from '../doctor/credentials-file.ts';
import { examine, type Look } from '../doctor/examination.ts';
import type { Finding } from '../doctor/finding.ts';
import { keyFindings } from '../doctor/keys.ts';
import { reportJson, reportText } from '../doctor/report.ts';
import { sessionFindings } from '../doctor/session.ts';
import { type Loaded, settingsFindings } from '../doctor/settings.ts';
import { testNotification } from '../doctor/test-notification.ts';
import { variableFindings } from '../doctor/variables.ts';
import { UserError } from '../errors.ts';
import { type Paths, pathsOf } from '../paths.ts';
import type { GlobalOptions } from '../program.ts';
import { ownerOf } from '../service/sealed-file.ts';
import { serviceOf } from '../service/service.ts';
import { sessionIn } from '../session.ts';
import { readState } from '../state.ts';
import { callerIdentity, credentialProcess, sessionKeys } from './effects.ts';

interface DoctorOptions extends GlobalOptions {
  json?: boolean;
  try?: boolean;
}

/** How long one thing may be looked at, in milliseconds: longer than all that is waited for in it. */
const LIMIT = 10_000;
/** The question about the keys, which may be put again for the clock, after a `credential_process`. */
const AWS_LIMIT = 65_000;
/** Ways look one after the other, and a notification service may have to be started. */
const ASKING_LIMIT = 40_000;

/** How long the test notification waits for a click, in milliseconds. */
const CLICK = 30_000;

/** Finds what is wrong, or will go wrong, and says how to mend each. Exit status 1 when something does not work now. */
export async function doctor(options: DoctorOptions, version: string): Promise<void> {
  const home = homedir();
  const environment = process.env;
  const files = pathsOf(environment, home, options.config);
  const seen = await filesIn(files);
  const now = Date.now();
  const loaded = await settingsIn(files, seen, options, home);
  const profiles = loaded.settings?.profiles ?? [];
  const known = knownProfiles(seen, profiles);
  const service = once(() => serviceSeen(environment, home, loaded));
  const agent = once(() => agentSeen(files));
  const sourceSettings = readAwsConfig(seen.config.bytes?.toString('utf8') ?? '')(
    profiles[0]?.sourceProfile ?? 'default',
  );
  const certificates = once(() => certificateFinding(environment, sourceSettings, now));
  const asked = once(async () => {
    // What cannot be read would keep us waiting.
    if (seen.credentials.problem || (await certificates()).level === 'error') return [];
    return askAws(profiles, {
      longTermKeys: (source) => longTermKeys(files, source, credentialProcess),
      sessionKeys: (profile) => sessionKeys(files, profile),
      callerIdentity,
    });
  });
  const session = async () => {
    const [answers, { expiries }] = await Promise.all([asked(), readState(files.state)]);
    return profiles.flatMap(({ profile }) => {
      const remembered = expiries[files.credentials]?.[profile];
      const stored = { session: sessionIn(known.credentials(profile), remembered), remembered };
      const answer = answers.find((one) => one.profile.profile === profile);
      const offset = answer?.ofSource?.clockOffset ?? 0;
      return sessionFindings(profile, stored, loaded.settings?.promptBefore ?? 0, now + offset, answer);
    });
  };

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
      look: () => configFindings(files.config, seen.config.bytes, known.credentials, profiles),
    },
    { check: 'environment.keys', limit: LIMIT, look: () => variableFindings(environment, known) },
    { check: 'aws.certificates', limit: LIMIT, look: async () => [await certificates()] },
    { check: 'aws.reachable', limit: AWS_LIMIT, look: async () => awsFindings(await asked(), environment) },
    { check: 'keys.alive', limit: AWS_LIMIT, look: async () => keyFindings(await asked()) },
    { check: 'session.alive', limit: AWS_LIMIT, look: session },
    { check: 'asking.ways', limit: ASKING_LIMIT, look: () => asking(loaded) },
    {
      check: 'agent.running',
      limit: LIMIT,
      look: async () =>
        agentFindings(
          await agent(),
          version,
          profiles.map(({ profile }) => profile),
          now,
        ),
    },
    {
      check: 'service.installed',
      limit: ASKING_LIMIT,
      look: async () => serviceFindings(await service(), await agent(), environment),
    },
  ];
  if (options.try) {
    process.stderr.write(`A test notification comes: click it, within ${CLICK / 1000} seconds.\n`);
    looks.push({
      check: 'asking.test',
      limit: CLICK + ASKING_LIMIT,
      look: async () => [await testNotification(environment, CLICK)],
    });
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

type Seen = { bytes: Buffer | undefined; problem?: string };

/** The files, read once. What is no file could keep a reader waiting forever: a pipe, for one. */
async function filesIn(files: Paths): Promise<Record<'settings' | 'config' | 'credentials', Seen>> {
  const read = async (path: string): Promise<Seen> => {
    try {
      if (!(await stat(path)).isFile())
        return { bytes: undefined, problem: `${path} is a folder, a pipe or a device, not a file` };
      return { bytes: await readFile(path) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOENT'
        ? { bytes: undefined }
        : { bytes: undefined, problem: `${path} cannot be read (${code})` };
    }
  };
  const [settings, config, credentials] = await Promise.all(
    [files.settings, files.config, files.credentials].map(read),
  );
  const none: Seen = { bytes: undefined };
  return { settings: settings ?? none, config: config ?? none, credentials: credentials ?? none };
}

async function settingsIn(
  { settings, config }: Paths,
  seen: Awaited<ReturnType<typeof filesIn>>,
  options: DoctorOptions,
  home: string,
): Promise<Loaded> {
  const problem = seen.settings.problem ?? seen.config.problem;
  if (problem !== undefined) return { reason: problem };
  try {
    return { settings: await loadSettings({ env: process.env, home, configFile: options.config }) };
  } catch (error) {
    if (error instanceof UserError) return { reason: error.message };
    return { reason: `${settings} or ${config} cannot be read (${(error as Error).name})` };
  }
}

function knownProfiles(
  { config, credentials }: Awaited<ReturnType<typeof filesIn>>,
  kept: NonNullable<Loaded['settings']>['profiles'],
) {
  let document: CredentialsDocument | undefined;
  try {
    document = credentials.bytes && parseCredentials(credentials.bytes);
  } catch {
    // The check of the file says why.
  }
  const inConfig = [...awsSections(config.bytes?.toString('utf8') ?? '').keys()].flatMap((name) =>
    name === 'default' ? [name] : (/^profile (.+)$/.exec(name)?.[1] ?? []),
  );
  return {
    kept,
    document,
    credentials: (profile: string) => document?.profile(profile),
    names: new Set([...(document?.profileNames() ?? []), ...inConfig]),
  };
}

async function asking({ settings }: Loaded): Promise<Finding[]> {
  if (!settings) return [];
  const reports = await Promise.all(
    settings.profiles.map(async (profile) => ({ profile, ways: await createAsk(settings, profile).ways() })),
  );
  // Profiles differ by their mfa_process alone.
  const different = new Map(
    reports.map((one) => [JSON.stringify(one.ways), one]).reverse() as [string, (typeof reports)[number]][],
  );
  return [...different.values()]
    .reverse()
    .flatMap(({ profile, ways }) => askingFindings(profile.profile, ways, settings.prompt));
}

async function agentSeen({ runtime }: Paths): Promise<AgentSeen> {
  try {
    return await askAgent(runtime, 'GET /v1/agent');
  } catch (error) {
    if (error instanceof UserError) return { problem: error.message };
    throw error;
  }
}

async function serviceSeen(environment: NodeJS.ProcessEnv, home: string, { settings }: Loaded): Promise<ServiceSeen> {
  let service: ReturnType<typeof serviceOf>;
  try {
    service = serviceOf(environment, home, process.platform);
  } catch (error) {
    if (error instanceof UserError) return { none: error.message };
    throw error;
  }
  const unfit = await service.unfit();
  if (unfit !== undefined) return { none: unfit };
  const { owner } = await ownerOf(service.file, await readFile(service.template, 'utf8'));
  const look = owner === 'nobody' ? undefined : await service.look();
  const log = service.hints.find(([what]) => what === 'log')?.[1] ?? '';
  const inService = look?.session && { ...look.session, ...look.variables };
  const [profile] = settings?.profiles ?? [];
  const ways =
    inService && settings && profile
      ? await createAsk(settings, profile, { environment: inService }).ways()
      : undefined;
  return {
    name: service.name,
    file: service.file,
    owner,
    running: await service.running(),
    look,
    // A service has none.
    ways: ways?.filter(({ name }) => name !== 'terminal'),
    log,
  };
}

/** Every secret that the checks could have come across. */
function secretsIn(document: CredentialsDocument | undefined, environment: NodeJS.ProcessEnv): string[] {
  const sections = document?.profileNames().map((name) => document.profile(name)?.values) ?? [];
  const inFile = sections.flatMap((values) =>
    ['aws_secret_access_key', 'aws_session_token', 'aws_security_token'].map((key) => values?.get(key)),
  );
  const inVariables = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'].map(
    (name) => environment[name],
  );
  // What is shorter is no secret of AWS's, and may be a part of any word.
  return [...inFile, ...inVariables].filter((secret) => secret !== undefined && secret.length >= 16) as string[];
}

/** No check shows one. Should an error that nobody foresaw repeat what it read, it is not told on. */
function withoutSecrets(findings: readonly Finding[], secrets: readonly string[]): Finding[] {
  const masked = (text: string) => secrets.reduce((whole, secret) => whole.replaceAll(secret, '******'), text);
  return findings.map((one) => ({
    ...one,
    found: masked(one.found),
    ...(one.mend !== undefined && { mend: masked(one.mend) }),
  }));
}

function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}
