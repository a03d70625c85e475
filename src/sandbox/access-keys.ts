import { randomBytes } from 'node:crypto';
import type { Fields, Outcome } from './outcome.ts';
import { type AwsError, refused } from './signature.ts';

/** A long-term access key. Times are milliseconds since the epoch, by the sandbox's clock. */
export interface SandboxKey {
  /** `AKIA` and 16 more characters. */
  accessKeyId: string;
  secretAccessKey: string;
  /** `false`: the access key is inactive. */
  active?: boolean;
  /** When it was made; by default in January 2025. */
  createdAt?: number;
  /** When a request was last signed with it. */
  usedAt?: number;
  /** How many requests it has signed, whether or not AWS knew it already. */
  requests?: number;
}

/** A user with access keys. The first one is the user's own fields, so that most tests need not know that there may be two. */
export interface KeyOwner extends SandboxKey {
  name: string;
  otherKeys?: SandboxKey[];
}

/** Whether AWS accepts a key that was made `age` milliseconds ago, at its n-th request (1 is the first). */
export type Consistency = (age: number, n: number) => boolean;

/**
 * Returns how AWS learns of a new key: it refuses the key for some time and then, for as long again, refuses every tenth request.
 * @param milliseconds how long AWS does not know a new key
 */
export function eventually(milliseconds: number): Consistency {
  return (age, n) => age >= 2 * milliseconds || (age >= milliseconds && n % 10 !== 0);
}

/** Returns the keys of a user, oldest first. A user without keys has an empty access key ID. */
export function keysOf(owner: KeyOwner): SandboxKey[] {
  return [owner, ...(owner.otherKeys ?? [])].filter(({ accessKeyId }) => accessKeyId !== '');
}

const LONG_AGO = Date.UTC(2025, 0, 15, 9);

/** AWS's limit for a user. */
const MOST_KEYS = 2;

type KeyAction = (owner: KeyOwner, parameters: URLSearchParams, now: number) => Fields | AwsError;

/** The actions of IAM that manage the caller's own access keys. */
export const KEY_ACTIONS: Record<string, KeyAction> = {
  ListAccessKeys: (owner) => ({
    AccessKeyMetadata: keysOf(owner).map((key) => metadata(owner, key)),
    IsTruncated: 'false',
  }),
  CreateAccessKey: (owner, _, now) => {
    if (keysOf(owner).length >= MOST_KEYS) {
      return refused(409, 'LimitExceeded', `Cannot exceed quota for AccessKeysPerUser: ${MOST_KEYS}`);
    }
    const key: SandboxKey = {
      accessKeyId: newAccessKeyId('AKIA'),
      secretAccessKey: newSecretAccessKey(),
      createdAt: now,
    };
    if (owner.accessKeyId === '') become(owner, key);
    else owner.otherKeys = [...(owner.otherKeys ?? []), key];
    return { AccessKey: { ...metadata(owner, key), SecretAccessKey: key.secretAccessKey } };
  },
  UpdateAccessKey: (owner, parameters) => {
    const key = named(owner, parameters);
    if ('kind' in key) return key;
    key.active = parameters.get('Status') === 'Active';
    return {};
  },
  DeleteAccessKey: (owner, parameters) => {
    const key = named(owner, parameters);
    if ('kind' in key) return key;
    const [first, ...others] = keysOf(owner).filter((one) => one !== key);
    owner.otherKeys = others;
    if (key === owner) become(owner, first);
    return {};
  },
  GetAccessKeyLastUsed: (owner, parameters) => {
    const key = named(owner, parameters);
    if ('kind' in key) return key;
    const used =
      key.usedAt === undefined
        ? { ServiceName: 'N/A', Region: 'N/A' }
        : { LastUsedDate: isoTime(key.usedAt), ServiceName: 'sts', Region: 'eu-west-1' };
    return { UserName: owner.name, AccessKeyLastUsed: used };
  },
};

/** Answers an action of {@link KEY_ACTIONS} for its caller. */
export function keyAction(action: string, owner: KeyOwner, parameters: URLSearchParams, now: number): Outcome {
  const result = KEY_ACTIONS[action]?.(owner, parameters, now) ?? {};
  return isRefusal(result) ? result : { kind: 'granted', action, result };
}

function isRefusal(result: Fields | AwsError): result is AwsError {
  return result.kind === 'refused';
}

/** Gives a user another first key, or none. */
function become(owner: KeyOwner, key: SandboxKey | undefined): void {
  const { accessKeyId = '', secretAccessKey = '', ...rest } = key ?? {};
  for (const field of ['active', 'createdAt', 'usedAt', 'requests'] as const) delete owner[field];
  Object.assign(owner, { ...rest, accessKeyId, secretAccessKey });
}

function named(owner: KeyOwner, parameters: URLSearchParams): SandboxKey | AwsError {
  const id = parameters.get('AccessKeyId') ?? '';
  const found = keysOf(owner).find(({ accessKeyId }) => accessKeyId === id);
  return found ?? refused(404, 'NoSuchEntity', `The Access Key with id ${id} cannot be found.`);
}

function metadata({ name }: KeyOwner, { accessKeyId, active, createdAt = LONG_AGO }: SandboxKey): Fields {
  const status = active === false ? 'Inactive' : 'Active';
  return { UserName: name, AccessKeyId: accessKeyId, Status: status, CreateDate: isoTime(createdAt) };
}

function isoTime(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+/, '');
}

/** `AKIA` or `ASIA` and 16 letters and digits of base32. */
export function newAccessKeyId(prefix: 'AKIA' | 'ASIA'): string {
  return prefix + base32(randomBytes(16));
}

/** 40 characters of base64 without padding. */
export function newSecretAccessKey(): string {
  return randomBytes(30).toString('base64');
}

/** Returns one base32 character for each byte. */
export function base32(bytes: Buffer): string {
  return [...bytes].map((byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.charAt(byte % 32)).join('');
}
