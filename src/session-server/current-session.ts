import { askForCode, asNoAgent } from '../control/client.ts';
import { standingText } from '../policy/standing.ts';
import { forgottenIn, type HeldSession, readHeldSession, sessionInFile } from '../refresh/held-session.ts';
import { isForgotten, notUsable } from '../refresh/usable-session-texts.ts';
import { runCommand } from '../run-command.ts';
import { isRefused, type UsableSession } from '../session/session.ts';
import { expirationForSdk } from '../session/variables.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { nodePath } from '../start-child.ts';
import { pause } from '../time/pause.ts';
import type { Answer } from './server.ts';

/** For how long an answer may be repeated, in milliseconds: many requests may come at once. */
const SHARED = 50;

/** The shortest time between two calls of the agent, in milliseconds: botocore asks again with every request of its user. */
const CALL_GAP = 5_000;

/** After how long a file that has lost the session is read again, in milliseconds: some programs empty it before they write. */
const SECOND_LOOK = 200;

/**
 * Returns the answer of the session server. It is the session of the profile until its end, also while it is due, and while
 * the credentials file cannot be read. Meanwhile the running agent asks for the code, or a child process without a terminal
 * does, with the methods of the settings: the command has the terminal.
 * @param first the session that the command starts with, which may not be on disk
 * @param child `globalWords`: the global options for a child process. `signal` ends it
 */
export function currentSession(
  settings: Settings,
  profile: ProfileSettings,
  first: UsableSession,
  child: { globalWords: string[]; environment: NodeJS.ProcessEnv; signal: AbortSignal },
): () => Promise<Answer> {
  const old = readHeldSession(settings, profile, Date.now()).session?.accessKeyId;
  let unsaved = old === first.accessKeyId ? undefined : first;
  let last: UsableSession | undefined = first;
  let shared: { until: number; answer: Promise<Answer> } | undefined;
  let nextCall = 0;
  let problem: string | undefined;

  const renew = async (held: HeldSession) => {
    nextCall = Number.POSITIVE_INFINITY;
    const renewed = await renewal(settings, profile, held, child).catch(({ message }: Error) => ({ problem: message }));
    ({ problem } = renewed);
    // The user who has closed a prompt of the child is not asked again at once.
    nextCall = performance.now() + ('inChild' in renewed ? settings.remindEvery : CALL_GAP);
  };

  const look = (): HeldSession | Error => {
    try {
      return readHeldSession(settings, profile, Date.now());
    } catch (error) {
      return error as Error;
    }
  };

  const current = async (): Promise<Answer> => {
    let held = look();
    if (last && !(held instanceof Error) && held.state === 'missing') {
      await pause(SECOND_LOOK);
      held = look();
    }
    const now = Date.now();
    if (held instanceof Error) return last && isUsable(last, now) ? given(last, now) : noSession(held.message);
    if (performance.now() >= nextCall) void renew(held);
    const inFile = held.session && !isRefused(held.session) && isUsable(held.session, now) ? held.session : undefined;
    if ((inFile && inFile.accessKeyId !== old) || (unsaved && !isUsable(unsaved, now))) unsaved = undefined;
    const session = unsaved ?? inFile;
    last = session;
    return session ? given(session, now) : none(profile, held, problem, now);
  };

  return () => {
    if (!shared || performance.now() >= shared.until) shared = { until: performance.now() + SHARED, answer: current() };
    return shared.answer;
  };
}

/** Has the session renewed if it is due. Asks AWS once an hour whether it still accepts the session. */
async function renewal(
  settings: Settings,
  profile: ProfileSettings,
  held: HeldSession,
  { globalWords, environment, signal }: Parameters<typeof currentSession>[3],
): Promise<{ problem: string | undefined; inChild?: true }> {
  if (held.state === 'fresh' || held.state === 'unknown') {
    await sessionInFile(settings, profile, held, 'lasting');
    return { problem: undefined };
  }
  const status = await askForCode(settings.files, profile.profile, { wait: 0, person: false }).catch(asNoAgent);
  // An agent before 0.2 may mean the session of another credentials file.
  if (status && status.standing.standing !== 'fresh')
    return { problem: standingText(status.state, status.standing, Date.now()) };
  const forgotten = forgottenIn(settings, profile);
  if (forgotten !== undefined) return { problem: isForgotten(forgotten) };
  const words = ['exec', ...globalWords, '--profile', profile.profile, '--', 'true'];
  const result = await runCommand([nodePath(), process.argv[1] ?? '', ...words], { environment, signal });
  return { problem: result.ok ? undefined : result.reason, inChild: true };
}

function isUsable({ expiration }: UsableSession, now: number): boolean {
  return expiration === undefined || expiration > now;
}

function given(session: UsableSession, now: number): Answer {
  const { accessKeyId, secretAccessKey, sessionToken } = session;
  return {
    status: 200,
    body: {
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      Token: sessionToken,
      Expiration: expirationForSdk(session, now),
    },
  };
}

function none({ profile }: ProfileSettings, held: HeldSession, problem: string | undefined, now: number): Answer {
  const message = notUsable(profile, held.state, held.expiration, now);
  const code = held.state === 'expired' ? 'ExpiredToken' : 'NoSession';
  return noSession(problem === undefined ? message : `${message} (${problem})`, code);
}

/** @returns a status from 400 to 499: the SDK for JavaScript shows the reason only then, and the one for Go tries again after others */
function noSession(message: string, code = 'NoSession'): Answer {
  return { status: 400, body: { Code: code, Message: message } };
}
