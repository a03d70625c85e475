import { accessSync, constants, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { lineAt, parseCredentials } from '../credentials/document.ts';
import { hasPlainHeader, linesOf, nameOf, sectionsIn } from '../credentials/lines.ts';
import { isMissing } from '../files/explain.ts';
import { exposures } from '../files/exposure.ts';
import { followLinks } from '../files/follow-links.ts';
import { lockStanding } from '../files/lock.ts';
import { temporaryFilesOf } from '../files/replace.ts';
import { shellWord } from '../plain.ts';
import { rehearseSave } from '../refresh/rehearsal.ts';
import type { Settings } from '../settings/settings.ts';
import { botocoreFaults } from './botocore.ts';
import { faultFinding } from './faults.ts';
import type { SeenFile } from './files.ts';
import { absent, error, type Finding, ok, warning } from './finding.ts';

/** The age from which a temporary file is a leftover, in milliseconds: longer than any change takes. */
const CHANGE_TIME = 30_000;

/**
 * Checks the credentials file: its owner and mode, where its links lead, and whether every tool can read it.
 * @param now milliseconds since the epoch
 */
export function credentialsFindings(file: string, { bytes, problem }: SeenFile, now: number): Finding[] {
  const { target, problem: circle } = followLinks(file);
  const link = circle ? circleFinding(file, circle) : linkFinding(file, target);
  if (problem !== undefined) {
    return [error('credentials.file', problem, 'correct that: every AWS tool reads this file'), link];
  }
  const beside = [link, folderFinding(target), leftoversFinding(target, now), lockFinding(target, now)];
  if (bytes === undefined) {
    const mend = 'put the long-term keys there (run "aws configure"), or set AWS_SHARED_CREDENTIALS_FILE';
    return [warning('credentials.file', `there is no ${file} yet`, mend), ...beside];
  }
  const found = ok('credentials.file', `${file}, ${bytes.length} bytes`);
  return [found, modeFinding(target), ownerFinding(target), ...readingFindings(file, bytes), ...beside];
}

/**
 * Rehearses a refresh of each profile: step 1 of a refresh does the same before it asks for a code.
 * @param now milliseconds since the epoch
 */
export async function rewriteFindings(
  files: Settings['files'],
  profiles: readonly string[],
  now: number,
): Promise<Finding[]> {
  const { target } = followLinks(files.credentials);
  // The rehearsal would wait for the lock, or remove it.
  if (lockStanding(target, now).standing !== 'free') {
    return [absent('credentials.rewrite', `a rewrite of ${files.credentials} cannot be tried while it is locked`)];
  }
  const problems = new Map<string, string>();
  for (const profile of profiles) {
    const problem = await rehearseSave(files, profile).then(
      () => undefined,
      (refused: Error) => refused.message,
    );
    if (problem !== undefined && !problems.has(problem)) problems.set(problem, profile);
  }
  if (problems.size === 0) return [ok('credentials.rewrite', `a refresh can rewrite ${files.credentials}`)];
  return [...problems].map(([problem, profile]) =>
    error('credentials.rewrite', problem, 'correct that; until then, no code is asked for', profile),
  );
}

function modeFinding(target: string): Finding {
  const exposed = exposures(target).find((one) => one.of === 'file');
  if (exposed) return error('credentials.mode', exposed.found, exposed.mend);
  return ok('credentials.mode', `only you may read and write ${target}`);
}

function ownerFinding(target: string): Finding {
  const { uid, nlink } = statSync(target);
  const mine = process.getuid?.();
  if (mine !== undefined && uid !== mine) {
    return error(
      'credentials.owner',
      `${target} belongs to user ${uid}; you are user ${mine}`,
      `sudo chown "$(id -u):$(id -g)" ${shellWord(target)}`,
    );
  }
  if (nlink > 1) {
    const found = `${target} has ${nlink} names (hard links): after a refresh, the others still have the old session`;
    return warning('credentials.owner', found, 'use symbolic links instead');
  }
  return ok('credentials.owner', `${target} belongs to you`);
}

function circleFinding(file: string, problem: unknown): Finding {
  const { code = 'unknown' } = problem as NodeJS.ErrnoException;
  const found = `the symbolic links of ${file} lead nowhere (${code})`;
  return error('credentials.link', found, 'correct or remove the link');
}

function linkFinding(file: string, target: string): Finding {
  if (target === file) return ok('credentials.link', `${file} is not a symbolic link`);
  return ok('credentials.link', `${file} leads to ${target}: a refresh replaces that file and keeps the link`);
}

function folderFinding(target: string): Finding {
  const folder = dirname(target);
  const exposed = exposures(target).find((one) => one.of === 'folder');
  if (exposed) return error('credentials.folder', exposed.found, exposed.mend);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (refused) {
    const { code } = refused as NodeJS.ErrnoException;
    if (code === 'ENOENT') return ok('credentials.folder', `${folder} will be created by the first refresh`);
    const found = `you cannot create files in ${folder} (${code}), so a refresh cannot replace ${target}`;
    return error('credentials.folder', found, `become the owner of ${folder}, then: chmod u+rwx ${shellWord(folder)}`);
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
  const findings = [
    ...others.map((fault) => faultFinding('credentials.parse', file, fault)),
    ...javascriptFindings(file, bytes),
  ];
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
    ...twice.map((fault) => faultFinding('credentials.sections', file, fault)),
    ...(twice.length === 0 ? [ok('credentials.sections', `no section of ${file} occurs twice`)] : []),
  ];
}

/** A name of two words: the SDK for JavaScript takes the first for the kind of the section. */
const TWO_WORDS = /^[\w-]+\s(["'])?[\w\-@+.%:/]+\1$/;

/** Finds profiles that the SDK for JavaScript does not find, although botocore does. */
function javascriptFindings(file: string, bytes: Buffer): Finding[] {
  return sectionsIn(bytes).flatMap((section) => {
    const [header] = linesOf(bytes, section);
    const name = nameOf(bytes, section);
    const found = (what: string) => `${file}:${lineAt(bytes, section.start)}: ${what}`;
    if (name === '__proto__') {
      const what = found('the SDK for JavaScript rejects the whole file because of [__proto__]');
      return [error('credentials.parse', what, 'rename this profile')];
    }
    if (header && !hasPlainHeader(header)) {
      const what = found(`the SDK for JavaScript does not find [${name}], because of the text after the header`);
      return [error('credentials.parse', what, 'remove that text, or put " #" in front of it')];
    }
    if (!TWO_WORDS.test(name) || /^profile\s/.test(name)) return [];
    const what = found(`the SDK for JavaScript does not find [${name}], because of the space in its name`);
    return [warning('credentials.parse', what, 'rename this profile if you use it with programs in JavaScript')];
  });
}

function leftoversFinding(target: string, now: number): Finding {
  const folder = dirname(target);
  let found: string[] = [];
  try {
    found = temporaryFilesOf(target).filter((file) => Math.abs(now - statSync(file).mtimeMs) > CHANGE_TIME);
  } catch (error) {
    // The check of the folder reports why.
    if (!isMissing(error))
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
        `rmdir ${shellWord(folder)}; otherwise the next refresh waits a few seconds, then removes it`,
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
