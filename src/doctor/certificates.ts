import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Entries } from '../settings/config-ini.ts';
import { error, type Finding, ok, warning } from './finding.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * Whom the connections to AWS trust.
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
      const found = `ca_bundle = ${inConfig} in ~/.aws/config, which the AWS CLI reads and this program does not`;
      return warning(check, found, `export AWS_CA_BUNDLE=${inConfig}, and install the service again`);
    }
    const { NODE_EXTRA_CA_CERTS: more } = environment;
    return ok(check, `those that Node.js trusts${more ? `, and NODE_EXTRA_CA_CERTS=${more}` : ''}`);
  }
  const mend = 'unset AWS_CA_BUNDLE, or name a PEM file with the certificates of all authorities that are trusted';
  let text: string;
  try {
    // Anything but a file could keep us waiting forever.
    if (!(await stat(bundle)).isFile()) throw new Error('not a file');
    text = await readFile(bundle, 'latin1');
  } catch (problem) {
    const { code = 'not a file' } = problem as NodeJS.ErrnoException;
    return error(check, `AWS_CA_BUNDLE=${bundle} cannot be read (${code}): no AWS tool gets a connection`, mend);
  }
  const certificates = (text.match(CERTIFICATE) ?? []).map(parsed);
  const good = certificates.filter((one) => one !== undefined);
  if (good.length === 0 || good.length < certificates.length) {
    const what = certificates.length === 0 ? 'holds no certificate' : 'holds a certificate that is broken';
    return error(check, `AWS_CA_BUNDLE=${bundle} ${what}`, mend);
  }
  const ended = good.filter(({ validTo }) => Date.parse(validTo) < now);
  if (ended.length === good.length) {
    return error(check, `AWS_CA_BUNDLE=${bundle}: every certificate in it has expired (${ended[0]?.validTo})`, mend);
  }
  return ok(check, `AWS_CA_BUNDLE=${bundle}, ${good.length} ${good.length === 1 ? 'certificate' : 'certificates'}`);
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
