import type { GlobalOptions } from '../cli/options.ts';
import { isTerminal, say, write } from '../cli/output.ts';
import { askAgent } from '../control/client.ts';
import type { AgentReport } from '../control/messages.ts';
import { UserError } from '../errors.ts';
import { plain, plainJson } from '../plain.ts';
import { chosenProfiles, readSessions } from '../refresh/held-session.ts';
import { lacksDevice, userSettings } from '../settings/settings.ts';
import { statusJson } from '../status/json.ts';
import { type Knowledge, type Row, rowsAt } from '../status/rows.ts';
import { type Display, statusTable, type WidthOf } from '../status/table.ts';

interface StatusOptions extends GlobalOptions {
  json?: boolean;
  watch?: boolean;
}

/** Prints the state of the profiles. Sets exit status 3 if a named profile is not fresh. */
export async function status(names: string[], options: StatusOptions): Promise<void> {
  if (options.watch) return watch(names, options);
  const { settings, ...files } = await readFiles(names, options);
  const knowledge = { settings, ...files, agent: await readAgent(settings.files.runtime) };
  const now = Date.now();
  const rows = rowsAt(knowledge, now);
  if (options.json) {
    write(1, `${plainJson(JSON.stringify(statusJson(knowledge, rows, now), null, 2))}\n`);
  } else {
    const lines = await tableLines(knowledge, rows, now);
    write(1, lines.map((line) => `${line}\n`).join(''));
    for (const line of missingDevices(knowledge)) write(2, `aws-mfa-agent: ${line}\n`);
  }
  if (names.length > 0 && rows.some(({ state }) => state !== 'fresh')) process.exitCode = 3;
}

/** Watches until a signal ends the process. */
async function watch(names: string[], options: StatusOptions): Promise<void> {
  const canMove = isTerminal() && process.env.TERM !== 'dumb';
  if (!options.json && !canMove) throw new UserError(WATCH_NEEDS_TERMINAL, 'usage');
  const [{ follow }, { openScreen }] = await Promise.all([
    import('../status/follow.ts'),
    import('../status/screen.ts'),
  ]);
  const first = await readFiles(names, options);
  const sources = { readFiles: () => readFiles(names, options), files: first.settings.files, readAgent };
  // The reader of the pipe is gone.
  process.stdout.on('error', () => process.exit());
  if (options.json) {
    let last: string | undefined;
    return follow(first, sources, async (knowledge, rows, now, problem) => {
      const line = problem === undefined ? plainJson(JSON.stringify(statusJson(knowledge, rows, now))) : problem;
      if (line === last) return;
      last = line;
      if (problem !== undefined) say(`aws-mfa-agent: ${problem}`);
      else process.stdout.write(`${line}\n`);
    });
  }
  const screen = openScreen(process.stdout);
  return follow(first, { ...sources, onRedraw: screen.onRedraw }, async (knowledge, rows, now, problem) => {
    const below = [...missingDevices(knowledge), ...(problem === undefined ? [] : [plain(problem)])];
    screen.show([...(await tableLines(knowledge, rows, now)), ...below.flatMap((line) => ['', line])]);
  });
}

async function readFiles(names: string[], options: GlobalOptions): Promise<Omit<Knowledge, 'agent'>> {
  const settings = userSettings(options);
  const profiles = chosenProfiles(names, settings);
  return { settings, profiles, sessions: readSessions(settings.files, profiles) };
}

/** @param after waits for a newer revision than this, for at most an hour */
function readAgent(runtime: string, after?: number): Promise<AgentReport | undefined> {
  const answer =
    after === undefined
      ? askAgent(runtime, 'GET /v1/agent', {})
      : askAgent(runtime, 'GET /v1/agent', { after, wait: '1h' }, 3_605_000);
  // An agent that does not answer must not prevent showing the files' content.
  return answer.catch(() => undefined);
}

async function tableLines(knowledge: Knowledge, rows: Row[], now: number): Promise<string[]> {
  return statusTable(rows, knowledge.agent, now, place(), await widthsFor(rows));
}

/** Returns what to do for profiles without an MFA device, which the agent cannot refresh. */
function missingDevices({ profiles }: Knowledge): string[] {
  const names = profiles.filter(lacksDevice).map(({ profile }) => `[${profile}]`);
  return names.length === 0 ? [] : [plain(`no MFA device is known for ${names.join(', ')}: run "aws-mfa-agent setup"`)];
}

function place(): Display {
  const { NO_COLOR, FORCE_COLOR = '0', LC_ALL, LC_CTYPE, LANG } = process.env;
  const terminal = isTerminal() ? process.stdout : undefined;
  return {
    // A terminal reports 0 if it does not know its width.
    columns: terminal?.columns || undefined,
    colors: terminal ? terminal.hasColors() : !NO_COLOR && !/^(0|false)$/.test(FORCE_COLOR),
    unicode: /utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || ''),
  };
}

/** Returns how to measure texts. Only names beyond ASCII need the tables of `string-width`. */
async function widthsFor(rows: Row[]): Promise<WidthOf> {
  const isPlain = (text: string) => /^[ -~█▉-▏░…]*$/.test(text);
  if (isPlain(JSON.stringify(rows))) return (text) => text.length;
  const { default: stringWidth } = await import('string-width');
  return (text) => (isPlain(text) ? text.length : stringWidth(text));
}

const WATCH_NEEDS_TERMINAL =
  'status --watch needs a terminal; elsewhere, status --watch --json writes a line for each change';
