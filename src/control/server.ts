import { chmodSync, existsSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { makeFolder } from '../files/make-folder.ts';
import { socketPathExcess } from '../files/socket-path.ts';
import { askAgent, controlSocket, OTHER_FILE } from './client.ts';
import { readRequest, writeAnswer } from './http.ts';
import type { Call, Messages } from './messages.ts';

/** The client of a call. */
interface Client {
  /** Keeps the connection open for this many milliseconds from now, instead of {@link CLIENT_TIMEOUT} in all. */
  mayWait(milliseconds: number): void;
  /** Aborted when the client has gone. */
  gone: AbortSignal;
}

/** A function for each call. If it throws, the client receives the error's message. */
export type Routes = {
  [Asked in Call]?: (query: Query<Asked>, client: Client) => Promise<Messages[Asked]['answer']>;
};

/** The query of a request, not validated. */
export interface Query<Asked extends Call> {
  get(name: string & keyof Messages[Asked]['query']): string | null;
}

/** How long a client may take to send its request, in milliseconds. */
const CLIENT_TIMEOUT = 5_000;

/** The most connections at once. */
const MOST_CLIENTS = 64;

/** The agent's socket. */
export interface Control {
  /**
   * Opens the socket again if it is gone, for example with its folder, or belongs in another folder now.
   * @returns whether it had to
   * @throws UserError: `locked` if another agent has taken its place, or it cannot be opened
   */
  restore(runtimeFolder: string): Promise<boolean>;
  close(): Promise<void>;
}

/**
 * Opens the socket. The agent that holds it is the user's only one.
 * @throws UserError: `locked` if another agent answers on it, or it cannot be opened
 */
export async function serveControl(runtimeFolder: string, routes: Routes): Promise<Control> {
  const clients = new Map<Socket, NodeJS.Timeout>();
  let opened: OpenSocket | undefined = await open(runtimeFolder, serverOf(routes, clients));
  return {
    restore: async (folder) => {
      if (opened?.path === controlSocket(folder) && isThere(opened)) return false;
      if (opened) close(opened);
      opened = undefined;
      opened = await open(folder, serverOf(routes, clients));
      return true;
    },
    close: async () => {
      if (opened) close(opened);
      for (const client of clients.keys()) client.destroy();
    },
  };
}

interface OpenSocket {
  server: Server;
  path: string;
  /** Tells it from another socket of the same name. */
  mark: string | undefined;
}

async function open(runtimeFolder: string, server: Server): Promise<OpenSocket> {
  const path = controlSocket(runtimeFolder);
  const excess = socketPathExcess(path);
  if (excess > 0) {
    throw new UserError(
      `cannot listen on ${path}: the path is ${excess} bytes too long for a socket; set XDG_STATE_HOME to a folder with a shorter path`,
    );
  }
  makeFolder(dirname(path));
  chmodSync(dirname(path), 0o700);
  if (!(await listen(server, path))) await takeOver(server, path, runtimeFolder);
  return { server, path, mark: markOf(path) };
}

function isThere({ path, mark }: OpenSocket): boolean {
  return mark !== undefined && markOf(path) === mark;
}

function markOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && `${found.dev}:${found.ino}:${found.birthtimeMs}`;
}

/** Stops listening. Node then removes whatever has the socket's name, which may be another agent's socket by now. */
function close(opened: OpenSocket): void {
  if (isThere(opened) || !existsSync(opened.path)) opened.server.close();
}

/** @param clients the open connections, each with the timer that closes it */
function serverOf(routes: Routes, clients: Map<Socket, NodeJS.Timeout>): Server {
  const limit = (client: Socket, milliseconds: number) => {
    clearTimeout(clients.get(client));
    clients.set(client, setTimeout(() => client.destroy(), milliseconds).unref());
  };
  /** Connections without a request, or with their answer. If there are too many connections, the first of these is closed. */
  const silent = new Set<Socket>();
  // A client may close its half of the connection before the answer.
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (clients.size >= MOST_CLIENTS) (silent.values().next().value ?? client).destroy();
    silent.add(client);
    limit(client, CLIENT_TIMEOUT);
    const gone = new AbortController();
    client
      .on('error', () => {})
      // Its answer is out: all that is left is that the client closes the connection.
      .on('finish', () => silent.add(client))
      .on('end', () => {
        gone.abort();
        if (silent.has(client)) client.destroy();
      })
      .on('close', () => {
        gone.abort();
        silent.delete(client);
        clearTimeout(clients.get(client));
        clients.delete(client);
      });
    const mayWait = (milliseconds: number) => limit(client, milliseconds);
    readRequest(
      client,
      (method, target) => {
        silent.delete(client);
        void answer(routes, client, method, target, { mayWait, gone: gone.signal });
      },
      () => writeAnswer(client, 400, { error: 'this is not an HTTP request' }),
    );
  });
  return server;
}

/** Replaces the socket that a dead agent has left. */
async function takeOver(server: Server, socket: string, runtimeFolder: string): Promise<void> {
  const { lockFile } = await import('../files/lock.ts');
  // Otherwise two agents that start together could both find the socket dead, and replace each other's.
  const lock = await lockFile(socket, 10_000);
  try {
    const other = await askAgent(runtimeFolder, 'GET /v1/agent', {});
    if (other)
      throw new UserError(`another agent is running (process ${other.pid}): stop it first, or use it`, 'locked');
    rmSync(socket, { force: true });
    if (!(await listen(server, socket)))
      throw new UserError('another agent has just started: stop it first, or use it', 'locked');
  } finally {
    await lock.release();
  }
}

async function answer(routes: Routes, socket: Socket, method: string, target: string, client: Client): Promise<void> {
  // `//[` is a path in HTTP, but not a URL.
  const url = new URL(URL.canParse(target, 'http://agent') ? target : '/', 'http://agent');
  const route = routes[`${method} ${url.pathname}` as Call];
  try {
    if (route) writeAnswer(socket, 200, await route(url.searchParams, client));
    else writeAnswer(socket, 404, { error: 'no such call; docs/socket.md lists the calls' });
  } catch (error) {
    const status = !(error instanceof UserError) ? 500 : error.code === 'other-file' ? OTHER_FILE : 400;
    writeAnswer(socket, status, { error: (error as Error).message });
  }
}

/** @returns false if the name is already in use */
function listen(server: Server, socket: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(new UserError(`cannot listen on ${socket}: ${error.message}`));
    });
    server.listen(socket, () => resolve(true));
  });
}
