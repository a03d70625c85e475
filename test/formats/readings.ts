import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { externalDataInterceptor, parseKnownFiles } from '@smithy/shared-ini-file-loader';
import { type CredentialsDocument, parseCredentials } from '../../src/credentials/document.ts';
import type { MfaSession } from '../../src/session/session.ts';

/** Values by profile and key. */
export type Profiles = Record<string, Record<string, unknown>>;

export interface Botocore {
  /** What it reads in each file, or the name of the reason why it gives it up. */
  read(files: Buffer[]): Promise<(Profiles | string)[]>;
  stop(): void;
}

/** botocore, in one Python process for all files. */
export function startBotocore(): Botocore {
  const python = startPython('./reader.py');
  return {
    read: async (files) => (await python.ask(files.map((bytes) => bytes.toString('base64')))) as (Profiles | string)[],
    stop: python.stop,
  };
}

/** A program in Python that answers each line of JSON with another one. */
export interface Python {
  ask(question: unknown): Promise<unknown>;
  stop(): void;
}

/** @param file beside this one */
export function startPython(file: string): Python {
  const program = fileURLToPath(import.meta.resolve(file));
  const child: ChildProcess = spawn('python3', ['-X', 'utf8', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: child.stdout ?? process.stdin })[Symbol.asyncIterator]();
  return {
    async ask(question) {
      child.stdin?.write(`${JSON.stringify(question)}\n`);
      const { value, done } = await answers.next();
      if (done) throw new Error('the Python process ended');
      return JSON.parse(value);
    },
    stop: () => child.stdin?.end(),
  };
}

/** What the SDK for JavaScript's loader reads. A file that it gives up is one without profiles to it. */
export async function byJavaScript(bytes: Buffer): Promise<Profiles> {
  externalDataInterceptor.interceptFile('/credentials', bytes.toString());
  externalDataInterceptor.interceptFile('/config', '');
  return parseKnownFiles({ filepath: '/credentials', configFilepath: '/config' });
}

const namesInJavaScript = new Map<string, string | undefined>();

/** Under what name the loader gives the section `[name]`; undefined when it passes over it. */
export async function nameInJavaScript(name: string): Promise<string | undefined> {
  if (!namesInJavaScript.has(name)) {
    const [found] = Object.keys(await byJavaScript(Buffer.from(`[${name}]\na = b\n`)));
    namesInJavaScript.set(name, found);
  }
  return namesInJavaScript.get(name);
}

/** The keys that the program reads; of all others it only keeps the bytes. */
const KEYS = [
  'aws_access_key_id',
  'aws_secret_access_key',
  'aws_session_token',
  'aws_security_token',
  'expiration',
  'x_security_token_expires',
  'aws_session_expiration',
  'region',
  'mfa_serial',
  'manager',
  'credential_process',
];

/**
 * Why the loader does not find a session that we have written.
 * @returns undefined when it should
 */
export async function whyNotFound(
  text: string,
  name: string,
  session: MfaSession,
  javaScript: Profiles,
): Promise<string | undefined> {
  const document = parseCredentials(Buffer.from(text));
  const other = await nameInJavaScript(name);
  const reason = ofName(other, await Promise.all(document.profileNames().map(nameInJavaScript))) ?? ofHeaders(text);
  if (reason !== undefined) return reason;
  const found = javaScript[other ?? ''] ?? {};
  const reasons = [
    ['aws_access_key_id', session.accessKeyId],
    ['aws_secret_access_key', session.secretAccessKey],
    ['aws_session_token', session.sessionToken],
  ]
    .filter(([key = '', value]) => found[key] !== value)
    .map(([key = '', value]) => notAsJavaScript(bodyOf(document, name), key, value, undefined, found));
  return reasons.includes(undefined) ? undefined : reasons[0];
}

/**
 * Where we read something else than botocore or the loader, each with the reason, in the words of docs/credentials-file.md.
 * A difference without a reason is a sentence that begins with `UNEXPLAINED`.
 */
