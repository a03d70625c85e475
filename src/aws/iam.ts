import { type AwsAnswer, type AwsTarget, call, type Keys } from './call.ts';

/**
 * The serial numbers of the MFA devices of the user whose keys these are, passkeys and security keys among them. Needs
 * iam:ListMFADevices, which AWS's own policies for "what a user may do without MFA" allow.
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
 */
export function listMfaDevices(keys: Keys, target: AwsTarget): Promise<AwsAnswer<string[]>> {
  return call('IAM', keys, target, undefined, async (config) => {
    const sdk = await import('@aws-sdk/client-iam');
    const client = new sdk.IAMClient({ ...config, region: signingRegion(config.region) });
    return {
      client,
      send: async (abortSignal) => {
        // A user has eight devices at most: never more than one page.
        const { MFADevices } = await client.send(new sdk.ListMFADevicesCommand({}), { abortSignal });
        return MFADevices?.flatMap(({ SerialNumber }) => SerialNumber ?? []);
      },
    };
  });
}

/**
 * IAM is one for a whole partition, and takes signatures for one region of it. The SDK knows that for AWS's own endpoints,
 * but not for another.
 * @see https://docs.aws.amazon.com/general/latest/gr/iam-service.html
 */
function signingRegion(region: string): string {
  if (region.startsWith('cn-')) return 'cn-north-1';
  if (region.startsWith('us-gov-')) return 'us-gov-west-1';
  return /^[a-z]+-iso/.test(region) ? region : 'us-east-1';
}
