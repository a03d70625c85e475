import { readlinkSync } from 'node:fs';
import { isInstalled, runCommand } from '../run-command.ts';
import type { Answer, AskRequest, Way } from './ask.ts';
import { endingWithUs } from './ends-with-us.ts';
import { dialogEnvironment, meaningOf, untilCode } from './field.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/** The system's default first, then every flavour. */
const PROGRAMS = [
  'pinentry-mac',
  'pinentry',
  'pinentry-gnome3',
  'pinentry-qt',
  'pinentry-qt5',
  'pinentry-gtk-2',
  'pinentry-fltk',
  'pinentry-curses',
  'pinentry-tty',
];

/**
 * The code field of GnuPG, in any flavour, controlled through its standard input and output.
 * @param onTerminal whether a flavour without windows may take over our terminal
 * @see https://www.gnupg.org/documentation/manuals/assuan/ and `info pinentry` ("Protocol")
 */
export function pinentry(environment: NodeJS.ProcessEnv, onTerminal = false): Way {
  return {
    name: 'pinentry',
    unfit: async () => {
      const found = await findProgram(environment, onTerminal);
      return typeof found === 'string' ? found : undefined;
    },
    ask: async (request, { signal, activationToken, needsResult }) => {
      const found = await findProgram(environment, onTerminal);
      if (typeof found === 'string') return { kind: 'unavailable', reason: found };
      const answer = await untilCode(request, async (current) => {
        const commands = [...optionsFor(found, environment), ...question(current), 'GETPIN', 'BYE'];
        const own = dialogEnvironment(environment, activationToken);
        const result = await runCommand(await endingWithUs([found.name], own), {
          signal,
          environment: own,
          // All at once: no command depends on an answer.
          input: `${commands.join('\n')}\n`,
        });
        return result.ok ? answerIn(result.stdout, commands.indexOf('GETPIN')) : meaningOf(result);
      });
      if (answer.kind === 'code') needsResult?.('desktop');
      return answer;
    },
  };
}

interface Program {
  name: string;
  /** The terminal of a flavour without windows. */
  terminal?: string;
}

/** Returns the first flavour that works here, or why none does. */
async function findProgram(environment: NodeJS.ProcessEnv, onTerminal: boolean): Promise<Program | string> {
  let installed = false;
  for (const name of PROGRAMS) {
    if (!isInstalled(name, environment)) continue;
    installed = true;
    if (await hasWindows(name, environment)) return { name };
    const terminal = onTerminal ? terminalName(environment) : undefined;
    if (terminal !== undefined) return { name, terminal };
  }
  if (!installed) return reasons.NOT_INSTALLED;
  return onTerminal ? reasons.NO_WINDOW_NOR_TERMINAL : reasons.NO_WINDOW;
}

/** A flavour with windows answers `gtk2`, for example; `gtk2:curses` if it finds no display and would use a terminal. */
async function hasWindows(name: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const result = await runCommand([name], {
    environment: dialogEnvironment(environment, undefined),
    input: 'GETINFO flavor\nBYE\n',
    timeout: 5_000,
  });
  const flavour = /^D (.+)$/m.exec(result.stdout)?.[1];
  return result.ok && flavour !== undefined && !/curses|tty/.test(flavour);
}

function terminalName({ GPG_TTY }: NodeJS.ProcessEnv): string | undefined {
  // If we have no terminal, GPG_TTY is that of another shell.
  if (!process.stdin.isTTY) return undefined;
  try {
    return readlinkSync('/proc/self/fd/0');
  } catch {
    // Not Linux.
    return GPG_TTY;
  }
}

/** Grabbing the keyboard would keep the user from copying the code from a password manager. */
function optionsFor({ terminal }: Program, environment: NodeJS.ProcessEnv): string[] {
  const { LC_ALL, LC_CTYPE, LANG, TERM } = environment;
  const locale = LC_ALL || LC_CTYPE || LANG;
  return [
    'OPTION no-grab',
    ...(locale ? [line('OPTION', `lc-ctype=${locale}`)] : []),
    ...(terminal === undefined ? [] : [line('OPTION', `ttyname=${terminal}`)]),
    ...(terminal === undefined || !TERM ? [] : [line('OPTION', `ttytype=${TERM}`)]),
  ];
}

function question(request: AskRequest): string[] {
  const problem = texts.askProblem(request);
  return [
    line('SETTITLE', texts.askWindow(request)),
    line('SETDESC', `${texts.askTitle(request)}\n${texts.askDevice(request)}`),
    line('SETPROMPT', texts.SIX_DIGITS),
    line('SETOK', texts.OK),
    line('SETCANCEL', texts.CANCEL),
    ...(problem === undefined ? [] : [line('SETERROR', problem)]),
  ];
}

/** In bytes, without the line end. */
const LONGEST_LINE = 1000;

/** Returns a command with its text, cut to the protocol's limit. */
function line(command: string, text: string): string {
  for (let shown = text.slice(0, LONGEST_LINE); ; shown = shown.slice(0, -1)) {
    const escaped = shown.replace(/[%\r\n]/g, (character) => encodeURIComponent(character));
    const whole = `${command} ${escaped}`;
    if (Buffer.byteLength(whole) <= LONGEST_LINE) return whole;
  }
}

/** Error codes without their source: fully cancelled, cancelled, not confirmed, timeout. */
const DISMISSALS = [198, 99, 114, 62];

/**
 * Returns what the user typed.
 * @param index of GETPIN among the commands; each has one answer, after a greeting
 */
function answerIn(stdout: string, index: number): string | Answer {
  let answers = -1;
  let data = '';
  for (const one of stdout.split('\n')) {
    if (one.startsWith('D ')) data += one.slice(2);
    if (!/^(OK|ERR)\b/.test(one)) continue;
    if (answers === index) return one.startsWith('OK') ? unescaped(data) : meaningOfError(one);
    answers += 1;
    data = '';
  }
  return { kind: 'unavailable', reason: reasons.NO_ANSWER };
}

/** `ERR 83886179 Operation cancelled <Pinentry>`: the low 16 bits of the number are the error code, the rest its source. */
function meaningOfError(error: string): Answer {
  const [, number = '', text = ''] = /^ERR (\d+) ?(.*)$/.exec(error) ?? [];
  return DISMISSALS.includes(Number(number) & 0xffff)
    ? { kind: 'dismissed' }
    : { kind: 'unavailable', reason: text || `error ${number}` };
}

/** Decodes bytes one by one, which is enough: a code is ASCII. */
function unescaped(data: string): string {
  return data.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
