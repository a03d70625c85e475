import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Entries } from '../credentials/section.ts';
import { error, type Finding, ok, warning } from './finding.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * Checks the certificates that connections to AWS trust.
 * @param ofSource the settings of a source profile in `~/.aws/config`
 * @param now milliseconds since the epoch
 */
export async function certificateFinding(
  environment: NodeJS.ProcessEnv,
  ofSource: Entries,
  now: number,
): Promise<Finding> {
  const check = 'aws.certificates';
  const bundle = environment.AWS_CA_BUNDLE;
  if (!bundle) {
    const inConfig = ofSource.get('ca_bundle')?.value;
    if (inConfig) {
      const found = `~/.aws/config sets ca_bundle = ${inConfig}, which the AWS CLI uses and this program does not`;
      return warning(check, found, `export AWS_CA_BUNDLE=${inConfig}, also for the agent, and restart it`);
    }
    const { NODE_EXTRA_CA_CERTS: more } = environment;
    return ok(check, `certificates: those of Node.js${more ? ` and NODE_EXTRA_CA_CERTS=${more}` : ''}`);
  }
  const mend = 'unset AWS_CA_BUNDLE, or set it to a PEM file with every CA certificate to trust';
  let text: string;
  try {
    // To read a pipe could take forever.
    if (!(await stat(bundle)).isFile()) throw new Error('not a file');
    text = await readFile(bundle, 'latin1');
  } catch (problem) {
    const { code = 'not a file' } = problem as NodeJS.ErrnoException;
    return error(check, `AWS_CA_BUNDLE=${bundle} cannot be read (${code}): no AWS tool can connect`, mend);
  }
  const certificates = (text.match(CERTIFICATE) ?? []).map(parsed);
  const good = certificates.filter((one) => one !== undefined);
  if (good.length === 0 || good.length < certificates.length) {
    const what = certificates.length === 0 ? 'contains no certificate' : 'contains a broken certificate';
    return error(check, `AWS_CA_BUNDLE=${bundle} ${what}`, mend);
  }
  const ended = good.filter(({ validTo }) => Date.parse(validTo) < now);
  if (ended.length === good.length) {
    return error(check, `AWS_CA_BUNDLE=${bundle}: all its certificates have expired (${ended[0]?.validTo})`, mend);
  }
  return ok(
    check,
    `certificates: AWS_CA_BUNDLE=${bundle} with ${good.length} ${good.length === 1 ? 'certificate' : 'certificates'}`,
  );
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
