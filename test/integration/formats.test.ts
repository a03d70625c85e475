import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseCredentials } from '../../src/credentials/document.ts';
import { withSession } from '../../src/credentials/edit.ts';
import { decode, type FileLine, linesOf, sectionsIn, sectionsNamed } from '../../src/credentials/lines.ts';
import { UserError } from '../../src/errors.ts';
import { changeCredentials } from '../../src/files/replace.ts';
import { sessionIn } from '../../src/session/session.ts';
import { type Sample, sample } from '../formats/files.ts';
import {
  type Botocore,
  byJavaScript,
  differences,
  nameInJavaScript,
  type Profiles,
  startBotocore,
  whyNotFound,
} from '../formats/readings.ts';
import { has, uses } from '../needs.ts';

/** More by hand: `FORMATS_RUNS=1000000 npx vitest run test/integration/formats.test.ts`. */
const RUNS = Number(process.env.FORMATS_RUNS ?? 10_000);
const SEED = Number(process.env.FORMATS_SEED ?? Date.now() % 1_000_000_000);
const TOGETHER = 500;

/** A key of the session, or a date of it. */
const OF_SESSION = /^(?:aws_(?:access_key_id|secret_access_key|session_token|security_token)|.*expir(?:ation|es))$/i;

let botocore: Botocore | undefined;
beforeAll(() => {
  if (has('python3:botocore')) botocore = startBotocore();
});
afterAll(() => botocore?.stop());

/** What happened, and how often. */
const counts = new Map<string, number>();
const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

