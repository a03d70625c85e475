import { shellWord } from '../plain.ts';
import { shortKeyId } from '../session/session.ts';
import type { Asked } from './ask-aws.ts';
import { absent, error, type Finding, ok, warning } from './finding.ts';
import { unverified } from './unverified.ts';

/** Checks the long-term keys of each MFA profile, whether AWS accepts them, and whether the MFA device is of the same user. */
export function keyFindings(asked: readonly Asked[]): Finding[] {
  return asked.flatMap((one) => {
    const { profile, source } = one;
    const name = profile.profile;
    const where = profile.sourceProfile;
    // It has no keys of its own: those of its source are checked there.
    if (profile.role?.isChained) return [];
    if (source.isInKeychain) return inKeychain(one, source);
    if (source.accessKeyId === undefined) {
      const mend = profile.keys
        ? `run "aws-mfa-agent keys list ${shellWord(where)}" to see where the keys are`
        : `run "aws configure --profile ${shellWord(where)}"; or set source_profile in config.ini to another profile`;
      return [error('keys.present', source.reason, mend, name)];
    }
    return [
      ok('keys.present', `[${where}] holds ${shortKeyId(source.accessKeyId)}`, name),
      aliveFinding(one),
      serialFinding(one),
    ];
  });
}

/** The keychain is asked only for what it shows without its password. */
function inKeychain(
  asked: Asked,
  { accessKeyId, isLocked }: Extract<Asked['source'], { isInKeychain: true }>,
): Finding[] {
  const { profile, sourceProfile } = asked.profile;
  const id = accessKeyId === undefined ? 'the keys' : shortKeyId(accessKeyId);
  const present = isLocked
    ? warning(
        'keys.present',
        `the keychain is locked, so it is not known whether it holds the keys of [${sourceProfile}]`,
        'unlock it, or log in to the desktop; otherwise its password is asked for at the next refresh',
        profile,
      )
    : ok('keys.present', `the keychain holds ${id} of [${sourceProfile}]`, profile);
  const alive = `not checked: the keys of [${sourceProfile}] are read from the keychain only to make a session`;
  return [present, absent('keys.alive', alive, profile), serialFinding(asked)];
}

function aliveFinding({ profile: { profile, sourceProfile }, ofSource }: Asked): Finding {
  const check = 'keys.alive';
  const whose = `the keys of [${sourceProfile}]`;
  if (ofSource === undefined) return unverified(check, whose, undefined, profile);
  if (ofSource.ok) {
    const { arn } = ofSource.value;
    if (!arn.endsWith(':root')) return ok(check, `AWS accepts the keys of [${sourceProfile}]: ${arn}`, profile);
    const found = `the keys of [${sourceProfile}] are the root user's (${arn}), whose sessions end after an hour`;
    return warning(
      check,
      found,
      'create an IAM user with MFA, use its keys, and delete the keys of the root user',
      profile,
    );
  }
  const { failure } = ofSource;
  if (failure.kind === 'bad-keys') {
    if (failure.code === 'SignatureDoesNotMatch') {
      const found = `the aws_secret_access_key of [${sourceProfile}] is wrong`;
      return error(check, found, 'copy it again; if you do not have it, create a new access key', profile);
    }
    const found = `AWS does not know the access key of [${sourceProfile}]: it was deleted, is inactive, or is of another partition`;
    return error(check, found, 'create a new access key in the IAM console, and put it there', profile);
  }
  if (failure.kind === 'expired' || failure.kind === 'session-keys') {
    return error(check, `[${sourceProfile}] holds a session that has ended`, 'put long-term keys there', profile);
  }
  return unverified(check, whose, failure, profile);
}

/**
 * Checks whether the MFA device is one of the user's. If IAM does not list them, only the account in an ARN can be compared:
 * a device can have any name, and a hardware serial number contains nothing.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
 */
function serialFinding({ profile, devices, devicesBySession, ...asked }: Asked): Finding {
  const check = 'keys.serial';
  // The session of a user is of the same user as the keys.
  const ofSource = asked.source.isInKeychain && !profile.role ? asked.ofSession : asked.ofSource;
  const { serialNumber } = profile;
  const listed = [devices, devicesBySession].find((answer) => answer?.ok);
  if (serialNumber !== undefined && listed?.ok && ofSource?.ok) {
    const { arn } = ofSource.value;
    if (listed.value.includes(serialNumber)) return ok(check, `${serialNumber} is a device of ${arn}`, profile.profile);
    // A security key or passkey does not give codes.
    const usable = listed.value.filter((serial) => !/:u2f\//.test(serial));
    const found = `${serialNumber} is not a device of ${arn}, who has ${usable.join(', ') || 'none that gives codes'}`;
    const mend =
      usable.length > 0
        ? `set mfa_serial = ${usable[0]} under [${profile.profile}] in config.ini`
        : 'assign a virtual MFA device to that user in the IAM console';
    return error(check, found, mend, profile.profile);
  }
  const mend = `correct mfa_serial; to list your devices: aws iam list-mfa-devices --profile ${shellWord(profile.sourceProfile)}`;
  if (serialNumber === undefined)
    return error(check, 'mfa_serial cannot be checked: none is set', mend, profile.profile);
  const [, account, device] = /^arn:[^:]+:iam::(\d+):mfa\/(.+)$/.exec(serialNumber) ?? [];
  if (account === undefined || device === undefined) {
    return absent(
      check,
      `${serialNumber} is a hardware serial number, so its user cannot be checked: only a refresh shows it`,
      profile.profile,
    );
  }
  if (!ofSource?.ok && asked.source.isInKeychain) {
    return absent(
      check,
      `${serialNumber}: without a session, only a refresh shows whose device it is`,
      profile.profile,
    );
  }
  if (!ofSource?.ok) {
    return warning(
      check,
      `it is not known whether ${serialNumber} is a device of the same user`,
      'fix the keys first',
      profile.profile,
    );
  }
  const { value } = ofSource;
  if (account !== value.account) {
    const found = `${serialNumber} is a device of account ${account}, but the keys are of account ${value.account}`;
    return error(check, found, mend, profile.profile);
  }
  const user = value.arn.split('/').at(-1);
  if (device.split('/').at(-1) === user) {
    return ok(check, `${serialNumber} has the account and the name of ${value.arn}`, profile.profile);
  }
  const found = `${serialNumber} is of the account of ${value.arn}; only a refresh shows whether it is this user's`;
  return absent(check, found, profile.profile);
}
