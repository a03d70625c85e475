import type { Finding } from './finding.ts';

const SETUP = 'aws-mfa-agent setup';

/** What `setup` does, and what fails before it has run. */
const AFTER_SETUP = /^aws-mfa-agent (?:install|refresh)\b/;

/** Returns the findings of a home in which nothing is set up: `setup` is the remedy for whatever it does. */
export function ledToSetup(findings: readonly Finding[]): Finding[] {
  return findings.map((one) =>
    one.mend !== undefined && (one.check === 'settings.serial' || AFTER_SETUP.test(one.mend))
      ? { ...one, mend: SETUP }
      : one,
  );
}
