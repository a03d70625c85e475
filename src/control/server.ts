import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import type { Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { askAgent, controlSocket } from './client.ts';
import type { Call, Messages } from './messages.ts';

/** Whoever asks. */
interface Client {
  /** Keeps the connection open for so many milliseconds from now, instead of {@link CLIENT_TIMEOUT} in all. */
  mayWait(milliseconds: number): void;
  /** Aborted when the client has gone. */
  gone: AbortSignal;
}

/** What answers each call. The client is sent the message of an error. */
export type Routes = {
  [Asked in Call]?: (query: Query<Asked>, client: Client) => Promise<Messages[Asked]['answer']>;
};

/** What came after the `?`, as it came: nothing of it has been checked. */
export interface Query<Asked extends Call> {
  get(name: string & keyof Messages[Asked]['query']): string | null;
}

/** How long a client may take to say what it wants, in milliseconds. */
const CLIENT_TIMEOUT = 5_000;

/** More than these at once are turned away. */
const MOST_CLIENTS = 64;

/**
 * Opens the socket: whoever holds it is the user's one agent.
 * @throws UserError when another agent answers on it, or the folder cannot be used
 */
export async function serveControl(runtimeFolder: string, routes: Routes): Promise<{ close(): Promise<void> }> {
  const socket = controlSocket(runtimeFolder);
  mkdirSync(dirname(socket), { recursive: true, mode: 0o700 });
  chmodSync(dirname(socket), 0o700);
  const clients = new Map<Socket, NodeJS.Timeout>();
  const server = serverOf(routes, clients);
  if (!(await listen(server, socket))) await takeOver(server, socket, runtimeFolder);
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const client of clients.keys()) client.destroy();
      }),
  };
}

/** @param clients all that are connected, each with the timer that ends its connection */
function serverOf(routes: Routes, clients: Map<Socket, NodeJS.Timeout>): Server {
  const limit = (client: Socket, milliseconds: number) => {
    clearTimeout(clients.get(client));
    clients.set(client, setTimeout(() => client.destroy(), milliseconds).unref());
  };
  let http: Promise<HttpServer> | undefined;
  // As HTTP has it: who has asked may close its half.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    limit(client, CLIENT_TIMEOUT);
    client
      .on('error', () => {})
      .on('close', () => {
        clearTimeout(clients.get(client));
        clients.delete(client);
      });
    http ??= httpServerOf(routes, limit);
    void http.then((it) => it.emit('connection', client));
  });
  server.maxConnections = MOST_CLIENTS;
  return server;
}

/** Loaded with the first client: an agent that nobody asks anything does without a megabyte. */
async function httpServerOf(routes: Routes, limit: (client: Socket, milliseconds: number) => void) {
  const { createServer } = await import('node:http');
  const server = createServer(
    // Its own search for slow clients wakes the process twice a minute: each connection has a limit of its own.
    { connectionsCheckingInterval: 2 ** 31 - 1 },
    (incoming, response) => {
      const left = new AbortController();
      response.once('close', () => left.abort());
      const mayWait = (milliseconds: number) => limit(incoming.socket, milliseconds);
      void answer(routes, incoming, response, { mayWait, gone: left.signal });
    },
  );
  server.keepAliveTimeout = 1;
  return server;
}

/** Puts the server in the place of one that died and left its socket. */
async function takeOver(server: Server, socket: string, runtimeFolder: string): Promise<void> {
  const { lockFile } = await import('../files/lock.ts');
  // Two agents that start together must not both find the socket dead and replace each other's.
  const lock = await lockFile(socket, 10_000);
  try {
    const other = await askAgent(runtimeFolder, 'GET /v1/agent', {});
    if (other)
      throw new UserError(`another agent is running (process ${other.pid}): stop it first, or use it`, 'failed');
    rmSync(socket, { force: true });
    if (!(await listen(server, socket)))
      throw new UserError('another agent has just started: stop it first, or use it', 'failed');
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
  const route = routes[`${method} ${url.pathname}` as Call];
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
