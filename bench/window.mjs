// How long a person waits for a field that takes keys: our window against zenity, on a screen that nobody sees.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { window } from '../build/ask/window/window.js';
import { zenity } from '../build/ask/zenity.js';

const run = promisify(execFile);
const TITLE = 'AWS MFA code: bench';

/** Which of the programs that this needs are missing. */
export const missing = () =>
  ['Xvfb', 'dbus-daemon', 'xdotool', 'gjs', 'zenity'].filter((name) => spawnSync('which', [name]).status !== 0);

/** Milliseconds from the start until the code that was typed as soon as the window was there has come back, round by round. */
export async function windowTimes(home, rounds) {
  const script = (folder) => new URL(`../${folder}/gtk-window.js`, import.meta.url);
  copyFileSync(script('dist'), script('build/ask/window'));
  const screen = spawn('Xvfb', ['-displayfd', '3', '-nolisten', 'tcp', '-noreset'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const bus = spawn('dbus-daemon', ['--session', '--nofork', '--print-address=1'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  try {
    const [[number], [address]] = await Promise.all([once(screen.stdio[3], 'data'), once(bus.stdout, 'data')]);
    const environment = {
      PATH: process.env.PATH,
      HOME: home,
      DISPLAY: `:${String(number).trim()}`,
      DBUS_SESSION_BUS_ADDRESS: String(address).trim(),
      NO_AT_BRIDGE: '1',
      GTK_A11Y: 'none',
    };
    const times = { window: [], zenity: [] };
    for (let round = 0; round < rounds; round++) {
      times.window.push(await untilTyped(window(environment), environment));
      times.zenity.push(await untilTyped(zenity(environment), environment));
    }
    return times;
  } finally {
    bus.kill();
    screen.kill();
  }
}

async function untilTyped(way, env) {
  const now = Date.now();
  const request = {
    ...{ profile: 'bench', serialNumber: 'arn:aws:iam::123456789012:mfa/alice', expiration: now + 900_000, now },
    ...{ reminder: 0, snooze: { until: now + 300_000, label: 'Snooze' } },
  };
  const start = performance.now();
  const answer = way.ask(request, { signal: new AbortController().signal, onChange: () => {} });
  let shown = '';
  while (shown === '') {
    const found = await run('xdotool', ['search', '--onlyvisible', '--name', TITLE], { env }).catch(() => undefined);
    shown = found?.stdout.trim().split('\n')[0] ?? '';
  }
  await run('xdotool', ['windowfocus', '--sync', shown, 'key', '--delay', '0', ...'123456', 'Return'], { env });
  const { kind, code } = await answer;
  if (kind !== 'code' || code !== '123456') throw new Error(`a window answered ${kind}`);
  const time = performance.now() - start;
  // It closes by itself, and the next one must not be taken for it.
  while ((await run('xdotool', ['search', '--name', TITLE], { env }).catch(() => undefined))?.stdout.trim());
  return time;
}
