import { join } from 'node:path';
import { readIfPresent } from '../files/read.ts';

/**
 * What the agent remembers between runs, outside the credentials file and without secrets. For each credentials file and
 * profile: the expiry that this program wrote, with its access key id and the start of the session; and the end of a
 * snooze.
 */
export interface State {
  expiries: ByProfile<RememberedExpiry>;
  /** Milliseconds since the epoch. */
  snoozes: ByProfile<number>;
}

type ByProfile<Value> = Record<string, Record<string, Value>>;

export interface RememberedExpiry {
  accessKeyId: string;
  /** Milliseconds since the epoch. */
  expiration: number;
  /** When AWS gave the session, in milliseconds since the epoch. */
  issued?: number;
}

export function stateFile(folder: string): string {
  return join(folder, 'state.json');
}

/**
 * Returns the remembered state. It is empty if it is missing or cannot be read: it only saves a request to STS or a prompt.
 */
export function readState(folder: string): State {
  try {
    return parse(readIfPresent(stateFile(folder))?.toString('utf8') ?? '{}');
  } catch {
    return parse('{}');
  }
}

/** Remembers the expiry that was written, and for which keys. A failure does no harm: see {@link readState}. */
export async function rememberExpiry(
  folder: string,
  credentialsFile: string,
  profile: string,
  expiry: RememberedExpiry,
): Promise<void> {
  await changeState(folder, ({ expiries, ...state }) => ({
    ...state,
    expiries: { ...expiries, [credentialsFile]: { ...expiries[credentialsFile], [profile]: expiry } },
  }));
}

/** Remembers the end of a snooze; undefined forgets it. */
export async function rememberSnooze(
  folder: string,
  credentialsFile: string,
  profile: string,
  until: number | undefined,
): Promise<void> {
  await changeState(folder, ({ snoozes, ...state }) => {
    const { [profile]: _, ...others } = snoozes[credentialsFile] ?? {};
    const ofFile = until === undefined ? others : { ...others, [profile]: until };
    return { ...state, snoozes: { ...snoozes, [credentialsFile]: ofFile } };
  });
}

async function changeState(folder: string, change: (state: State) => State): Promise<void> {
  const { changeCredentials } = await import('../files/replace.ts');
  await changeCredentials(stateFile(folder), (bytes) =>
    Buffer.from(`${JSON.stringify(change(parse(bytes.toString('utf8'))), null, 2)}\n`),
  );
}

function parse(text: string): State {
  let state: Record<string, unknown> | undefined;
  try {
    state = JSON.parse(text);
  } catch {
    // Nothing is remembered.
  }
  return { expiries: table(state?.expiries), snoozes: table(state?.snoozes) };
}

function table<Value>(value: unknown): ByProfile<Value> {
  return typeof value === 'object' && value !== null ? (value as ByProfile<Value>) : {};
}
