import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { headerIn, readRequest, writeAnswer } from '../control/http.ts';

/** An HTTP status, and a body in the form that the AWS SDKs read from a container credentials endpoint. */
export interface Answer {
  status: 200 | 400;
  body: Record<string, string>;
}

export interface SessionServer {
  url: string;
  /** What a request must have as `Authorization`. */
  token: string;
  close(): void;
}

/** How long a connection may take for its request and to receive the answer, in milliseconds. */
const CLIENT_TIMEOUT = 5_000;

/** The most connections at once. */
const MOST_CLIENTS = 4_000;

/** Ruby's SDK refuses a URL without a path. */
const PATH = '/session';

/**
 * Starts a server of the container credentials protocol on 127.0.0.1. The token keeps other users away, and the `Host` pages
 * in a browser. Requests that are not right in everything, slow or too large get no answer.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 */
export async function serveSession(answer: () => Promise<Answer>): Promise<SessionServer> {
  const token = randomBytes(32).toString('base64url');
  const expected = digest(token);
  /** Open connections, the oldest first. */
  const clients = new Set<Socket>();
  let host = '';
  const server = createServer((client) => {
    // The oldest connection is the most likely to be one that never sends its request.
    if (clients.size >= MOST_CLIENTS) clients.values().next().value?.destroy();
    clients.add(client);
    const timer = setTimeout(() => client.destroy(), CLIENT_TIMEOUT);
    client
      .on('error', () => {})
      .on('close', () => {
        clearTimeout(timer);
        clients.delete(client);
      });
    readRequest(
      client,
      (method, target, head) => {
        const isRight = timingSafeEqual(digest(headerIn(head, 'Authorization') ?? ''), expected);
        if (isRight && method === 'GET' && target === PATH && headerIn(head, 'Host') === host) {
          answer().then(
            ({ status, body }) => writeAnswer(client, status, body),
            () => client.destroy(),
          );
        } else {
          client.destroy();
        }
      },
      () => client.destroy(),
    );
  });
  server.listen({ host: '127.0.0.1', port: 0, backlog: MOST_CLIENTS });
  await once(server, 'listening');
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: `http://${host}${PATH}`,
    token,
    close: () => {
      server.close();
      for (const client of clients) client.destroy();
    },
  };
}

/** For a comparison whose time depends on nothing. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
