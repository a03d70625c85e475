import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PROGRAM } from '../program.ts';
import type { Sandbox } from '../sandbox.ts';
import { within } from '../within.ts';
import { APART, type Clocks, startClocks } from './clocks.ts';
import { type Lapse, startLapse } from './lapse.ts';

/** The installed program, in the foreground of nothing, in a time that goes by in jumps. */
export interface AgentInLapse {
  pid: number;
  clocks: Clocks;
  lapse: Lapse;
  stop(): Promise<void>;
}

/**
 * @param begin milliseconds since the epoch
 * @param settings the text of `config.ini`
 * @param more of its environment
 * @param flags of node
 */
export async function startAgent(
  sandbox: Sandbox,
  begin: number,
  settings: string,
  { more = {}, flags = [] }: { more?: Record<string, string>; flags?: string[] } = {},
): Promise<AgentInLapse> {
  const clocks = startClocks(sandbox.home, begin);
  sandbox.clock.offset = clocks.offset();
  const folder = join(sandbox.home, '.config', 'aws-mfa-agent');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'config.ini'), settings);
  const log = join(sandbox.home, 'log');
  const descriptor = openSync(log, 'a');
  const child = spawn(process.execPath, [...flags, PROGRAM, 'run', '--debug'], {
    // By its environment, for the children that it starts of node.
    env: { ...sandbox.env, ...clocks.environment, NODE_OPTIONS: `--import=${APART}`, ...more },
    stdio: ['ignore', 'ignore', descriptor],
  });
  const ended = once(child, 'exit');
  const pid = child.pid ?? 0;
  const lapse = startLapse({ pid, log, runtime: join(sandbox.home, 'run', 'aws-mfa-agent') }, clocks, sandbox);
  const failed = ended.then(() => {
    throw new Error(`the agent has ended: ${JSON.stringify(lapse.lines.slice(-3))}`);
  });
  await Promise.race([failed, lapse.line(({ msg }) => msg === 'checked', 0)]);
  failed.catch(() => {});
  return {
    pid,
    clocks,
    lapse,
    stop: async () => {
      lapse.close();
      child.kill();
      await within('the end of the agent', ended, () => lapse.lines.slice(-3));
    },
  };
}
