import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { longTermKeys } from '../../src/keys/long-term-keys.ts';
import { readAwsConfig } from '../../src/settings/aws-config.ts';
import * as forms from '../../src/settings/forms.ts';
import { loadSettings } from '../../src/settings/settings.ts';
import { type AwsFiles, awsFiles } from '../formats/aws-files.ts';
import { type Python, startPython } from '../formats/readings.ts';
import { needs } from '../needs.ts';

/** More by hand: `AWS_FILES_RUNS=20000 npx vitest run test/integration/aws-files.test.ts`. */
const RUNS = Number(process.env.AWS_FILES_RUNS ?? 500);
const SEED = Number(process.env.AWS_FILES_SEED ?? Date.now() % 1_000_000_000);
const TOGETHER = 100;

/** What botocore reads of a profile. A value with settings below it is an object. */
interface Reading {
  keys: { id: string; secret: string; token: string | null } | { command: string } | { partial: true } | null;
  mfa_serial: unknown;
  duration_seconds: unknown;
  region: unknown;
  /** Whether the config file has it. */
  in_config: boolean;
}

/** By profile, or which file botocore gives up, and why. */
type Readings = Record<string, Reading> | string;

const BOTOCORE = needs('python3:botocore');
let botocore: Python | undefined;
let folder: string;
let paths: { config: string; credentials: string };
beforeAll(() => {
  if (!BOTOCORE.skip) botocore = startPython('./profiles.py');
  folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-files-'));
  paths = { config: join(folder, 'config'), credentials: join(folder, 'credentials') };
});
afterAll(() => {
  botocore?.stop();
  rmSync(folder, { recursive: true });
});

/** What happened, and how often. */
const counts = new Map<string, number>();
const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);

test(`botocore and the program agree on the keys, the device, the duration and the region of each profile in ${RUNS} pairs of files`, {
  ...BOTOCORE,
  timeout: 7_200_000,
}, async () => {
  for (let done = 0, batch = 0; done < RUNS; done += TOGETHER, batch++) {
    const pairs = fc.sample(awsFiles, { numRuns: Math.min(TOGETHER, RUNS - done), seed: SEED + batch });
    const readings = await read(pairs);
    for (const [index, pair] of pairs.entries()) {
      const faults = await faultsIn(pair, readings[index] ?? {});
      // The smallest pair like it.
      if (faults.length > 0) await fc.assert(property, { seed: SEED + batch, path: `${index}`, endOnFailure: false });
      expect(faults, `seed ${SEED + batch}, pair ${index}`).toEqual([]);
    }
  }
  const sorted = [...counts].sort(([, one], [, other]) => other - one);
  const lines = sorted.map(([what, times]) => `${String(times).padStart(8)}  ${what}`);
  process.stderr.write(`AWS's two files: ${RUNS} pairs, seed ${SEED}\n${lines.join('\n')}\n`);
  // What is generated must not be what botocore gives up, or no profiles at all.
  expect(counts.get('keys agree') ?? 0).toBeGreaterThan(RUNS / 2);
});

const property = fc.asyncProperty(awsFiles, async (pair) => {
  const [reading = {}] = await read([pair]);
  const shown = `config:\n${pair.config}\ncredentials:\n${pair.credentials}\nbotocore: ${JSON.stringify(reading, null, 2)}`;
  expect(await faultsIn(pair, reading), shown).toEqual([]);
});

async function read(pairs: AwsFiles[]): Promise<Readings[]> {
  const question = pairs.map(({ config, credentials }) => [config, credentials].map((one) => one.toString('base64')));
  return (await botocore?.ask(question)) as Readings[];
}

