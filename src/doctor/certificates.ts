import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { error, type Finding, ok } from './finding.ts';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/**
 * Checks the certificates that connections to AWS trust.
 * @param ofProfile `ca_bundle` in the settings of a profile
 * @param now milliseconds since the epoch
 */
export async function certificateFinding(
  environment: NodeJS.ProcessEnv,
  ofProfile: string | undefined,
  now: number,
): Promise<Finding> {
  const check = 'aws.certificates';
  const named = [
    ['AWS_CA_BUNDLE', environment.AWS_CA_BUNDLE],
    ['ca_bundle', ofProfile],
    ['REQUESTS_CA_BUNDLE', environment.REQUESTS_CA_BUNDLE],
  ] as const;
  const [name, bundle] = named.find(([, value]) => value !== undefined) ?? [];
  if (name === undefined || bundle === undefined) {
    const { NODE_EXTRA_CA_CERTS: more } = environment;
    return ok(check, `certificates: those of Node.js${more ? ` and NODE_EXTRA_CA_CERTS=${more}` : ''}`);
  }
  const mend = `${name === 'ca_bundle' ? 'remove' : 'unset'} ${name}, or set it to a PEM file with every CA certificate to trust`;
  if (bundle.trim() === '') return error(check, `${name} is empty: this program refuses to connect`, mend);
  let text: string;
  try {
    // Reading a pipe could take forever.
    if (!(await stat(bundle)).isFile()) throw new Error('not a file');
    text = await readFile(bundle, 'latin1');
  } catch (problem) {
    const { code = 'not a file' } = problem as NodeJS.ErrnoException;
    return error(check, `${name}=${bundle} cannot be read (${code}): no AWS tool can connect`, mend);
  }
  const certificates = (text.match(CERTIFICATE) ?? []).map(parsed);
  const good = certificates.filter((one) => one !== undefined);
  if (good.length === 0 || good.length < certificates.length) {
    const what = certificates.length === 0 ? 'contains no certificate' : 'contains a broken certificate';
    return error(check, `${name}=${bundle} ${what}`, mend);
  }
  const ended = good.filter(({ validTo }) => Date.parse(validTo) < now);
  if (ended.length === good.length) {
    return error(check, `${name}=${bundle}: all its certificates have expired (${ended[0]?.validTo})`, mend);
  }
  return ok(
    check,
    `certificates: ${name}=${bundle} with ${good.length} ${good.length === 1 ? 'certificate' : 'certificates'}`,
  );
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}
