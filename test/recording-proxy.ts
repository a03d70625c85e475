import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that reached the proxy: `CONNECT host:port`, or `POST http://host/`. */
interface Recorded {
  asked: string;
  /** The name and the password for the proxy, if any came. */
  login: string | undefined;
}

export interface RecordingProxy {
  url: string;
  recorded: Recorded[];
  close(): void;
}

/**
 * Starts a proxy that records what it is asked for.
 * @param upstream answers the requests for URLs; without it, the proxy answers 502. Tunnels are always refused
 */
export async function startRecordingProxy(upstream?: string): Promise<RecordingProxy> {
  const recorded: Recorded[] = [];
  const record = (asked: string, authorization: string | undefined) => {
    const [, login] = /^Basic (.*)$/.exec(authorization ?? '') ?? [];
    recorded.push({ asked, login: login && Buffer.from(login, 'base64').toString() });
  };
  const server = createServer((incoming, outgoing) => {
    const { method = '', url, headers } = incoming;
    record(`${method} ${url}`, headers['proxy-authorization']);
    if (upstream === undefined) {
      outgoing.writeHead(502).end();
      return;
    }
    const forwarded = request(upstream, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 0, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(forwarded);
  });
  server.on('connect', ({ url, headers }, client) => {
    record(`CONNECT ${url}`, headers['proxy-authorization']);
    client.on('error', () => {}).end('HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n');
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    recorded,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
