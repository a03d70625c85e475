import { controlSocket } from '../control/client.ts';
import type { AgentReport } from '../control/messages.ts';
import { watchFile } from '../files/watch.ts';
import { stateFile } from '../session/state.ts';
import type { Paths } from '../settings/paths.ts';
import { type Knowledge, nextChange, type Row, rowsAt } from './rows.ts';

/** Shows the state. `problem`: why the files cannot be read now; `knowledge` is then what was read last. */
type Show = (knowledge: Knowledge, rows: Row[], now: number, problem: string | undefined) => Promise<void>;

interface Sources {
  files: Paths;
  readFiles(): Promise<Omit<Knowledge, 'agent'>>;
  /** With `after`, waits until the agent has a newer revision. */
  readAgent(runtime: string, after?: number): Promise<AgentReport | undefined>;
  /** Calls the listener when the same state must be shown again. */
  onRedraw?(listener: () => void): void;
}

/**
 * Shows the state of the profiles, and shows it again whenever it changes: a file changed, the agent reports a change, or
 * the displayed times change. Does not poll. Ends only with the process.
 */
export async function follow(first: Omit<Knowledge, 'agent'>, sources: Sources, show: Show): Promise<never> {
  const { files, readFiles, readAgent, onRedraw } = sources;
  let knowledge: Knowledge = { ...first, agent: await readAgent(files.runtime) };
  let problem: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let last = Promise.resolve();

  let drawn: string | undefined;
  function draw(): void {
    clearTimeout(timer);
    const now = Date.now();
    const rows = rowsAt(knowledge, now);
    timer = setTimeout(draw, nextChange(rows, now));
    drawn = content(rows);
    const shown = knowledge;
    last = last.then(() => show(shown, rows, now, problem));
  }

  /** Does nothing if only the time differs from what is shown. */
  function drawChanges(): void {
    if (content(rowsAt(knowledge, Date.now())) !== drawn) draw();
  }

  /** Everything that is shown, except the time. */
  function content(rows: Row[]): string {
    const { agent, profiles } = knowledge;
    return JSON.stringify([rows, profiles, agent?.pid, agent?.version, problem]);
  }

  /** Only one reading runs at a time. Changes during a reading cause one more. */
  let reading: Promise<void> | undefined;
  let again = false;
  function read(): void {
    again = reading !== undefined;
    reading ??= readFiles()
      .then(
        (found) => {
          knowledge = { ...found, agent: knowledge.agent };
          problem = undefined;
        },
        (error: Error) => {
          problem = error.message;
        },
      )
      .then(() => {
        reading = undefined;
        drawChanges();
        if (again) read();
      });
  }

  let isFollowing = false;
  async function followAgent(): Promise<void> {
    if (isFollowing) return;
    isFollowing = true;
    let revision = knowledge.agent?.revision;
    do {
      const agent = await readAgent(files.runtime, revision);
      // Undefined if no agent is running any more, or an old one that does not report changes.
      revision = agent?.revision;
      knowledge = { ...knowledge, agent };
      drawChanges();
    } while (revision !== undefined);
    isFollowing = false;
  }

  const { credentials, config, settings, company, state } = files;
  for (const file of [credentials, config, settings, company, stateFile(state)]) if (file) watchFile(file, read);
  watchFile(controlSocket(files.runtime), () => void followAgent());
  onRedraw?.(draw);
  draw();
  void followAgent();
  return new Promise(() => {});
}
