import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { PAGE_POLICY, type PageView, renderPage } from './page.ts';
import * as texts from './texts.ts';

/** Whose page it is. */
export interface PageHost {
  /** What the page shows now. */
  view(): PageView;
  /** A person sent the form of that round. */
  submitted(form: { round: number; code: string; snooze: boolean }): void;
  /** Nobody looks at the page any more: its tab was closed. */
  left(): void;
}

export interface PageServer {
  port: number;
  /** The path to open in a browser. It works once: it leads to the page, whose own path no argument list ever holds. */
  path: string;
  /** Whether that was done. */
  visited(): boolean;
  /** Whether a browser shows the page now, and hears of changes. Without script, none does. */
  watched(): boolean;
  /** Tells the browser that the page has changed. */
  update(): void;
  /** Whether the process lives on for the page. */
  hold(alive: boolean): void;
  /** Tells the browser what the page shows last, and is gone. */
  close(): void;
}

const HEADERS = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': PAGE_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Each limit is far above what a browser needs. */
const LIMITS = {
  maxHeaderSize: 16_384,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 5_000,
};
const MOST_BODY = 1_024;
const MOST_STRANGERS = 64;
/** The time left is shown in minutes. */
const UPDATE_EVERY = 10_000;
/** How long a page may be away while it is loaded again. */
const RELOAD_TIME = 3_000;
/** How long a connection may take to carry the last words. */
const CLOSE_TIME = 1_000;

/**
 * Serves one page on the loopback interface, to one browser: the first that follows the link. All others get 404,
 * whatever they ask for.
 * @param anyUser whether the one may be run by another user; if not, Linux knows, and other systems do not tell
 * @throws when no socket can be had
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
      if (visited || !(anyUser || (await isOurs(socket, port))) || visited) return notFound(response);
      visited = true;
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
    // Whoever waited for the answer goes on before the page is shown again.
    await new Promise(setImmediate);
    return host.view().state === 'over' ? show(response) : redirect(response, page);
  };

  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    if (!held) socket.unref();
    // The oldest makes room, so that however many others there are, the person's browser gets in.
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

/** 192 random bits. */
function secretPath(): Buffer {
  return Buffer.from(`/${randomBytes(24).toString('base64url')}`);
}

/** Takes the same time wherever the difference is. */
function equal(path: Buffer, secret: Buffer): boolean {
  return path.length === secret.length && timingSafeEqual(path, secret);
}

/**
 * Whether no other site had a part in a POST. Every browser tells: by `Sec-Fetch-Site`, an old one by `Origin` (which is
 * `null` for a form when no referrer is to be told). Who tells neither is no browser with pages of other sites in it.
 * @see https://www.w3.org/TR/fetch-metadata/
 */
function isOfPage({ headers }: IncomingMessage): boolean {
  const { origin, host, 'sec-fetch-site': site } = headers;
  const own = origin === undefined || origin === `http://${host}`;
  return site === undefined ? own : site === 'same-origin' && (own || origin === 'null');
}

/**
 * Whether the other end of a connection belongs to our user, or to root (who may forward a port). It is asked
 * of the kernel, so only on Linux; elsewhere the link alone must do.
 * @see https://man7.org/linux/man-pages/man5/proc_pid_net.5.html for the columns
 */
async function isOurs({ remotePort }: Socket, port: number): Promise<boolean> {
  const tables = await Promise.all(
    ['/proc/self/net/tcp', '/proc/self/net/tcp6'].map((file) => readFile(file, 'latin1').catch(() => '')),
  );
  if (tables.every((table) => table === '')) return true;
  const ends = (address = '', number = 0) => {
    const [host = '', hex = ''] = address.split(':');
    return LOOPBACK.some((one) => host.endsWith(one)) && Number.parseInt(hex, 16) === number;
  };
  for (const line of tables.join('\n').split('\n')) {
    const [, local, remote, state, , , , user] = line.trim().split(/\s+/);
    // An end that was closed belongs to nobody, and reads as root's.
    if (ends(local, remotePort) && ends(remote, port) && state === '01') {
      return [0, process.getuid?.()].includes(Number(user));
    }
  }
  return false;
}

/** 127.0.0.1, as processors of either kind write it. */
const LOOPBACK = ['0100007F', '7F000001'];

/** @returns undefined when it is more than a code takes */
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