export async function differences(bytes: Buffer, botocore: Profiles | string, javaScript: Profiles): Promise<string[]> {
  const text = bytes.toString();
  const document = parseCredentials(bytes);
  const found: string[] = [];
  const note = (name: string, key: string, ours: unknown, theirs: unknown, reason: string | undefined) =>
    found.push(
      reason ?? `UNEXPLAINED [${name}] ${key}: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`,
    );

  if (typeof botocore !== 'string') {
    for (const name of new Set([...document.profileNames(), ...Object.keys(botocore)])) {
      for (const key of KEYS) {
        const [ours, theirs] = [document.profile(name)?.values.get(key), botocore[name]?.[key]];
        if (ours !== theirs)
          note(name, key, ours, theirs, notAsBotocore(text, bodyOf(document, name), key, ours, theirs));
      }
    }
  }
  const names = await Promise.all(document.profileNames().map(nameInJavaScript));
  for (const [index, name] of document.profileNames().entries()) {
    const other = names[index];
    const profile = other === undefined ? undefined : javaScript[other];
    const body = bodyOf(document, name);
    for (const key of KEYS) {
      const [ours, theirs] = [document.profile(name)?.values.get(key), profile?.[key]];
      if (ours === theirs) continue;
      const reason = ofName(other, names) ?? ofHeaders(text) ?? notAsJavaScript(body, key, ours, theirs, profile ?? {});
      note(name, key, ours, theirs, reason);
    }
  }
  for (const [name, profile] of Object.entries(javaScript)) {
    if (names.includes(name)) continue;
    for (const key of KEYS) {
      if (profile[key] !== undefined) note(name, key, undefined, profile[key], ofHeaders(text));
    }
  }
  return found;
}

function notAsBotocore(
  text: string,
  body: string,
  key: string,
  ours: string | undefined,
  theirs: unknown,
): string | undefined {
  if (/^\s*\[DEFAULT\]/m.test(text)) return '[DEFAULT]: to botocore, every profile';
  if (/^\s*\[.*\].*\s[#;].*\]/m.test(text))
    return 'a bracket in the note behind a header: to botocore, part of the name';
  if (typeof theirs === 'object') return 'settings below an empty one: to botocore, a table';
  if (theirs === undefined && new RegExp(`^[^\\S\\n]+${key}\\s*=`, 'im').test(body)) {
    return 'a key indented below another setting: to botocore, part of that';
  }
  if (typeof theirs !== 'string') return undefined;
  const [line = '', ...more] = theirs.split('\n');
  if (ours !== withoutNote(line) && ours !== withoutNote(` ${line}`)) return undefined;
  return more.length > 0
    ? 'lines that continue a key or a date: to botocore, part of it'
    : 'a note behind a key or a date: to botocore, part of it';
}

/** Returns the text below the headers of a profile. */
function bodyOf(document: CredentialsDocument, name: string): string {
  return `${document.profile(name)?.lines.join('\n') ?? ''}\n`;
}

function notAsJavaScript(
  body: string,
  key: string,
  ours: string | undefined,
  theirs: unknown,
  profile: Record<string, unknown>,
): string | undefined {
  const spelled = [...body.matchAll(new RegExp(`^\\s*(${key})\\s*([=:])`, 'gim'))];
  if (spelled.some(([, , delimiter]) => delimiter === ':') || /^[^\n=]*:[^\S\n]*(?:[#;][^\n]*)?$/m.test(body)) {
    return 'a colon: to JavaScript, no setting';
  }
  if (spelled.some(([, spelling]) => spelling !== key)) return 'a key in capitals: to JavaScript, another key';
  if (Object.keys(profile).some((other) => other.endsWith(`.${key}`))) {
    return 'a key below an empty one, both indented: to JavaScript, nested';
  }
  if (ours?.includes('\n')) return 'a value of several lines: to JavaScript, the first only';
  if (theirs === undefined && ours !== undefined && withoutNote(` ${ours}`) === '') {
    return 'an empty value: to JavaScript, none';
  }
  if (ours !== undefined && withoutNote(ours) === theirs)
    return 'a note behind any other value: to JavaScript, no part of it';
  return theirs !== undefined && spelled.length > 1 ? 'a key twice' : undefined;
}

function ofName(name: string | undefined, names: unknown[]): string | undefined {
  if (name === undefined) return 'a name that JavaScript passes over';
  return names.filter((other) => other === name).length > 1 ? 'two names that are one to JavaScript' : undefined;
}

/** What in the file makes the loader see other sections. */
function ofHeaders(text: string): string | undefined {
  if (/\r(?!\n)/.test(text)) return 'a CR alone at the end of a line: to JavaScript, a blank';
  if (text.includes('\ufffd')) return 'bytes that are no UTF-8';
  if (/^\s*\[__proto__\]/m.test(text)) return '[__proto__]: JavaScript gives up the file';
  if (/^[^\S\n]+\[/m.test(text)) return 'a header that is indented: to botocore, part of the setting above';
  if (/^\s*\[[^\]\n]*\s[#;]/m.test(text)) return 'a note within a header: to JavaScript, no header';
  if (/^\s*\[\]/m.test(text)) return 'a header without a name: to JavaScript, the end of the profile above';
  if (/^\s*\[.*\].*[^\s\]]/m.test(text)) return 'something but a note behind a header: to JavaScript, no header';
  return undefined;
}

function withoutNote(value: string): string {
  return value.replace(/\s[#;].*$/, '').trim();
}
