import { once } from 'node:events';
import { mkdtempSync, renameSync, rmSync } from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { askAgent, controlSocket } from '../../src/control/client.ts';
import { type Routes, serveControl } from '../../src/control/server.ts';
import { lockFile } from '../../src/files/lock.ts';
import { until, within } from '../within.ts';

let folder: string;
let closing: (() => Promise<unknown>)[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aws-mfa-agent-control-'));
  closing = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(routes: Routes): Promise<void> {
  const { close } = await serveControl(folder, routes);
  closing.push(close);
}

async function client(): Promise<Socket> {
  const socket = connect(controlSocket(folder)).on('error', () => {});
  closing.push(async () => socket.destroy());
  await within('a connection', once(socket, 'connect'));
  return socket;
}

const ANSWERING: Routes = { 'GET /v1/agent': async () => ({ pid: process.pid, version: '', profiles: [] }) };
const ASK = 'GET /v1/agent HTTP/1.1\r\nHost: agent\r\n\r\n';

/** What a client gets for a request: the first line of a reply, or that its connection was closed. */
async function replyTo(socket: Socket): Promise<string> {
  const reply = new Promise<string>((resolve) => {
    socket.on('data', (data) => resolve(String(data).split('\r\n')[0] ?? '')).on('close', () => resolve('closed'));
  });
  socket.write(ASK);
  return within('a reply', reply);
}

describe('the clients of the socket', () => {
  it("a client's request ends when the client has hung up", async () => {
    const events: string[] = [];
    await serve({
      'GET /v1/agent': (_, { gone, mayWait }) => {
        mayWait(60_000);
        events.push('asked');
        gone.addEventListener('abort', () => events.push('gone'));
        return new Promise(() => {});
      },
    });
    const socket = await client();
    socket.write(ASK);
    await until('the request arrives', () => events.includes('asked'));
    socket.destroy();
    await until(
      'the route notices that its client has gone',
      () => events.includes('gone'),
      () => events,
    );
  });

  it('a client beyond the 64th takes the place of the one that has been silent longest', async () => {
    await serve(ANSWERING);
    const clients = await Promise.all(Array.from({ length: 64 }, client));
    const [first] = clients;
    const closed = once(first ?? new Socket(), 'close');
    expect(await replyTo(await client())).toBe('HTTP/1.1 200 OK');
    first?.resume();
    await within('the end of the oldest connection', closed);
    expect(clients.slice(1).filter(({ destroyed }) => destroyed)).toEqual([]);
  });

  it('a client beyond the 64th takes the place of one that has its answer and does not hang up', async () => {
    await serve(ANSWERING);
    for (let turn = 0; turn < 64; turn++) {
      const socket = connect({ path: controlSocket(folder), allowHalfOpen: true }).on('error', () => {});
      closing.push(async () => socket.destroy());
      socket.write(ASK);
      await within('an answer', once(socket, 'data'));
    }
    expect(await replyTo(await client())).toBe('HTTP/1.1 200 OK');
  });

  it('a client beyond the 64th is turned away while all others wait for an answer', async () => {
    let asked = 0;
    await serve({
      'GET /v1/agent': () => {
        asked += 1;
        return new Promise(() => {});
      },
    });
    const clients = await Promise.all(Array.from({ length: 64 }, client));
    for (const socket of clients) socket.write(ASK);
    await until(
      'all have asked',
      () => asked === 64,
      () => asked,
    );
    expect(await replyTo(await client())).toBe('closed');
    expect(clients.filter(({ destroyed }) => destroyed)).toEqual([]);
  });

  it('a connection leaves nothing in memory when it is closed', async () => {
    await serve(ANSWERING);
    const sockets = () => queryObjects(Socket, { format: 'count' });
    await replyTo(await client());
    const before = sockets();
    for (let turn = 0; turn < 100; turn++) {
      const socket = connect(controlSocket(folder)).on('error', () => {});
      await within('a connection', once(socket, 'connect'));
      socket.destroy();
      if (!socket.closed) await within('its end', once(socket, 'close'));
    }
    await until(
      'fewer than 20 sockets more than before',
      () => sockets() - before < 20,
      () => sockets() - before,
    );
  });
});

describe('the socket of a killed agent', () => {
  it('the socket of a killed agent is replaced as soon as another program releases its lock', async () => {
    const socket = controlSocket(folder);
    // Node removes a socket that it closes, so this one gets its name by a link.
    const left = createServer();
    await once(left.listen(`${socket}.left`), 'listening');
    renameSync(`${socket}.left`, socket);
    await new Promise((resolve) => left.close(resolve));
    const lock = await lockFile(socket, 1_000);
    const serving = serve(ANSWERING).then(() => 'served');
    // Long after the first try.
    expect(await Promise.race([serving, setTimeout(500, 'waiting')])).toBe('waiting');
    await lock.release();
    expect(await within('the socket is served', serving)).toBe('served');
    expect(await replyTo(await client())).toBe('HTTP/1.1 200 OK');
  });
});

describe('the answer of an agent', () => {
  const body = '{"pid":1,"version":"","profiles":[{"profile":"größe 日本"}]}';
  const report = JSON.parse(body);
  const head = 'HTTP/1.1 200 OK\r\n';
  const length = `Content-Length: ${Buffer.byteLength(body)}\r\n`;

  /** An agent that sends these pieces, and then closes the connection or keeps it open. */
  async function answering(pieces: Buffer[], stays: boolean): Promise<void> {
    const server = createServer(async (socket) => {
      closing.push(async () => socket.destroy());
      socket.on('error', () => {}).setNoDelay();
      for (const piece of pieces) {
        socket.write(piece);
        await setTimeout(1);
      }
      if (!stays) socket.end();
    });
    await once(server.listen(controlSocket(folder)), 'listening');
    closing.push(async () => server.close());
  }
  const bytes = (text: string) => [...Buffer.from(text)].map((byte) => Buffer.from([byte]));

  it('an answer is read byte by byte, and is whole when it is as long as it says', async () => {
    await answering(bytes(`${head}${length}\r\n${body}`), true);
    expect(await askAgent(folder, 'GET /v1/agent', {})).toEqual(report);
  });

  it('an answer that does not say how long it is ends with the connection', async () => {
    await answering(bytes(`${head}\r\n${body}`), false);
    expect(await askAgent(folder, 'GET /v1/agent', {})).toEqual(report);
  });

  it('an answer that is shorter than it says is none', async () => {
    await answering([Buffer.from(`${head}${length}\r\n${body.slice(0, -1)}`)], false);
    await expect(askAgent(folder, 'GET /v1/agent', {})).rejects.toThrow(/does not answer/);
  });

  it('an answer of many pieces is read whole', async () => {
    const profiles = Array.from({ length: 2_000 }, (_, index) => ({ profile: `${index} ${'é'.repeat(100)}` }));
    await serve({ 'GET /v1/agent': async () => ({ pid: 1, version: '', profiles }) as never });
    expect(await askAgent(folder, 'GET /v1/agent', {})).toEqual({ pid: 1, version: '', profiles });
  });
});

describe('an agent that does not answer as it should', () => {
  it.each<[string, string, RegExp]>([
    ['byte by byte', ' ', /no answer within 1 s/],
    ['without an end', ' '.repeat(100_000), /its answer has no end|no answer within 1 s/],
  ])('an agent that answers %s is given up within the time limit', async (_, piece, problem) => {
    const server = createServer((socket) => {
      socket.on('error', () => {}).write('HTTP/1.1 200 OK\r\n\r\n');
      const writing = setInterval(() => socket.write(piece), 5);
      socket.on('close', () => clearInterval(writing));
    });
    await once(server.listen(controlSocket(folder)), 'listening');
    closing.push(async () => server.close());
    const asked = askAgent(folder, 'GET /v1/agent', {}, 1_000);
    await expect(within('an answer', asked, undefined, 5_000)).rejects.toThrow(problem);
  });

  it.each(['null', '{}', '{"error":5}'])('an agent that refuses with %s has given no reason', async (body) => {
    const server = createServer((socket) => socket.end(`HTTP/1.1 400 No\r\n\r\n${body}`));
    await once(server.listen(controlSocket(folder)), 'listening');
    closing.push(async () => server.close());
    await expect(askAgent(folder, 'GET /v1/agent', {})).rejects.toThrow(
      /does not answer \(HTTP 400 without a reason\)/,
    );
  });
});
