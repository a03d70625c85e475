import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newSandboxUser } from '../sandbox/account.ts';
import { type SandboxSts, startSandboxSts } from '../sandbox/sts.ts';
import { type Authenticator, authenticator } from '../sandbox/totp.ts';
import type { MfaSession } from '../session/session.ts';

/** Everything that the demo's agent lives with, and nothing of the person who looks on. */
export interface Stage {
  /** The home folder, a temporary one. */
  home: string;
  credentialsFile: string;
  sts: SandboxSts;
  authenticator: Authenticator;
  serialNumber: string;
  /** Whose long-term keys [default] holds. */
  userArn: string;
  /** What [mfa] holds at first; STS takes it for as long as it lasts. */
  session: MfaSession;
  /** All that is AWS's, and all folders, for the agent's environment. */
  env: Record<string, string>;
  /** Ends STS and removes the home folder. */
  clear(): Promise<void>;
}

/** The profile that the agent keeps fresh. */
export const PROFILE = 'mfa';
export const REGION = 'eu-west-1';
/** The pause before the agent asks again, in seconds: the shortest that it takes. */
export const REMIND_EVERY = 30;

const ACCOUNT_ID = '123456789012';

/**
 * A home folder with AWS's two files and the agent's settings in it, and the STS that its keys are good for.
 * @param times how long the session in [mfa] still lasts, and how long before its end the agent asks, in seconds
 */
export async function setStage(times: { left: number; promptBefore: number }): Promise<Stage> {
  const user = newSandboxUser(ACCOUNT_ID, 'alice');
  const other = newSandboxUser(ACCOUNT_ID, 'work');
  const { serialNumber, secret } = user.mfa[0] ?? { serialNumber: '', secret: Buffer.alloc(0) };
  const sts = await startSandboxSts({ accountId: ACCOUNT_ID, users: [user] });
  // A short name: the path of the agent's socket in it must not be longer than 104 characters on macOS.
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
    await writeFile(join(settingsFolder, 'config.ini'), settings(times.promptBefore), { mode: 0o600 });
    return {
      home,
      credentialsFile,
      sts,
      authenticator: authenticator(secret),
      serialNumber,
      userArn: `arn:aws:iam::${ACCOUNT_ID}:user/${user.name}`,
      session,
      env: {
        HOME: home,
        ...folders,
        AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
        AWS_CONFIG_FILE: configFile,
        AWS_ENDPOINT_URL_STS: sts.url,
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

/** As people write it: the profile that changes stands between two that must not, one of them in another style. */
function credentials(user: KeyPair, session: MfaSession, other: KeyPair): string {
  return `# Made up for this demo: nobody's keys.
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

/** It looks each second, where it would each minute. */
function settings(promptBefore: number): string {
  return `check = * * * * * *
prompt_before = ${promptBefore}s
remind_every = ${REMIND_EVERY}s
prompt = terminal
`;
}
