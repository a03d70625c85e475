import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withSession } from '../src/credentials/edit.ts';
import { newSandboxUser, type SandboxRole, type SandboxUser } from '../src/sandbox/account.ts';
import { type SandboxSts, type SandboxStsOptions, startSandboxSts } from '../src/sandbox/sts.ts';
import { type Authenticator, authenticator } from '../src/sandbox/totp.ts';
import type { MfaSession } from '../src/session/session.ts';
import { pathsOf } from '../src/settings/paths.ts';
import { deferred } from '../src/time/deferred.ts';
import { within } from './within.ts';

/** Whether a text contains a code, other than by chance within a longer number, such as a time. */
export function hasCode(text: string, code: string): boolean {
  return new RegExp(`(?<!\\d)${code}(?!\\d)`).test(text);
}

export const ACCOUNT_ID = '123456789012';

export interface SandboxOptions extends Omit<Partial<SandboxStsOptions>, 'accountId' | 'users' | 'now'> {
  /** What differs about alice. */
  alice?: Partial<SandboxUser>;
  /** Users beside alice. */
  users?: SandboxUser[];
}

export interface Sandbox {
  /** The home of a person who uses AWS, in a temporary folder. */
  home: string;
  credentialsFile: string;
  configFile: string;
  /** The folder of the agent's socket. */
  runtime: string;
  sts: SandboxSts;
  /** The roles of the account: a test may change them. */
  roles: SandboxRole[];
  /** AWS's clock is the machine's, `offset` milliseconds later. Change it to travel in time. */
  clock: { offset: number; now(): number };
  /** Whose long-term keys [default] holds. */
  alice: SandboxUser;
  /** Of alice's MFA device. */
  serialNumber: string;
  /** Alice's MFA device: `authenticator.code(clock.now())` is what it shows, used or not. */
  authenticator: Authenticator;
  /** All that a child process is to have in its environment. */
  env: Record<string, string>;
  /**
   * A code of alice's device that is good and was neither accepted nor given out by this function before: the one
   * it shows or, STS being tolerant, will show next. It stays good for a step at least, 30 s unless configured.
   * @throws when all are used up: start the sandbox with a greater `tolerance`, or move the clock
   */
  code(): string;
  /** A code of the right form that is not accepted now. */
  wrongCode(): string;
  /**
   * Keeps back the answers to the next requests, which STS processes at once, until the returned function is called.
   * @param times how many requests
   * @param action only requests with this action
   */
  hold(times?: number, action?: string): () => void;
  /** Writes `config.ini`. */
  settings(text: string): Promise<void>;
  /** Puts a session into a profile of the credentials file, [mfa] unless named. */
  put(session: MfaSession, profile?: string): Promise<MfaSession>;
  close(): Promise<void>;
}

/**
 * A home folder with AWS's two files in it, and the STS that accepts their keys. [default] holds alice's long-term keys and
 * names her MFA device; [work] belongs to another user and has to stay as it is. There is no [mfa] yet.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { alice: differences, users = [], roles = [], ...stsOptions } = options;
  const clock = { offset: 0, now: () => Date.now() + clock.offset };
  const alice = { ...newSandboxUser(ACCOUNT_ID, 'alice'), ...differences };
  const device = alice.mfa[0];
  if (device === undefined) throw new Error('alice needs an MFA device');
  const account = { accountId: ACCOUNT_ID, users: [alice, ...users], roles };
  const sts = await startSandboxSts({ ...stsOptions, ...account, now: clock.now });
  const { arrival } = sts;
  sts.arrival = (n) => within(`request ${n}`, arrival(n), () => sts.requests);

  const home = await mkdtemp(join(tmpdir(), 'aws-mfa-agent-test-'));
  const credentialsFile = join(home, '.aws', 'credentials');
  const configFile = join(home, '.aws', 'config');
  const folders = {
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_STATE_HOME: join(home, '.local', 'state'),
    XDG_DATA_HOME: join(home, '.local', 'share'),
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_RUNTIME_DIR: join(home, 'run'),
  };
  for (const folder of [join(home, '.aws'), ...Object.values(folders)]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  await writeFile(credentialsFile, credentialsOf(alice), { mode: 0o600 });
  await writeFile(configFile, configWith(device.serialNumber), { mode: 0o600 });

  const env = {
    HOME: home,
    PATH: process.env.PATH ?? '',
    // The times that it prints are compared with those of the test.
    ...(process.env.TZ !== undefined && { TZ: process.env.TZ }),
    ...folders,
    AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
    AWS_CONFIG_FILE: configFile,
    AWS_ENDPOINT_URL_STS: sts.url,
    AWS_MFA_AGENT_NO_DEFAULTS: '1',
    AWS_ENDPOINT_URL_IAM: sts.url,
    AWS_ENDPOINT_URL_SIGNIN: sts.url,
  };
  const stepSeconds = options.stepSeconds ?? 30;
  const shown = authenticator(device.secret, stepSeconds);
  const codesAround = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => shown.code(clock.now() + (from + index) * stepSeconds * 1000));
  const tolerance = options.tolerance ?? 1;
  const givenOut = new Set<string>();
  return {
    home,
    credentialsFile,
    configFile,
    runtime: pathsOf(env, home).runtime,
    sts,
    roles,
    clock,
    alice,
    serialNumber: device.serialNumber,
    authenticator: shown,
    env,
    code: () => {
      const code = codesAround(0, tolerance).find(
        (candidate) => !givenOut.has(candidate) && !sts.isBurnt(device.serialNumber, candidate),
      );
      if (code === undefined) {
        throw new Error('all codes that STS accepts now are used: start the sandbox with a greater tolerance');
      }
      givenOut.add(code);
      return code;
    },
    wrongCode: () => {
      // One step more on each side: time goes on until the code arrives.
      const good = new Set(codesAround(-tolerance - 1, tolerance + 1));
      const codes = Array.from({ length: good.size + 1 }, (_, index) => String(index).padStart(6, '0'));
      return codes.find((candidate) => !good.has(candidate)) ?? '';
    },
    hold: (times, action) => {
      const { promise: until, resolve } = deferred();
      sts.fault({ kind: 'delay', until }, times, action);
      return resolve;
    },
    settings: async (text) => {
      const folder = join(folders.XDG_CONFIG_HOME, 'aws-mfa-agent');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'config.ini'), text);
    },
    put: async (session, profile = 'mfa') => {
      await writeFile(credentialsFile, withSession(await readFile(credentialsFile), profile, session));
      return session;
    },
    close: async () => {
      await sts.close();
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function credentialsOf(user: SandboxUser): string {
  return `# My AWS keys. Rotated in spring.

[default]
aws_access_key_id = ${user.accessKeyId}
aws_secret_access_key = ${user.secretAccessKey}

# from the customer, do not touch
[work]
aws_access_key_id=AKIAIOSFODNN7EXAMPLE
aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY
; region = us-east-1
`;
}

function configWith(serialNumber: string): string {
  return `[default]
region = eu-west-1
mfa_serial = ${serialNumber}

[profile work]
region = us-east-1
s3 =
  max_concurrent_requests = 4
`;
}

const FOREIGN = /^Requests go to http:\/\/127\.0\.0\.1:\d+ \(set by AWS_ENDPOINT_URL_STS\), which is not AWS's\.\n/;

/** What `refresh` says behind its first line: that the sandbox is not AWS. */
export function behind(stderr: string): string {
  if (!FOREIGN.test(stderr)) throw new Error(`this does not begin with the endpoint: ${stderr}`);
  return stderr.replace(FOREIGN, '');
}
