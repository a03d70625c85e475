import { constants, statSync } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseCredentials } from '../credentials/document.ts';
import { exposures } from '../files/exposure.ts';
import { followLinks } from '../files/follow-links.ts';
import { lockStanding } from '../files/lock.ts';
import { temporaryFilesOf } from '../files/replace.ts';
import { botocoreFaults } from './botocore.ts';
import { faultText, mendFault } from './faults.ts';
import type { Seen } from './files.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** How long a temporary file may stand while its change is being made, in milliseconds: longer than any takes. */
const CHANGE_TIME = 30_000;

/**
 * The credentials file itself: whose it is, where it leads, and whether every tool can read it.
 * @param now milliseconds since the epoch
 */
export async function credentialsFindings(file: string, { bytes, problem }: Seen, now: number): Promise<Finding[]> {
  const { target, problem: circle } = followLinks(file);
  const links = circle
    ? error(
        'credentials.link',
        `the symbolic links of ${file} lead nowhere (${codeOf(circle)})`,
        'mend or remove the link',
      )
    : linkFinding(file, target);
  if (problem !== undefined)
    return [error('credentials.file', problem, `mend that; every AWS tool reads this file`), links];
  const beside = [links, await folderFinding(target), leftoversFinding(target, now), lockFinding(target, now)];
  if (bytes === undefined) {
    const mend = 'put the long-term keys there (aws configure), or set AWS_SHARED_CREDENTIALS_FILE';
    return [warning('credentials.file', `there is no ${file} yet`, mend), ...beside];
  }
  return [
    ok('credentials.file', `${file}, ${bytes.length} bytes`),
    await modeFinding(target),
    await ownerFinding(target),
    ...beside.slice(0, 2),
    ...readingFindings(file, bytes),
    ...beside.slice(2),
  ];
}

async function modeFinding(target: string): Promise<Finding> {
  const exposed = exposures(target).find((one) => one.of === 'file');
  if (exposed) return error('credentials.mode', exposed.found, exposed.mend);
  return ok('credentials.mode', `only you may read and write ${target}`);
}

async function ownerFinding(target: string): Promise<Finding> {
  const { uid, nlink } = await stat(target);
  const mine = process.getuid?.();
  if (mine !== undefined && uid !== mine) {
    return error(
      'credentials.owner',
      `${target} belongs to user ${uid}, and you are ${mine}`,
      `sudo chown "$(id -u):$(id -g)" ${target}`,
    );
  }
  if (nlink > 1) {
    const found = `${target} has ${nlink} names (hard links): the others keep the old session when it is replaced`;
    return warning('credentials.owner', found, 'use symbolic links instead');
  }
  return ok('credentials.owner', `${target} is yours`);
}

function linkFinding(file: string, target: string): Finding {
  if (target === file) return ok('credentials.link', `${file} is no symbolic link`);
  return ok('credentials.link', `${file} leads to ${target}: the link stays, what it leads to is replaced`);
}

async function folderFinding(target: string): Promise<Finding> {
  const folder = dirname(target);
  const exposed = exposures(target).find((one) => one.of === 'folder');
  if (exposed) return error('credentials.folder', exposed.found, exposed.mend);
  const reason = await access(folder, constants.W_OK | constants.X_OK).then(
    () => undefined,
    (refused: NodeJS.ErrnoException) => refused.code,
  );
  if (reason === 'ENOENT') {
    return ok('credentials.folder', `${folder} is made by the first refresh`);
  }
  if (reason !== undefined) {
    const found = `no file can be made in ${folder} (${reason}), so none in it can be replaced`;
    return error('credentials.folder', found, `make ${folder} yours and writable: chmod u+rwx ${folder}`);
  }
  return ok('credentials.folder', `${folder} can be written by you alone`);
}

/** What all the tools make of it that read it. */
function readingFindings(file: string, bytes: Buffer): Finding[] {
  let names: string[];
  try {
    names = parseCredentials(bytes).profileNames();
  } catch (unreadable) {
    return [error('credentials.parse', (unreadable as Error).message, `look at ${file}`)];
  }
  const faults = botocoreFaults(bytes);
  const twice = faults.filter(({ kind }) => kind === 'section');
  const others = faults.filter(({ kind }) => kind !== 'section');
  const findings = others.map((fault) => error('credentials.parse', faultText(file, fault), mendFault(fault)));
  for (const name of names.filter((one) => /^profile\s/.test(one))) {
    const found = `[${name}] in ${file}: no tool finds this profile, for only ~/.aws/config has the word`;
    findings.push(warning('credentials.parse', found, `call it [${name.replace(/^profile\s+/, '')}]`));
  }
  if (findings.length === 0)
    findings.push(
      ok(
        'credentials.parse',
        `every tool can read ${file}: ${names.length} ${names.length === 1 ? 'profile' : 'profiles'}`,
      ),
    );
  return [
    ...findings,
    ...twice.map((fault) => error('credentials.sections', faultText(file, fault), mendFault(fault))),
    ...(twice.length === 0 ? [ok('credentials.sections', `no section of ${file} stands twice`)] : []),
  ];
}

function leftoversFinding(target: string, now: number): Finding {
  const folder = dirname(target);
  let found: string[];
  try {
    found = temporaryFilesOf(target).filter((file) => now - statSync(file).mtimeMs > CHANGE_TIME);
  } catch {
    // The check of the folder says why.
    return ok('credentials.leftovers', `none can be seen in ${folder}`);
  }
  if (found.length === 0) return ok('credentials.leftovers', `no temporary files are left in ${folder}`);
  const what = `${found.length} temporary ${found.length === 1 ? 'file, which holds' : 'files, which hold'} keys: a refresh was killed`;
  return warning(
    'credentials.leftovers',
    `${what} (${found.join(', ')})`,
    'the next refresh removes them; or do it by rm',
  );
}

function lockFinding(target: string, now: number): Finding {
  const { folder, standing } = lockStanding(target, now);
  switch (standing) {
    case 'free':
      return ok('credentials.lock', `nobody has locked ${target}`);
    case 'held':
      return ok('credentials.lock', `a program is writing ${target} just now`);
    case 'stale': {
      const found = `${folder} was left by a program that was killed`;
      return warning('credentials.lock', found, `the next refresh takes it away, after a wait; or rmdir ${folder}`);
    }
    case 'blocked':
      return error('credentials.lock', `${folder} is no lock, and is in the way of one`, `move ${folder} away`);
  }
}

function codeOf(problem: unknown): string {
  return (problem as NodeJS.ErrnoException).code ?? 'unknown';
}
