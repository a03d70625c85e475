import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { readIfPresent } from '../../files/read.ts';
import { PAGE_POLICY, type PageView, renderPage } from './page.ts';
import * as texts from './texts.ts';

/** What the server needs from the page's owner. */
export interface PageHost {
  /** Returns what the page shows now. */
  view(): PageView;
  /** Called when the user sends the form of this round. */
  submitted(form: { round: number; code: string; snooze: boolean }): void;
  /** Called when a browser opens the link. */
  opened(): void;
  /** Called when the page's last tab is closed. */
  left(): void;
}

export interface PageServer {
  port: number;
  /** The path to open in a browser. It works once, and redirects to the page, whose path is in no argument list. */
  path: string;
  /** Whether a browser has opened the path. */
  visited(): boolean;
  /** Whether a browser shows the page now and receives updates. Always false without JavaScript. */
  watched(): boolean;
  /** Sends the page's state to the browser. */
  update(): void;
  /** Sets whether the page keeps the process alive. */
  hold(alive: boolean): void;
  /** Sends the last state to the browser, and closes the server. */
  close(): void;
}

export const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': PAGE_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Limits of size (bytes) and time (milliseconds), each far above what a browser needs. */
export const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
};
const MOST_BODY = 1_024;
const MOST_STRANGERS = 64;
/** In milliseconds. The page shows the time left in minutes. */
const UPDATE_EVERY = 10_000;
/** How long a reload may take, in milliseconds. After that, the tab counts as closed. */
const RELOAD_TIME = 3_000;
/** How long a connection may take to send the last state, in milliseconds. */
const CLOSE_TIME = 1_000;

/**
 * Serves one page on the loopback interface, to the first browser that opens the link. Every other client gets 404.
 * @param anyUser whether the browser may run as another user; if not, this is checked on Linux only
 * @throws when it cannot listen
 */
export async function servePage(host: PageHost, anyUser: boolean): Promise<PageServer> {
  const link = secretPath();
  const page = secretPath();
  const news = Buffer.concat([page, Buffer.from('/news')]);
  let visited = false;
  let leaving: NodeJS.Timeout | undefined;
  const streams = new Set<ServerResponse>();
  const sockets = new Set<Socket>();
  const known = new WeakSet<Socket>();
  let held = true;

  const server = createServer(LIMITS, (request, response) => {
    answer(request, response).catch(() => response.destroy());
  });

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const { method, url = '', headers, socket } = request;
    const path = Buffer.from(url);
    const own = [`127.0.0.1:${port}`, `localhost:${port}`].includes(headers.host ?? '');
    if (own && method === 'GET' && equal(path, link)) {
      if (visited || !(anyUser || isOurs(socket, port))) return notFound(response);
      visited = true;
      host.opened();
      return redirect(response, page);
    }
    const [isPage, isNews] = [equal(path, page), equal(path, news)];
    if (!own || !(isPage || isNews)) return notFound(response);
    known.add(socket);
    if (isNews && method === 'GET') return listen(response);
    if (isPage && method === 'GET') return show(response);
    if (isPage && method === 'POST') return isOfPage(request) ? take(request, response) : refuse(response, 403);
    return refuse(response, 405);
  };

  const show = (response: ServerResponse) => {
    clearTimeout(leaving);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(renderPage(host.view()));
  };

  const listen = (response: ServerResponse) => {
    clearTimeout(leaving);
    response.setHeader('Content-Type', 'text/event-stream');
    response.write(event(host.view()));
    streams.add(response);
    response.once('close', () => {
      streams.delete(response);
      clearTimeout(leaving);
      if (streams.size === 0 && server.listening) leaving = setTimeout(() => host.left(), RELOAD_TIME).unref();
    });
  };

  const take = async (request: IncomingMessage, response: ServerResponse) => {
    const form = await formIn(request);
    if (!form) {
      response.setHeader('Connection', 'close');
      return refuse(response, 413);
    }
    const [round, code] = [Number(form.get('round')), form.get('code') ?? ''];
    host.submitted({ round, code, snooze: form.has('snooze') });
    // Lets the host handle the form before the page is shown again.
    await new Promise(setImmediate);
    return host.view().state === 'over' ? show(response) : redirect(response, page);
  };

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (!held) socket.unref();
    // Closes the oldest unknown connection, so that the user's browser can always connect.
    const strangers = [...sockets].filter((one) => !known.has(one));
    if (strangers.length > MOST_STRANGERS) strangers[0]?.destroy();
  });
  const update = () => {
    for (const stream of streams) stream.write(event(host.view()));
  };
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const ticking = setInterval(update, UPDATE_EVERY).unref();

  return {
    port,
    path: link.toString(),
    visited: () => visited,
    watched: () => streams.size > 0,
    update,
    hold(alive) {
      held = alive;
      for (const one of [server, ...sockets]) alive ? one.ref() : one.unref();
    },
    close() {
      clearInterval(ticking);
      clearTimeout(leaving);
      server.close();
      for (const stream of streams) stream.end(event(host.view()));
      setTimeout(() => server.closeAllConnections(), CLOSE_TIME).unref();
    },
  };
}

