import type { Asked } from './ask-aws.ts';
import { error, type Finding, ok, warning } from './finding.ts';
import { notTold } from './not-told.ts';

/** The long-term keys of each MFA profile, whether AWS takes them, and whether the MFA device goes with them. */
export function keyFindings(asked: readonly Asked[]): Finding[] {
  return asked.flatMap((one) => {
    const { profile, source } = one;
    const name = profile.profile;
    const where = profile.sourceProfile;
    if (source.accessKeyId === undefined) {
      const mend = `aws configure --profile ${where} writes them; or name another profile: source_profile in config.ini`;
      return [error('keys.present', source.reason, mend, name)];
    }
    return [
      ok('keys.present', `[${where}] holds ${masked(source.accessKeyId)}`, name),
      aliveFinding(one),
      serialFinding(one),
    ];
  });
}

/** Enough of an access key id to tell it from others. */
export function masked(accessKeyId: string): string {
  return `${accessKeyId.slice(0, 4)}…${accessKeyId.slice(-4)}`;
}

function aliveFinding({ profile: { profile, sourceProfile }, ofSource }: Asked): Finding {
  const check = 'keys.alive';
  const whose = `the keys of [${sourceProfile}]`;
  if (ofSource === undefined) return notTold(check, whose, undefined, profile);
  if (ofSource.ok) {
    const { arn } = ofSource.value;
    if (!arn.endsWith(':root')) return ok(check, `AWS takes them: ${arn}`, profile);
    const found = `they are the root user's (${arn}): its sessions end after an hour`;
    return warning(check, found, 'make an IAM user with MFA, use its keys, and delete those of root', profile);
  }
  const { failure } = ofSource;
  if (failure.kind === 'bad-keys') {
    if (failure.code === 'SignatureDoesNotMatch') {
      const found = `the aws_secret_access_key of [${sourceProfile}] is wrong`;
      return error(check, found, 'copy it again; if you do not have it, make a new access key', profile);
    }
    const found = `AWS does not know the access key of [${sourceProfile}]: deleted, inactive, or of another partition`;
    return error(check, found, 'make a new access key in the IAM console, and put it there', profile);
  }
  if (failure.kind === 'expired' || failure.kind === 'session-keys') {
    return error(check, `[${sourceProfile}] holds a session that has ended`, 'put long-term keys there', profile);
  }
  return notTold(check, whose, failure, profile);
}

/**
 * Where IAM may not be asked, only the account can be told from an ARN: a device may have any name, and a hardware serial
 * says nothing.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
 */
function serialFinding({ profile, ofSource, devices, devicesBySession }: Asked): Finding {
  const check = 'keys.serial';
  const { serialNumber } = profile;
  const listed = [devices, devicesBySession].find((answer) => answer?.ok);
  if (serialNumber !== undefined && listed?.ok && ofSource?.ok) {
    const { arn } = ofSource.value;
    if (listed.value.includes(serialNumber)) return ok(check, `${serialNumber} is a device of ${arn}`, profile.profile);
    // A security key or passkey gives no codes.
    const usable = listed.value.filter((serial) => !/:u2f\//.test(serial));
    const found = `${serialNumber} is no device of ${arn}, who has ${usable.join(', ') || 'none that gives codes'}`;
    const mend =
      usable.length > 0
        ? `mfa_serial = ${usable[0]} under [${profile.profile}] in config.ini`
        : 'assign a virtual MFA device to that user in the IAM console';
    return error(check, found, mend, profile.profile);
  }
  const mend = `correct mfa_serial: aws iam list-mfa-devices --profile ${profile.sourceProfile}`;
  if (serialNumber === undefined) return error(check, 'there is no mfa_serial to compare', mend, profile.profile);
  const [, account, device] = /^arn:[^:]+:iam::(\d+):mfa\/(.+)$/.exec(serialNumber) ?? [];
  if (account === undefined || device === undefined) {
    return ok(
      check,
      `${serialNumber} is a hardware serial, which names no user: only a refresh tells`,
      profile.profile,
    );
  }
  if (!ofSource?.ok) {
    return warning(
      check,
      `whether ${serialNumber} is of the same user is not known`,
      'mend the keys first',
      profile.profile,
    );
  }
  const { value } = ofSource;
  if (account !== value.account) {
    const found = `${serialNumber} is a device of account ${account}, and the keys are of ${value.account}`;
    return error(check, found, mend, profile.profile);
  }
  const user = value.arn.split('/').at(-1);
  if (device.split('/').at(-1) === user) {
    return ok(check, `${serialNumber} has the account and the name of ${value.arn}`, profile.profile);
  }
  const found = `${serialNumber} is of the same account; its name is not that of ${value.arn}, which it need not be: only a refresh tells`;
  return ok(check, found, profile.profile);
}
