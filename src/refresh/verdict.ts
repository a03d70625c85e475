import { CHECKING } from '../ask/texts.ts';
import type { Keys } from '../aws/call.ts';
import { isOfAws } from '../aws/endpoint.ts';
import type { Verdict } from '../session/session.ts';
import { readState, rememberVerdict } from '../session/state.ts';
import type { ProfileSettings, Settings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';
import { waitingAtTerminal } from './at-terminal.ts';
import { callerIdentity, stsDestination } from './effects.ts';
import { regionIn } from './texts.ts';

/** A session, and what AWS has said about it. */
type Judged = Keys & { verdict?: Verdict };

/** How long a command at most relies on what AWS said, or that it could not be asked, in milliseconds. */
const ASK_AGAIN = 5 * 60_000;

/**
 * Returns whether AWS accepts a session. Asks AWS, unless it was asked in the last minutes. If AWS does not answer soon, what
 * it said last counts: without a network, nothing that uses the session would work either.
 * @param trusted how long the caller relies on what AWS said, in milliseconds
 */
export async function isAccepted(
  files: Settings['files'],
  profile: ProfileSettings,
  session: Judged,
  trusted: number,
): Promise<boolean> {
  const { verdict } = session;
  if (verdict && Math.abs(Date.now() - verdict.askedAt) < Math.min(ASK_AGAIN, trusted)) return verdict.alive;
  const end = waitingAtTerminal(() => ({ text: CHECKING }));
  const { alive } = await askAboutSession(files, profile, session, new Clock()).finally(end);
  return alive;
}

/** How long AWS's answer may take, in milliseconds: a command waits for it. */
const PATIENCE = 3_000;

/**
 * Asks AWS whether it still accepts a session, and remembers the answer for all commands. Signs the request with the session
 * itself, which needs no permission.
 *
 * Asks in the region that gave the session: another one, which this shell may name, may not be active in the account. Does not
 * ask another host than the one that gave it, such as a local stand-in for AWS.
 */
export async function askAboutSession(
  files: Settings['files'],
  settings: ProfileSettings,
  { verdict, ...session }: Judged,
  clock: Clock,
): Promise<Verdict> {
  const { profile } = settings;
  const { accessKeyId } = session;
  const given = readState(files.state).expiries[files.credentials]?.[profile];
  const giver = given?.accessKeyId === accessKeyId ? given.endpoint : undefined;
  const asking = giver === undefined ? settings : inRegionOf(giver, settings);
  const unchanged = () => ({ alive: true, at: 0, ...verdict, askedAt: clock.now() });
  let answer: Awaited<ReturnType<typeof callerIdentity>> | undefined;
  try {
    if (giver !== undefined && !isAsked(giver, asking)) return unchanged();
    answer = await callerIdentity(session, asking, clock, PATIENCE);
  } catch {
    // Settings that make requests impossible are reported where a session is requested.
  }
  const isGone = answer?.ok === false && /^(expired|bad-keys)$/.test(answer.failure.kind);
  const now = clock.now();
  const next = answer?.ok || isGone ? { alive: !isGone, at: now, askedAt: now } : unchanged();
  await rememberVerdict(files.state, files.credentials, profile, { ...next, accessKeyId }).catch(() => {});
  return next;
}

/** Returns the settings with the region of the host of AWS that gave a session. */
function inRegionOf(giver: string, settings: ProfileSettings): ProfileSettings {
  // The global host is in this region.
  const region = giver === 'sts.amazonaws.com' ? 'us-east-1' : regionIn(giver);
  const isThere = settings.region?.replace(/^fips-|-fips$/, '') === region;
  return region === undefined || isThere || !isOfAws(giver) ? settings : { ...settings, region };
}

/** Returns whether requests for a profile go to the host that gave a session, or to another one of AWS in its region. */
function isAsked(giver: string, settings: ProfileSettings): boolean {
  const { endpoint } = stsDestination(settings);
  return endpoint ? new URL(endpoint.url).hostname === giver : isOfAws(giver);
}
