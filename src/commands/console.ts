import { findOpener, isWsl } from '../ask/browser/open-link.ts';
import { serveRedirect } from '../ask/browser/redirect.ts';
import { dialogEnvironment } from '../ask/field.ts';
import { startOutside } from '../ask/start-outside.ts';
import { consolePage, getSigninToken, loginUrl } from '../aws/federation.ts';
import type { GlobalOptions } from '../cli/options.ts';
import { say, write } from '../cli/output.ts';
import { askForUser } from '../control/client.ts';
import { UserError } from '../errors.ts';
import { plain } from '../plain.ts';
import { awsTarget } from '../refresh/effects.ts';
import { chosenProfile } from '../refresh/held-session.ts';
import * as refreshTexts from '../refresh/texts.ts';
import { usableSession } from '../refresh/usable-session.ts';
import { endsSoon as endsSoonText } from '../refresh/usable-session-texts.ts';
import type { UsableSession } from '../session/session.ts';
import { type ProfileSettings, type RoleSettings, type Settings, userSettings } from '../settings/settings.ts';
import { Clock } from '../time/clock.ts';
import { localTime } from '../time/local-time.ts';
import { withTimeout } from '../time/timeout.ts';

interface ConsoleOptions extends GlobalOptions {
  print?: boolean;
  service?: string;
  region?: string;
  /** A command line. */
  browser?: string;
}

type RoleProfile = ProfileSettings & { role: RoleSettings };

/**
 * Signs the browser in to the AWS console with the session of a role profile. The address with the sign-in token is a secret:
 * the browser is started with a link of this machine, which leads there once.
 * @throws UserError (status 3) if no session can be had
 */
export async function consoleCommand(name: string | undefined, options: ConsoleOptions): Promise<void> {
  if (options.print && options.browser !== undefined) {
    throw new UserError('--print and --browser: use one of them', 'usage');
  }
  if (options.browser?.trim() === '') throw new UserError('--browser: a command line is missing', 'usage');
  const settings = userSettings(options);
  const profile = chosenRole(name, settings);
  const target = awsTarget('SIGNIN', profile, new Clock());
  const { endpoint } = target.destination;
  const page = consolePage(profile.role.arn, { usualRegion: profile.toolsRegion, ...options }, endpoint);
  // Before a session is requested: without a browser, it would be of no use.
  const opener = options.print ? undefined : openerOf(options.browser);
  const session = await lastingSession(settings, profile);

  if (endpoint) say(refreshTexts.notAws(endpoint.url, endpoint.setBy));
  const answer = await getSigninToken(session, page, target);
  if (!answer.ok) throw new UserError(noToken(profile.profile, refreshTexts.stsFailure(profile, answer).reason));
  if ('refused' in answer.value) {
    throw new UserError(noToken(profile.profile, `AWS refused its session (${answer.value.refused})`));
  }
  const address = loginUrl(page, answer.value.token);
  if (opener) await open(address, opener);
  else write(1, `${address}\n`);
  const { expiration } = session;
  const until = expiration === undefined ? '' : ` until ${localTime(expiration, Date.now())}`;
  say(`[${profile.profile}] ${opener ? 'is signed in to the console' : 'can be signed in to the console'}${until}`);
}

/**
 * Returns the named role profile, or the only one.
 * @throws UserError (`usage`) which names the role profiles
 */
function chosenRole(name: string | undefined, settings: Settings): RoleProfile {
  const roles = settings.profiles.flatMap((one) => (one.role ? [{ ...one, role: one.role }] : []));
  const known = roles.map(({ profile }) => `[${profile}]`).join(', ');
  const remedy =
    known === '' ? `add a role profile to ${settings.files.settings} (docs/roles.md)` : `name one: ${known}`;
  if (name === undefined) {
    const [only, ...others] = roles;
    if (only && others.length === 0) return only;
    throw new UserError(`console needs a role profile: ${remedy}`, 'usage');
  }
  const { profile } = chosenProfile(name, settings);
  const chosen = roles.find((one) => one.profile === profile);
  if (chosen) return chosen;
  throw new UserError(
    `[${profile}] holds a session of GetSessionToken, which AWS does not sign in to the console; it accepts those of roles: ${remedy}`,
    'usage',
  );
}

/**
 * Returns a session for the console, where it cannot be replaced by the next one. A role that needs no code is assumed again if
 * less than half of its session is left.
 */
async function lastingSession(settings: Settings, profile: RoleProfile): Promise<UsableSession> {
  const { role, durationSeconds, maxAge = Number.POSITIVE_INFINITY } = profile;
  const { session, endsSoon } = await usableSession(settings, profile, {
    enough: 'lasting',
    min: role.isChained ? Math.min(durationSeconds * 1000, maxAge) / 2 : undefined,
    ask: askForUser(settings.files),
  });
  if (endsSoon !== undefined) say(endsSoonText(profile.profile, endsSoon, Date.now()));
  return session;
}

/** What opens a link: the words of a command, and the host name by which the browser reaches this machine. */
interface Browser {
  words(link: string): [string, ...string[]];
  host: string;
}

/** @param commandLine of `--browser` */
function openerOf(commandLine: string | undefined): Browser {
  if (commandLine !== undefined) {
    // The link has no character that a shell would change.
    const line = commandLine.includes('%s') ? commandLine : `${commandLine} %s`;
    return { words: (link) => ['/bin/sh', '-c', line.replaceAll('%s', link)], host: '127.0.0.1' };
  }
  const opener = findOpener(process.env, process.platform);
  if ('reason' in opener) {
    throw new UserError(`cannot open a browser (${opener.reason}): use --print, which prints the address`, 'failed');
  }
  return { words: (link) => [opener.program, link], host: opener.host };
}

/** How long a browser may take to start, in milliseconds. */
const PATIENCE = 60_000;

/** Resolves when the browser has the address. @throws UserError if it has not come for it */
async function open(address: string, { words, host }: Browser): Promise<void> {
  const redirect = await serveRedirect(address, isWsl(process.env));
  try {
    const link = `http://${host}:${redirect.port}${redirect.path}`;
    const failed = startOutside(
      words(link),
      'aws-mfa-agent opens the console',
      dialogEnvironment(process.env, undefined),
    );
    const visited = redirect.visited.then(() => undefined);
    // A command that succeeds has passed the link to a browser that runs already.
    const problem = await withTimeout(
      Promise.race([visited, failed.then((reason) => reason ?? visited)]),
      PATIENCE,
      () => `it has not opened the page within ${PATIENCE / 1000} s`,
    );
    if (problem !== undefined) throw new UserError(`cannot open the browser: ${problem}; --print prints the address`);
  } finally {
    redirect.close();
  }
}

function noToken(profile: string, reason: string): string {
  return plain(`cannot sign in to the console with [${profile}]: ${reason}`);
}
