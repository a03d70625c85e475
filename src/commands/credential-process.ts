import type { GlobalOptions } from '../cli/options.ts';
import { write } from '../cli/output.ts';
import { askForCode, LONGEST_WAIT, USUAL_WAIT } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { chosenProfile } from '../refresh/held-session.ts';
import { usableSession } from '../refresh/usable-session.ts';
import type { UsableSession } from '../session/session.ts';
import { expirationForSdk } from '../session/variables.ts';
import { userSettings } from '../settings/settings.ts';
import { parseDuration } from '../time/duration.ts';

interface CredentialProcessOptions extends GlobalOptions {
  /** How long to wait; {@link USUAL_WAIT} by default. */
  timeout?: string;
}

/**
 * Prints the session in the form that AWS SDKs read from a `credential_process`. If it has ended, the agent asks for a
 * code, or this process asks on the terminal, within the time limit. If neither can ask, it fails at once. Reads standard
 * input only if that is a terminal.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
export async function credentialProcess(name: string | undefined, options: CredentialProcessOptions): Promise<void> {
  const { timeout } = options;
  const wait = timeout === undefined ? USUAL_WAIT : parseDuration(timeout);
  if (!wait || wait > LONGEST_WAIT) {
    throw new UserError(`--timeout ${timeout}: must be a duration from 1s to 1h, such as 50s`, 'usage');
  }
  const settings = userSettings(options);
  const profile = chosenProfile(name, settings);
  const askAgent = (name: string, asking: { wait: number; person: boolean }) =>
    askForCode(settings.files, name, asking).catch((error: Error) => ({ problem: error.message }));
  const { session, endsSoon } = await usableSession(settings, profile, {
    enough: 'working',
    ask: { startedBy: 'program', wait, agent: askAgent },
  });
  print(session);
  // The SDK calls again before the session ends. By then, the agent may have a new one.
  if (endsSoon !== undefined) await askAgent(profile.profile, { wait: 0, person: false });
}

function print(session: UsableSession): void {
  const { accessKeyId, secretAccessKey, sessionToken } = session;
  const credentials = {
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: expirationForSdk(session, Date.now()),
  };
  write(1, `${JSON.stringify(credentials)}\n`);
}
