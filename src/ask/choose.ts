import { configWords } from '../settings/carried.ts';
import type { Ask, Way } from './ask.ts';
import { browser } from './browser/browser.ts';
import { commandNotification } from './desktop/command-notification.ts';
import type { ScreenMemory } from './desktop/left.ts';
import { notification } from './desktop/notification.ts';
import { inTurn } from './in-turn.ts';
import { kdialog } from './kdialog.ts';
import { withLastResort } from './last-resort.ts';
import { macosNotification } from './macos-notification.ts';
import { osascript } from './macos-osascript.ts';
import { mfaProcess } from './mfa-process.ts';
import { pinentry } from './pinentry.ts';
import * as reasons from './reasons.ts';
import { withResults } from './result.ts';
import { standAlone } from './stand-alone.ts';
import { tellWhereAsked, terminal } from './terminal.ts';
import { window } from './window/window.ts';
import { zenity } from './zenity.ts';

interface AskSettings {
  /** `auto`, or names of ways in the order in which they are tried. */
  prompt: 'auto' | readonly string[];
  /** `config.ini`, if it was named with `--config`. */
  configFile?: string;
}

interface AskOptions {
  environment?: NodeJS.ProcessEnv;
  platform?: NodeJS.Platform;
  /** Whether the terminal way reads standard input even if that is not a terminal. */
  standardInput?: boolean;
  /** Receives the page's link if no browser can be opened. Written to standard error by default. */
  tell?: (text: string) => void;
  /** Receives one line about a way that failed, for the user to fix; the next way then asks. */
  warn?: (problem: string) => void;
  /**
   * Receives the reasons, and the remedy in a few words, when no way works. A notification then names the command to run. Without this function, the answer
   * is that no way is available.
   */
  onNoWay?: (reason: string, summary: string) => void;
  /** Remembers the notifications that are on the screen. */
  memory?: ScreenMemory;
  /** Whether the terminal way shows the results of its codes. If not, the program does. */
  resultsOnTerminal?: boolean;
}

export interface Asker {
  ask: Ask;
  /** Resolves when the result of the last code is shown. */
  shown(): Promise<void>;
  /** Lists the ways in the order in which they are tried, each with the reason if it cannot work now. */
  ways(): Promise<{ name: string; unfit?: string }[]>;
}

/** Returns the ways to ask for one profile's code, in the order of the settings. If one is unavailable, the next one asks. */
export function createAsk(
  { prompt, ...settings }: AskSettings,
  { mfaProcess: command }: { mfaProcess?: string | undefined },
  options: AskOptions = {},
): Asker {
  const {
    environment = process.env,
    platform = process.platform,
    standardInput = false,
    tell,
    warn,
    onNoWay,
    memory,
    resultsOnTerminal,
  } = options;
  const named = (name: string) => prompt !== 'auto' && prompt.includes(name);
  const dialogs = [...codeFields(environment, platform), pinentry(environment, named('pinentry'))];
  const page = browser({ environment, platform, named: named('browser'), ...(tell && { tell }) });
  const alone = dialogs.map((dialog) => standAlone(dialog, { environment }));
  const pageAlone = standAlone(page, { environment });
  const known: Way[] = [
    mfaProcess(command, process.stdin.isTTY && process.stderr.isTTY, environment),
    platform === 'darwin'
      ? macosNotification([...alone, pageAlone], environment)
      : notification([...dialogs, page], environment, memory),
    ...alone,
    terminal(standardInput),
    pageAlone,
  ];
  const ways =
    prompt === 'auto'
      ? known.filter(({ name }) => name !== 'mfa_process' || command !== undefined)
      : prompt.map((name) => wayNamed(name, known));
  const ask = onNoWay
    ? withLastResort(inTurn(ways, warn), commandNotification(configWords(settings), environment, memory), onNoWay)
    : inTurn(ways, warn);
  const writeResult = resultsOnTerminal ? (line: string) => tellWhereAsked(line, standardInput) : undefined;
  return {
    ...withResults(ask, environment, writeResult),
    ways: () => Promise.all(ways.map(report)),
  };
}

/** Returns the code fields of the platform: our window, then the dialog programs, that of the running desktop first. */
function codeFields(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): Way[] {
  if (platform === 'darwin') return [window(environment, platform), osascript(environment)];
  const programs = [zenity(environment), kdialog(environment)];
  const isKde = /\bKDE\b/.test(environment.XDG_CURRENT_DESKTOP ?? '');
  return [window(environment), ...(isKde ? programs.reverse() : programs)];
}

function wayNamed(name: string, known: Way[]): Way {
  const reason = reasons.NOT_ON_THIS_SYSTEM;
  const none: Way = { name, unfit: async () => reason, ask: async () => ({ kind: 'unavailable', reason }) };
  return known.find((one) => one.name === name) ?? none;
}

async function report(way: Way): Promise<{ name: string; unfit?: string }> {
  const unfit = await way.unfit().catch(({ message }: Error) => message);
  return unfit === undefined ? { name: way.name } : { name: way.name, unfit };
}
