import type { Ask, Way } from './ask.ts';
import { browser } from './browser/browser.ts';
import { notification } from './desktop/notification.ts';
import { inTurn } from './in-turn.ts';
import { kdialog } from './kdialog.ts';
import { macosNotification } from './macos-notification.ts';
import { mfaProcess } from './mfa-process.ts';
import { osascript } from './osascript.ts';
import { pinentry } from './pinentry.ts';
import * as reasons from './reasons.ts';
import { terminal } from './terminal.ts';
import { zenity } from './zenity.ts';

export interface AskSettings {
  /** `auto`, or names of ways in the order in which they are tried. */
  prompt: 'auto' | readonly string[];
}

export interface AskOptions {
  environment?: NodeJS.ProcessEnv;
  platform?: NodeJS.Platform;
  /** The terminal way reads standard input even when that is no terminal. */
  standardInput?: boolean;
  /** Tells the person one line, where a page can be opened by nobody but them. To standard error unless given. */
  tell?: (text: string) => void;
  /** Is told one line of what the person should mend, and is asked in another way for now. */
  warn?: (problem: string) => void;
}

export interface Asker {
  ask: Ask;
  /** Every way in the order of trying, with the reason why it cannot work here and now, if so. */
  ways(): Promise<{ name: string; unfit?: string }[]>;
}

/** How one profile's code is asked for: design section 3, "Asking". The next way is taken when one is unavailable. */
export function createAsk(
  { prompt }: AskSettings,
  { mfaProcess: command }: { mfaProcess?: string | undefined },
  options: AskOptions = {},
): Asker {
  const { environment = process.env, platform = process.platform, standardInput = false, tell, warn } = options;
  const named = (name: string) => prompt !== 'auto' && prompt.includes(name);
  const dialogs = [...codeFields(environment, platform), pinentry(environment, named('pinentry'))];
  const page = browser({ environment, platform, named: named('browser'), ...(tell && { tell }) });
  const known: Way[] = [
    mfaProcess(command, process.stdin.isTTY && process.stderr.isTTY, environment),
    platform === 'darwin' ? macosNotification() : notification([...dialogs, page], environment),
    ...dialogs,
    terminal(standardInput),
    page,
  ];
  const ways =
    prompt === 'auto'
      ? known.filter(({ name }) => name !== 'mfa_process' || command !== undefined)
      : prompt.map((name) => wayNamed(name, known));
  return {
    ask: inTurn(ways, warn),
    ways: () => Promise.all(ways.map(report)),
  };
}

/** The one of the desktop that runs comes first. */
function codeFields(environment: NodeJS.ProcessEnv, platform: NodeJS.Platform): Way[] {
  if (platform === 'darwin') return [osascript(environment)];
  const fields = [zenity(environment), kdialog(environment)];
  return /\bKDE\b/.test(environment.XDG_CURRENT_DESKTOP ?? '') ? fields.reverse() : fields;
}

function wayNamed(name: string, known: Way[]): Way {
  const reason = reasons.NOT_ON_THIS_SYSTEM;
  const none: Way = { name, unfit: async () => reason, ask: async () => ({ kind: 'unavailable', reason }) };
  return known.find((one) => one.name === name) ?? none;
}

async function report(way: Way): Promise<{ name: string; unfit?: string }> {
  const unfit = await way.unfit();
  return unfit === undefined ? { name: way.name } : { name: way.name, unfit };
}
