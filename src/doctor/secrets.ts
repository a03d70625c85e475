import type { CredentialsDocument } from '../credentials/document.ts';
import type { Finding } from './finding.ts';

/** Returns every secret that the checks may have read. */
export function secretsIn(document: CredentialsDocument | undefined, environment: NodeJS.ProcessEnv): string[] {
  const sections = document?.profileNames().map((name) => document.profile(name)?.values) ?? [];
  const inFile = sections.flatMap((values) =>
    ['aws_secret_access_key', 'aws_session_token', 'aws_security_token'].map((key) => values?.get(key)),
  );
  const inVariables = ['AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_SECURITY_TOKEN'].map(
    (name) => environment[name],
  );
  // AWS's secrets are longer. A shorter text could be part of an ordinary word.
  return [...inFile, ...inVariables].filter((secret) => secret !== undefined && secret.length >= 16) as string[];
}

/** Masks secrets in findings. No check shows one itself, but an unexpected error could repeat what it read. */
export function withoutSecrets(findings: readonly Finding[], secrets: readonly string[]): Finding[] {
  const masked = (text: string) => secrets.reduce((whole, secret) => whole.replaceAll(secret, '******'), text);
  return findings.map((one) => ({
    ...one,
    found: masked(one.found),
    ...(one.mend !== undefined && { mend: masked(one.mend) }),
  }));
}
