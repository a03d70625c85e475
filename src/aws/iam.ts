import { type AwsAnswer, type AwsTarget, call, checked, type Keys } from './call.ts';

/**
 * Lists the serial numbers of the MFA devices of the keys' user, including passkeys and security keys. Needs
 * iam:ListMFADevices, which AWS's own policies for users without MFA allow.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
 */
export async function listMfaDevices(keys: Keys, target: AwsTarget): Promise<AwsAnswer<string[]>> {
  const answer = await call('IAM', keys, target, undefined, async (config) => {
    const sdk = await import('@aws-sdk/client-iam');
    const client = new sdk.IAMClient({ ...config, region: signingRegion(config.region) });
    return {
      client,
      send: async (abortSignal) => {
        // One page: a user has at most eight devices.
        const { MFADevices } = await client.send(new sdk.ListMFADevicesCommand({}), { abortSignal });
        return MFADevices?.flatMap(({ SerialNumber }) => SerialNumber ?? []);
      },
    };
  });
  return checked(answer, (serials) => (serials.every(isSerial) ? undefined : 'it names an MFA device that is not one'));
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
  return /^[a-z]+-iso/.test(region) ? region : 'us-east-1';
}
