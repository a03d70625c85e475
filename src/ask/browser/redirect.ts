import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { deferred } from '../../time/deferred.ts';
import { equal, HEADERS, isOurs, LIMITS, secretPath } from './server.ts';

interface Redirect {
  port: number;
  /** The path to open in a browser. It works once. */
  path: string;
  /** Resolves when a browser has been sent on. */
  visited: Promise<void>;
  close(): void;
}

/**
 * Sends the first browser that opens a link of this machine on to a secret address, so that the address is in no argument list.
 * Every other client gets 404.
 * @param anyUser see `servePage`
 * @throws when it cannot listen
 */
export async function serveRedirect(address: string, anyUser: boolean): Promise<Redirect> {
  const path = secretPath();
  const { promise: visited, resolve } = deferred<void>();
  let isUsed = false;
  const server = createServer(LIMITS, ({ method, url = '', headers, socket }, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    response.setHeader('Connection', 'close');
    const isOwn = [`127.0.0.1:${port}`, `localhost:${port}`].includes(headers.host ?? '');
    const isAsked = isOwn && method === 'GET' && equal(Buffer.from(url), path);
    if (!isAsked || isUsed || !(anyUser || isOurs(socket, port))) {
      response.writeHead(404).end();
      return;
    }
    isUsed = true;
    response.once('close', resolve).writeHead(303, { Location: address }).end();
  });
  await new Promise<void>((listening, failed) => {
    server.once('error', failed).listen(0, '127.0.0.1', listening);
  });
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { port, path: path.toString(), visited, close };
}
