import { existsSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { UserError } from './errors.ts';

/** The only way in to a running agent: HTTP and JSON on a Unix socket in a folder that only the user can enter. */
export function controlSocket(runtimeFolder: string): string {
  return join(runtimeFolder, 'agent.sock');
}

/** Whoever asks. */
interface Client {
  /** Keeps the connection open for so many milliseconds from now, instead of {@link CLIENT_TIMEOUT} in all. */
  mayWait(milliseconds: number): void;
  /** Aborted when the client has gone. */
  gone: AbortSignal;
}

/** What the agent answers, by method and path; an error's message is told to whoever asked. */
export type Routes = Record<string, (query: URLSearchParams, client: Client) => unknown>;

/** How long a client may take to say what it wants, in milliseconds. */
const CLIENT_TIMEOUT = 5_000;

/** More than these at once are turned away. */
const MOST_CLIENTS = 64;

/**
 * Opens the socket: whoever holds it is the user's one agent.
 * @throws UserError when another agent answers on it, or the folder cannot be used
 */
export async function serveControl(runtimeFolder: string, routes: Routes): Promise<{ close(): Promise<void> }> {
  const { chmod, mkdir } = await import('node:fs/promises');
  const socket = controlSocket(runtimeFolder);
  await mkdir(dirname(socket), { recursive: true, mode: 0o700 });
  await chmod(dirname(socket), 0o700);
  const server = await serverOf(routes);
  if (!(await listen(server, socket))) await takeOver(server, socket, runtimeFolder);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serverOf(routes: Routes): Promise<Server> {
  const { createServer } = await import('node:http');
  const limits = new WeakMap<Socket, NodeJS.Timeout>();
  const limit = (client: Socket, milliseconds: number) => {
    clearTimeout(limits.get(client));
    limits.set(client, setTimeout(() => client.destroy(), milliseconds).unref());
  };
  const server = createServer(
    // Its own search for slow clients wakes the process twice a minute: each connection has a limit of its own below.
    { connectionsCheckingInterval: 2 ** 31 - 1 },
    (incoming, response) => {
      const { socket: client } = incoming;
      const left = new AbortController();
      response.once('close', () => left.abort());
      const mayWait = (milliseconds: number) => limit(client, milliseconds);
      void answer(routes, incoming, response, { mayWait, gone: left.signal });
    },
  );
  server.maxConnections = MOST_CLIENTS;
  server.keepAliveTimeout = 1;
  server.on('connection', (client) => {
    limit(client, CLIENT_TIMEOUT);
    client.on('close', () => clearTimeout(limits.get(client)));
  });
  return server;
}

/** Puts the server in the place of one that died and left its socket. */
async function takeOver(server: Server, socket: string, runtimeFolder: string): Promise<void> {
  const [{ lockFile }, { rm }] = await Promise.all([import('./credentials/lock.ts'), import('node:fs/promises')]);
  // Two agents that start together must not both find the socket dead and replace each other's.
  const lock = await lockFile(socket, 10_000);
  try {
    const other = await askAgent<{ pid: number }>(runtimeFolder, 'GET /v1/agent');
    if (other) throw new UserError(`another agent is running (process ${other.pid}): stop it first, or use it`, 1);
    await rm(socket, { force: true });
    if (!(await listen(server, socket)))
      throw new UserError('another agent has just started: stop it first, or use it', 1);
  } finally {
    await lock.release();
  }
}

async function answer(
  routes: Routes,
  incoming: IncomingMessage,
  response: ServerResponse,
  client: Client,
): Promise<void> {
  // `//[` is a path to HTTP, and nothing to a URL.
  const { url: target = '', method } = incoming;
  const url = new URL(URL.canParse(target, 'http://agent') ? target : '/', 'http://agent');
  const route = routes[`${method} ${url.pathname}`];
  let status = 200;
  let body: unknown;
  try {
    if (route) body = await route(url.searchParams, client);
    else [status, body] = [404, { error: 'no such thing; docs/socket.md has what there is' }];
  } catch (error) {
    [status, body] = [error instanceof UserError ? 400 : 500, { error: (error as Error).message }];
  }
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
  response.end(`${JSON.stringify(body)}\n`);
}

/** @returns false when something has that name already */
function listen(server: Server, socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(new UserError(`cannot listen on ${socket}: ${error.message}`));
    });
    server.listen(socket, () => resolve(true));
  });
}

/**
 * Asks the running agent.
 * @param call method and path, as `GET /v1/agent`
 * @param patience how long it may take to answer, in milliseconds
 * @returns its answer, or undefined when no agent runs
 * @throws UserError when one runs and does not answer, or refuses
 */
export async function askAgent<T>(
  runtimeFolder: string,
  call: string,
  patience: number = CLIENT_TIMEOUT,
): Promise<T | undefined> {
  const [method, path] = call.split(' ');
  const socketPath = controlSocket(runtimeFolder);
  // Most often none runs, and then nothing need be loaded to find that out.
  if (!existsSync(socketPath)) return undefined;
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, timeout: patience });
    outgoing.on('response', async (response) => {
      try {
        let text = '';
        for await (const chunk of response) text += chunk;
        const answered = JSON.parse(text);
        if (response.statusCode === 200) resolve(answered);
        else reject(new UserError(String(answered.error), 2));
      } catch (error) {
        outgoing.destroy(error as Error);
      }
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
      else reject(new UserError(`the agent on ${socketPath} does not answer (${error.message}): restart it`));
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${patience / 1000} s`)));
    outgoing.end();
  });
}
