// Loaded by the agent's node before the agent (--import), for faketime moves all clocks alike. A machine does not: a clock that
// is set moves the wall clock alone, and sleep stops the one by which timers run. clocks.ts says what is what.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';

// As they are now: libraries put their own in their place, which look at the clock.
const { readSync } = fs;
const file = fs.openSync(process.env.FAKETIME_TIMESTAMP_FILE, 'r');
const text = Buffer.alloc(256);

/** The second line of the file that faketime reads the first of, in milliseconds. */
function ahead() {
  const length = readSync(file, text, 0, text.length, 0);
  const [, wall, sinceBoot] = /# (\S+) (\S+)/.exec(text.toString('latin1', 0, length));
  return { wall: Number(wall), sinceBoot: Number(sinceBoot) };
}

const { now } = Date;
const wall = () => Math.floor(now() + ahead().wall);
globalThis.Date = new Proxy(Date, {
  construct: (target, words, ofClass) => Reflect.construct(target, words.length === 0 ? [wall()] : words, ofClass),
  apply: (target) => new target(wall()).toString(),
  get: (target, name) => (name === 'now' ? wall : Reflect.get(target, name)),
});

// libuv reads /proc/uptime, which faketime does not change.
const { uptime } = os;
os.uptime = () => uptime() + ahead().sinceBoot / 1000;
syncBuiltinESMExports();