/** Returns a path of 192 random bits. */
export function secretPath(): Buffer {
  return Buffer.from(`/${randomBytes(24).toString('base64url')}`);
}

/** Compares in constant time. */
export function equal(path: Buffer, secret: Buffer): boolean {
  return path.length === secret.length && timingSafeEqual(path, secret);
}

/**
 * Whether a POST came from our page and not from another site. Browsers send `Sec-Fetch-Site`, old ones `Origin` (`null`
 * for a form under our referrer policy). A client that sends neither is not a browser.
 * @see https://www.w3.org/TR/fetch-metadata/
 */
function isOfPage({ headers }: IncomingMessage): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers;
  const own = origin === undefined || origin === `http://${host}`;
  return site === undefined ? own : site === 'same-origin' && (own || origin === 'null');
}

/**
 * Whether the client of a connection runs as our user, or as root (which may forward a port). Linux only; other systems do
 * not say, so there the secret link is the only protection.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_net.5.html for the columns
 */
export function isOurs({ remotePort }: Socket, port: number): boolean {
  const tables = ['/proc/self/net/tcp', '/proc/self/net/tcp6'].map(readIfPresent);
  if (tables.every((table) => table === undefined)) return true;
  const ends = (address = '', number = 0) => {
    const [host = '', hex = ''] = address.split(':');
    return LOOPBACK.some((one) => host.endsWith(one)) && Number.parseInt(hex, 16) === number;
  };
  for (const line of tables.join('\n').split('\n')) {
    const [, local, remote, state, , , , user] = line.trim().split(/\s+/);
    // A closed connection has no owner and is listed as root's, so only established ones count.
    if (ends(local, remotePort) && ends(remote, port) && state === '01') {
      return [0, process.getuid?.()].includes(Number(user));
    }
  }
  return false;
}

/** 127.0.0.1 in little-endian and big-endian order. */
const LOOPBACK = ['0100007F', '7F000001'];

/** Reads the form of a POST. Resolves with undefined if it is longer than a form with a code can be. */
async function formIn(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MOST_BODY) return undefined;
  let text = '';
  for await (const chunk of request.setEncoding('latin1').iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.length > MOST_BODY) return undefined;
  }
  return new URLSearchParams(text);
}

function event(view: PageView): string {
  return `data: ${JSON.stringify(view)}\n\n`;
}

function redirect(response: ServerResponse, path: Buffer): void {
  response.writeHead(303, { Location: path.toString() }).end();
}

function refuse(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

function notFound(response: ServerResponse): void {
  response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${texts.PAGE_NOT_FOUND}\n`);
}
