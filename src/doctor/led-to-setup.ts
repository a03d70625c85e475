import type { Finding } from './finding.ts';

const SETUP = 'aws-mfa-agent setup';

/** What `setup` does, and what fails before it has run. */
const AFTER_SETUP = /^aws-mfa-agent (?:install|refresh)\b/;

/**
 * Returns the findings of a home in which nothing is set up: `setup` is the remedy for whatever it does. It does not change a
 * service that is there.
 */
export function ledToSetup(findings: readonly Finding[]): Finding[] {
  const isFor = ({ check, mend = '' }: Finding) =>
    check === 'settings.serial' ? mend !== '' : AFTER_SETUP.test(mend) && check !== 'service.environment';
  return findings.map((one) => (isFor(one) ? { ...one, mend: SETUP } : one));
}
