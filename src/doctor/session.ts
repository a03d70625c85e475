import { isOfRole } from '../aws/role-session.ts';
import { shellWord } from '../plain.ts';
import { type StoredSession, shortKeyId, stateAt } from '../session/session.ts';
import type { RememberedExpiry } from '../session/state.ts';
import { localTime } from '../time/local-time.ts';
import type { Asked } from './ask-aws.ts';
import { absent, error, type Finding, ok, warning } from './finding.ts';
import { unverified } from './unverified.ts';

/** The session in an MFA profile, and what this program remembers of it. */
export interface Stored {
  session: StoredSession;
  remembered: RememberedExpiry | undefined;
  /** The profile, or the source of its session, for which the user has run `forget`, so that it gets no session. */
  forgotten?: string | undefined;
}

/**
 * Checks the session of one MFA profile.
 * @param now milliseconds since the epoch, by AWS's clock
 * @param asked undefined if AWS was not asked
 */
export function sessionFindings(
  profile: string,
  { session, remembered, forgotten }: Stored,
  promptBefore: number,
  now: number,
  asked: Asked | undefined,
): Finding[] {
  const findings = [stateFinding(profile, { session, forgotten }, promptBefore, now)];
  if (session.kind !== 'session') return findings;
  const alive = aliveFinding(profile, session, now, asked);
  findings.push(alive);
  // A role's trust policy decides whether it needs MFA.
  if (alive.level === 'ok' && !asked?.profile.role)
    findings.push(mfaFinding(profile, session.accessKeyId, remembered, asked));
  return findings;
}

function stateFinding(
  profile: string,
  { session, forgotten }: Pick<Stored, 'session' | 'forgotten'>,
  promptBefore: number,
  now: number,
): Finding {
  const check = 'session.state';
  const expiration = session.kind === 'session' ? session.expiration : undefined;
  const at = expiration === undefined ? '' : localTime(expiration, now);
  const refresh = `aws-mfa-agent refresh ${shellWord(profile)}`;
  switch (stateAt(session, now, promptBefore)) {
    case 'missing':
      if (forgotten !== undefined) {
        const what = forgotten === profile ? 'it' : `[${forgotten}]`;
        const until = `aws-mfa-agent refresh ${shellWord(forgotten)}`;
        return absent(check, `[${profile}] holds no session: ${what} is forgotten until: ${until}`, profile);
      }
      return warning(check, `[${profile}] holds no session`, refresh, profile);
    case 'long-term': {
      const found = `[${profile}] holds long-term keys, which are never overwritten, so the agent does not keep it fresh`;
      return error(check, found, 'use another profile in config.ini, or move these keys to another profile', profile);
    }
    case 'unknown': {
      const found = `[${profile}] holds a session of another tool, without an expiration`;
      return ok(check, `${found}: AWS decides whether it is valid`, profile);
    }
    case 'expired':
      return warning(check, `the session of [${profile}] ended at ${at}`, refresh, profile);
    case 'due':
      return ok(check, `the session of [${profile}] ends at ${at}; it is time to ask for a code`, profile);
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
  const refresh = `aws-mfa-agent refresh ${shellWord(profile)} --force`;
  const whose = `the session of [${profile}]`;
  const answer = asked?.ofSession;
  if (answer === undefined) return unverified(check, whose, undefined, profile);
  if (answer.ok) {
    const { arn } = answer.value;
    const source = asked?.ofSource;
    const role = asked?.profile.role;
    if (role) {
      if (isOfRole(arn, role.arn)) return ok(check, `AWS accepts the session of [${profile}]: ${arn}`, profile);
      return error(check, `the session of [${profile}] belongs to ${arn}, not to ${role.arn}`, refresh, profile);
    }
    if (source?.ok && source.value.arn !== arn) {
      const found = `the session of [${profile}] belongs to ${arn}, but the long-term keys to ${source.value.arn}`;
      return error(check, found, refresh, profile);
    }
    return ok(check, `AWS accepts the session of [${profile}]: ${arn}`, profile);
  }
  const { failure } = answer;
  if (failure.kind === 'expired' || failure.kind === 'bad-keys') {
    const found = `AWS does not accept the session of [${profile}]`;
    if (expiration !== undefined && expiration <= now) {
      return warning(check, `${found}: it has ended`, refresh, profile);
    }
    const why = 'although it should not have ended: it is incomplete, or was revoked';
    return error(check, `${found}, ${why}`, refresh, profile);
  }
  return unverified(check, whose, failure, profile);
}

/**
 * Checks whether the session was made with MFA. STS does not say it: GetCallerIdentity gives the same answer for both. This
 * program never requests a session without a code, and remembers the access key id of the session it got. And IAM accepts
 * sessions of GetSessionToken only if they were made with MFA.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html ("Permissions")
 */
function mfaFinding(
  profile: string,
  accessKeyId: string,
  remembered: RememberedExpiry | undefined,
  asked: Asked | undefined,
): Finding {
  const check = 'session.mfa';
  if (remembered?.accessKeyId === accessKeyId) {
    return ok(check, `${shortKeyId(accessKeyId)} was made with MFA: this program got it with a code`, profile);
  }
  if (!accessKeyId.startsWith('ASIA')) {
    const found = `${shortKeyId(accessKeyId)} in [${profile}] is not the key of a session: those begin with ASIA`;
    return error(check, found, `aws-mfa-agent refresh ${shellWord(profile)} --force`, profile);
  }
  const byIam = asked?.devicesBySession;
  if (byIam?.ok) {
    return ok(check, `${shortKeyId(accessKeyId)} was made with MFA: IAM accepts it`, profile);
  }
  if (byIam?.failure.kind === 'bad-keys') {
    const found = `${shortKeyId(accessKeyId)} was made without MFA: STS accepts it, but IAM does not`;
    return error(check, found, `aws-mfa-agent refresh ${shellWord(profile)} --force`, profile);
  }
  const found = `${shortKeyId(accessKeyId)} is from another tool: AWS does not say whether it was made with MFA`;
  return warning(
    check,
    found,
    `if calls are denied, run: aws-mfa-agent refresh ${shellWord(profile)} --force`,
    profile,
  );
}
