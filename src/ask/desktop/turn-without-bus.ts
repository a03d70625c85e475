import { rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { socketPathExcess } from '../../files/socket-path.ts';
import { pathsOf } from '../../settings/paths.ts';
import { pause } from '../../time/pause.ts';

/** The pause before a second look at a socket on which no process listens, in milliseconds. */
const PAUSE = 200;

/**
 * Waits until no other prompt of this user that opened by itself is on the screen, if there is no bus that keeps a queue. The
 * process that listens on a socket in our runtime folder has the turn. Never rejects.
 * @returns a function that gives the turn to another prompt
 */
export async function takeTurnWithoutBus(environment: NodeJS.ProcessEnv, signal: AbortSignal): Promise<() => void> {
  const path = join(pathsOf(environment, environment.HOME ?? homedir()).runtime, 'turn.sock');
  while (!signal.aborted && socketPathExcess(path) === 0) {
    const turn = await listen(path);
    if (turn !== 'taken') return turn;
    const before = markOf(path);
    if (await untilGone(path, signal)) continue;
    // The process that has just made the socket may not listen on it yet.
    await pause(PAUSE, signal);
    const isDead = !(await untilGone(path, signal));
    // Another waiting process may have removed the socket, and made a new one.
    if (isDead && before !== undefined && markOf(path) === before) rmSync(path, { force: true });
  }
  return () => {};
}

/** Listens on the socket, if its folder exists. Returns a function that ends listening. */
function listen(path: string): Promise<(() => void) | 'taken'> {
  const waiting = new Set<Socket>();
  const server = createServer((socket) => {
    waiting.add(socket);
    socket.on('error', () => {}).on('close', () => waiting.delete(socket));
  });
  server.unref();
  return new Promise((resolve) => {
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'EADDRINUSE' ? 'taken' : () => {}));
    server.listen(path, () => {
      resolve(() => {
        server.close();
        for (const socket of waiting) socket.destroy();
      });
    });
  });
}

/** Returns a text that changes when another file is at this path. */
function markOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.ino} ${stats.ctimeMs}`;
}

/** Waits until the listener has ended. Returns whether there was one. */
function untilGone(path: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    let wasThere = false;
    const socket = connect(path, () => {
      wasThere = true;
    });
    const end = () => socket.destroy();
    signal.addEventListener('abort', end);
    socket.on('error', () => {});
    socket.resume().once('close', () => {
      signal.removeEventListener('abort', end);
      resolve(wasThere || signal.aborted);
    });
    if (signal.aborted) end();
  });
}
