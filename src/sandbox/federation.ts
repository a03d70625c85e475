import { randomBytes } from 'node:crypto';
import { type Account, callerArn, type Session } from './account.ts';

/** A sign-in token's session, and until when a browser may use it, in milliseconds since the epoch. */
export interface SigninToken {
  session: Session;
  until: number;
}

/** What the federation endpoint answers. */
export interface Page {
  kind: 'page';
  status: number;
  type: string;
  body: string;
  /** Why it refuses. */
  reason: string;
}

/** How long AWS accepts a sign-in token, in milliseconds. */
const TOKEN_LIFE = 15 * 60_000;

/**
 * Plays the federation endpoint: gives a sign-in token for the session of a role, and shows who is signed in with it. AWS would
 * redirect the browser to the console.
 * @param now milliseconds since the epoch, by AWS's clock
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
 */
export function federate(
  account: Account,
  tokens: Map<string, SigninToken>,
  method: string,
  parameters: URLSearchParams,
  now: number,
): Page {
  switch (parameters.get('Action')) {
    case 'getSigninToken': {
      const session = sessionIn(account, parameters.get('Session') ?? '', now);
      if (!session) return errorPage('Invalid credentials parameter');
      if (!session.role) return errorPage('Session must be of a role or a federated user');
      const duration = parameters.get('SessionDuration');
      const isAllowed = duration !== null && /^\d+$/.test(duration) && +duration >= 900 && +duration <= 43_200;
      // AWS refuses a duration for a role that was assumed with a session, whatever it is.
      if (duration !== null && (session.role.isChained || !isAllowed)) {
        return errorPage('Invalid SessionDuration parameter');
      }
      const token = randomBytes(300).toString('base64url');
      tokens.set(token, { session, until: now + TOKEN_LIFE });
      const body = JSON.stringify({ SigninToken: token });
      return { kind: 'page', status: 200, type: 'application/json', body, reason: '' };
    }
    case 'login': {
      const { session, until = 0 } = tokens.get(parameters.get('SigninToken') ?? '') ?? {};
      if (method !== 'GET' || !session || until <= now) return errorPage('Invalid SigninToken parameter');
      const who = callerArn(account, { user: session.user, session });
      const end = new Date(session.expiration).toISOString();
      const body = `Signed in as ${who} until ${end}: ${parameters.get('Destination')}\n`;
      return { kind: 'page', status: 200, type: 'text/plain; charset=utf-8', body, reason: '' };
    }
    default:
      return errorPage('Invalid Action parameter');
  }
}

/** Returns the account's session with these keys; undefined if it is not one, or has ended. */
function sessionIn(account: Account, json: string, now: number): Session | undefined {
  let given: Record<string, unknown>;
  try {
    given = Object(JSON.parse(json));
  } catch {
    return undefined;
  }
  const session = account.sessions.get(String(given.sessionId));
  const isSame = session?.secretAccessKey === given.sessionKey && session?.sessionToken === given.sessionToken;
  return isSame && session && session.expiration > now ? session : undefined;
}

function errorPage(reason: string): Page {
  const body = `<!DOCTYPE html>\n<html><head><title>Error report</title></head><body><h1>HTTP Status 400 - ${reason}</h1></body></html>\n`;
  return { kind: 'page', status: 400, type: 'text/html; charset=utf-8', body, reason };
}
