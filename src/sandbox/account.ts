import { createHash, randomBytes } from 'node:crypto';
import type { MfaSession } from '../session/session.ts';
import {
  base32,
  type Consistency,
  KEY_ACTIONS,
  type KeyOwner,
  keyAction,
  keysOf,
  newAccessKeyId,
  newSecretAccessKey,
  type SandboxKey,
} from './access-keys.ts';
import type { Fields, Outcome } from './outcome.ts';
import { type AwsError, refused, type SignedRequest, UNKNOWN_KEY, verifySignature } from './signature.ts';
import { stepAt, totp } from './totp.ts';

/** An account as AWS sees it: its users, its sessions, and the codes that were used. */
export interface Account extends AccountSettings {
  /** By access key ID. */
  sessions: Map<string, Session>;
  /** By serial number: the time steps whose code was used. */
  burntSteps: Map<string, Set<number>>;
}

export interface AccountSettings {
  /** Twelve digits. */
  accountId: string;
  users: SandboxUser[];
  roles: SandboxRole[];
  /** How long an MFA device shows a code. */
  stepSeconds: number;
  /** How many steps before and after its own a code is accepted; AWS: one. */
  tolerance: number;
  /** In seconds: longer sessions are shortened to this without an error. */
  longestSession: number;
  /** The region that signatures must be for; any region if undefined. */
  region: string | undefined;
  /** Whether AWS already accepts a new access key; by default it does. It accepts keys that CreateAccessKey did not make. */
  isKnown: Consistency;
  /** Whether sessions end when the key that they were requested with is deactivated or deleted. */
  sessionsEndWithKey: boolean;
}

/** A session of the account; `mfa` is false if it was requested without a code. */
export interface Session extends MfaSession {
  user: SandboxUser;
  mfa: boolean;
  /** The long-term key that it was requested with. */
  keyId: string;
  /** The assumed role; `isChained`: with the keys of a session. */
  role?: { name: string; sessionName: string; isChained: boolean };
}

/** A role that the users of the account may assume. Read at each request, so a test may change it. */
export interface SandboxRole {
  name: string;
  /** The names of the users and roles that its trust policy names; by default everyone in the account. */
  trusts?: string[];
  /** What its trust policy requires as `sts:ExternalId`. */
  externalId?: string;
  /** Whether its trust policy requires `aws:MultiFactorAuthPresent`. */
  mfa: boolean;
  /** Seconds, 3600 to 43200. */
  maxSessionDuration: number;
}

/** An IAM user. Read at each request, so a test may change it while the sandbox runs. */
export interface SandboxUser extends KeyOwner {
  /** The account's root user: AWS shortens its sessions to an hour without an error. */
  root?: boolean;
  /** A policy denies sts:GetSessionToken. */
  policyDenies?: boolean;
  /** No policy allows iam:ListMFADevices. */
  mayNotListDevices?: boolean;
  /** Actions on access keys that no policy allows. The others need MFA. */
  mayNot?: string[];
  mfa: SandboxDevice[];
}

export interface SandboxDevice {
  /** An ARN or a hardware serial. An ARN with `:u2f/` is a passkey or security key, which has no codes. */
  serialNumber: string;
  /** The secret of the authenticator, not in base32. */
  secret: Buffer;
}

/**
 * Decides a request as AWS does: who signed it, what it asks for, and whether that is allowed.
 * @param now milliseconds since the epoch, by AWS's clock
 */
