import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server that is not STS, or answers as STS never does. */
export interface HostileServer {
  url: string;
  /** The form in the body of each request. */
  requests: readonly URLSearchParams[];
  close(): void;
}

/** Starts a server that reads each request to its end and leaves the answer to `answer`. */
export async function startHostile(
  answer: (socket: Socket, request: URLSearchParams) => void | Promise<void>,
): Promise<HostileServer> {
  const requests: URLSearchParams[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    let read = '';
    let isAnswered = false;
    socket.on('data', (chunk) => {
      read += chunk.toString('latin1');
      const [head = '', body] = read.split('\r\n\r\n');
      const length = Number(/content-length: *(\d+)/i.exec(head)?.[1] ?? 0);
      if (isAnswered || body === undefined || body.length < length) return;
      isAnswered = true;
      const request = new URLSearchParams(body);
      requests.push(request);
      void answer(socket, request);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Returns an HTTP answer. @param head the status, and header lines if any */
export function http(head: string, body = '', type = 'text/xml'): string {
  const lines = [
    `HTTP/1.1 ${head}`,
    `Content-Type: ${type}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Returns what a server answers that gives this session. */
export function session(changes: Record<string, string | undefined> = {}): string {
  const given = {
    AccessKeyId: 'ASIAIOSFODNN7EXAMPLE',
    SecretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY',
    SessionToken: 'AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT+FvwqnKwRcOIfrRh3c',
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
    ...changes,
  };
  const parts = Object.entries(given).filter(([, text]) => text !== undefined);
  const credentials = parts.map(([name, text]) => `<${name}>${text}</${name}>`).join('');
  return http(
    '200 OK',
    `<GetSessionTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetSessionTokenResult><Credentials>${credentials}</Credentials></GetSessionTokenResult></GetSessionTokenResponse>`,
  );
}

/** Returns the answer of an STS that refuses. */
export function refusal(status: number, code: string, message: string): string {
  const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error>`;
  return http(
    `${status} No`,
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">${error}<RequestId>1</RequestId></ErrorResponse>`,
  );
}
