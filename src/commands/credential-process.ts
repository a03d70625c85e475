import type { GlobalOptions } from '../cli/options.ts';
import { write } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { standingText } from '../policy/standing.ts';
import { chosenProfile, type HeldSession, readHeldSession, workingSession } from '../refresh/held-session.ts';
import * as texts from '../refresh/texts.ts';
import type { UsableSession } from '../session/session.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { userSettings } from '../settings/settings.ts';
import { parseDuration } from '../time/duration.ts';
import { formatInstant } from '../time/instant.ts';

interface CredentialProcessOptions extends GlobalOptions {
  /** {@link TIMEOUT} unless given. */
  timeout?: string;
}

/** An SDK waits a minute. */
const TIMEOUT = '50s';

/** Longer than any SDK waits. */
const LONGEST_WAIT = 3_600_000;

/** In milliseconds. A session that nothing tells the end of must not be kept forever: the SDK asks again before this. */
const ASK_AGAIN = 3_600_000;

/**
 * The session as the AWS SDKs read it from a `credential_process`. Where it has ended, the agent is asked to ask, or the
 * person on the terminal, within the time limit; else it fails at once. Standard input is not read unless it is a terminal.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 */
export async function credentialProcess(name: string | undefined, options: CredentialProcessOptions): Promise<void> {
  const { timeout = TIMEOUT } = options;
  const wait = parseDuration(timeout);
  if (!wait || wait > LONGEST_WAIT) {
    throw new UserError(`--timeout ${timeout}: must be a duration from 1s to 1h, such as 50s`, 'usage');
  }
  const settings = userSettings(options);
  const profile = chosenProfile(name, settings);
  const held = readHeldSession(settings, profile, Date.now());
  const session = await workingSession(settings, profile, held);
  print(session ?? (await renewed(settings, profile, held, wait)));
  // Whoever works on with a session that ends soon will call again; by then there may be a new one.
  if (session && held.state === 'due') {
    const { askThroughAgent } = await import('../control/renewal.ts');
    await askThroughAgent(settings, profile.profile, { wait: 0, person: false }).catch(() => {});
  }
}

function print({ accessKeyId, secretAccessKey, sessionToken, expiration }: UsableSession): void {
  const credentials = {
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: formatInstant(expiration ?? Date.now() + ASK_AGAIN),
  };
  write(1, `${JSON.stringify(credentials)}\n`);
}

/** @throws UserError (status 3) with the reason why there is no session */
async function renewed(
  settings: Settings,
  profile: ProfileSettings,
  { expiration }: HeldSession,
  wait: number,
): Promise<UsableSession> {
  const [{ askThroughAgent }, { hasTerminal, renewHere }] = await Promise.all([
    import('../control/renewal.ts'),
    import('../refresh/renewal.ts'),
  ]);
  const start = performance.now();
  const person = await hasTerminal();
  const reasons: string[] = [];
  const failed = () => new UserError(texts.sessionNotRefreshed(profile.profile, reasons.join('; ')), 'no-session');

  const agent = await askThroughAgent(settings, profile.profile, { wait, person }).catch((error: Error) => error);
  if (agent === undefined) reasons.push(texts.NO_AGENT);
  else if (agent instanceof Error) reasons.push(agent.message);
  else {
    const { state, standing } = agent;
    switch (standing.standing) {
      case 'fresh': {
        const held = readHeldSession(settings, profile, Date.now());
        const session = await workingSession(settings, profile, held);
        if (session) return session;
        reasons.push(texts.AGENT_KEEPS_OTHER_FILE);
        break;
      }
      case 'asking':
      case 'queued':
      case 'verifying':
      case 'unsaved':
        reasons.push(texts.stillWaiting(Math.round(wait / 1000)));
        throw failed();
      case 'stopped':
      case 'unanswered':
        // Another question could not help, or would be one too many.
        reasons.push(standingText(state, standing, Date.now()));
        throw failed();
      case 'snoozed':
      case 'quiet':
      case 'held':
      case 'waiting':
        reasons.push(standingText(state, standing, Date.now()));
    }
  }
  // The agent has tried the command already; a command answers without a person where no agent runs.
  const ways = waysHere(settings, profile, agent === undefined);
  const limit = Math.max(0, wait - (performance.now() - start));
  if (ways.length > 0) {
    const renewal = await renewHere(settings, profile, { expiration, ways, limit });
    if (renewal.kind === 'renewed') return renewal.session;
    reasons.push(renewal.reason);
  }
  throw failed();
}

/** The ways of asking that need no desktop, as far as the settings have them. */
function waysHere({ prompt }: Settings, { mfaProcess }: ProfileSettings, withCommand: boolean): string[] {
  return (prompt === 'auto' ? ['mfa_process', 'terminal'] : prompt).filter(
    (way) => way === 'terminal' || (way === 'mfa_process' && withCommand && mfaProcess !== undefined),
  );
}