export function decide(account: Account, request: SignedRequest, parameters: URLSearchParams, now: number): Outcome {
  const callerOf = (accessKeyId: string): Caller | undefined => {
    const session = account.sessions.get(accessKeyId);
    const found = keyIn(account, session?.keyId ?? accessKeyId);
    const isActive = found !== undefined && found.key.active !== false;
    if (session) return isActive || !account.sessionsEndWithKey ? { user: session.user, session } : undefined;
    return isActive && isKnown(account, found.key, now)
      ? { user: found.user, session: undefined, key: found.key }
      : undefined;
  };
  const service = parameters.get('Version') === IAM_VERSION ? 'iam' : 'sts';
  // Asked for once: whether a new key is known may depend on how often it was asked for.
  let signer: Caller | undefined;
  const verdict = verifySignature(request, {
    service,
    keyOf: (accessKeyId) => {
      const caller = callerOf(accessKeyId);
      signer = caller;
      if (caller?.session === undefined) return caller?.key;
      const { secretAccessKey, sessionToken: token, expiration } = caller.session;
      return { secretAccessKey, session: { token, expiration } };
    },
    now,
    // IAM is global; its requests are signed for this region.
    region: service === 'iam' ? 'us-east-1' : account.region,
  });
  if (verdict.kind === 'refused') return verdict;
  const caller = signer;
  if (caller === undefined) throw new Error('a signature was verified with an unknown key');
  if (caller.key) caller.key.usedAt = now;

  const name = parameters.get('Action') ?? '';
  const version = parameters.get('Version') ?? '';
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  const isOfIam = action === listDevices || Object.hasOwn(KEY_ACTIONS, name);
  if (action === undefined || version !== (isOfIam ? IAM_VERSION : '2011-06-15')) {
    return refused(400, 'InvalidAction', `Could not find operation ${name} for version ${version}`);
  }
  return action(account, caller, parameters, now);
}

type AwsAction = (account: Account, caller: Caller, parameters: URLSearchParams, now: number) => Outcome;

const ACTIONS: Record<string, AwsAction> = {
  GetSessionToken: getSessionToken,
  GetCallerIdentity: getCallerIdentity,
  AssumeRole: assumeRole,
  ListMFADevices: listDevices,
  ...Object.fromEntries(Object.keys(KEY_ACTIONS).map((name) => [name, manageKeys])),
};

const IAM_VERSION = '2010-05-08';

function listDevices(account: Account, { user, session }: Caller): Outcome {
  return listMfaDevices(user, arnOf(account, user), session);
}

/** Handles the actions on access keys as for a user whose policy allows them for the user's own keys, with MFA. */
function manageKeys(account: Account, { user, session }: Caller, parameters: URLSearchParams, now: number): Outcome {
  if (session !== undefined && !session.mfa) return UNKNOWN_KEY;
  const name = parameters.get('Action') ?? '';
  const named = parameters.get('UserName');
  // Documented for ListAccessKeys and UpdateAccessKey.
  if (session && named === null && name !== 'GetAccessKeyLastUsed') {
    return refused(400, 'ValidationError', 'Must specify userName when calling with non-User credentials');
  }
  const who = `User: ${arnOf(account, user)} is not authorized to perform: iam:${name} on resource: user ${user.name}`;
  if (user.mayNot?.includes(name) || (named !== null && named !== user.name) || session?.role) {
    return refused(403, 'AccessDenied', `${who} because no identity-based policy allows the iam:${name} action`);
  }
  if (!session) return refused(403, 'AccessDenied', `${who} with an explicit deny in an identity-based policy`);
  return keyAction(name, user, parameters, now);
}

/** The signer of a request: a user, with a session's key or a long-term key. */
export interface Caller {
  user: SandboxUser;
  session: Session | undefined;
  key?: SandboxKey;
}

/** Returns the id of the long-term key that a request was signed with, or its session requested with. */
function signedWith({ user, session, key = user }: Caller): string {
  return session?.keyId ?? key.accessKeyId;
}

function keyIn({ users }: Account, accessKeyId: string): { user: SandboxUser; key: SandboxKey } | undefined {
  for (const user of users) {
    const key = keysOf(user).find((one) => one.accessKeyId === accessKeyId);
    if (key) return { user, key };
  }
  return undefined;
}

/** Counts the requests with a new key. */
function isKnown(account: Account, key: SandboxKey, now: number): boolean {
  if (key.createdAt === undefined) return true;
  key.requests = (key.requests ?? 0) + 1;
  return account.isKnown(now - key.createdAt, key.requests);
}

