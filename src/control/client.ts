import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ProfileStatus } from '../agent/kept-profile.ts';
import { say } from '../cli/output.ts';
import { UserError } from '../errors.ts';
import { absolutePath } from '../files/absolute-path.ts';
import type { Need } from '../refresh/usable-session.ts';
import { waitsForAgent } from '../refresh/usable-session-texts.ts';
import type { Paths } from '../settings/paths.ts';
import { isWhole, parseAnswer, requestText } from './http.ts';
import type { Call, Messages } from './messages.ts';

/**
 * Returns the path of the agent's socket, the only way to reach a running agent: HTTP and JSON, in a folder that only the
 * user can enter.
 */
export function controlSocket(runtimeFolder: string): string {
  return join(runtimeFolder, 'agent.sock');
}

/** The HTTP status of the error `other-file`. */
export const OTHER_FILE = 409;

/** How long an agent may take to answer, in milliseconds. */
const PATIENCE = 5_000;

/** How long a call waits by default, in milliseconds: SDKs give up after a minute. */
export const USUAL_WAIT = 50_000;

/** How long a command may have the agent ask, in milliseconds. */
export const LONGEST_WAIT = 3_600_000;

/** How long `forget` may take, in milliseconds: a request that AWS has, and another program's lock. */
export const FORGET_TIME = 45_000;

/** The longest answer that is read, in bytes. An agent with a thousand profiles sends a tenth of this. */
const LONGEST_ANSWER = 16 * 1024 * 1024;

/** How much of an answer is read at once, in bytes. */
const PIECE = 64 * 1024;

/**
 * Sends a request to the running agent.
 * @param patience how long the agent may take to answer, in milliseconds
 * @returns its answer, or undefined if no agent is running
 * @throws UserError if the agent does not answer, or refuses the request; `other-file` if it keeps another credentials file
 */
export async function askAgent<Asked extends Call>(
  runtimeFolder: string,
  call: Asked,
  query: Messages[Asked]['query'],
  patience: number = PATIENCE,
): Promise<Messages[Asked]['answer'] | undefined> {
  const [method = '', path = ''] = call.split(' ');
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const socketPath = controlSocket(runtimeFolder);
  // Usually no agent is running: then this avoids loading `node:net`.
  if (!existsSync(socketPath)) return undefined;
  const { connect } = await import('node:net');
  return new Promise((resolve, reject) => {
    let answer = '';
    const end = () => {
      clearTimeout(limit);
      // The agent closes the connection: this process need not wait for it.
      socket.unref();
      try {
        const { status, body } = parseAnswer(answer);
        const { error } = Object(body) as { error?: unknown };
        if (status === 200) resolve(body as Messages[Asked]['answer']);
        else if (typeof error === 'string')
          reject(new UserError(error, status === OTHER_FILE ? 'other-file' : 'usage'));
        else throw new Error(`HTTP ${status} without a reason`);
      } catch (error) {
        socket.destroy(error as Error);
      }
    };
    // Node calls this instead of sending events, which would take a twentieth of the time of `status`.
    const onread = {
      buffer: Buffer.allocUnsafe(PIECE),
      callback(length: number, buffer: Uint8Array) {
        answer += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1');
        if (answer.length > LONGEST_ANSWER) socket.destroy(new Error('its answer has no end'));
        else if (isWhole(answer)) end();
        return true;
      },
    };
    const socket = connect({ path: socketPath, onread });
    // Not `setTimeout` of the socket, which starts again with each byte.
    const limit = setTimeout(() => socket.destroy(new Error(`no answer within ${patience / 1000} s`)), patience);
    socket.write(requestText(method, `${path}?${search}`));
    socket.on('end', end);
    socket.on('close', () => clearTimeout(limit));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(new UserError(`the agent on ${socketPath} does not answer (${error.message}): restart it`));
    });
  });
}

/**
 * Makes the running agent ask for the code of a profile, and waits for the session.
 * @param asking `wait`: in milliseconds; with 0 the agent only checks. `person`: whether a user waits at a terminal
 * @returns undefined if no agent is running
 * @throws UserError if the agent does not answer, or does not know the profile; `other-file` if it keeps another credentials file
 */
export function askForCode(
  { runtime, credentials }: Pick<Paths, 'runtime' | 'credentials'>,
  profile: string,
  { wait, person }: { wait: number; person: boolean },
): Promise<ProfileStatus | undefined> {
  const query = {
    profile,
    credentials: absolutePath(credentials),
    timeout: `${Math.ceil(wait / 1000)}s`,
    person: person ? 'yes' : 'no',
  } as const;
  return askAgent(runtime, 'POST /v1/refresh', query, wait === 0 ? 1_000 : wait + 5_000);
}

/** Takes an agent that keeps another credentials file for none: the command then does what it would do without an agent. */
export function asNoAgent(error: unknown): undefined {
  if (!(error instanceof UserError) || error.code !== 'other-file') throw error;
}

/** After how long a command that seems to hang says what it is waiting for, in milliseconds. */
const UNTIL_SAID = 1_000;

/**
 * Returns how the code is asked for when a user waits for the command. The command says once that it waits for the agent, if
 * the session does not come at once.
 */
export function askForUser(files: Pick<Paths, 'runtime' | 'credentials'>): NonNullable<Need['ask']> {
  return {
    startedBy: 'user',
    wait: LONGEST_WAIT,
    async agent(profile, asking) {
      const timer = setTimeout(() => say(waitsForAgent(profile)), UNTIL_SAID);
      try {
        return await askForCode(files, profile, asking).catch(asNoAgent);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
