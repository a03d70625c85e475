import type { AccessKeyMetadata, IAMClient } from '@aws-sdk/client-iam';
import { type AwsAnswer, type AwsTarget, call, checked, type Keys } from './call.ts';

/**
 * Lists the serial numbers of the MFA devices of the keys' user, including passkeys and security keys. Needs
 * iam:ListMFADevices, which AWS's own policies for users without MFA allow.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
 */
export async function listMfaDevices(keys: Keys, target: AwsTarget): Promise<AwsAnswer<string[]>> {
  const answer = await callIam(keys, target, async ({ client, sdk, abortSignal }) => {
    // One page: a user has at most eight devices.
    const { MFADevices } = await client.send(new sdk.ListMFADevicesCommand({}), { abortSignal });
    return MFADevices?.flatMap(({ SerialNumber }) => SerialNumber ?? []);
  });
  return checked(answer, (serials) => (serials.every(isSerial) ? undefined : 'it names an MFA device that is not one'));
}

/** An access key of a user, without its secret. */
export interface AccessKey {
  accessKeyId: string;
  isActive: boolean;
  /** Milliseconds since the epoch. */
  createdAt: number;
}

/**
 * Lists the access keys of a user: at most two.
 * @param userName the keys' user; required if they are those of a session
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListAccessKeys.html
 */
export async function listAccessKeys(
  keys: Keys,
  target: AwsTarget,
  userName?: string,
): Promise<AwsAnswer<AccessKey[]>> {
  const answer = await callIam(keys, target, async ({ client, sdk, abortSignal }) => {
    const command = new sdk.ListAccessKeysCommand({ UserName: userName });
    const { AccessKeyMetadata } = await client.send(command, { abortSignal });
    return AccessKeyMetadata?.map(accessKeyOf);
  });
  return checked(answer, (list) => (list.every(isAccessKey) ? undefined : 'it names an access key that is not one'));
}

/**
 * Returns when an access key was last used to sign a request, in milliseconds since the epoch; `at` is undefined if it never was.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccessKeyLastUsed.html
 */
export async function accessKeyLastUsed(
  accessKeyId: string,
  keys: Keys,
  target: AwsTarget,
): Promise<AwsAnswer<{ at: number | undefined }>> {
  return callIam(keys, target, async ({ client, sdk, abortSignal }) => {
    const command = new sdk.GetAccessKeyLastUsedCommand({ AccessKeyId: accessKeyId });
    const { AccessKeyLastUsed: used } = await client.send(command, { abortSignal });
    return used && { at: used.LastUsedDate?.getTime() };
  });
}

/**
 * Creates an access key for a user. Sends the request once: if the answer does not arrive, there may be a key whose secret is
 * lost, and a second request would make another key.
 * @param userName see {@link listAccessKeys}
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateAccessKey.html
 */
export async function createAccessKey(
  keys: Keys,
  target: AwsTarget,
  userName?: string,
): Promise<AwsAnswer<AccessKey & { secretAccessKey: string }>> {
  const answer = await callIam(keys, target, async ({ client, sdk, abortSignal }) => {
    const command = new sdk.CreateAccessKeyCommand({ UserName: userName });
    const { AccessKey: made } = await client.send(command, { abortSignal });
    return made && { ...accessKeyOf(made), secretAccessKey: made.SecretAccessKey ?? '' };
  });
  return checked(answer, (made) =>
    isAccessKey(made) && /^[\w+/=]{16,128}$/.test(made.secretAccessKey) ? undefined : 'its access key is not one',
  );
}

/**
 * Deactivates an access key of a user. Sessions that were requested with it may end. May be repeated.
 * @param userName see {@link listAccessKeys}
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_UpdateAccessKey.html
 */
export function deactivateAccessKey(
  accessKeyId: string,
  keys: Keys,
  target: AwsTarget,
  userName?: string,
): Promise<AwsAnswer<true>> {
  return callIam<true>(keys, target, async ({ client, sdk, abortSignal }) => {
    const input = { UserName: userName, AccessKeyId: accessKeyId, Status: 'Inactive' } as const;
    await client.send(new sdk.UpdateAccessKeyCommand(input), { abortSignal });
    return true;
  });
}

/**
 * Deletes an access key of a user, for good. If it does not exist any more, AWS answers `NoSuchEntity`.
 * @param userName see {@link listAccessKeys}
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteAccessKey.html
 */
export function deleteAccessKey(
  accessKeyId: string,
  keys: Keys,
  target: AwsTarget,
  userName?: string,
): Promise<AwsAnswer<true>> {
  return callIam<true>(keys, target, async ({ client, sdk, abortSignal }) => {
    const command = new sdk.DeleteAccessKeyCommand({ UserName: userName, AccessKeyId: accessKeyId });
    await client.send(command, { abortSignal });
    return true;
  });
}

function accessKeyOf({ AccessKeyId, Status, CreateDate }: AccessKeyMetadata): AccessKey {
  return {
    accessKeyId: AccessKeyId ?? '',
    isActive: Status === 'Active',
    createdAt: CreateDate?.getTime() ?? Number.NaN,
  };
}

function isAccessKey({ accessKeyId, createdAt }: AccessKey): boolean {
  return /^\w{16,128}$/.test(accessKeyId) && !Number.isNaN(createdAt);
}

type Sdk = typeof import('@aws-sdk/client-iam');

function callIam<T>(
  keys: Keys,
  target: AwsTarget,
  send: (tools: { client: IAMClient; sdk: Sdk; abortSignal: AbortSignal }) => Promise<T | undefined>,
): Promise<AwsAnswer<T>> {
  return call('IAM', keys, target, undefined, async (config) => {
    const sdk = await import('@aws-sdk/client-iam');
    const client = new sdk.IAMClient({ ...config, region: signingRegion(config.region) });
    return { client, send: (abortSignal) => send({ client, sdk, abortSignal }) };
  });
}

/** @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_MFADevice.html */
function isSerial(serialNumber: string): boolean {
  return /^[\w+=/:,.@-]{9,256}$/.test(serialNumber);
}

/**
 * Returns the region that requests to IAM are signed for. IAM has one for each partition; the SDK uses it for AWS's own
 * endpoints only.
 * @see https://docs.aws.amazon.com/general/latest/gr/iam-service.html
 */
function signingRegion(region: string): string {
  if (region.startsWith('cn-')) return 'cn-north-1';
  if (region.startsWith('us-gov-')) return 'us-gov-west-1';
  if (region.startsWith('eusc-')) return 'eusc-de-east-1';
  return /^[a-z]+-iso/.test(region) ? region : 'us-east-1';
}
