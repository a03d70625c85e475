import type { Socket } from 'node:net';

/**
 * As much of HTTP/1 as the agent's socket needs, without node:http: that takes 3 MB of the agent, and half of the time of
 * `status`. All calls have their arguments in the path, so bodies are ignored. Each connection has one request.
 */

/** The longest head of a request, in bytes. */
const LONGEST_HEAD = 16 * 1024;

/**
 * Calls `onRequest` with the method and the target (path and query) of the request that comes on this connection.
 * @param onMalformed called instead for anything that is not the head of an HTTP/1 request
 */
export function readRequest(
  socket: Socket,
  onRequest: (method: string, target: string) => void,
  onMalformed: () => void,
): void {
  let head = '';
  const read = (chunk: Buffer) => {
    head += chunk.toString('latin1');
    const isWhole = /\r?\n\r?\n/.test(head);
    if (!isWhole && head.length <= LONGEST_HEAD) return;
    socket.off('data', read).resume();
    const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?\n/.exec(head) ?? [];
    if (isWhole && method !== undefined && target !== undefined) onRequest(method, target);
    else onMalformed();
  };
  socket.on('data', read);
}

/** Answers with JSON, and ends the connection. */
export function writeAnswer(socket: Socket, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  const head = `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + text);
}

/** Returns a request without a body. As HTTP/1.0, for which the answer comes in one piece. */
export function requestText(method: string, target: string): string {
  return `${method} ${target} HTTP/1.0\r\nHost: agent\r\n\r\n`;
}

/**
 * Reads a whole answer.
 * @throws when it is not one
 */
export function parseAnswer(text: string): { status: number; body: unknown } {
  const [, status] = /^HTTP\/1\.[01] (\d{3}) /.exec(text) ?? [];
  const start = text.indexOf('\r\n\r\n');
  if (status === undefined || start < 0) throw new Error('no HTTP answer');
  return { status: Number(status), body: JSON.parse(text.slice(start)) };
}
