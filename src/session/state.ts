import { join } from 'node:path';
import { readIfPresent } from '../files/read.ts';
import type { Verdict } from './session.ts';

/**
 * What the agent remembers between runs, outside the credentials file and without secrets. For each credentials file and
 * profile: the expiry that this program wrote, with its access key id and the start of the session; the end of a snooze; whether
 * the user has the session forgotten; and whether AWS accepts it. And the notifications that are on the screen.
 */
export interface State {
  expiries: ByProfile<RememberedExpiry>;
  /** Milliseconds since the epoch. */
  snoozes: ByProfile<number>;
  /** The profiles that get no session until the user asks for one. */
  forgotten: ByProfile<true>;
  /** What AWS has said about the session with this access key id. */
  verdicts: ByProfile<RememberedVerdict>;
  notifications: LeftNotification[];
}

/** A notification that stays on the screen if the agent and its child are killed. */
export interface LeftNotification {
  /** The identity of the bus. */
  bus: string;
  /** The unique name of the notification service on that bus. */
  owner: string;
  id: number;
  /** The id of the process that reads the answer to it; unknown in what an older version has left. */
  shownBy?: number;
}

type ByProfile<Value> = Record<string, Record<string, Value>>;

export interface RememberedExpiry {
  accessKeyId: string;
  /** Milliseconds since the epoch. */
  expiration: number;
  /** When AWS gave the session, in milliseconds since the epoch. */
  issued?: number;
  /** The host that gave it; unknown for a session of another tool, and in what an older version has left. */
  endpoint?: string;
}

export type RememberedVerdict = Verdict & { accessKeyId: string };

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

/** Reads the state. Returns a function from a profile to the access key id of the session that this program wrote last into it. */
export function ownKeyIds({
  state,
  credentials,
}: {
  state: string;
  credentials: string;
}): (profile: string) => string | undefined {
  const written = readState(state).expiries[credentials];
  return (profile) => written?.[profile]?.accessKeyId;
}

/** Remembers the expiry that was written, and for which keys. A failure does no harm: see {@link readState}. */
export function rememberExpiry(
  folder: string,
  credentialsFile: string,
  profile: string,
  expiry: RememberedExpiry,
): Promise<void> {
  return rememberExpiries(folder, credentialsFile, { [profile]: expiry });
}

/** The same for several profiles, by name. They are not forgotten any more. */
export async function rememberExpiries(
  folder: string,
  credentialsFile: string,
  written: Record<string, RememberedExpiry>,
): Promise<void> {
  await changeState(folder, ({ expiries, forgotten, ...state }) => ({
    ...state,
    expiries: { ...expiries, [credentialsFile]: { ...expiries[credentialsFile], ...written } },
    forgotten: without(forgotten, credentialsFile, Object.keys(written)),
  }));
}

/** Forgets what is remembered of the sessions of these profiles. */
export async function forgetSessions(
  folder: string,
  credentialsFile: string,
  profiles: readonly string[],
): Promise<void> {
  await changeState(folder, ({ expiries, verdicts, ...state }) => ({
    ...state,
    expiries: without(expiries, credentialsFile, profiles),
    verdicts: without(verdicts, credentialsFile, profiles),
  }));
}

/** Returns whether a profile gets no session until the user asks for one. */
export function isForgotten({ state, credentials }: { state: string; credentials: string }, profile: string): boolean {
  return readState(state).forgotten[credentials]?.[profile] === true;
}

/** Remembers whether a profile gets no session until the user asks for one. */
export async function rememberForgotten(
  folder: string,
  credentialsFile: string,
  profile: string,
  isForgotten: boolean,
): Promise<void> {
  await changeState(folder, ({ forgotten, ...state }) => ({
    ...state,
    forgotten: isForgotten
      ? withOne(forgotten, credentialsFile, profile, true)
      : without(forgotten, credentialsFile, [profile]),
  }));
}

function withOne<Value>(
  table: ByProfile<Value>,
  credentialsFile: string,
  profile: string,
  value: Value,
): ByProfile<Value> {
  return { ...table, [credentialsFile]: { ...table[credentialsFile], [profile]: value } };
}

function without<Value>(
  table: ByProfile<Value>,
  credentialsFile: string,
  profiles: readonly string[],
): ByProfile<Value> {
  const { [credentialsFile]: ofFile = {}, ...others } = table;
  const rest = Object.entries(ofFile).filter(([profile]) => !profiles.includes(profile));
  return rest.length > 0 ? { ...others, [credentialsFile]: Object.fromEntries(rest) } : others;
}

/** Remembers the end of a snooze; undefined forgets it. */
export async function rememberSnooze(
  folder: string,
  credentialsFile: string,
  profile: string,
  until: number | undefined,
): Promise<void> {
  await changeState(folder, ({ snoozes, ...state }) => ({
    ...state,
    snoozes:
      until === undefined
        ? without(snoozes, credentialsFile, [profile])
        : withOne(snoozes, credentialsFile, profile, until),
  }));
}

/** Remembers what AWS has said about a session. */
export async function rememberVerdict(
  folder: string,
  credentialsFile: string,
  profile: string,
  verdict: RememberedVerdict,
): Promise<void> {
  await changeState(folder, ({ verdicts, ...state }) => ({
    ...state,
    verdicts: withOne(verdicts, credentialsFile, profile, verdict),
  }));
}

/** Remembers that a notification is on the screen. */
export async function rememberNotification(folder: string, shown: LeftNotification): Promise<void> {
  await changeState(folder, ({ notifications, ...state }) => ({ ...state, notifications: [...notifications, shown] }));
}

/** Forgets notifications that are not on the screen any more. */
export async function forgetNotifications(folder: string, closed: readonly LeftNotification[]): Promise<void> {
  const same = (one: LeftNotification) => (other: LeftNotification) =>
    one.bus === other.bus && one.owner === other.owner && one.id === other.id;
  await changeState(folder, ({ notifications, ...state }) => ({
    ...state,
    notifications: notifications.filter((one) => !closed.some(same(one))),
  }));
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
  const notifications = Array.isArray(state?.notifications) ? state.notifications : [];
  return {
    expiries: table(state?.expiries),
    snoozes: table(state?.snoozes),
    forgotten: table(state?.forgotten),
    verdicts: table(state?.verdicts),
    notifications,
  };
}

function table<Value>(value: unknown): ByProfile<Value> {
  return typeof value === 'object' && value !== null ? (value as ByProfile<Value>) : {};
}
