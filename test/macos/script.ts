import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
  hasFocus: boolean;
  buttons: [title: string, isEnabled: boolean][];
  bars: number[];
  names: string[];
  isSpinning: boolean;
  announced: string[];
}

/** A script for macOS that runs here, and whoever uses it. */
export interface Script {
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

/** The next script that starts in a folder of stand-ins. */
export async function nextScript(folder: string, known: readonly string[] = []): Promise<Script> {
  const name = await until('a script', () =>
    readdirSync(folder).find((one) => one.startsWith('script ') && !known.includes(one)),
  );
  return scriptAt(join(folder, name));
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
    /** The scripts that run now, in the order of their start. */
    scripts: () => readdirSync(folder).filter((name) => name.startsWith('script ')),
    /** The next script that starts. */
    script: (known?: readonly string[]) => nextScript(folder, known),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

async function scriptAt(path: string): Promise<Script> {
  const socket: Socket = connect(path);
  await within('a connection', once(socket, 'connect'));
  socket.on('error', () => {});
  const ended = new Promise((resolve) => socket.once('close', resolve));
  const lines = createInterface(socket)[Symbol.asyncIterator]();
  const act = async (command: Record<string, unknown>): Promise<Seen> => {
    socket.write(`${JSON.stringify(command)}\n`);
    const { value } = await within(`an answer to ${JSON.stringify(command)}`, lines.next());
    return JSON.parse(value);
  };
  return {
    look: () => act({ look: 1 }),
    type: (text) => act({ type: text }),
    press: (key) => act({ press: key }),
    close: () => void socket.write('{"close":1}\n'),
    post: (name) => act({ post: name }),
    ended,
  };
}
