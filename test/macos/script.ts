import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until, within } from '../within.ts';

/** What osascript.mjs says of the script that it runs. */
export interface Seen {
  isVisible: boolean;
  raised: number;
  level: number;
  title: string;
  texts: string[];
  red: string[];
  field: string[];
  unseen: number;
  hasFocus: boolean;
  buttons: [title: string, isEnabled: boolean][];
  bars: number[];
  names: string[];
  isSpinning: boolean;
  announced: string[];
}

/** A script for macOS that runs here, and its user. */
export interface Script {
  name: string;
  look(): Promise<Seen>;
  type(text: string): Promise<Seen>;
  /** @param key the title of a button, or the key that means it */
  press(key: string): Promise<Seen>;
  close(): void;
  /** An event of macOS. */
  post(name: string): Promise<Seen>;
  /** Resolves when its process has ended. */
  ended: Promise<unknown>;
}

/** A script that runs in a folder of stand-ins, or the next one that starts there. @param known other ones */
export function nextScript(folder: string, known: readonly Script[] = []): Promise<Script> {
  return until('a script', async () => {
    for (const name of readdirSync(folder)) {
      if (!name.startsWith('script ') || known.some((one) => one.name === name)) continue;
      const socket = await connected(join(folder, name));
      if (socket) return scriptAt(name, socket);
    }
    return undefined;
  });
}

/** The command that runs the stand-in for osascript. */
export const OSASCRIPT = `exec '${process.execPath}' '${fileURLToPath(new URL('osascript.mjs', import.meta.url))}' "$@"`;

/** A folder with stand-ins for programs of macOS, first of all for osascript. */
export function standIns() {
  const folder = mkdtempSync(join(tmpdir(), 'macos-'));
  const install = (name: string, script: string) =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  install('osascript', OSASCRIPT);
  return {
    folder,
    environment: { MAC: folder, TMPDIR: folder, PATH: `${folder}:${dirname(process.execPath)}:/usr/bin:/bin` },
    install,
    script: (known?: readonly Script[]) => nextScript(folder, known),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The process id that a stand-in has written into a file; undefined until it is there. */
export function pidIn(file: string): string | undefined {
  return (existsSync(file) && readFileSync(file, 'utf8').trim()) || undefined;
}

/** Whether a stand-in still runs, as a shell or as `sleep`: another process may have its number by now. */
export function isRunning(pid: string): boolean {
  try {
    return /^(sleep|\/bin\/sh)\0/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
  } catch {
    return false;
  }
}

/** Undefined if the script does not listen yet, or has ended. */
async function connected(path: string): Promise<Socket | undefined> {
  const socket = connect(path);
  try {
    await once(socket, 'connect');
    return socket;
  } catch {
    return undefined;
  }
}

function scriptAt(name: string, socket: Socket): Script {
  socket.on('error', () => {});
  const ended = new Promise((resolve) => socket.once('close', resolve));
  const lines = createInterface(socket)[Symbol.asyncIterator]();
  const act = async (command: Record<string, unknown>): Promise<Seen> => {
    socket.write(`${JSON.stringify(command)}\n`);
    const { value } = await within(`an answer to ${JSON.stringify(command)}`, lines.next());
    return JSON.parse(value);
  };
  return {
    name,
    look: () => act({ look: 1 }),
    type: (text) => act({ type: text }),
    press: (key) => act({ press: key }),
    close: () => void socket.write('{"close":1}\n'),
    post: (name) => act({ post: name }),
    ended,
  };
}