async function faultsIn(pair: AwsFiles, readings: Readings): Promise<string[]> {
  if (typeof readings === 'string') {
    count(`nothing is compared, for botocore gives up the whole file ${readings}`);
    return [];
  }
  if (/^\s*\[.*\].*\s[#;].*\]/m.test(`${pair.config}\n${pair.credentials}`.replaceAll('\r', '\n'))) {
    count('nothing is compared, for there is a bracket in the note behind a header: to botocore, part of the name');
    return [];
  }
  writeFileSync(paths.config, pair.config);
  writeFileSync(paths.credentials, pair.credentials);
  const faults: string[] = [];
  const config = readAwsConfig(pair.config);
  const isOursOnly = (name: string) => config.title(name) !== undefined && !readings[name]?.in_config;
  for (const name of config.profileNames().filter(isOursOnly)) {
    count('a header that is a profile to other SDKs, not to botocore');
    const isPlain = /^profile[ \t]+("[^"\\]*"|'[^']*'|[^\s"'\\]+)[ \t]*$/.test(config.title(name) ?? '');
    if (isPlain) faults.push(`[${config.title(name)}] is a profile to us only`);
  }
  for (const [name, theirs] of Object.entries(readings)) {
    if (isOursOnly(name)) continue;
    for (const [what, fault] of [
      ['keys', await keysFault(name, theirs)],
      ['settings', settingsFault(name, theirs)],
    ] as const) {
      if (fault === undefined) count(`${what} agree`);
      else if (fault.startsWith('UNEXPLAINED')) faults.push(`[${name}] ${fault}`);
      else count(fault);
    }
  }
  return faults;
}

/** Returns the value that the writer of a line meant. botocore also takes a note behind it, or further lines, as a part of it. */
function meant(value: string): string {
  return ` ${value.split('\n', 1)[0]}`.replace(/\s[#;].*$/, '').trim();
}

async function keysFault(name: string, { keys }: Reading): Promise<string | undefined> {
  const ours = await ourKeys(name);
  const differ = `UNEXPLAINED keys: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(keys)}`;
  if (keys !== null && 'id' in keys) {
    const { id, secret, token } = keys;
    const isUsable = [id, secret].every((one) => typeof one === 'string' && meant(one) !== '');
    if (!isUsable) return ours.refused ? 'an empty key: botocore signs with it, and the program says so' : differ;
    if (typeof token === 'string' && meant(token) === '') return 'an empty token: botocore signs with it';
    if (token !== null) return ours.refused === 'session' ? undefined : differ;
    if (ours.id === id && ours.secret === secret) return undefined;
    if (ours.id === meant(id) && ours.secret === meant(secret))
      return 'a note or another line behind a key: to botocore, part of it';
  } else if (keys !== null && 'command' in keys) {
    if (meant(keys.command) === '' || keys.command === '') return 'an empty credential_process: botocore fails';
    if (ours.command === keys.command.replaceAll(/\n+/g, ' ')) return undefined;
  } else if (ours.refused !== undefined) return undefined;
  return differ;
}

async function ourKeys(name: string) {
  let command: string | undefined;
  const run = async (text: string) => {
    command = text;
    return JSON.stringify({ Version: 1, AccessKeyId: 'AKIA', SecretAccessKey: 'x' });
  };
  try {
    const { accessKeyId, secretAccessKey } = await longTermKeys(paths, name, run);
    return command === undefined ? { id: accessKeyId, secret: secretAccessKey } : { command };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { refused: error.message.includes('holds a session') ? 'session' : 'none' };
  }
}

function settingsFault(name: string, theirs: Reading): string | undefined {
  if ([theirs.mfa_serial, theirs.duration_seconds, theirs.region].some(isTable))
    return 'a setting with others below it: no tool can use it';
  const expected = {
    mfa_serial: allowed(theirs.mfa_serial, forms.serialNumber),
    duration_seconds: allowed(theirs.duration_seconds, forms.durationSeconds),
    region: allowed(theirs.region, forms.region),
  };
  const ours = ourSettings(name);
  if (Object.values(expected).includes(NOT_ALLOWED)) {
    return ours === 'refused'
      ? 'a value that AWS cannot take: the program says so'
      : `UNEXPLAINED ${JSON.stringify(ours)}`;
  }
  if (JSON.stringify(ours) === JSON.stringify(expected)) return undefined;
  return `UNEXPLAINED settings: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(expected)}`;
}

const isTable = (value: unknown) => typeof value === 'object' && value !== null;

const NOT_ALLOWED = 'not allowed';

/** What the program should make of a value. Nothing is what no tool can use: an empty value, or nested settings. */
function allowed<Value>(value: unknown, form: forms.Form<Value>): Value | string | undefined {
  if (typeof value !== 'string' || meant(value) === '') return undefined;
  return form.read(meant(value)) ?? NOT_ALLOWED;
}

function ourSettings(name: string) {
  const env = { AWS_CONFIG_FILE: paths.config, AWS_SHARED_CREDENTIALS_FILE: paths.credentials };
  try {
    const settingsText = `[ours]\nsource_profile = ${JSON.stringify(name)}\n`;
    const [ours] = loadSettings({ env, home: folder, settingsText }).profiles;
    return {
      mfa_serial: ours?.serialNumber,
      duration_seconds: ours?.durationSeconds === 43_200 ? undefined : ours?.durationSeconds,
      region: ours?.region,
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return 'refused';
  }
}
