import type { Outcome, SandboxUser, Session } from './account.ts';
import { refused, UNKNOWN_KEY } from './signature.ts';

/**
 * IAM's ListMFADevices, for whoever asks.
 * @param session with which the request was signed, if with one: IAM takes only those that were made with MFA
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListMFADevices.html
 */
export function listMfaDevices(user: SandboxUser, arn: string, session: Session | undefined): Outcome {
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
