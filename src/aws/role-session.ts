/**
 * Returns whether the ARN of a session belongs to a role. It has the account and the name of the role, without the role's
 * path: `arn:aws:sts::123456789012:assumed-role/admin/alice`.
 * @see https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumedRoleUser.html
 */
export function isOfRole(arn: string, roleArn: string): boolean {
  const [, partition, account, name] = /^arn:([^:]+):iam::(\d+):role\/(?:.*\/)?([^/]+)$/.exec(roleArn) ?? [];
  return arn.startsWith(`arn:${partition}:sts::${account}:assumed-role/${name}/`);
}