function getSessionToken(account: Account, caller: Caller, parameters: URLSearchParams, now: number): Outcome {
  const invalid = validationError(parameters, 129_600);
  if (invalid !== undefined) return invalid;
  if (caller.session !== undefined) {
    return refused(403, 'AccessDenied', 'Cannot call GetSessionToken with session credentials');
  }
  const { user } = caller;
  const serialNumber = parameters.get('SerialNumber');
  const tokenCode = parameters.get('TokenCode');
  const mfa = serialNumber !== null || tokenCode !== null;
  if (mfa) {
    const problem = problemOfCode(account, user, serialNumber, tokenCode, now);
    if (problem !== undefined) return refused(403, 'AccessDenied', problem);
  }
  // Policies may depend on MFA, so AWS checks the code first. It is used even if a policy then denies the call.
  if (user.policyDenies === true) {
    const who = `User: ${arnOf(account, user)} is not authorized to perform: sts:GetSessionToken`;
    return refused(403, 'AccessDenied', `${who} with an explicit deny in an identity-based policy`);
  }
  const seconds = Math.min(
    Number(parameters.get('DurationSeconds') ?? 43_200),
    user.root === true ? 3600 : Number.POSITIVE_INFINITY,
    account.longestSession,
  );
  const session = issue(account, user, mfa, seconds, now);
  session.keyId = signedWith(caller);
  return { kind: 'granted', action: 'GetSessionToken', result: { Credentials: credentialsOf(session) } };
}

/** With a session's key this is role chaining, which AWS limits to an hour. */
function assumeRole(account: Account, caller: Caller, parameters: URLSearchParams, now: number): Outcome {
  const invalid = validationError(parameters, 43_200, ASSUME_ROLE_LIMITS);
  if (invalid !== undefined) return invalid;
  const { user } = caller;
  if (user.root === true) return refused(403, 'AccessDenied', 'Roles may not be assumed by root accounts.');
  const [serialNumber, tokenCode] = [parameters.get('SerialNumber'), parameters.get('TokenCode')];
  if (serialNumber !== null || tokenCode !== null) {
    const problem = problemOfCode(account, user, serialNumber, tokenCode, now);
    if (problem !== undefined) return refused(403, 'AccessDenied', problem);
  }
  const mfa = tokenCode !== null || caller.session?.mfa === true;
  const arn = parameters.get('RoleArn') ?? '';
  const role = account.roles.find(({ name }) => arn === `arn:aws:iam::${account.accountId}:role/${name}`);
  const isTrusted = role?.trusts?.includes(caller.session?.role?.name ?? user.name) ?? true;
  const isKnown = role?.externalId === undefined || role.externalId === parameters.get('ExternalId');
  // AWS does not distinguish a missing role from one that does not trust the caller.
  if (role === undefined || (role.mfa && !mfa) || !isTrusted || !isKnown) {
    const who = `User: ${callerArn(account, caller)} is not authorized to perform: sts:AssumeRole`;
    return refused(403, 'AccessDenied', `${who} on resource: ${arn}`);
  }
  const seconds = Number(parameters.get('DurationSeconds') ?? 3600);
  if (caller.session !== undefined && seconds > 3600) {
    const limit = 'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.';
    return refused(400, 'ValidationError', limit);
  }
  if (seconds > role.maxSessionDuration) {
    const limit = 'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.';
    return refused(400, 'ValidationError', limit);
  }
  // The session of a role carries no MFA information, even if the role was assumed with MFA.
  const session = issue(account, user, false, seconds, now);
  session.keyId = signedWith(caller);
  const sessionName = parameters.get('RoleSessionName') ?? '';
  session.role = { name: role.name, sessionName, isChained: caller.session !== undefined };
  const assumed = { user, session };
  return {
    kind: 'granted',
    action: 'AssumeRole',
    result: {
      AssumedRoleUser: { AssumedRoleId: callerId(account, assumed), Arn: callerArn(account, assumed) },
      Credentials: credentialsOf(session),
    },
  };
}

function credentialsOf({ accessKeyId, secretAccessKey, sessionToken, expiration }: Session): Fields {
  return {
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: new Date(expiration).toISOString().replace('.000', ''),
  };
}

/** Needs no permission; the answer does not mention MFA. */
function getCallerIdentity(account: Account, caller: Caller): Outcome {
  return {
    kind: 'granted',
    action: 'GetCallerIdentity',
    result: {
      Arn: callerArn(account, caller),
      UserId: callerId(account, caller),
      Account: account.accountId,
    },
  };
}

