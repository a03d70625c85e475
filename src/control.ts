import { chmod, mkdir, rm } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import { dirname, join } from 'node:path';
import { lockFile } from './credentials/lock.ts';
import { UserError } from './errors.ts';

/** The only way in to a running agent: HTTP and JSON on a Unix socket in a folder that only the user can enter. */
function controlSocket(runtimeFolder: string): string {
  return join(runtimeFolder, 'agent.sock');
}

/** What the agent answers, by method and path. */
export type Routes = Record<string, () => unknown>;

/** How long a client may take to say what it wants, in milliseconds. */
const CLIENT_TIMEOUT = 5_000;

/**
 * Opens the socket: whoever holds it is the user's one agent.
 * @throws UserError when another agent answers on it, or the folder cannot be used
 */
export async function serveControl(runtimeFolder: string, routes: Routes): Promise<{ close(): Promise<void> }> {
  const socket = controlSocket(runtimeFolder);
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  await chmod(dirname(socket), 0o700);
  // Two agents that start together must not both find the socket dead and replace each other's.
  const lock = await lockFile(socket, 10_000);
  try {
    const other = await askAgent<{ pid: number }>(runtimeFolder, 'GET /v1/agent');
    if (other) throw new UserError(`another agent is running (process ${other.pid}): stop it first, or use it`, 1);
    await rm(socket, { force: true });
    const server = createServer((incoming, response) => {
      const route = routes[`${incoming.method} ${incoming.url}`];
      response.setHeader('content-type', 'application/json');
      response.statusCode = route ? 200 : 404;
      response.end(JSON.stringify(route ? route() : { error: 'no such thing' }));
    });
    server.requestTimeout = CLIENT_TIMEOUT;
    server.headersTimeout = CLIENT_TIMEOUT;
    server.keepAliveTimeout = 1;
    await listen(server, socket);
    return {
      close: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    };
  } finally {
    await lock.release();
  }
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(new UserError(`cannot listen on ${socket}: ${error.message}`)));
    server.listen(socket, resolve);
  });
}

/**
 * Asks the running agent.
 * @returns its answer, or undefined when no agent runs
 * @throws UserError when one runs and does not answer
 */
export function askAgent<T>(runtimeFolder: string, call: string): Promise<T | undefined> {
  const [method, path] = call.split(' ');
  const socketPath = controlSocket(runtimeFolder);
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, timeout: CLIENT_TIMEOUT });
    outgoing.on('response', async (response) => {
      try {
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve(JSON.parse(text));
      } catch (error) {
        outgoing.destroy(error as Error);
      }
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(new UserError(`the agent on ${socketPath} does not answer (${error.message}): restart it`));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${CLIENT_TIMEOUT / 1000} s`)));
    outgoing.end();
  });
}
