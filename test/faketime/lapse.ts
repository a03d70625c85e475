import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { basename, dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { askAgent } from '../../src/control/client.ts';
import type { Sandbox } from '../sandbox.ts';
import { until, within } from '../within.ts';
import type { Clocks, Jump } from './clocks.ts';

/** A line of the agent's log; it has more fields than these. */
export interface LogLine {
  time: string;
  level: string;
  msg: string;
  reason?: string;
  profile?: string;
  actions?: { do: string; profile: string }[];
}

/** An agent that runs with `--debug` and lives by the clocks of a test. */
export interface LapsedAgent {
  pid: number;
  /** Where its standard error goes: it exists already. */
  log: string;
  /** The folder of its control socket, as the test sees it. */
  runtime: string;
}

/** An agent in a time that goes by in jumps. AWS, the sandbox, lives in the time of the world. */
export interface Lapse {
  /** All that the agent has logged. */
  lines: readonly LogLine[];
  /** The first line that fits, from the given one on, as soon as it is there. */
  line(fits: (line: LogLine) => boolean, from: number): Promise<LogLine>;
  /** Jumps, and returns when the agent is done with what follows from it at once. */
  jump(jump: Jump): Promise<void>;
  /** To the next full minute on the wall clock, and until the agent has made the check that is due then, if it does. */
  minute(): Promise<void>;
  close(): void;
}

/** How long a check may take before it counts as none, in milliseconds: it takes about two. */
const PATIENCE = 200;

export function startLapse(agent: LapsedAgent, clocks: Clocks, sandbox: Sandbox): Lapse {
  const log = followLog(agent.log);
  /** An answer comes when nothing that was begun at once keeps the agent's loop any more. */
  const settled = () =>
    within('an answer of the agent', askAgent(agent.runtime, 'GET /v1/agent', {}), () => log.lines.slice(-3));
  const jump = (jump: Jump, processes: readonly number[]) => {
    clocks.jump(jump, processes);
    sandbox.clock.offset = clocks.offset();
  };
  let looked = 0;
  return {
    ...log,
    jump: async (what) => {
      await idle(agent.pid);
      jump(what, [agent.pid, ...descendants(agent.pid)]);
      await settled();
    },
    minute: async () => {
      if (log.lines.slice(looked).some(isNews)) await idle(agent.pid);
      looked = log.lines.length;
      // The agent is spoken to, and looks at the clock: it need not stand still, which takes longer.
      jump({ pass: 60_000 - (clocks.wall() % 60_000) }, descendants(agent.pid));
      const checked = log.line(({ msg, reason }) => msg === 'checked' && reason === 'schedule', looked);
      await settled();
      const came = await Promise.race([checked, setTimeout(PATIENCE)]);
      // It may be finding out when its next checks are: no minute of the world's.
      if (!came) await idle(agent.pid);
    },
  };
}

/** Whether more has happened than a check that found nothing to do. */
function isNews({ msg, reason, actions }: LogLine): boolean {
  return msg !== 'checked' || reason !== 'schedule' || actions?.length !== 0;
}

/** How long a process has to do nothing before it counts as idle, in milliseconds: others may owe it an answer. */
const IDLE = 60;

/** Resolves when no thread of a process and its descendants does anything any more. */
async function idle(pid: number): Promise<void> {
  let now = '';
  const look = async () => {
    const before = now;
    now = [pid, ...descendants(pid)].map(threads).join();
    if (before === now && !/\b[RD]\b/.test(now) && !owesAnswer()) return true;
    await setTimeout(IDLE);
    return false;
  };
  await until('the agent and its children do nothing any more', look, () => now);
}

/**
 * Whether this process has not read yet what was sent to it, or not taken a connection. It is STS, and on a busy machine it
 * may have stood still for longer than `IDLE`, while the agent waited for its answer.
 * @see https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt
 */
function owesAnswer(): boolean {
  const lines = readFileSync('/proc/self/net/tcp', 'latin1').trim().split('\n').slice(1);
  const unread = lines
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , , queues]) => !queues?.endsWith(':00000000'))
    .map((fields) => `socket:[${fields[9]}]`);
  if (unread.length === 0) return false;
  return readdirSync('/proc/self/fd').some((descriptor) => unread.includes(linkOf(`/proc/self/fd/${descriptor}`)));
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** The state of each thread of a process, and how often it was switched; nothing when it has ended. */
function threads(pid: number): string {
  try {
    return readdirSync(`/proc/${pid}/task`)
      .map((thread) => readFileSync(`/proc/${pid}/task/${thread}/status`, 'latin1'))
      .map((status) => status.match(/^(State:\t\w|(non)?voluntary_ctxt_switches:.*)/gm)?.join(' '))
      .join();
  } catch {
    return '';
  }
}

function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim();
    if (children === '') return [];
    return children.split(' ').flatMap((child) => [Number(child), ...descendants(Number(child))]);
  } catch {
    return [];
  }
}

/** Reads the lines of a file as they are written. */
function followLog(file: string): Pick<Lapse, 'lines' | 'line' | 'close'> {
  if (!existsSync(file)) writeFileSync(file, '');
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  const descriptor = openSync(file, 'r');
  const piece = Buffer.alloc(65_536);
  let rest = '';
  const read = () => {
    for (let length = 1; length > 0; ) {
      length = readSync(descriptor, piece, 0, piece.length, null);
      rest += piece.toString('utf8', 0, length);
    }
    const whole = rest.split('\n');
    rest = whole.pop() ?? '';
    lines.push(...whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)));
    for (const look of waiting) look();
  };
  const watcher = watch(dirname(file), (_event, name) => {
    if (name === basename(file)) read();
  });
  read();
  return {
    lines,
    line: (fits, from) => {
      const come = new Promise<LogLine>((resolve) => {
        const look = () => {
          const found = lines.slice(from).find(fits);
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      });
      return within(`a line of the log: ${fits}`, come, () => lines.slice(from));
    },
    close: () => {
      watcher.close();
      closeSync(descriptor);
    },
  };
}
