import { readlink } from 'node:fs/promises';
import { runCommand } from '../run-command.ts';
import type { Answer, AskRequest, Way } from './ask.ts';
import { dialogEnvironment, isInstalled, meaningOf, untilCode } from './field.ts';
import * as reasons from './reasons.ts';
import * as texts from './texts.ts';

/** The system's own choice first, then every flavour by its name. */
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
 * The code field of GnuPG, in any flavour. It is spoken to over its standard input and output.
 * @param onTerminal whether a flavour without windows may have our terminal, all of it
 * @see https://www.gnupg.org/documentation/manuals/assuan/ and `info pinentry` ("Protocol")
 */
export function pinentry(environment: NodeJS.ProcessEnv = process.env, onTerminal = false): Way {
  return {
    name: 'pinentry',
    unfit: async () => {
      const found = await findProgram(environment, onTerminal);
      return typeof found === 'string' ? found : undefined;
    },
    ask: async (request, { signal, activationToken }) => {
      const found = await findProgram(environment, onTerminal);
      if (typeof found === 'string') return { kind: 'unavailable', reason: found };
      return untilCode(request, async (current) => {
        const commands = [...optionsFor(found, environment), ...question(current), 'GETPIN', 'BYE'];
        const result = await runCommand([found.name], {
          signal,
          environment: dialogEnvironment(environment, activationToken),
          // All at once: it answers one after the other, and none depends on an answer.
          input: `${commands.join('\n')}\n`,
        });
        return result.ok ? answerIn(result.stdout, commands.indexOf('GETPIN')) : meaningOf(result);
      });
    },
  };
}

interface Program {
  name: string;
  /** Where it draws, when it has no windows. */
  terminal?: string;
}

/** @returns the first that works here, or why none does */
async function findProgram(environment: NodeJS.ProcessEnv, onTerminal: boolean): Promise<Program | string> {
  let installed = false;
  for (const name of PROGRAMS) {
    if (!(await isInstalled(name, environment))) continue;
    installed = true;
    if (await hasWindows(name, environment)) return { name };
    const terminal = onTerminal ? await terminalName(environment) : undefined;
    if (terminal !== undefined) return { name, terminal };
  }
  if (!installed) return reasons.NOT_INSTALLED;
  return onTerminal ? reasons.NO_WINDOW_NOR_TERMINAL : reasons.NO_WINDOW;
}

const FLAVOUR_TIMEOUT = 5_000;

/** One with windows tells `gtk2`; where it finds no display and would take a terminal, `gtk2:curses`. */
async function hasWindows(name: string, environment: NodeJS.ProcessEnv): Promise<boolean> {
  const result = await runCommand([name], {
    environment: dialogEnvironment(environment, undefined),
    input: 'GETINFO flavor\nBYE\n',
    timeout: FLAVOUR_TIMEOUT,
  });
  const flavour = /^D (.+)$/m.exec(result.stdout)?.[1];
  return result.ok && flavour !== undefined && !/curses|tty/.test(flavour);
}

async function terminalName({ GPG_TTY }: NodeJS.ProcessEnv): Promise<string | undefined> {
  // A GPG_TTY without a terminal of our own is that of another shell, or of one long gone.
  if (!process.stdin.isTTY) return undefined;
  return readlink('/proc/self/fd/0').catch(() => GPG_TTY);
}

/** A grab of the keyboard would keep people from fetching the code in a password manager. */
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
    line('SETTITLE', texts.ASK_WINDOW),
    line('SETDESC', `${texts.askTitle(request)}\n${texts.askDevice(request)}`),
    line('SETPROMPT', texts.SIX_DIGITS),
    line('SETOK', texts.OK),
    line('SETCANCEL', texts.CANCEL),
    ...(problem === undefined ? [] : [line('SETERROR', problem)]),
  ];
}

/** In bytes, without its end. */
const LONGEST_LINE = 1000;

/** A command with its text, which is cut where the protocol takes no more. */
function line(command: string, text: string): string {
  for (let shown = text.slice(0, LONGEST_LINE); ; shown = shown.slice(0, -1)) {
    const escaped = shown.replace(/[%\r\n]/g, (character) => encodeURIComponent(character));
    const whole = `${command} ${escaped}`;
    if (Buffer.byteLength(whole) <= LONGEST_LINE) return whole;
  }
}

/** Error numbers, without where they come from: fully cancelled, cancelled, not confirmed, timeout. */
const DISMISSALS = [198, 99, 114, 62];

/**
 * What was typed.
 * @param index which of the commands was GETPIN; each has one answer, and a greeting stands before them
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

/** `ERR 83886179 Operation cancelled <Pinentry>`: the number's low half says what, the rest where. */
function meaningOfError(error: string): Answer {
  const [, number = '', text = ''] = /^ERR (\d+) ?(.*)$/.exec(error) ?? [];
  return DISMISSALS.includes(Number(number) & 0xffff)
    ? { kind: 'dismissed' }
    : { kind: 'unavailable', reason: text || `error ${number}` };
}

/** Only ASCII can be part of a code: other bytes need not be put together right. */
function unescaped(data: string): string {
  return data.replace(/%([0-9a-f]{2})/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
}