/** A file with the session in it, or why it was refused. */
function edited({ bytes, profile, session }: Sample): Buffer | UserError {
  try {
    return withSession(bytes, profile, session, { force: true });
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}

test(`${RUNS} generated files are read as AWS tools read them, and edited without harm to any of them`, {
  ...uses('python3:botocore'),
  timeout: 7_200_000,
}, async () => {
  for (let done = 0, batch = 0; done < RUNS; done += TOGETHER, batch++) {
    const samples = fc.sample(sample, { numRuns: Math.min(TOGETHER, RUNS - done), seed: SEED + batch });
    const afters = samples.map(edited);
    const theirs = await readings(samples, afters);
    for (const [index, one] of samples.entries()) {
      const faults = await faultsIn(one, afters[index], theirs[index]);
      // The smallest file like it.
      if (faults.length > 0) await fc.assert(property, { seed: SEED + batch, path: `${index}`, endOnFailure: false });
      expect(faults, `seed ${SEED + batch}, file ${index}`).toEqual([]);
    }
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  const lines = sorted.map(([what, times]) => `${String(times).padStart(8)}  ${what}`);
  process.stderr.write(`formats: ${RUNS} files, seed ${SEED}\n${lines.join('\n')}\n`);
});

test.each([
  ['50 MB of profiles', () => Buffer.from('[a]\naws_access_key_id = AKIAEXAMPLE\n'.repeat(1_500_000)), /has \d+ bytes/],
  ['a program', () => readFileSync(process.execPath).subarray(0, 1_000_000), /is not a text file/],
  ['an archive', () => gzipSync(randomBytes(10_000)), /is not a text file/],
  ['random bytes', () => randomBytes(10_000), /is not a text file|is UTF-16/],
  ['UTF-16', () => Buffer.from('\ufeff[mfa]\r\n', 'utf16le'), /is UTF-16/],
])('a file that is %s is refused with a clear error, and not changed', async (_what, content, message) => {
  const folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-formats-'));
  try {
    const file = join(folder, 'credentials');
    const bytes = content();
    writeFileSync(file, bytes);
    const before = statSync(file, { bigint: true });
    const session = { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 's', sessionToken: 't', expiration: 0 };
    const change = changeCredentials(file, (found) => withSession(found, 'mfa', session, { force: true }));
    await expect(change).rejects.toThrow(message);
    await expect(change).rejects.toThrow(`cannot write ${file}: `);
    expect(readFileSync(file).equals(bytes)).toBe(true);
    const after = statSync(file, { bigint: true });
    expect([after.ino, after.mtimeNs, after.mode]).toEqual([before.ino, before.mtimeNs, before.mode]);
    expect(readdirSync(folder)).toEqual(['credentials']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const property = fc.asyncProperty(sample, async (one) => {
  const after = edited(one);
  const [theirs] = await readings([one], [after]);
  expect(await faultsIn(one, after, theirs), one.bytes.toString()).toEqual([]);
});

/** What botocore reads in the files before and after. */
async function readings(samples: Sample[], afters: (Buffer | Error)[]): Promise<(Profiles | string | undefined)[][]> {
  const after = afters.map((one) => (one instanceof Error ? Buffer.alloc(0) : one));
  const found = await botocore?.read([...samples.map(({ bytes }) => bytes), ...after]);
  return samples.map((_, index) => [found?.[index], found?.[index + samples.length]]);
}

async function faultsIn(
  one: Sample,
  after: Buffer | Error | undefined,
  [botocoreBefore, botocoreAfter]: (Profiles | string | undefined)[] = [],
): Promise<string[]> {
  const javaScriptBefore = await byJavaScript(one.bytes);
  if (after instanceof Error || after === undefined) {
    count(`refused: ${reasonOf(after)}`);
    return reasonOf(after) === undefined ? [`refused, but ${after?.message}`] : [];
  }
  count('edited');
  const faults: string[] = [];
  for (const difference of await differences(one.bytes, botocoreBefore ?? '', javaScriptBefore)) {
    count(difference);
    if (difference.startsWith('UNEXPLAINED')) faults.push(difference);
  }
  faults.push(...ownFaults(one, after), ...byteFaults(one, after));
  if (botocoreBefore !== undefined) faults.push(...botocoreFaults(one, botocoreBefore, botocoreAfter));
  faults.push(...(await javaScriptFaults(one, after, javaScriptBefore)));
  return faults;
}

function reasonOf(error: Error | undefined): string | undefined {
  const reasons = [
    'cannot be the name of a profile',
    'is indented, so some tools',
    'after the header',
    'is not a text file',
    'UTF-16',
  ];
  return reasons.find((reason) => error?.message.includes(reason));
}

/** The program itself finds the session, and has nothing to write a second time. */
function ownFaults({ bytes, profile, session }: Sample, after: Buffer): string[] {
  const faults: string[] = [];
  const found = sessionIn(parseCredentials(after).profile(profile));
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = session;
  const expected = { kind: 'session', accessKeyId, secretAccessKey, sessionToken, expiration };
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    faults.push(`we find ${JSON.stringify(found)}`);
  }
  if (!withSession(after, profile, session).equals(after)) faults.push('another time, it is written differently');
  try {
    const unforced = withSession(bytes, profile, session);
    count('edited also without --force');
    if (!unforced.equals(after)) faults.push('without --force, it is written differently');
    const keys = (text: Buffer) => text.toString().match(/AKIA[A-Z0-9]{4}/g)?.length ?? 0;
    if (keys(unforced) < keys(bytes)) faults.push('without --force, a long-term key is gone');
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
  return faults;
}

/** Outside the profile every byte is as it was, and within it every line that is not the session's. */
function byteFaults({ bytes, profile }: Sample, after: Buffer): string[] {
  const [was, is] = [parted(bytes, profile), parted(after, profile)];
  if (was.own.length === 0) {
    const added = after.subarray(bytes.length).toString('latin1');
    const isKept = after.subarray(0, bytes.length).equals(bytes);
    return isKept && /^(?:\r\n|\r|\n){0,2}\[/.test(added) ? [] : ['what stood before the new profile is not as it was'];
  }
  const faults: string[] = [];
  if (was.outside.join('\0') !== is.outside.join('\0')) faults.push('something outside the profile has changed');
  for (const [index, lines] of was.own.entries()) {
    const now = (is.own[index] ?? []).filter((line) => !isOfSession(line));
    for (const line of lines.filter((line) => !isOfSession(line))) {
      if (isSame(line, now[0])) now.shift();
      else if (line.kind !== 'continuation') faults.push(`a line is gone: ${JSON.stringify(line.text)}`);
    }
    if (now.length > 0) faults.push(`lines are new: ${JSON.stringify(now.map(({ text }) => text))}`);
  }
  return faults;
}

/** The same text, or that of a setting which was indented too much, without the indentation. */
function isSame(line: FileLine, now: FileLine | undefined): boolean {
  if (now === undefined) return false;
  if (line.text === now.text) return true;
  const isMoved = line.kind === 'continuation' && line.misplaced !== undefined;
  return isMoved && decode(line.text).trimStart() === decode(now.text).trimStart();
}

function parted(bytes: Buffer, profile: string): { outside: string[]; own: FileLine[][] } {
  const outside: string[] = [];
  let done = 0;
  const own = sectionsNamed(profile, bytes, sectionsIn(bytes)).map((section) => {
    outside.push(bytes.toString('latin1', done, section.start));
    done = section.end;
    return linesOf(bytes, section);
  });
  return { outside: [...outside, bytes.toString('latin1', done)], own };
}

function isOfSession(line: FileLine): boolean {
  if (line.kind === 'comment') return /Credentials expire at/.test(line.text);
  const key = line.kind === 'continuation' ? line.misplaced?.key : line.kind === 'setting' ? line.key : undefined;
  return key !== undefined && OF_SESSION.test(key);
}

/** A file that botocore could read it still can; it finds the session, and everything else as it was. */
function botocoreFaults(one: Sample, before: Profiles | string, after: Profiles | string | undefined): string[] {
  if (typeof before === 'string') {
    count(`botocore gave it up before: ${before}`);
    return [];
  }
  const text = one.bytes.toString();
  // To botocore, another name than to us and to the loader.
  if (/^\s*\[.*\].*\s[#;].*\]/m.test(text)) return [];
  // Settings below an empty one in [DEFAULT] that are none: botocore finds that only in a profile that inherits them.
  if (after === 'ValueError' && /^\s*\[DEFAULT\]/m.test(text)) return [];
  if (typeof after !== 'object') {
    return [`botocore gives it up: ${after}`];
  }
  count('botocore reads it');
  const faults = othersChanged('botocore', before, after, one.profile);
  const { accessKeyId, secretAccessKey, sessionToken } = one.session;
  const values = after[one.profile] ?? {};
  const token = values.aws_security_token ?? values.aws_session_token;
  const found = [values.aws_access_key_id, values.aws_secret_access_key, token];
  if (found.join() !== [accessKeyId, secretAccessKey, sessionToken].join()) faults.push(`botocore finds ${found}`);
  for (const [key, value] of Object.entries(before[one.profile] ?? {})) {
    const isSimple = typeof value === 'string' && !value.includes('\n') && !/^\s*\[DEFAULT\]/m.test(text);
    if (isSimple && !OF_SESSION.test(key) && values[key] !== value) faults.push(`to botocore, ${key} has changed`);
  }
  return faults;
}

/** What the loader finds in other profiles is as it was, and it finds the session where it can. */
async function javaScriptFaults(one: Sample, bytes: Buffer, before: Profiles): Promise<string[]> {
  const after = await byJavaScript(bytes);
  const name = await nameInJavaScript(one.profile);
  // To the loader, a line that ends with CR alone goes on: any header or key may be part of a value of another profile.
  const hasLoneReturn = /\r(?!\n)/.test(bytes.toString());
  const faults = hasLoneReturn ? [] : othersChanged('JavaScript', before, after, name);
  const { accessKeyId, secretAccessKey, sessionToken } = one.session;
  const values = name === undefined ? undefined : after[name];
  const found = [values?.aws_access_key_id, values?.aws_secret_access_key, values?.aws_session_token];
  if (found.join() === [accessKeyId, secretAccessKey, sessionToken].join()) {
    count('JavaScript finds the session');
  } else {
    const reason = await whyNotFound(bytes.toString(), one.profile, one.session, after);
    count(`JavaScript does not find the session: ${reason}`);
    if (reason === undefined) faults.push(`JavaScript finds ${found}`);
  }
  return faults;
}

function othersChanged(reader: string, before: Profiles, after: Profiles, own: string | undefined): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => name !== own && JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `to ${reader}, [${name}] has changed`);
}
