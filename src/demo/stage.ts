import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSandboxUser } from '../sandbox/account.ts';
import { type SandboxSts, startSandboxSts } from '../sandbox/sts.ts';
import { type Authenticator, authenticator } from '../sandbox/totp.ts';
import type { MfaSession } from '../session/session.ts';

/** Everything that the demo's agent works with. Nothing of it belongs to the user. */
export interface Stage {
  /** A temporary home folder. */
  home: string;
  credentialsFile: string;
  sts: SandboxSts;
  authenticator: Authenticator;
  serialNumber: string;
  /** The IAM user whose long-term keys are in [default]. */
  userArn: string;
  /** A role that the user may assume with a session that was made with MFA. */
  roleArn: string;
  /** `config.ini`. */
  settingsFile: string;
  /** The first session in [mfa]. STS accepts it until its end. */
  session: MfaSession;
  /** The variables of AWS and of all folders, for the agent's environment. */
  env: Record<string, string>;
  /** Stops STS and removes the home folder. */
  clear(): Promise<void>;
}

/** The profile that the agent keeps fresh. */
export const PROFILE = 'mfa';
/** The role, and the profile that the agent keeps fresh with it. */
export const ROLE = 'admin';
export const REGION = 'eu-west-1';
/** The time until the first reminder, in seconds: the least that the agent accepts. */
export const REMIND_EVERY = 30;

const ACCOUNT_ID = '123456789012';

/**
 * Creates a home folder with AWS's two files and the agent's settings, and starts an STS that accepts their keys.
 * @param times how long the session in [mfa] lasts, and how long before its end the agent asks, in seconds; and where it asks
 */
export async function setStage(times: {
  left: number;
  promptBefore: number;
  prompt: 'terminal' | 'auto';
}): Promise<Stage> {
  const user = newSandboxUser(ACCOUNT_ID, 'alice');
  const other = newSandboxUser(ACCOUNT_ID, 'work');
  const { serialNumber, secret } = user.mfa[0] ?? { serialNumber: '', secret: Buffer.alloc(0) };
  const sts = await startSandboxSts({
    accountId: ACCOUNT_ID,
    users: [user],
    roles: [{ name: ROLE, mfa: true, maxSessionDuration: 3600 }],
  });
  // A short name: on macOS, the path of the agent's socket must not exceed 104 characters.
  const home = await mkdtemp(join(tmpdir(), 'mfa-demo-')).catch(async (error) => {
    await sts.close();
    throw error;
  });
  const clear = async () => {
    await sts.close();
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    const folders = {
      XDG_CONFIG_HOME: join(home, 'config'),
      XDG_STATE_HOME: join(home, 'state'),
      XDG_RUNTIME_DIR: join(home, 'run'),
    };
    const [awsFolder, settingsFolder] = [join(home, '.aws'), join(folders.XDG_CONFIG_HOME, 'aws-mfa-agent')];
    for (const folder of [awsFolder, settingsFolder, folders.XDG_STATE_HOME, folders.XDG_RUNTIME_DIR]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
    const session = sts.issue(user.name, times.left);
    const credentialsFile = join(awsFolder, 'credentials');
    const configFile = join(awsFolder, 'config');
    await writeFile(credentialsFile, credentials(user, session, other), { mode: 0o600 });
    await writeFile(configFile, `[default]\nregion = ${REGION}\nmfa_serial = ${serialNumber}\n`, { mode: 0o600 });
    const settingsFile = join(settingsFolder, 'config.ini');
    await writeFile(settingsFile, settings(times.promptBefore, times.prompt), { mode: 0o600 });
    return {
      home,
      credentialsFile,
      sts,
      authenticator: authenticator(secret),
      serialNumber,
      userArn: `arn:aws:iam::${ACCOUNT_ID}:user/${user.name}`,
      roleArn: `arn:aws:iam::${ACCOUNT_ID}:role/${ROLE}`,
      settingsFile,
      session,
      env: {
        HOME: home,
        ...folders,
        AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
        AWS_CONFIG_FILE: configFile,
        AWS_ENDPOINT_URL_STS: sts.url,
        AWS_MFA_AGENT_NO_DEFAULTS: '1',
      },
      clear,
    };
  } catch (error) {
    await clear();
    throw error;
  }
}

interface KeyPair {
  accessKeyId: string;
  secretAccessKey: string;
}

/** Returns a typical file: the profile that changes is between two others, one of them in another style. */
function credentials(user: KeyPair, session: MfaSession, other: KeyPair): string {
  return `# Random keys, made for this demo.
[default]
aws_access_key_id = ${user.accessKeyId}
aws_secret_access_key = ${user.secretAccessKey}

[${PROFILE}]
aws_access_key_id = ${session.accessKeyId}
aws_secret_access_key = ${session.secretAccessKey}
aws_session_token = ${session.sessionToken}
expiration = ${new Date(session.expiration).toISOString().replace('.000', '')}
region = ${REGION}

; a customer's, do not touch
[work]
aws_access_key_id=${other.accessKeyId}
aws_secret_access_key=${other.secretAccessKey}
`;
}

/** Returns settings that check every second instead of every minute. */
function settings(promptBefore: number, prompt: string): string {
  return `check = * * * * * *
prompt_before = ${promptBefore}s
remind_every = ${REMIND_EVERY}s
prompt = ${prompt}
`;
}
