import { type StoredSession, stateAt } from '../session/session.ts';
import type { RememberedExpiry } from '../session/state.ts';
import { localTime } from '../time/local-time.ts';
import type { Asked } from './ask-aws.ts';
import { error, type Finding, ok, warning } from './finding.ts';
import { masked } from './keys.ts';
import { notTold } from './not-told.ts';

/** What stands in an MFA profile, and what this program remembers of it. */
export interface Stored {
  session: StoredSession;
  remembered: RememberedExpiry | undefined;
}

/**
 * The session of one MFA profile.
 * @param now milliseconds since the epoch, by AWS's clock
 * @param asked undefined when AWS was not asked
 */
export function sessionFindings(
  profile: string,
  { session, remembered }: Stored,
  promptBefore: number,
  now: number,
  asked: Asked | undefined,
): Finding[] {
  const findings = [stateFinding(profile, session, promptBefore, now)];
  if (session.kind !== 'session') return findings;
  const alive = aliveFinding(profile, session, now, asked);
  findings.push(alive);
  if (alive.level === 'ok') findings.push(mfaFinding(profile, session.accessKeyId, remembered, asked));
  return findings;
}

function stateFinding(profile: string, session: StoredSession, promptBefore: number, now: number): Finding {
  const check = 'session.state';
  const expiration = session.kind === 'session' ? session.expiration : undefined;
  const at = expiration === undefined ? '' : localTime(expiration, now);
  const refresh = `aws-mfa-agent refresh ${profile}`;
  switch (stateAt(session, now, promptBefore)) {
    case 'missing':
      return warning(check, `[${profile}] holds no session`, refresh, profile);
    case 'long-term': {
      const found = `[${profile}] holds long-term keys: they are never overwritten, so it is not kept fresh`;
      return error(
        check,
        found,
        'name another MFA profile in config.ini, or move these keys to another section',
        profile,
      );
    }
    case 'unknown': {
      const found = `[${profile}] holds a session of another tool, which says nothing of its end`;
      return ok(check, `${found}: AWS is asked`, profile);
    }
    case 'expired':
      return warning(check, `the session of [${profile}] ended at ${at}`, refresh, profile);
    case 'due':
      return ok(check, `the session of [${profile}] ends at ${at}: the agent asks now`, profile);
    case 'fresh':
      return ok(check, `the session of [${profile}] is fresh until ${at}`, profile);
  }
}

function aliveFinding(
  profile: string,
  { expiration }: StoredSession & { kind: 'session' },
  now: number,
  asked: Asked | undefined,
): Finding {
  const check = 'session.alive';
  const refresh = `aws-mfa-agent refresh ${profile} --force`;
  const whose = `the session of [${profile}]`;
  const answer = asked?.ofSession;
  if (answer === undefined) return notTold(check, whose, undefined, profile);
  if (answer.ok) {
    const { arn } = answer.value;
    const source = asked?.ofSource;
    if (source?.ok && source.value.arn !== arn) {
      const found = `the session of [${profile}] is of ${arn}, and the long-term keys are of ${source.value.arn}`;
      return error(check, found, refresh, profile);
    }
    return ok(check, `AWS takes it: ${arn}`, profile);
  }
  const { failure } = answer;
  if (failure.kind === 'expired' || failure.kind === 'bad-keys') {
    const found = `AWS does not take the session of [${profile}]`;
    if (expiration !== undefined && expiration <= now) {
      return warning(check, `${found}: it has ended`, refresh, profile);
    }
    const why = 'though it should not have ended: it is not whole, or was revoked';
    return error(check, `${found}, ${why}`, refresh, profile);
  }
  return notTold(check, whose, failure, profile);
}

/**
 * STS tells nobody whether a session was made with MFA: GetCallerIdentity answers the same for both. What is known is who
 * got it: this program sends no request without a code, and remembers the id of the key that it was given. And IAM takes
 * the sessions of GetSessionToken only when they were made with MFA.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html ("Permissions")
 */
function mfaFinding(
  profile: string,
  accessKeyId: string,
  remembered: RememberedExpiry | undefined,
  asked: Asked | undefined,
): Finding {
  const check = 'session.mfa';
  if (!accessKeyId.startsWith('ASIA')) {
    const found = `${masked(accessKeyId)} in [${profile}] is no key of a session: those begin with ASIA`;
    return error(check, found, `aws-mfa-agent refresh ${profile} --force`, profile);
  }
  if (remembered?.accessKeyId === accessKeyId) {
    return ok(check, `this program got ${masked(accessKeyId)} with a code, so it is an MFA session`, profile);
  }
  const byIam = asked?.devicesBySession;
  if (byIam?.ok) {
    return ok(
      check,
      `IAM answers ${masked(accessKeyId)}, which it does only to sessions that were made with MFA`,
      profile,
    );
  }
  if (byIam?.failure.kind === 'bad-keys') {
    const found = `IAM does not take ${masked(accessKeyId)}, though STS does: it was made without MFA`;
    return error(check, found, `aws-mfa-agent refresh ${profile} --force`, profile);
  }
  const found = `${masked(accessKeyId)} was got by another tool: AWS does not tell whether with MFA`;
  return warning(check, found, `if calls are denied: aws-mfa-agent refresh ${profile} --force`, profile);
}
