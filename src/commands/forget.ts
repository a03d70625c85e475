import type { GlobalOptions } from '../cli/options.ts';
import { say } from '../cli/output.ts';
import { askAgent, asNoAgent, FORGET_TIME } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { absolutePath } from '../files/absolute-path.ts';
import { shellWord } from '../plain.ts';
import { removeSessions } from '../refresh/forget.ts';
import { chosenProfile, readSessions } from '../refresh/held-session.ts';
import * as texts from '../refresh/texts.ts';
import { rememberForgotten } from '../session/state.ts';
import { madeFrom, userSettings } from '../settings/settings.ts';
import { localTime } from '../time/local-time.ts';

/**
 * Removes the session of a profile, and the roles' sessions that were made from it. The profile gets no session until the user
 * wants one. AWS accepts copies of the sessions until their end.
 */
export async function forget(name: string | undefined, options: GlobalOptions): Promise<void> {
  const settings = userSettings(options);
  const { files } = settings;
  const { profile } = chosenProfile(name, settings);
  const roles = madeFrom(profile, settings);
  const all = settings.profiles.filter((one) => one.profile === profile || roles.includes(one.profile));
  const before = readSessions(files, all);
  const session = before.get(profile);
  if (session?.kind === 'long-term') throw new UserError(texts.holdsLongTerm(profile, files.credentials), 'usage');

  // First the agent: a prompt may be open, or a request under way.
  const query = { profile, credentials: absolutePath(files.credentials) };
  let forgotten = await askAgent(files.runtime, 'POST /v1/forget', query, FORGET_TIME).catch(asNoAgent);
  const left = readSessions(files, all).get(profile);
  // An agent before 0.2 may use another credentials file.
  const isLeft = session?.kind === 'session' && left?.kind === 'session' && left.accessKeyId === session.accessKeyId;
  if (!forgotten || isLeft) {
    forgotten = await removeSessions(files, profile, roles);
    await rememberForgotten(files.state, files.credentials, profile, true);
  }
  const ends = forgotten.removed.map((one) => {
    const removed = before.get(one);
    return removed?.kind === 'session' ? (removed.expiration ?? Number.NaN) : Number.NEGATIVE_INFINITY;
  });
  say(removedText(profile, forgotten.removed));
  if (forgotten.lost !== undefined) say(forgotten.lost);
  const end = Math.max(...ends);
  // It is NaN if the end of a session is not known. AWS may then still accept the session.
  if (!(end <= Date.now())) say(stillAccepted(Number.isNaN(end) ? undefined : end, Date.now()));
}

function removedText(profile: string, removed: readonly string[]): string {
  const roles = removed.filter((one) => one !== profile).map((one) => `[${one}]`);
  const what = removed.includes(profile) ? `removed the session of [${profile}]` : `[${profile}] holds no session`;
  const made = roles.length === 0 ? '' : `, and the sessions that were made from it: ${roles.join(', ')}`;
  return `${what}${made}; the agent does not ask for a new one until you run: aws-mfa-agent refresh ${shellWord(profile)}`;
}

/** @param end when AWS ends the last of the sessions, in milliseconds since the epoch; undefined if that is not known */
function stillAccepted(end: number | undefined, now: number): string {
  const until = end === undefined ? 'their end' : localTime(end, now);
  return `AWS accepts copies until ${until}; an administrator can prevent that (docs/iam.md, "End a session early")`;
}
