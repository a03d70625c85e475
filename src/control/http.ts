import type { Socket } from 'node:net';

/**
 * The part of HTTP/1 that the agent's socket needs, without node:http, which would cost the agent 3 MB and `status` half of
 * its time. The arguments of a call are in the path, so bodies are ignored. Each connection carries one request.
 */

/** The longest head of a request, in bytes. */
const LONGEST_HEAD = 16 * 1024;

/**
 * Calls `onRequest` with the method and the target (path and query) of a connection's request, and with its whole head.
 * @param onMalformed called instead if the data is not the head of an HTTP/1 request
 */
export function readRequest(
  socket: Socket,
  onRequest: (method: string, target: string, head: string) => void,
  onMalformed: () => void,
): void {
  let head = '';
  const read = (chunk: Buffer) => {
    head += chunk.toString('latin1');
    const isWhole = head.length <= LONGEST_HEAD && /\r?\n\r?\n/.test(head);
    if (!isWhole && head.length <= LONGEST_HEAD) return;
    socket.off('data', read).resume();
    const [, method, target] = /^([A-Z]+) (\S+) HTTP\/1\.[01]\r?\n/.exec(head) ?? [];
    if (isWhole && method !== undefined && target !== undefined) onRequest(method, target, head);
    else onMalformed();
  };
  socket.on('data', read);
}

/** Returns the value of a header; undefined if the head has none of this name, or several. */
export function headerIn(head: string, name: string): string | undefined {
  const [value, ...others] = head
    .split(/\r?\n/)
    .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
    .map((line) => line.slice(name.length + 1).trim());
  return others.length > 0 ? undefined : value;
}

/** Answers with JSON, and ends the connection. */
export function writeAnswer(socket: Socket, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  const head = `HTTP/1.1 ${status} ${status === 200 ? 'OK' : 'Error'}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + text);
}

/** Returns a request without a body. It is HTTP/1.0, so the answer is not sent in chunks. */
export function requestText(method: string, target: string): string {
  return `${method} ${target} HTTP/1.0\r\nHost: agent\r\n\r\n`;
}

const BEFORE_BODY = '\r\n\r\n';

/**
 * Returns whether an answer has as many bytes as its head says. Without that, it ends with the connection.
 * @param answer its bytes, in latin1
 */
export function isWhole(answer: string): boolean {
  const start = answer.indexOf(BEFORE_BODY);
  if (start < 0) return false;
  const [, length] = /\r\nContent-Length: (\d+)\r\n/i.exec(answer.slice(0, start + BEFORE_BODY.length)) ?? [];
  return answer.length === start + BEFORE_BODY.length + Number(length);
}

/**
 * Parses a complete answer.
 * @param answer its bytes, in latin1
 * @throws if it is not one
 */
export function parseAnswer(answer: string): { status: number; body: unknown } {
  const [, status] = /^HTTP\/1\.[01] (\d{3}) /.exec(answer) ?? [];
  const start = answer.indexOf(BEFORE_BODY);
  if (status === undefined || start < 0) throw new Error('no HTTP answer');
  return { status: Number(status), body: JSON.parse(Buffer.from(answer.slice(start), 'latin1').toString('utf8')) };
}