type Limits = [(value: string) => boolean, string][];

/** @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const ASSUME_ROLE_LIMITS: { name: string; required: boolean; limits: Limits }[] = [
  { name: 'RoleArn', required: true, limits: lengths(20, 2048) },
  {
    name: 'RoleSessionName',
    required: true,
    limits: [
      ...lengths(2, 64),
      [(value) => /^[\w+=,.@-]*$/.test(value), 'satisfy regular expression pattern: [\\w+=,.@-]*'],
    ],
  },
  {
    name: 'ExternalId',
    required: false,
    limits: [
      ...lengths(2, 1224),
      [(value) => /^[\w+=,.@:/-]*$/.test(value), 'satisfy regular expression pattern: [\\w+=,.@:\\/-]*'],
    ],
  },
];

function lengths(least: number, most: number): Limits {
  return [
    [({ length }) => length <= most, `have length less than or equal to ${most}`],
    [({ length }) => length >= least, `have length greater than or equal to ${least}`],
  ];
}

/**
 * Checks the parameters against the limits of the API reference. AWS reports all violations in one message.
 * @param longest the greatest DurationSeconds of the action
 * @param more the limits of the action's own parameters
 */
function validationError(
  parameters: URLSearchParams,
  longest: number,
  more: typeof ASSUME_ROLE_LIMITS = [],
): AwsError | undefined {
  const broken: string[] = [];
  const check = (name: string, value: string | null, limits: Limits) => {
    if (value === null) return;
    for (const [holds, constraint] of limits) {
      if (!holds(value)) {
        broken.push(`Value '${value}' at '${name}' failed to satisfy constraint: Member must ${constraint}`);
      }
    }
  };
  check('durationSeconds', parameters.get('DurationSeconds'), [
    [(value) => /^-?\d+$/.test(value), 'be an integer'],
    [(value) => !(Number(value) < 900), 'have value greater than or equal to 900'],
    [(value) => !(Number(value) > longest), `have value less than or equal to ${longest}`],
  ]);
  check('serialNumber', parameters.get('SerialNumber'), [
    [(value) => value.length <= 256, 'have length less than or equal to 256'],
    [(value) => value.length >= 9, 'have length greater than or equal to 9'],
    [(value) => /^[\w+=/:,.@-]*$/.test(value), 'satisfy regular expression pattern: [\\w+=/:,.@-]*'],
  ]);
  check('tokenCode', parameters.get('TokenCode'), [
    [(value) => value.length <= 6, 'have length less than or equal to 6'],
    [(value) => value.length >= 6, 'have length greater than or equal to 6'],
    [(value) => /^\d*$/.test(value), 'satisfy regular expression pattern: [\\d]*'],
  ]);
  for (const { name, required, limits } of more) {
    const [value, member] = [parameters.get(name), name.charAt(0).toLowerCase() + name.slice(1)];
    if (value === null && required) {
      broken.push(`Value null at '${member}' failed to satisfy constraint: Member must not be null`);
    }
    check(member, value, limits);
  }
  if (broken.length === 0) return undefined;
  const count = broken.length === 1 ? '1 validation error' : `${broken.length} validation errors`;
  return refused(400, 'ValidationError', `${count} detected: ${broken.join('; ')}`);
}

/** Uses a code, or returns AWS's message, with AWS's extra spaces. */
function problemOfCode(
  account: Account,
  user: SandboxUser,
  serialNumber: string | null,
  tokenCode: string | null,
  now: number,
): string | undefined {
  if (serialNumber === null || tokenCode === null) {
    return 'MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.';
  }
  const device = user.mfa.find((candidate) => candidate.serialNumber === serialNumber);
  if (device === undefined || serialNumber.includes(':u2f/')) {
    return 'MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.';
  }
  const burnt = account.burntSteps.get(serialNumber) ?? new Set();
  account.burntSteps.set(serialNumber, burnt);
  const step = stepsOf(account, device, tokenCode, now).find((candidate) => !burnt.has(candidate));
  if (step === undefined) return 'MultiFactorAuthentication failed with invalid MFA one time pass code. ';
  burnt.add(step);
  return undefined;
}

