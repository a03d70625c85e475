import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What the agent remembers between runs, outside the credentials file and without secrets: for each credentials file and
 * profile, which access key id the expiry that we wrote belongs to, and when that session began.
 */
export interface State {
  expiries: Record<string, Record<string, RememberedExpiry>>;
}

export interface RememberedExpiry {
  accessKeyId: string;
  /** Milliseconds since the epoch. */
  expiration: number;
  /** When AWS gave the session, in the same way. */
  issued?: number;
}

const EMPTY: State = { expiries: {} };

export function stateFile(folder: string): string {
  return join(folder, 'state.json');
}

/** The remembered state; empty when there is none, or when it cannot be read: it only saves a question to STS. */
export function readState(folder: string): State {
  try {
    return parse(readFileSync(stateFile(folder), 'utf8'));
  } catch {
    return EMPTY;
  }
}

/** Remembers whose expiry we have written. A failure is no harm: see {@link readState}. */
export async function rememberExpiry(
  folder: string,
  credentialsFile: string,
  profile: string,
  expiry: RememberedExpiry,
): Promise<void> {
  const { changeCredentials } = await import('../files/replace.ts');
  await changeCredentials(stateFile(folder), (bytes) => {
    const { expiries } = parse(bytes.toString('utf8'));
    const ofFile = { ...expiries[credentialsFile], [profile]: expiry };
    return Buffer.from(`${JSON.stringify({ expiries: { ...expiries, [credentialsFile]: ofFile } }, null, 2)}\n`);
  });
}

function parse(text: string): State {
  try {
    const state = JSON.parse(text);
    return typeof state?.expiries === 'object' && state.expiries !== null ? state : EMPTY;
  } catch {
    return EMPTY;
  }
}
