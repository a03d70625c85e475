import { type ChildProcess, spawn } from 'node:child_process';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { UserError } from '../errors.ts';
import { PROGRAM } from '../package-file.ts';
import type { Standing } from '../policy/standing.ts';

/** The part of a log line that the demo reads. */
export interface LogEntry {
  level: string;
  time: string;
  msg: string;
  profile?: string;
  standing?: Standing['standing'];
}

export interface AgentListener {
  /** A line for the user. */
  says(text: string): void;
  /** A prompt, without a line end. */
  asks(question: string): void;
  logs(entry: LogEntry): void;
}

/** The real agent, as the service runs it. */
export interface RunningAgent {
  /** All that it has logged so far. */
  log: readonly LogEntry[];
  /** How often it has asked. */
  questions(): number;
  answer(line: string): void;
  /**
   * Resolves with what `look` returns as soon as that is not undefined. Calls it whenever the agent has written something.
   * @throws UserError when the agent ends first
   */
  until<Found>(look: () => Found | undefined): Promise<Found>;
  /** Ends it. Resolves with its exit status, or null if it had to be killed. */
  stop(): Promise<number | null>;
}

const PATIENCE = 5_000;

/**
 * Starts the agent.
 * @param env its whole environment
 */
export function startAgent(env: NodeJS.ProcessEnv, listener: AgentListener): RunningAgent {
  // Detached, since Ctrl-C must only reach the demo, which then ends the agent.
  const child = spawn(process.execPath, [fileURLToPath(PROGRAM), 'run'], { env, stdio: 'pipe', detached: true });
  const log: LogEntry[] = [];
  const looks = new Set<() => void>();
  let questions = 0;
  let last = '';
  const hear = (heard: Heard) => {
    switch (heard.kind) {
      case 'entry':
        log.push(heard.entry);
        listener.logs(heard.entry);
        break;
      case 'text':
        last = heard.text;
        listener.says(heard.text);
        break;
      case 'question':
        questions += 1;
        listener.asks(heard.text);
        break;
    }
    for (const look of looks) look();
  };
  // Handles one thing at a time, with a pause in which waiting code runs before the next one.
  let turns = Promise.resolve();
  for (const stream of [child.stdout, child.stderr]) {
    const read = reader();
    stream.setEncoding('utf8').on('data', (text: string) => {
      for (const heard of read(text)) {
        turns = turns.then(() => {
          hear(heard);
          return setImmediate();
        });
      }
    });
  }
  child.stdin.on('error', () => {});
  const ended = endOf(child).then(async (status) => {
    await turns;
    return status;
  });
  return {
    log,
    questions: () => questions,
    answer: (line) => void child.stdin.write(`${line}\n`),
    until: (look) =>
      new Promise((resolve, reject) => {
        const again = () => {
          const found = look();
          if (found === undefined) return;
          looks.delete(again);
          resolve(found);
        };
        looks.add(again);
        again();
        void ended.then((status) =>
          reject(new UserError(`the agent ended by itself (exit status ${status}): ${last}`)),
        );
      }),
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
      return ended.finally(() => clearTimeout(timer));
    },
  };
}

function endOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('error', () => resolve(null));
    child.once('close', (status) => resolve(status));
  });
}

type Heard = { kind: 'entry'; entry: LogEntry } | { kind: 'text' | 'question'; text: string };

/** Splits the agent's output: log entries are JSON, and a prompt is a line without an end. */
function reader(): (text: string) => Heard[] {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    const heard = lines.filter((line) => line !== '').map(heardIn);
    if (rest === '' || rest.startsWith('{')) return heard;
    heard.push({ kind: 'question', text: rest });
    rest = '';
    return heard;
  };
}

function heardIn(line: string): Heard {
  try {
    if (line.startsWith('{')) return { kind: 'entry', entry: JSON.parse(line) };
  } catch {}
  return { kind: 'text', text: line };
}
