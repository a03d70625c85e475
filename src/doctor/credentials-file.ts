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
import { absent, error, type Finding, ok, warning } from './finding.ts';

/** The age from which a temporary file is a leftover, in milliseconds: longer than any change takes. */
const CHANGE_TIME = 30_000;

/**
 * Checks the credentials file: its owner and mode, where its links lead, and whether every tool can read it.
 * @param now milliseconds since the epoch
 */
export async function credentialsFindings(file: string, { bytes, problem }: Seen, now: number): Promise<Finding[]> {
  const { target, problem: circle } = followLinks(file);
  const links = circle
    ? error(
        'credentials.link',
        `the symbolic links of ${file} lead nowhere (${codeOf(circle)})`,
        'correct or remove the link',
      )
    : linkFinding(file, target);
  if (problem !== undefined)
    return [error('credentials.file', problem, `correct that: every AWS tool reads this file`), links];
  const beside = [links, await folderFinding(target), leftoversFinding(target, now), lockFinding(target, now)];
  if (bytes === undefined) {
    const mend = 'put the long-term keys there (run "aws configure"), or set AWS_SHARED_CREDENTIALS_FILE';
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
      `${target} belongs to user ${uid}; you are user ${mine}`,
      `sudo chown "$(id -u):$(id -g)" ${target}`,
    );
  }
  if (nlink > 1) {
    const found = `${target} has ${nlink} names (hard links): after a refresh, the others still have the old session`;
    return warning('credentials.owner', found, 'use symbolic links instead');
  }
  return ok('credentials.owner', `${target} belongs to you`);
}

function linkFinding(file: string, target: string): Finding {
  if (target === file) return ok('credentials.link', `${file} is not a symbolic link`);
  return ok('credentials.link', `${file} leads to ${target}: a refresh replaces that file and keeps the link`);
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
    return ok('credentials.folder', `${folder} will be created by the first refresh`);
  }
  if (reason !== undefined) {
    const found = `you cannot create files in ${folder} (${reason}), so a refresh cannot replace ${target}`;
    return error('credentials.folder', found, `become the owner of ${folder}, then: chmod u+rwx ${folder}`);
  }
  return ok('credentials.folder', `only you may write in ${folder}`);
}

/** Checks whether every tool that reads the file understands it. */
function readingFindings(file: string, bytes: Buffer): Finding[] {
  let names: string[];
  try {
    names = parseCredentials(bytes).profileNames();
  } catch (unreadable) {
    return [error('credentials.parse', (unreadable as Error).message, `check ${file}`)];
  }
  const faults = botocoreFaults(bytes);
  const twice = faults.filter(({ kind }) => kind === 'section');
  const others = faults.filter(({ kind }) => kind !== 'section');
  const findings = others.map((fault) => error('credentials.parse', faultText(file, fault), mendFault(fault)));
  for (const name of names.filter((one) => /^profile\s/.test(one))) {
    const found = `[${name}] in ${file}: no tool finds this profile; the word "profile" is used in ~/.aws/config only`;
    findings.push(warning('credentials.parse', found, `rename it to [${name.replace(/^profile\s+/, '')}]`));
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
    ...(twice.length === 0 ? [ok('credentials.sections', `no section of ${file} occurs twice`)] : []),
  ];
}

function leftoversFinding(target: string, now: number): Finding {
  const folder = dirname(target);
  let found: string[];
  try {
    found = temporaryFilesOf(target).filter((file) => now - statSync(file).mtimeMs > CHANGE_TIME);
  } catch {
    // The check of the folder reports why.
    return absent('credentials.leftovers', `${folder} cannot be searched for leftover temporary files`);
  }
  if (found.length === 0) return ok('credentials.leftovers', `no leftover temporary files in ${folder}`);
  const what = `${found.length} temporary ${found.length === 1 ? 'file' : 'files'} with keys, left by a killed refresh`;
  return warning(
    'credentials.leftovers',
    `${what}: ${found.join(', ')}`,
    `run "aws-mfa-agent refresh", which removes ${found.length === 1 ? 'it' : 'them'}; or use rm`,
  );
}

function lockFinding(target: string, now: number): Finding {
  const { folder, standing } = lockStanding(target, now);
  switch (standing) {
    case 'free':
      return ok('credentials.lock', `${target} is not locked`);
    case 'held':
      return ok('credentials.lock', `${target} is locked: a program is writing it now`);
    case 'stale': {
      const found = `${folder} was left by a killed program`;
      return warning(
        'credentials.lock',
        found,
        `rmdir ${folder}; otherwise the next refresh waits a few seconds, then removes it`,
      );
    }
    case 'blocked':
      return error(
        'credentials.lock',
        `${folder} is not a lock, and keeps programs from locking ${target}`,
        `move ${folder} away`,
      );
  }
}

function codeOf(problem: unknown): string {
  return (problem as NodeJS.ErrnoException).code ?? 'unknown';
}