/** Returns the accepted time steps at an instant in which a device shows this code. */
export function stepsOf(account: Account, device: SandboxDevice, tokenCode: string, now: number): number[] {
  const current = stepAt(now, account.stepSeconds);
  return Array.from({ length: 2 * account.tolerance + 1 }, (_, index) => current - account.tolerance + index).filter(
    (step) => totp(device.secret, step * account.stepSeconds * 1000, account.stepSeconds) === tokenCode,
  );
}

/**
 * Adds a session to the account.
 * @param seconds how long it lasts; negative: how long ago it expired
 */
export function issue(account: Account, user: SandboxUser, mfa: boolean, seconds: number, now: number): Session {
  const session: Session = {
    accessKeyId: newAccessKeyId('ASIA'),
    secretAccessKey: newSecretAccessKey(),
    sessionToken: newSessionToken(),
    // AWS returns whole seconds.
    expiration: (Math.floor(now / 1000) + seconds) * 1000,
    user,
    mfa,
    keyId: user.accessKeyId,
  };
  account.sessions.set(session.accessKeyId, session);
  return session;
}

/** Returns a user with a random access key and one virtual MFA device. */
export function newSandboxUser(accountId: string, name: string): SandboxUser {
  return {
    name,
    accessKeyId: newAccessKeyId('AKIA'),
    secretAccessKey: newSecretAccessKey(),
    mfa: [{ serialNumber: `arn:aws:iam::${accountId}:mfa/${name}`, secret: randomBytes(20) }],
  };
}

/** Returns several hundred characters with the special ones of AWS's tokens: `+` and `/` inside, `=` at the end. */
function newSessionToken(): string {
  const start = Buffer.from('IQoJb3JpZ2luX2Vj', 'base64');
  for (;;) {
    const length = 3 * (100 + (randomBytes(1).readUInt8() % 100)) + 1 + (randomBytes(1).readUInt8() % 2);
    const token = Buffer.concat([start, randomBytes(length)]).toString('base64');
    if (token.includes('+') && token.includes('/')) return token;
  }
}

export function callerArn(account: Account, { user, session }: Caller): string {
  if (session?.role === undefined) return arnOf(account, user);
  return `arn:aws:sts::${account.accountId}:assumed-role/${session.role.name}/${session.role.sessionName}`;
}

function callerId(account: Account, { user, session }: Caller): string {
  if (session?.role !== undefined) {
    const { name, sessionName } = session.role;
    return `${uniqueId('AROA', `arn:aws:iam::${account.accountId}:role/${name}`)}:${sessionName}`;
  }
  return user.root === true ? account.accountId : uniqueId('AIDA', arnOf(account, user));
}

function uniqueId(prefix: string, arn: string): string {
  return `${prefix}${base32(createHash('sha256').update(arn).digest().subarray(0, 17))}`;
}

function arnOf(account: Account, user: SandboxUser): string {
  return `arn:aws:iam::${account.accountId}:${user.root === true ? 'root' : `user/${user.name}`}`;
}

/**
 * Handles IAM's ListMFADevices for the caller's own devices.
 * @param session the session that signed the request, if any: IAM only accepts sessions with MFA
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
 */
function listMfaDevices(user: SandboxUser, arn: string, session: Session | undefined): Outcome {
  if (session !== undefined && !session.mfa) return UNKNOWN_KEY;
  if (user.mayNotListDevices === true) {
    const who = `User: ${arn} is not authorized to perform: iam:ListMFADevices on resource: user ${user.name}`;
    return refused(403, 'AccessDenied', `${who} because no identity-based policy allows the iam:ListMFADevices action`);
  }
  const devices = user.mfa.map(({ serialNumber }) => ({
    UserName: user.name,
    SerialNumber: serialNumber,
    EnableDate: '2025-01-15T09:00:00Z',
  }));
  return { kind: 'granted', action: 'ListMFADevices', result: { MFADevices: devices, IsTruncated: 'false' } };
}
