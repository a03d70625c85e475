import type { CredentialsDocument } from '../credentials/document.ts';
import type { Finding } from './finding.ts';

/** Every secret that the checks could have come across. */
export function secretsIn(document: CredentialsDocument | undefined, environment: NodeJS.ProcessEnv): string[] {
  const sections = document?.profileNames().map((name) => document.profile(name)?.values) ?? [];
  const inFile = sections.flatMap((values) =>
    ['aws_secret_access_key', 'aws_session_token', 'aws_security_token'].map((key) => values?.get(key)),
  );
  const inVariables = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'].map(
    (name) => environment[name],
  );
  // What is shorter is no secret of AWS's, and may be a part of any word.
  return [...inFile, ...inVariables].filter((secret) => secret !== undefined && secret.length >= 16) as string[];
}

/** No check shows one. Should an error that nobody foresaw repeat what it read, it is not told on. */
export function withoutSecrets(findings: readonly Finding[], secrets: readonly string[]): Finding[] {
  const masked = (text: string) => secrets.reduce((whole, secret) => whole.replaceAll(secret, '******'), text);
  return findings.map((one) => ({
    ...one,
    found: masked(one.found),
    ...(one.mend !== undefined && { mend: masked(one.mend) }),
  }));
}
